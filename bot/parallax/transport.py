"""The pool of connections to the scheduler: httpx and httpcore over :mod:`bot.parallax.network`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import cast

import httpcore
import httpx

from bot.parallax.chunks import ChunkReader
from bot.parallax.network import NetworkBackend, NetworkStream

BODY = "parallax_body"
"""The extension of a response that holds its body."""

_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
)
"""The errors that httpcore raises, and those of httpx that mean the same."""


_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class Transport(httpx.AsyncBaseTransport):
    """Sends requests straight to a server, without a proxy, by HTTP/1.1: as ``httpx.AsyncHTTPTransport``, which
    takes no network backend."""

    def __init__(self, limits: httpx.Limits, ssl_context: ssl.SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=NetworkBackend(),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; returns when the headers of its response are there."""
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=cast("AsyncIterable[bytes]", request.stream),
            extensions=request.extensions,
        )
        with _translated():
            response = await self._pool.handle_async_request(sent)
        body = _body_of(response)
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=body,
            # For who reads the body without the layers of httpx.
            extensions={**response.extensions, BODY: body},
        )

    async def aclose(self) -> None:
        """Close every connection, in use or not."""
        with _translated():
            await self._pool.aclose()


class _ResponseBody(httpx.AsyncByteStream):
    """A body as httpcore reads it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        with _translated():
            await self._response.aclose()


class EventStreamBody(_ResponseBody):
    """The body of an event stream, whose chunks are taken straight from the connection, all that are there at
    once: one by one through httpcore and h11 they cost several times as much. The connection is used again only
    after :meth:`finish`."""

    def __init__(self, response: httpcore.Response, connection: NetworkStream) -> None:
        super().__init__(response)
        self._connection = connection
        self._chunks = ChunkReader()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await self.part():
            yield part

    async def part(self) -> bytes:
        """What has arrived, or the next that does; empty at the end. Raises :class:`httpx.TransportError`."""
        chunks = self._chunks
        try:
            # A chunk that is not framed rightly counts after those before it.
            chunks.check()
            while not chunks.ended:
                data = await self._connection.body()
                if not data:
                    chunks.close()
                if parts := chunks.feed(data):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
                chunks.check()
        except _FAILURES as exc:
            raise _translation(exc) from exc
        return b""

    async def finish(self, within: float) -> None:
        """Read the end of a body of which only that is missing, if it comes ``within`` seconds: then the
        connection is used again. With anything else it is closed, as by :meth:`aclose` alone. Raises nothing."""
        chunks = self._chunks
        with suppress(TimeoutError, *_FAILURES):
            async with asyncio.timeout(within):
                self._connection.hurry()
                while not chunks.ended:
                    data = await self._connection.body()
                    if not data or chunks.feed(data):
                        return
                    chunks.check()
                if not chunks.has_surplus and self._connection.end_body():
                    async for _ in self._response.aiter_stream():
                        pass


def _body_of(response: httpcore.Response) -> httpx.AsyncByteStream:
    headers = httpx.Headers(response.headers)
    connection = response.extensions.get("network_stream")
    is_stream = headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"
    is_chunked = headers.get("transfer-encoding", "").strip().lower() == "chunked"
    if response.status == httpx.codes.OK and is_stream and is_chunked and isinstance(connection, NetworkStream):
        return EventStreamBody(response, connection)
    return _ResponseBody(response)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FAILURES as exc:
        raise _translation(exc) from exc
    except httpcore.UnsupportedProtocol as exc:
        raise httpx.UnsupportedProtocol(str(exc)) from exc


def _translation(exc: Exception) -> httpx.TransportError:
    for kind, same in _ERRORS:
        if isinstance(exc, kind):
            return same(str(exc))
    return httpx.TransportError(str(exc))
