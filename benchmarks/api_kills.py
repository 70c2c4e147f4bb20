"""``kill -9`` of programs and of the bot in every phase of what programs ask; then no slot may be taken and no row
of theirs may wait or run."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.programs import API, address, chat, client, made_key, streamed

PROGRAMS, EACH = 50, 20
"""So many programs are killed, each with so many connections."""
BOTS = 20
"""So often the bot is killed, with :data:`EACH` connections."""
SETTINGS = {**API, "LOG_LEVEL": "INFO", "API_MAX_PER_USER": "200"}
PATIENCE = 30.0
MOST_SECONDS = 0.4
"""After so long the last of a program's answers end: it is killed before that, in whichever phase they are."""

_PROGRAM = """
import socket, sys
host, port, key, body, count = sys.argv[1:]
request = (f"POST /v1/chat/completions HTTP/1.1\\r\\nHost: {host}:{port}\\r\\nAuthorization: Bearer {key}\\r\\n"
           f"Content-Type: application/json\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}").encode()
opened = []
for _ in range(int(count)):
    one = socket.create_connection((host, int(port)))
    one.sendall(request)
    opened.append(one)
print("asked", flush=True)
for one in opened:
    while one.recv(65536):
        pass
"""
"""What is killed: it asks on many connections, and reads the first."""


async def run() -> list[Result]:
    """Measure; about a minute and a half."""
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=0.0),
            parallax=ParallaxDouble(tokens_per_second=400, slots=4, lag=False, routing_cost=0.002),
            **SETTINGS,
        ) as stage:
            secret = await made_key(stage, "ada")
            return [await _programs(stage, secret), await _bots(stage, secret, Path(folder) / "bot.db")]


async def _programs(stage: Stage, secret: str) -> Result:
    chance, base, phases = random.Random(1), await address(stage), Counter[str]()
    settled = 0.0
    for number in range(PROGRAMS):
        known = len(stage.parallax.requests)
        program = await _begun(base, secret, words=20 + 4 * (number % 20))
        await asyncio.sleep(chance.uniform(0.0, MOST_SECONDS))
        phases.update(_phases(stage, known))
        program.kill()
        await program.wait()
        settled = max(settled, await _until(partial(_open, stage, base, secret)))
    figures: dict[str, float] = {"killed": PROGRAMS, "connections": PROGRAMS * EACH, **phases}
    figures |= {"settled_s": round(settled, 2), "slots_leaked": await _leaked(stage, secret, 1)}
    figures["failures"] = stage.bot.log.count("background.failed")
    return Result("api.killed_programs", figures, (Bound("slots_leaked", 0), Bound("failures", 0)))


async def _bots(stage: Stage, secret: str, database: Path) -> Result:
    chance, left, slowest, leaked = random.Random(2), 0, 0.0, 0
    for number in range(1, BOTS + 1):
        program = await _begun(await address(stage, number), secret, words=100)
        await asyncio.sleep(chance.uniform(0.0, MOST_SECONDS))
        await stage.bot.kill()
        await program.wait()
        began = time.monotonic()
        await stage.bot.start()
        base = await address(stage, number + 1)
        await _until(partial(_open, stage, base, secret))
        slowest = max(slowest, time.monotonic() - began)
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
            unfinished = "select count(*) from requests where kind = 'api' and state in ('queued', 'running')"
            left += rows.execute(unfinished).fetchone()[0]
        leaked += await _leaked(stage, secret, number + 1)
    figures = {"killed": BOTS, "rows_left": left, "slots_leaked": leaked, "slowest_start_s": round(slowest, 2)}
    return Result("api.killed_bots", figures, (Bound("rows_left", 0), Bound("slots_leaked", 0)))


async def _begun(base: str, secret: str, words: int) -> asyncio.subprocess.Process:
    """A program that has asked on all its connections."""
    host, _, port = base.removeprefix("http://").partition(":")
    body = f'{{"stream": true, "messages": [{{"role": "user", "content": "Why? [[n={words}]]"}}]}}'
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", _PROGRAM, host, port, secret, body, str(EACH),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert program.stdout is not None  # noqa: S101  # it is a pipe
    assert await program.stdout.readline() == b"asked\n"  # noqa: S101  # nothing is measured otherwise
    return program


def _phases(stage: Stage, known: int) -> Counter[str]:
    """In which phase the requests of a program are, as the scheduler sees them."""
    asked = stage.parallax.requests[known:]
    found = Counter({"waiting": EACH - len(asked)})
    for one in asked:
        if one.outcome != "open":
            found["over"] += 1
        elif one.first_token_at is None:
            found["claimed"] += 1
        else:
            found["streaming"] += 1
    return found


async def _open(stage: Stage, base: str, secret: str) -> int:
    """How many requests wait or run, at the bot and at the scheduler."""
    async with client(stage, secret, stage.bot.log.count('"api.serving"')) as program:
        queue = (await program.get(f"{base}/queue")).json()
    return int(queue["waiting"] + queue["running"]) + stage.parallax.active


async def _until(count: Callable[[], Awaitable[int]]) -> float:
    """Seconds until nothing is open."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while await count():  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def _leaked(stage: Stage, secret: str, starts: int) -> int:
    """Slots that are still taken: as many answers as there are slots have to run side by side, and be whole."""
    slots = 4
    async with client(stage, secret, starts) as program:
        answers = await asyncio.gather(*(streamed(program, chat("Why? [[n=3]]")) for _ in range(slots)))
    return sum(not one.is_done or one.error is not None for one in answers)
