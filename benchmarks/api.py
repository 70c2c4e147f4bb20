"""Programs at the API: their first token beside a direct connection, the CPU time of a token, people beside a
greedy script, and connections that close at any moment."""

from __future__ import annotations

import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil

from benchmarks.measure import percentile
from benchmarks.scheduler_process import Load, Scheduler, scheduler
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, bot_environment, staged
from tests.e2e.programs import API, address, chat, made_key
from tests.e2e.reading import new_room
from tests.fakes.databases import new_database

FIRST_TOKENS = 60
STREAMS = Load(100, 300, 30.0)
SCRIPT, PEOPLE, QUESTIONS = 50, 10, 3
CLOSED, AT_ONCE = 1_000, 20
SETTINGS = {**API, "LOG_LEVEL": "INFO", "API_MAX_PER_USER": "200", "QUEUE_MAX_PER_USER": "10"}
PATH = "/v1/chat/completions"
PATIENCE = 60.0
_TOKEN = re.compile(rb"t\d{4}")


async def run() -> list[Result]:
    """Measure; about two minutes."""
    return [await _first_tokens(), await _streams(), await _people_beside_a_script(), await _closed()]


@asynccontextmanager
async def _program(base: str, secret: str) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(base, headers=headers, connector=connector) as session:
        yield session


async def _to_first_token(session: aiohttp.ClientSession) -> float:
    """Seconds from a request to the first word of its stream, which is read to its end."""
    began, first = time.monotonic(), 0.0
    async with session.post(PATH, json=chat("Why? [[n=3]]", stream=True)) as response:
        assert response.status == 200, await response.text()  # noqa: S101  # nothing is measured otherwise
        async for line in response.content:
            if not first and b'"content":' in line.replace(b'": ', b'":') and b'"content":""' not in line:
                first = time.monotonic() - began
    return first


@asynccontextmanager
async def _bot_at(cluster: Scheduler, discord: DiscordDouble, folder: Path) -> AsyncIterator[Stage]:
    """A bot whose scheduler is a process of its own."""
    new_database(folder)
    settings = {**SETTINGS, "PYTHONOPTIMIZE": "2"}
    bot = BotProcess(bot_environment(discord, cluster.url, folder, settings), folder / "bot.log")
    await bot.start()
    try:
        await bot.ready(discord)
        yield Stage(discord, None, bot)  # type: ignore[arg-type]  # the scheduler is elsewhere
    finally:
        await bot.terminate()


async def _first_tokens() -> Result:
    """One request at a time, in turns to the scheduler and through the bot, each on a connection that is kept; the
    scheduler and the bot are processes of their own, as the program is."""
    with tempfile.TemporaryDirectory() as name:
        async with (
            DiscordDouble(latency=0.0) as discord,
            scheduler(Load(0, 0, 400.0)) as cluster,
            _bot_at(cluster, discord, Path(name)) as stage,
        ):
            secret, base = await made_key(stage, "ada"), await address(stage)
            async with _program(base, secret) as api, _program(cluster.url, "") as direct:
                times: dict[str, list[float]] = {"direct": [], "api": []}
                for number in range(FIRST_TOKENS + 5):
                    for way, session in (("direct", direct), ("api", api)):
                        taken = await _to_first_token(session)
                        if number >= 5:
                            times[way].append(taken)
    direct_ms, api_ms = (statistics.median(times[name]) * 1000 for name in ("direct", "api"))
    figures = {
        "direct_median_ms": round(direct_ms, 1),
        "api_median_ms": round(api_ms, 1),
        "added_ms": round(api_ms - direct_ms, 1),
        "api_p95_ms": round(percentile(times["api"], 0.95) * 1000, 1),
    }
    return Result("api.first_token", figures, (Bound("added_ms", 5.0),))


async def _streams() -> Result:
    """Answers that all stream at once; scheduler and bot are processes of their own."""
    with tempfile.TemporaryDirectory() as name:
        async with (
            DiscordDouble(latency=0.0) as discord,
            scheduler(STREAMS) as cluster,
            _bot_at(cluster, discord, Path(name)) as stage,
        ):
            assert stage.bot.process is not None  # noqa: S101  # it was started
            process = psutil.Process(stage.bot.process.pid)
            secret, base = await made_key(stage, "ada"), await address(stage)
            async with _program(base, secret) as session:
                begun = [0.0] * STREAMS.streams
                asked = [
                    asyncio.create_task(_read_all(session, number, begun)) for number in range(STREAMS.streams)
                ]
                async with asyncio.timeout(PATIENCE):
                    while not all(begun):  # noqa: ASYNC110  # looked at seldom, not to disturb
                        await asyncio.sleep(0.2)
                began, used = time.monotonic(), _cpu(process)
                await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                ended, used = time.monotonic(), _cpu(process) - used
                resident = process.memory_info().rss / 1e6
                counted = await asyncio.gather(*asked)
            records = await cluster.records()
    tokens = sum(began <= at < ended for record in records for at in record.token_times)
    lost = sum(STREAMS.tokens - count for count in counted)
    figures = {
        "cpu_us_a_token": round(used / max(1, tokens) * 1e6, 1),
        "tokens_a_second": round(tokens / (ended - began)),
        "tokens_lost": lost,
        "resident_mb": round(resident, 1),
        "seconds": round(ended - began, 1),
    }
    return Result("api.streams_100", figures, (Bound("cpu_us_a_token", 60.0), Bound("tokens_lost", 0)))


async def _read_all(session: aiohttp.ClientSession, number: int, begun: list[float]) -> int:
    """How many tokens came."""
    data = b""
    async with session.post(PATH, json=chat(f"Count, please. s{number:04d}", stream=True)) as response:
        async for part in response.content.iter_any():
            data += part
            begun[number] = begun[number] or (float(b'"content"' in data) and time.monotonic())
    return len(_TOKEN.findall(data))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _people_beside_a_script() -> Result:
    """Ten people ask three questions each in Discord, with and without fifty requests of a script that came just
    before and has every pipeline then: the first answer waits for one of them."""
    alone, beside = await _waits(0), await _waits(SCRIPT)
    figures = {
        "alone_mean_s": round(alone, 2),
        "beside_mean_s": round(beside, 2),
        "times": round(beside / alone, 2),
    }
    return Result("api.people_beside_a_script", figures, (Bound("times", 1.3),))


async def _waits(requests: int) -> float:
    """The mean seconds that people wait for the first word at the scheduler."""
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=0.0, limits=False),
            parallax=ParallaxDouble(nodes=1, tokens_per_second=40, slots=4, lag=False),
            **SETTINGS,
        ) as stage:
            people = [stage.discord.new_person(f"asker{number}", "Team") for number in range(PEOPLE)]
            room = new_room(stage)
            secret, base = await made_key(stage, "ada"), await address(stage)
            async with _program(base, secret) as session:
                script = [asyncio.create_task(_ask(session)) for _ in range(requests)]
                await stage.parallax.wait_until(lambda: len(stage.parallax.requests) >= min(4, requests), PATIENCE)
                asked_at = time.monotonic()
                for _ in range(QUESTIONS):
                    await asyncio.gather(
                        *(person.slash(room, "ask", prompt="People. [[n=20]]") for person in people)
                    )

                def answered() -> list[float]:
                    return [
                        one.first_token_at - asked_at
                        for one in stage.parallax.requests
                        if one.first_token_at and "People." in str(one.messages[-1]["content"])
                    ]

                await stage.parallax.wait_until(lambda: len(answered()) >= PEOPLE * QUESTIONS, PATIENCE)
                for task in script:
                    task.cancel()
                await asyncio.gather(*script, return_exceptions=True)
            return statistics.fmean(answered())


async def _ask(session: aiohttp.ClientSession) -> None:
    async with session.post(PATH, json=chat("Script. [[n=20]]")) as response:
        await response.read()


async def _closed() -> Result:
    """Connections that close in every phase, up to long after the first token; then nothing may be left."""
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=0.0),
            parallax=ParallaxDouble(tokens_per_second=200, slots=8, lag=False),
            **SETTINGS,
        ) as stage:
            secret, base = await made_key(stage, "ada"), await address(stage)
            async with _program(base, secret) as session:
                for first in range(0, CLOSED, AT_ONCE):
                    await asyncio.gather(*(_leave(session, number) for number in range(first, first + AT_ONCE)))
                left = time.monotonic()
                async with asyncio.timeout(PATIENCE):
                    while await _own(session):  # noqa: ASYNC110  # another process
                        await asyncio.sleep(0.01)
                    settled = time.monotonic() - left
                    # The scheduler drops what it holds only when a pipeline takes it.
                    while (queue := await _load(session)) != (0, 0):  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0.01)
                whole = await asyncio.gather(*(_to_first_token(session) for _ in range(8)))
            still_open = sum(one.outcome == "open" for one in stage.parallax.requests)
            failures = stage.bot.log.count("background.failed")
    figures = {
        "closed": CLOSED,
        "slots_leaked": sum(queue) + still_open + sum(not one for one in whole),
        "settled_s": round(settled, 2),
        "failures": failures,
    }
    return Result("api.closed", figures, (Bound("slots_leaked", 0), Bound("settled_s", 0.5), Bound("failures", 0)))


async def _leave(session: aiohttp.ClientSession, number: int) -> None:
    """Ask, and leave after up to a fifth of a second."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.002 * (number % 100)):
            async with session.post(PATH, json=chat("Why? [[n=80]]", stream=number % 2 == 0)) as response:
                await response.read()


async def _load(session: aiohttp.ClientSession) -> tuple[int, int]:
    async with session.get("/queue") as response:
        queue = await response.json()
        return queue["waiting"], queue["running"]


async def _own(session: aiohttp.ClientSession) -> int:
    """How many requests of the key's owner are open."""
    async with session.get("/queue") as response:
        return len((await response.json())["data"])
