"""What a scheduler that means harm, or a broken proxy, costs the bot: memory, and how long the loop stands still.

The real client runs in a process of its own, which measures itself; a server of raw bytes here feeds it.
``python -m benchmarks.hostile URL CALL`` is that process: it makes one call and prints what it cost as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.verdict import Bound, Result

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
BLOCK = 4 * MB
GIVE_UP = 300.0
MOST_RESIDENT_MB = 150
MOST_BLOCKED_MS = 50

_JSON = b"content-type: application/json\r\n"
_SSE = b"content-type: text/event-stream\r\n"
_NDJSON = b"content-type: application/x-ndjson\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A response: its headers, and its body in pieces. ``call`` is what the client is asked to do."""

    name: str
    headers: bytes
    body: Callable[[], Iterator[bytes]]
    call: str = "ask"
    status: bytes = b"200 OK"


async def run() -> list[Result]:
    """Measure; about fifteen seconds, most of them for packing."""
    return [await _measured(case) for case in CASES]


async def _measured(case: Case) -> Result:
    async with _serving(case) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.hostile", url, case.call),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(GIVE_UP):
                said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        raise RuntimeError(f"hostile.{case.name}: the client's process ended with {process.returncode}")
    report = json.loads(said)
    print(f"{case.name}: {report.pop('ended')}", file=sys.stderr)
    bounds = (Bound("peak_mb", MOST_RESIDENT_MB), Bound("blocked_cpu_ms", MOST_BLOCKED_MS))
    return Result(f"hostile.{case.name}", report, bounds)


@asynccontextmanager
async def _serving(case: Case) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(b"HTTP/1.1 " + case.status + b"\r\n" + case.headers + b"connection: close\r\n\r\n")
            for piece in case.body():
                writer.write(piece)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _times(line: bytes, total: int) -> Iterator[bytes]:
    """``line`` over and over, ``total`` bytes of it."""
    block = line * (BLOCK // len(line))
    for _ in range(total // len(block) + 1):
        yield block


@cache
def _bomb(total: int) -> bytes:
    """A gzip of a gzip of ``total`` spaces, which is a few kilobytes."""
    inner, outer = (zlib.compressobj(9, wbits=31) for _ in range(2))
    packed = [outer.compress(inner.compress(b" " * BLOCK)) for _ in range(total // BLOCK)]
    return b"".join([*packed, outer.compress(inner.flush()), outer.flush()])


def _status(nodes: list[dict[str, str]]) -> bytes:
    return json.dumps({"status": "available", "node_list": nodes}, ensure_ascii=False).encode() + b"\n"


def _deep(levels: int) -> bytes:
    content: object = "x"
    for _ in range(levels):
        content = [{"type": "text", "text": content}]
    return b"data: " + json.dumps({"choices": [{"delta": {"content": content}}]}).encode() + b"\n\n"


def _content(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


_DENSE = b'{"choices": [' + b"[]," * 340_000 + b"[]]}"
# The most that is read: as many brackets as JSON may have, and as many nodes, with names as long as a line allows.
_LARGEST = b'{"choices": [' + b"[]," * 65_000 + b"[]]}"
_NODES = [{"node_id": f"{number}\u202e\u8a9e" * 80, "gpu_name": "\u202e\u8a9e" * 80} for number in range(511)]
_ENCODED = b"content-encoding: gzip, gzip\r\n"
CASES = (
    Case("gzip_answer", _JSON + _ENCODED, lambda: iter([_bomb(3000 * MB)])),
    Case("gzip_stream", _SSE + _ENCODED, lambda: iter([_bomb(3000 * MB)])),
    Case("gzip_status", _NDJSON + _ENCODED, lambda: iter([_bomb(3000 * MB)]), "watch"),
    Case("gzip_error", _JSON + _ENCODED, lambda: iter([_bomb(3000 * MB)]), status=b"500 Oh"),
    Case("long_error", _JSON, lambda: _times(b"x", 1500 * MB), status=b"500 Oh"),
    Case("long_answer", _JSON, lambda: _times(b"[],", 1500 * MB)),
    Case("dense_answer", _JSON, lambda: iter([_DENSE])),
    Case("dense_event", _SSE, lambda: iter([b"data: " + _DENSE + b"\n\n"])),
    Case("largest_answer", _JSON, lambda: iter([_LARGEST])),
    Case("largest_event", _SSE, lambda: iter([b"data: " + _LARGEST + b"\n\n"])),
    Case("largest_status", _NDJSON, lambda: iter([_status(_NODES)]), "watch"),
    Case("data_lines", _SSE, lambda: _times(b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", 1500 * MB)),
    Case("short_data_lines", _SSE, lambda: _times(b"data:x\n", 1500 * MB)),
    Case("event_lines", _SSE, lambda: _times(b"event: " + b"x" * 1000 + b"\n", 1500 * MB)),
    Case("comment_lines", _SSE, lambda: _times(b":\n", 1500 * MB)),
    Case("endless_line", _SSE, lambda: _times(b"data: x", 1500 * MB)),
    Case("endless_status", _NDJSON, lambda: _times(b"x", 1500 * MB), "watch"),
    Case("blank_status", _NDJSON, lambda: _times(b"\n", 1500 * MB), "watch"),
    Case("stray_objects", _SSE, lambda: iter([b"{\n", *[b'"a": "' + b"x" * 50 + b'",\n'] * 16_000])),
    Case("deep_content", _SSE, lambda: iter([_deep(350)])),
    Case("blank_content", _SSE, lambda: iter([_content(" " * 60)] * 16_000)),
    Case("tags", _SSE, lambda: iter([_content("<think></think>" * 30_000)])),
)


class Beats:
    """How long the event loop works between two turns of a task that always wants one."""

    def __init__(self) -> None:
        self.longest_cpu = self.longest_wall = 0.0

    async def run(self) -> None:
        """Beat until cancelled."""
        cpu, wall = time.thread_time(), time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now_cpu, now_wall = time.thread_time(), time.perf_counter()
            self.longest_cpu = max(self.longest_cpu, now_cpu - cpu)
            self.longest_wall = max(self.longest_wall, now_wall - wall)
            cpu, wall = now_cpu, now_wall


async def _client(url: str, call: str) -> dict[str, float | str]:
    """Make the call and say what it cost. ``blocked_cpu_ms`` is the longest that the loop worked without giving
    others a turn; ``blocked_ms`` is the same by the wall's clock, on which the machine's other processes count."""
    from bot.clock import SystemClock
    from bot.domain.chat import ChatMessage, ChatRequest, Role
    from bot.errors import SchedulerError
    from bot.parallax.client import ParallaxClient
    from bot.parallax.timeouts import Timeouts

    client = ParallaxClient(url, timeouts=Timeouts(first_byte=130.0, idle=60.0), clock=SystemClock())
    question = ChatRequest((ChatMessage(Role.USER, "Hello?"),))
    at_rest, began = _resident_mb("VmRSS"), time.perf_counter()
    beats, ended = Beats(), "ended by itself"
    beating = asyncio.create_task(beats.run())
    try:
        async with client.watch_status() if call == "watch" else client.stream_chat(question) as events:
            async for _ in events:
                pass
    except SchedulerError as error:
        ended = f"{type(error).__name__} {error.code}: {error}"
    except Exception as error:  # noqa: BLE001  # what the client lets through is a finding, not an end
        ended = f"{type(error).__name__}, which no service expects: {error}"
    await asyncio.sleep(0)  # the last beat
    took = time.perf_counter() - began
    beating.cancel()
    await client.aclose()
    peak = _resident_mb("VmHWM")
    return {
        "peak_mb": peak,
        "increase_mb": round(peak - at_rest, 1),
        "blocked_cpu_ms": round(beats.longest_cpu * 1000, 1),
        "blocked_ms": round(beats.longest_wall * 1000, 1),
        "seconds": round(took, 2),
        "ended": ended[:200],
    }


def _resident_mb(which: str) -> float:
    """``VmRSS`` now or ``VmHWM``, the most there ever was: of this program alone, unlike ``ru_maxrss``, into which
    that of the process that started it is counted."""
    found = re.search(rf"{which}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if found is None:
        raise RuntimeError(f"/proc/self/status does not tell {which}")
    return round(int(found[1]) * 1024 / MB, 1)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_client(*sys.argv[1:3]))))
