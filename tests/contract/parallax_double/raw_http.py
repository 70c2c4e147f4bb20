"""A client that shows the bytes: what httpx hides is what these tests are about."""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path

from sandbox.parallax.recording import Recording, load

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"

_VARIABLE = (
    (re.compile(rb"date: [^\r]+"), b"date: D"),
    (re.compile(rb'"id":"chatcmpl-[0-9a-f-]{36}"'), b'"id":"chatcmpl-I"'),
    (re.compile(rb'"created":\d{9,11}'), b'"created":C'),
    (re.compile(rb"12D3KooW[1-9A-HJ-NP-Za-km-z]{44}"), b"PEER"),
)


def recording(name: str) -> Recording:
    """A recording by its file's name without the ending."""
    return load(RECORDINGS / f"{name}.txt")


def normalised(data: bytes) -> bytes:
    """`data` without what differs from one answer to the next: dates, ids, peers."""
    for pattern, replacement in _VARIABLE:
        data = pattern.sub(replacement, data)
    return data


def request_bytes(method: str, path: str, body: str, *, close: bool = True) -> bytes:
    """A request as the recording client sent it."""
    payload = body.encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if payload:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + payload


@dataclass(slots=True)
class Exchange:
    """What came back, and whether the server ended it."""

    data: bytes = b""
    ended: bool = False


async def exchange(url: str, request: bytes, *, expect: int | None = None, timeout: float = 20) -> Exchange:
    """Send `request` and read to the end; with `expect`, hang up after so many bytes."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = Exchange()
    try:
        writer.write(request)
        async with asyncio.timeout(timeout):
            while expect is None or len(answer.data) < expect:
                data = await reader.read(65536)
                if not data:
                    answer.ended = True
                    break
                answer.data += data
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            answer.ended = True
    return answer


def event_kinds(body: bytes) -> list[str]:
    """The kinds of a stream's events, repetitions taken together."""
    kinds: list[str] = []
    for part in re.split(rb"\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n", body):
        for line in part.split(b"\n"):
            kind = _kind(line.strip())
            if kind and (not kinds or kinds[-1] != kind):
                kinds.append(kind)
    return kinds


def _kind(line: bytes) -> str:
    if not line:
        return ""
    if not line.startswith(b"data: "):
        return f"bare {sorted(json.loads(line))}" if line.startswith(b"{") else ""
    if line == b"data: [DONE]":
        return "[DONE]"
    event = json.loads(line[6:])
    if "error" in event:
        return f"error {event['error']}"
    choice = event["choices"][0] if event["choices"] else {}
    delta = ",".join(choice.get("delta", {}))
    return f"{list(event)} {list(choice)} {delta} {choice.get('finish_reason')}"
