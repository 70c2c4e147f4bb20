"""A server that sends raw bytes, for responses that no web framework can send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)


ABORT = b""
"""A piece that resets the connection instead of sending anything."""


def chunk(data: bytes) -> bytes:
    """``data`` as one chunk of a chunked response."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def response(status: int, body: bytes, *headers: str, kind: str = "application/json") -> list[bytes]:
    """A whole response with a length, the last one of its connection."""
    fixed = f"content-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close"
    head = [f"HTTP/1.1 {status} Whatever", fixed, *headers]
    return ["\r\n".join(head).encode() + b"\r\n\r\n" + body]


class ReplayServer:
    """Answers every request with the given pieces, one write each.

    ``held`` keeps the connection open afterwards until the client closes it; otherwise the server closes.
    ``hang_ups`` counts the clients that closed first.
    """

    def __init__(self, answer: Callable[[bytes], Sequence[bytes]], *, held: bool, gap: float) -> None:
        self._answer = answer
        self._held = held
        self._gap = gap
        self.requests: list[bytes] = []
        self.connections = 0
        self.hang_ups = 0
        self.hung_up = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            await self._one_request(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._client_left()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.requests.append(head + await reader.readexactly(length))
        for piece in self._answer(self.requests[-1]):
            if piece == ABORT:
                writer.transport.abort()
                return
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(self._gap)
        if self._held and await reader.read(1) == b"":
            self._client_left()

    def _client_left(self) -> None:
        self.hang_ups += 1
        self.hung_up.set()


@asynccontextmanager
async def replaying(
    pieces: Sequence[bytes] | Callable[[bytes], Sequence[bytes]], *, held: bool = False, gap: float = 0.0
) -> AsyncIterator[ReplayServer]:
    """A server on a free port of the loopback. ``gap`` seconds lie between two pieces."""
    if callable(pieces):
        answer = pieces
    else:
        fixed = pieces

        def answer(_request: bytes) -> Sequence[bytes]:
            return fixed

    replay = ReplayServer(answer, held=held, gap=gap)
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0)
    replay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield replay
    finally:
        server.close()
        await server.wait_closed()
