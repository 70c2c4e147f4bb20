"""Connections to the scheduler that read by a protocol: a network backend of httpcore.

The event loop watches a connection's socket from its first to its last moment, and what arrives is kept here until
somebody reads it. httpcore's own backend registers the socket anew for each piece of a stream, which costs more
than everything else that is done with the piece.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohappyeyeballs
import httpcore

from bot.parallax import bounds
from bot.parallax.rounds import Rounds

AT_ONCE = 16 * 1024
"""The most bytes of a body that are given at once: some milliseconds of work, if its chunks are a byte each."""

LYING = 8 * 1024
"""The most bytes that lie unread while a reader takes its time: as many as are worked on without a pause."""

_LAST_CHUNK = b"0\r\n\r\n"
_DONE = b"[DONE]"
"""What the end of a stream of chunks, and of an answer, look like. What only looks so is read early."""

_HEAD_ENDS = re.compile(rb"\n\r?\n")
"""As h11 reads it."""

_INFORMATIONAL = re.compile(rb"\s*HTTP/1\.[01] 1")

_NEXT_ADDRESS_AFTER = 0.25
"""Seconds until the next address of a host is tried beside the one before (RFC 8305, section 5)."""

_Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class _Arrivals(asyncio.Protocol):
    """What has arrived on one connection and was not taken yet, for one reader and one writer."""

    def __init__(self, rounds: Rounds | None = None, connected: socket.socket | None = None) -> None:
        """``connected``, without encryption, is read directly in ``rounds``; None: by the event loop only."""
        self.transport: asyncio.Transport | None = None
        self._rounds = rounds
        self._socket = connected
        self._rests = False
        """Whether the event loop leaves the socket alone: what arrives is seen in the next round."""
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is closed."""
        self.error: Exception | None = None
        self.ended = False
        self._parts: list[bytes] = []
        self._size = 0
        self._paused = False
        self.at_leisure = False
        """Whether what arrives may lie for a while: it wakes the reader only if it is much, or the end."""
        self._due = False
        self._reader: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > bounds.UNREAD and not (self._paused or self._rests) and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        if not self.at_leisure or self._size >= LYING or data.endswith(_LAST_CHUNK) or _DONE in data:
            self._wake()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_rounds()
        self.ended = True
        self.error = exc
        self._wake()
        self._writable.set()
        if not self.lost.done():
            self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def is_readable(self) -> bool:
        """Whether :meth:`take` gives something now, be it the end."""
        return bool(self._parts) or self.ended

    def take_leisure(self) -> None:
        """Let what arrives lie: it wakes the reader only if it is much, or the end."""
        self.at_leisure = True
        if self._rounds is not None and self._socket is not None and not self.ended:
            self._rounds.join(self)

    def rest(self) -> None:
        """See :class:`bot.parallax.rounds.Leisurely`."""
        transport = self.transport
        if transport is not None and not (self._rests or self._paused or self.ended or transport.is_closing()):
            self._rests = True
            transport.pause_reading()

    def look(self) -> None:
        """See :class:`bot.parallax.rounds.Leisurely`."""
        if not self._rests or self._socket is None:
            return
        try:
            data = self._socket.recv(AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._keep(data)
        else:
            self._leave_rounds()  # the event loop tells how it has ended

    def _leave_rounds(self) -> None:
        if self._rounds is not None:
            self._rounds.leave(self)
        if self._rests:
            self._rests = False
            if self.transport is not None and not self._paused and not self.transport.is_closing():
                self.transport.resume_reading()

    def hurry(self) -> bool:
        """Wake the reader if anything lies there; returns whether that is so."""
        self.at_leisure = False
        self.look()
        self._leave_rounds()
        if not self._parts or self._reader is None:
            return False
        self._wake()
        return True

    def take(self, most: int) -> bytes:
        """The bytes that have arrived, at most so many; empty when there are none."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if len(data) > most:
            self._parts.append(data[most:])
            data = data[:most]
        self._due = bool(self._parts)
        self._size -= len(data)
        if self._paused and self._size <= bounds.UNREAD // 2 and self.transport is not None and not self.ended:
            self._paused = False
            self.transport.resume_reading()
        return data

    def put_back(self, data: bytes) -> None:
        """Let ``data`` be what is taken next."""
        if data:
            self._parts.insert(0, data)
            self._size += len(data)
            self._due = True

    async def arrived(self) -> None:
        """Wait until :attr:`is_readable`, and at leisure also until it is time to read."""
        while not (self.ended or (self._parts and (self._due or not self.at_leisure))):
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    def encrypts(self) -> None:
        """Be read by the event loop only from now on."""
        self._socket = None

    async def written(self) -> None:
        """Wait until more may be written."""
        await self._writable.wait()

    def _wake(self) -> None:
        self._due = True
        self._leave_rounds()
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class NetworkStream(httpcore.AsyncNetworkStream):
    """One connection, encrypted or not."""

    def __init__(self, arrivals: _Arrivals, transport: asyncio.Transport) -> None:
        self._arrivals = arrivals
        self._transport = transport
        self._head: bytes | None = b""
        """What was read of the head of a response; None while a body is read."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, or the next that does; empty at the end. Raises :class:`httpcore.ReadError` when the
        connection broke, after everything that arrived before.

        After something was written, the head of the response comes by itself: what follows it is given to whoever
        reads the body, which may be :meth:`body`.
        """
        if timeout is None:
            data = await self._read(max_bytes)
        else:
            async with _within(timeout, httpcore.ReadTimeout):
                data = await self._read(max_bytes)
        return data if self._head is None else self._of_head(data)

    async def body(self) -> bytes:
        """As :meth:`read`, for the one who reads a body in place of httpcore."""
        return await self._read(AT_ONCE)

    def take_leisure(self) -> None:
        """Let what arrives from now on lie until :meth:`hurry`, much has arrived, or the end."""
        self._arrivals.take_leisure()

    def end_body(self) -> bool:
        """Let httpcore read the end of a chunked body that somebody else has read: then it uses the connection
        again. False, and nothing is done, when the peer has sent more than that, or has closed the connection."""
        self._arrivals.hurry()
        if self._arrivals.is_readable or self._transport.is_closing():
            return False
        self._arrivals.put_back(_LAST_CHUNK)
        return True

    def hurry(self) -> bool:
        """End the leisure. Returns whether anything lies there: then it is read in the next turn of the loop."""
        return self._arrivals.hurry()

    async def _read(self, most: int) -> bytes:
        arrivals = self._arrivals
        await arrivals.arrived()
        data = arrivals.take(most)
        if not data and arrivals.error is not None:
            raise httpcore.ReadError(str(arrivals.error)) from arrivals.error
        return data

    def _of_head(self, data: bytes) -> bytes:
        """The part of ``data`` that belongs to the head; the rest is kept for the next reader."""
        before = self._head or b""
        whole = before + data
        # From the last bytes before on: the end may have been cut in two.
        end = _HEAD_ENDS.search(whole, max(0, len(before) - 3))
        if end is None:
            self._head = whole if len(whole) <= bounds.HEAD else None
            return data
        self._arrivals.put_back(whole[end.end() :])
        # Another head follows one of the status 1xx (RFC 9110, section 15.2).
        self._head = b"" if _INFORMATIONAL.match(whole) else None
        return whole[len(before) : end.end()]

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; returns when the peer keeps up. Raises :class:`httpcore.WriteError`."""
        if not buffer:
            return
        self._head = b""
        self._transport.write(buffer)
        async with _within(timeout, httpcore.WriteTimeout):
            await self._arrivals.written()
        if self._arrivals.lost.done():
            raise httpcore.WriteError(str(self._arrivals.error or "the connection is closed"))

    async def aclose(self) -> None:
        """Close at once, and wait until it is done."""
        self._transport.abort()
        await asyncio.shield(self._arrivals.lost)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        """The same connection, encrypted. Raises :class:`httpcore.ConnectError`, after closing it."""
        loop, arrivals = asyncio.get_running_loop(), self._arrivals
        arrivals.encrypts()
        try:
            async with _within(timeout, httpcore.ConnectTimeout):
                transport = await loop.start_tls(
                    self._transport, arrivals, ssl_context, server_hostname=server_hostname
                )
        except BaseException as exc:
            self._transport.abort()
            # Until a connection is encrypted, its protocol is not told of its end.
            arrivals.connection_lost(None)
            if isinstance(exc, OSError):  # ssl.SSLError is one
                raise httpcore.ConnectError(str(exc)) from exc
            raise
        if transport is None:
            arrivals.connection_lost(None)
            raise httpcore.ConnectError("the connection was lost while it was being encrypted")
        arrivals.transport = transport
        return NetworkStream(arrivals, transport)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # as httpcore declares it
        """See httpcore's "Network Streams". ``is_readable`` of an idle connection: the peer has closed it."""
        if info == "is_readable":
            if self._arrivals.is_readable or self._transport.is_closing():
                return True
            return _is_readable(self._transport.get_extra_info("socket"))
        names = {"ssl_object": "ssl_object", "client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


class NetworkBackend(httpcore.AsyncNetworkBackend):
    """Makes connections over TCP. For one event loop."""

    def __init__(self) -> None:
        self._rounds: Rounds | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  # of httpcore's interface
        socket_options: Iterable[_Option] | None = None,
    ) -> NetworkStream:
        """Connect to the first address of ``host`` that answers; ``local_address`` is not supported. Raises
        :class:`httpcore.ConnectError`, :class:`httpcore.ConnectTimeout`."""
        loop = asyncio.get_running_loop()
        try:
            async with _within(timeout, httpcore.ConnectTimeout):
                addresses = _numeric(host, port) or await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                opened = await aiohappyeyeballs.start_connection(
                    addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER, interleave=1
                )
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from exc
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option in socket_options or ():
                opened.setsockopt(*option)
            if self._rounds is None:
                self._rounds = Rounds()
            arrivals = _Arrivals(self._rounds, opened)
            transport, _ = await loop.create_connection(lambda: arrivals, sock=opened)
        except BaseException:
            opened.close()
            raise
        return NetworkStream(arrivals, transport)


def _numeric(host: str, port: int) -> list[Any]:
    """The address that ``host`` is, found without a thread and without a look-up; empty when it is a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []


def _is_readable(connected: socket.socket) -> bool:
    """Whether the system has something for this socket that the event loop has not noticed yet."""
    with selectors.DefaultSelector() as selector:
        selector.register(connected, selectors.EVENT_READ)
        return bool(selector.select(0))


@asynccontextmanager
async def _within(seconds: float | None, error: type[httpcore.TimeoutException]) -> AsyncIterator[None]:
    """Raise ``error`` when the block takes longer than ``seconds`` (None: any time)."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as exc:
        if limit.expired():
            raise error(f"not within {seconds:g} s") from exc
        raise  # the operating system's, which is an OSError
