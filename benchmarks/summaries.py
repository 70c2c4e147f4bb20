"""A channel of 2,000 messages is summarised several times: whether every link leads to a message that was read,
how the bot's memory grows, what it costs of the processor. The double answers with marks that exist and others."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from benchmarks.verdict import Bound, Result
from bot.domain.channel_summary.messages import MOST_MESSAGES
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.forked_start import forking
from tests.e2e.reading import new_room, revisions, until_over

MB = 1024 * 1024
TIMES = 5
PATIENCE = 120.0
MARKS = (1, 2, 500, 1999, MOST_MESSAGES, 2001, 99_999)
_LINK = re.compile(r"https://discord\.com/channels/(\d+)/(\d+)/(\d+)")
_PART = re.compile(r"part (\d+) of (\d+)")
SAID = "We compared both racks again: the old one is louder, its fans are cheaper, and nobody wants to move it."


async def run() -> list[Result]:
    """Measure; about a minute."""
    with forking(), tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=0.02, privileged_intents=["message_content"]),
            parallax=ParallaxDouble(tokens_per_second=2000, slots=4, lag=False),
            MESSAGE_CONTENT_INTENT="true",
        ) as stage:
            return [await _measured(stage)]


async def _measured(stage: Stage) -> Result:
    bot = psutil.Process(stage.bot.process.pid if stage.bot.process is not None else None)
    room, ids = await _written(stage)
    stage.parallax.script(["In short."])
    # What every summary needs is loaded by a first one.
    small = new_room(stage)
    await stage.discord.person("ben").say(small, "Hello")
    await _summary(stage, small)
    before, used = bot.memory_info().rss, _processor(bot)
    began = time.monotonic()
    shown: list[Message] = []
    after: list[int] = []
    async with _watched(bot) as most:
        for _ in range(TIMES):
            stage.parallax.script([" ".join(f"Point [{mark}]." for mark in MARKS)], match="Summary of")
            shown.append(await _summary(stage, room))
            after.append(bot.memory_info().rss)
    took, spent = time.monotonic() - began, _processor(bot) - used
    links = [tuple(map(int, link)) for message in shown for link in _LINK.findall(message.text)]
    read = {(room.guild_id, room.id, message_id) for message_id in ids}
    parts = max((int(of) for text in revisions(shown[-1]) for _, of in _PART.findall(text)), default=1)
    return Result(
        "summaries",
        {
            "messages": len(ids),
            "parts": parts,
            "summaries": len(shown),
            "links": len(links),
            "wrong_links": sum(link not in read for link in links),
            "missing_links": TIMES * sum(mark <= len(ids) for mark in MARKS) - len(links),
            "memory_before_mb": round(before / MB, 1),
            "memory_most_more_mb": round((max(most) - before) / MB, 1),
            "memory_first_more_mb": round((after[0] - before) / MB, 1),
            "memory_from_second_on_more_mb": round((after[-1] - after[1]) / MB, 1),
            "seconds_each": round(took / TIMES, 2),
            "cpu_s_each": round(spent / TIMES, 2),
            "refused_calls": len(stage.discord.limits.rejections),
        },
        (
            Bound("wrong_links", 0),
            Bound("missing_links", 0),
            Bound("memory_most_more_mb", 25),
            Bound("memory_from_second_on_more_mb", 10),
            Bound("refused_calls", 0),
        ),
    )


async def _written(stage: Stage) -> tuple[Channel, list[int]]:
    """A channel with as many messages as are read, by two people in turn; their ids."""
    room, people = new_room(stage), [stage.discord.person(name) for name in ("ben", "olga")]
    latency, stage.discord.latency = stage.discord.latency, 0.0
    ids = [(await people[n % 2].say(room, f"{n}. {SAID}")).id for n in range(MOST_MESSAGES)]
    stage.discord.latency = latency
    return room, ids


async def _summary(stage: Stage, room: Channel) -> Message:
    invocation = await stage.discord.person("ada").slash(room, "summarize")
    message = await invocation.done_loading(PATIENCE)
    await until_over(stage, message, timeout=PATIENCE)
    return message


@asynccontextmanager
async def _watched(bot: psutil.Process) -> AsyncIterator[list[int]]:
    """The bot's resident memory, every 20 ms."""
    seen: list[int] = [bot.memory_info().rss]

    async def watch() -> None:
        while True:
            seen.append(bot.memory_info().rss)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()


def _processor(bot: psutil.Process) -> float:
    times = bot.cpu_times()
    return float(times.user + times.system)
