"""Reader of HTTP's chunked bodies (RFC 9112, section 7.1)."""

from __future__ import annotations

import re

import httpcore

from bot.parallax import bounds

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


_USUAL_SIZES = {b"%x" % size: size for size in range(1, 1024)}
"""The sizes of chunks with a token each, as most servers write them."""


class ChunkReader:
    """Takes the framing off a chunked body, wherever the network cut it. Extensions and trailers are ignored."""

    def __init__(self) -> None:
        self.ended = False
        """Whether the last chunk and its trailers have come."""
        self.has_surplus = False
        """Whether anything came behind them, which belongs to no answer that was asked for."""
        self._rest = b""
        self._left = 0
        """Bytes that are missing of the open chunk, with the line end after it."""
        self._failure = ""
        self._trailers: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take in bytes; returns those of the body, a piece for each chunk. Call :meth:`check` after they are
        used."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        out: list[bytes] = []
        at = 0 if self._left or self._trailers is not None else _take_whole(data, out)
        while at < len(data) and not self.ended and not self._failure:
            at = self._inside(data, at, out) if self._left else self._between(data, at)
            if at < 0:
                break
        self.has_surplus = self.has_surplus or (self.ended and at < len(data))
        return out

    def check(self) -> None:
        """Raise :class:`httpcore.RemoteProtocolError` if the framing broke after what was returned."""
        if self._failure:
            raise httpcore.RemoteProtocolError(self._failure)

    def close(self) -> None:
        """End the body; raises :class:`httpcore.RemoteProtocolError` when that is too early."""
        if not self.ended:
            raise httpcore.RemoteProtocolError("the connection was closed before the last chunk")

    def _inside(self, data: bytes, at: int, out: list[bytes]) -> int:
        """Take what there is of the open chunk; returns the index after it."""
        end = at + self._left
        if len(data) >= end:
            if data[end - 2 : end] != b"\r\n":
                self._failure = "a chunk is longer than it says"
                # The bytes of the chunk itself came as announced.
            if end - 2 > at:
                out.append(data[at : end - 2])
            self._left = 0
            return end
        # The line end after a chunk is no part of it, and may have been cut.
        inside = min(len(data), end - 2)
        if inside > at:
            out.append(data[at:inside])
        self._left = end - max(at, inside)
        self._rest = data[max(at, inside) :]
        return -1

    def _between(self, data: bytes, at: int) -> int:
        """Read a line between chunks; returns the index after it, or -1 when it is not whole."""
        end = data.find(b"\n", at, at + bounds.CHUNK_LINE)
        if end < 0:
            if len(data) - at >= bounds.CHUNK_LINE:
                self._failure = f"a line of more than {bounds.CHUNK_LINE} bytes between chunks"
            self._rest = data[at:]
            return -1
        line = data[at:end].removesuffix(b"\r")
        if self._trailers is not None:
            self._trailer(line)
        else:
            self._size(line)
        return end + 1

    def _size(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            self._failure = "a chunk without a size"
        elif (size := int(found[1], 16)) > 0:
            self._left = size + 2
        else:
            self._trailers = 0

    def _trailer(self, line: bytes) -> None:
        self._trailers = (self._trailers or 0) + 1
        self.ended = not line
        if self._trailers > bounds.TRAILERS:
            self._failure = f"more than {bounds.TRAILERS} trailers"


def _take_whole(data: bytes, out: list[bytes]) -> int:
    """Add the chunks of usual sizes that ``data`` begins with to ``out``, as far as they are whole; returns the
    index after them."""
    at = 0
    while (end := data.find(b"\r\n", at, at + 5)) > 0:
        size = _USUAL_SIZES.get(data[at:end])
        if size is None:
            break
        begin = end + 2
        after = begin + size
        if data[after : after + 2] != b"\r\n":
            break
        out.append(data[begin:after])
        at = after + 2
    return at
