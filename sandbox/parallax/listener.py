"""The double's port: opens, closes, opens again; aiohttp's low-level server behind it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from sandbox.parallax.exchange import abort

__all__ = ["Listener"]

_LARGEST_BODY = 64 * 1024 * 1024
_KEEP_ALIVE_SECONDS = 5
"""uvicorn's default; real seconds, for it is a property of the connection."""


class Listener:
    """Listens on one host and port and keeps the port over `close_port` and `open_port`."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], *, host: str, port: int
    ) -> None:
        self._handler = handler
        self._host = host
        self._port = port
        self._http: web.Server | None = None
        self._server: asyncio.Server | None = None
        self._kept: set[asyncio.BaseTransport | None] = set()

    @property
    def url(self) -> str:
        """`http://host:port`, known once the port has been open."""
        return f"http://{self._host}:{self._port}"

    @property
    def is_open(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    async def open_port(self) -> None:
        """Listen; does nothing while listening. Raises OSError when the port is taken."""
        if self._server is not None:
            return
        if self._http is None:
            self._http = web.Server(
                self._handler,
                request_factory=_request,
                handler_cancellation=True,
                access_log=None,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
            )
        self._server = await asyncio.get_running_loop().create_server(self._http, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def close_port(self) -> None:
        """Refuse new connections and drop the open ones."""
        if self._server is None:
            return
        # no wait_closed: from Python 3.12 on it would wait for the connection that asked for this
        self._server.close()
        self._server = None
        self.drop_connections()

    @contextmanager
    def kept(self, request: web.BaseRequest) -> Iterator[None]:
        """Spare the connection of a request that may itself drop all connections."""
        self._kept.add(request.transport)
        try:
            yield
        finally:
            self._kept.discard(request.transport)

    def drop_connections(self) -> None:
        """Drop every open connection, mid-answer or idle, but those that are `kept`."""
        if self._http is not None:
            for connection in self._http.connections:
                if connection.transport not in self._kept:
                    abort(connection.transport)

    async def close(self) -> None:
        """Close the port and wait for what aiohttp still runs."""
        self.close_port()
        if self._http is not None:
            await self._http.shutdown(timeout=1)


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)
