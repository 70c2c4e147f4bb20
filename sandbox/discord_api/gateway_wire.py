"""How frames travel on a gateway connection: their shape, their compression, and what is refused.

Source: docs.discord.com, developers/events/gateway, "Connecting", "Encoding and Compression", "Payload Structure".
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from sandbox import json_text
from sandbox.discord_api.wire import JSON

MAX_FRAME = 4096
"""Bytes that a client may send in one frame ("Sending Events")."""
VERSIONS = ("9", "10")


def frame(op: int, data: object = None, *, sequence: int | None = None, name: str | None = None) -> bytes:
    """A frame with all four of its fields: some clients read each of them without asking whether it is there."""
    return json_text.dumps({"op": op, "d": data, "s": sequence, "t": name})


def refusal(query: Mapping[str, str]) -> int | None:
    """The close code for a connection that asks for what this gateway does not speak; None when it does.

    ``v`` is 9 or 10, or is left out (4012 otherwise). Discord documents no code for an ``encoding`` or a
    ``compress`` that it does not know; here it is the one of a payload that cannot be read. ETF and
    ``zstd-stream`` are refused so, because Python 3.11 has neither.
    """
    if query.get("v", VERSIONS[-1]) not in VERSIONS:
        return 4012
    known = query.get("encoding", "json") == "json" and query.get("compress", "") in ("", "zlib-stream")
    return None if known else 4002


class Compression:
    """What the frames of one connection go through: nothing, or one zlib stream flushed after each frame."""

    def __init__(self, compress: str) -> None:
        self._stream = zlib.compressobj() if compress == "zlib-stream" else None

    def pack(self, content: bytes) -> str | bytes:
        """Text for a text frame, or bytes for a binary one."""
        if self._stream is None:
            return content.decode()
        return self._stream.compress(content) + self._stream.flush(zlib.Z_SYNC_FLUSH)


def decode(content: str | bytes) -> JSON | None:
    """The frame that a client sent as text or as bytes; None for what is too large or is no JSON object."""
    size = len(content.encode() if isinstance(content, str) else content)
    try:
        found = json_text.loads(content) if size <= MAX_FRAME else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
