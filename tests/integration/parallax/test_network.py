"""Connections of the scheduler's client over real sockets, on both event loops."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot import event_loop
from bot.event_loop import LoopChoice
from bot.parallax import bounds
from bot.parallax.network import NetworkBackend, NetworkStream
from bot.parallax.transport import BODY, Transport

LOOPS: list[LoopChoice] = ["asyncio", "auto"]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
MB = 1024 * 1024
Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

on_both_loops = pytest.mark.parametrize("loop", LOOPS)


@asynccontextmanager
async def serving(serve: Serving, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free port, which it gives."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[NetworkStream]:
    stream = await NetworkBackend().connect_tcp("127.0.0.1", port, timeout=5)
    try:
        yield stream
    finally:
        await stream.aclose()


def client(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=Transport(httpx.Limits(), tls or ssl.create_default_context()))


async def end_of(stream: NetworkStream) -> bytes:
    """Everything up to the end."""
    got = bytearray()
    while part := await stream.body():
        got += part
    return bytes(got)


@on_both_loops
def test_what_is_written_arrives_and_comes_back(loop: LoopChoice) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(3 * MB))
        writer.close()

    async def main() -> None:
        async with serving(echo) as port, connected(port) as stream:
            sent = bytes(range(256)) * (3 * MB // 256)
            await stream.write(sent, timeout=5)
            assert await end_of(stream) == sent

    event_loop.run(main(), loop)


@on_both_loops
def test_a_peer_that_sends_faster_than_is_read_is_held_up(loop: LoopChoice) -> None:
    """Its socket is left alone beyond a bound, and nothing is lost."""

    async def main() -> None:
        sent = asyncio.Event()
        held = asyncio.get_running_loop().create_future()

        async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.set_write_buffer_limits(high=0)
            for _ in range(16):
                writer.write(b"x" * MB)
                draining = asyncio.ensure_future(writer.drain())
                done, _late = await asyncio.wait({draining}, timeout=0.2)
                if not done and not held.done():
                    held.set_result(None)
                await draining
            sent.set()
            writer.close()

        async with serving(flood) as port, connected(port) as stream:
            await held
            assert not sent.is_set()
            first = await stream.body()
            assert len(first) <= bounds.UNREAD
            assert len(first) + len(await end_of(stream)) == 16 * MB

    event_loop.run(main(), loop)


@on_both_loops
def test_what_arrived_before_a_reset_is_given_first(loop: LoopChoice) -> None:
    async def main() -> None:
        may_reset = asyncio.Event()

        async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"the last words")
            await may_reset.wait()
            writer.transport.abort()

        async with serving(reset) as port, connected(port) as stream:
            got = b""
            while got != b"the last words":
                got += await stream.body()
            may_reset.set()
            with suppress(httpcore.ReadError):
                assert await stream.body() == b""

    event_loop.run(main(), loop)


@on_both_loops
def test_a_read_and_a_connection_have_their_time_limits(loop: LoopChoice) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def main() -> None:
        async with serving(silent) as port, connected(port) as stream:
            with pytest.raises(httpcore.ReadTimeout):
                await stream.read(100, timeout=0.01)
        with pytest.raises(httpcore.ConnectError):
            await NetworkBackend().connect_tcp("127.0.0.1", port, timeout=5)

    event_loop.run(main(), loop)


@on_both_loops
def test_a_head_in_any_pieces_is_told_from_the_body(loop: LoopChoice) -> None:
    """Also after an informational response."""
    early = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    body = b"4\r\na\n\nb\r\n0\r\n\r\n"

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            size = int((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1][1:])
            whole = early + HEAD + body
            for at in range(0, len(whole), size):
                writer.write(whole[at : at + size])
                await writer.drain()
                await asyncio.sleep(0)
            await reader.read()
            writer.close()

        async with serving(answer) as port, client() as http:
            for size in (1, 3, 50, 1000):
                async with http.stream("GET", f"http://127.0.0.1:{port}/{size}") as response:
                    assert b"".join([part async for part in response.aiter_raw()]) == b"a\n\nb"

    event_loop.run(main(), loop)


@on_both_loops
def test_other_bodies_are_read_by_httpcore_on_a_connection_that_is_used_again(loop: LoopChoice) -> None:
    async def main() -> None:
        connections = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\n\n\n\n}\n")

        async with serving(answer) as port, client() as http:
            for _ in range(3):
                assert (await http.get(f"http://127.0.0.1:{port}/")).content == b"{\n\n\n\n}\n"
        assert connections == 1

    event_loop.run(main(), loop)


@on_both_loops
@pytest.mark.parametrize(
    ("end", "connections"),
    [
        pytest.param(b"0\r\n\r\n", 1, id="the end"),
        pytest.param(b"0\r\na: b\r\n\r\n", 1, id="the end with a trailer"),
        pytest.param(b"0\r\n\r\nHTTP/1.1 200 OK\r\n", 3, id="more than the end"),
        pytest.param(b"1\r\nx\r\n0\r\n\r\n", 3, id="another text"),
        pytest.param(b"0\r\n", 3, id="not the end"),
    ],
)
def test_only_a_finished_stream_leaves_its_connection_to_the_next(
    loop: LoopChoice, end: bytes, connections: int
) -> None:
    """The next response must not begin with what is left of the one before."""
    made = 0
    read = asyncio.Queue[None]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(HEAD + b"4\r\ntext\r\n")
                await read.get()
                writer.write(end)
        writer.close()

    async def main() -> None:
        async with serving(answer) as port, client() as http:
            for _ in range(3):
                async with http.stream("GET", f"http://127.0.0.1:{port}/") as response:
                    body = response.extensions[BODY]
                    assert await body.part() == b"text"
                    read.put_nowait(None)
                    await body.finish(0.05)

    event_loop.run(main(), loop)
    assert made == connections


@on_both_loops
def test_an_encrypted_stream_is_read(loop: LoopChoice, tmp_path: Path) -> None:
    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD)
            for number in range(2000):
                writer.write(b"5\r\n%05d\r\n" % number)
            writer.write(b"0\r\n\r\n")
            writer.close()

        async with serving(answer, tls=server_context(tmp_path)) as port:
            url = f"https://localhost:{port}/"
            trusting = client(client_context(tmp_path))
            async with trusting, trusting.stream("GET", url) as response:
                got = b"".join([part async for part in response.aiter_raw()])
            assert got == b"".join(b"%05d" % number for number in range(2000))
            async with client() as http:
                with pytest.raises(httpx.ConnectError, match="certificate"):
                    await http.get(url)

    event_loop.run(main(), loop)


@cache
def _certificate() -> tuple[bytes, bytes]:
    """A certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def server_context(folder: Path) -> ssl.SSLContext:
    certificate, key = _certificate()
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def client_context(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "certificate.pem"))
