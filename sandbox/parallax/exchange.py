"""One HTTP request and the raw bytes of its answer.

aiohttp parses the request; the answer is written to the transport byte for byte, because clients must be
shown what the real server sends: its header order, its broken bodies, its missing ends.
"""

import asyncio
import socket
import struct
from collections.abc import Callable

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from sandbox.parallax.gate import Gate
from sandbox.parallax.wire import LAST_CHUNK, Headers, Json, compact, framed, head

__all__ = ["Exchange", "abort"]

_LINGER_NOT = struct.pack("ii", 1, 0)


def abort(transport: asyncio.BaseTransport | None) -> None:
    """Drop a connection at once, unsent bytes included."""
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class _Written(web.StreamResponse):
    """Tells aiohttp that the answer is on the wire already."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._stays_open = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        return self._stays_open

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:  # noqa: ARG002  # of aiohttp's interface
        return None

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002  # of aiohttp's interface
        return None


class Exchange:
    """Reads a request and writes its answer. Every write waits while the simulated server is frozen.

    Writes to a client that has left are dropped silently, as a server's are: `gone` tells.
    """

    def __init__(self, request: web.BaseRequest, gate: Gate) -> None:
        self._request = request
        self._gate = gate
        self._keep_alive = request.keep_alive
        self._cross_origin = "Origin" in request.headers
        self._status: int | None = None
        self._left = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []

    @property
    def method(self) -> str:
        return self._request.method

    @property
    def path(self) -> str:
        return self._request.path

    @property
    def authorization(self) -> str:
        """The `Authorization` header, empty without one."""
        return self._request.headers.get("Authorization", "")

    @property
    def status(self) -> int | None:
        """The status that was sent, None before."""
        return self._status

    @property
    def gone(self) -> bool:
        """Whether the client has closed the connection."""
        return self._left.is_set()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once when the client closes the connection."""
        self._watchers.append(callback)

    def client_left(self) -> None:
        """Called by the server when it sees the connection closed."""
        if not self._left.is_set():
            self._left.set()
            for watcher in self._watchers:
                watcher()

    async def wait_gone(self) -> None:
        """Wait until the client has closed the connection."""
        await self._left.wait()

    async def read(self) -> bytes:
        """The request's body."""
        return await self._request.read()

    def response(self) -> web.StreamResponse:
        """What the handler has to return to aiohttp."""
        return _Written(keep_alive=self._keep_alive and self._status is not None)

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer, its `content-length` in front of the other headers."""
        await self.answer_exactly(status, (("content-length", str(len(body))), *headers), body)

    async def answer_exactly(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer with exactly these headers."""
        await self._start(status, headers, chunked=False)
        if self.method != "HEAD":
            await self.raw(body)

    async def json(self, status: int, value: Json) -> None:
        """A JSON answer as the scheduler's own endpoints write it."""
        await self.answer(status, (("content-type", "application/json"), ("vary", "Origin")), compact(value))

    async def internal_error(self) -> None:
        """The 500 of an exception that the scheduler does not catch (recording 13): text, no `vary`."""
        await self.answer(500, (("content-type", "text/plain; charset=utf-8"),), b"Internal Server Error")

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a chunked answer."""
        await self._start(status, headers, chunked=True)

    async def chunk(self, data: bytes) -> None:
        """One chunk of a chunked answer."""
        await self.raw(framed(data))

    async def end(self) -> None:
        """The proper end of a chunked answer."""
        await self.raw(LAST_CHUNK)

    async def cut(self) -> None:
        """Close the connection (FIN) where it stands, without the end of the body."""
        await self._gate.passed()
        self._keep_alive = False
        if self._request.transport is not None:
            self._request.transport.close()

    async def reset(self) -> None:
        """Break the connection with a TCP reset instead of a FIN (SO_LINGER with a time of zero)."""
        await self._gate.passed()
        self._keep_alive = False
        connection = self._request.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        abort(self._request.transport)

    async def raw(self, data: bytes) -> None:
        """Bytes as they are, status line and all."""
        await self._gate.passed()
        transport = self._request.transport
        if transport is not None and not transport.is_closing():
            transport.write(data)

    def replaying(self, status: int) -> None:
        """The answer comes from a recording: its status is `status`, its connection closes at its end."""
        self._status = status
        self._keep_alive = False

    async def _start(self, status: int, headers: Headers, *, chunked: bool) -> None:
        if self._cross_origin:
            headers = (*headers, ("access-control-allow-origin", "*"))
        self._status = status
        await self.raw(head(status, headers, chunked=chunked, close=not self._keep_alive))
