"""How soon people see what the cluster writes: the real bot process, 60 ms to Discord, limits on."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.measure import first_delay, last_delay, numbered_tokens, seen, staleness, summary
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged

REST = 0.060
HALF = REST / 2 * 1000
QUESTIONS = 50
LONG_ANSWERS = 3
# The memory of a channel grows from question to question: this keeps prompts alike.
NO_MEMORY = {"CONTEXT_MAX_TOKENS": "256"}


async def answer(stage: Stage, person: str, channel: str, tokens: int, *, tag: str) -> tuple[int, list[Message]]:
    """Ask one question whose answer has numbered tokens; returns its number in the log and its messages."""
    stage.parallax.script(numbered_tokens(tokens), match=tag)
    invocation = await stage.discord.person(person).slash(channel, "ask", prompt=f"Count, please. {tag}")
    message = await invocation.response()
    last = f"t{tokens:04d}"

    def shown() -> bool:
        texts = [message.text, *(m.text for m in invocation.followups)]
        return any(last in text for text in texts) and "tok/s" in texts[-1] and "first token" in texts[-1]

    await stage.discord.wait_until(shown, tokens / 20 + 30)
    index = next(i for i, r in enumerate(stage.parallax.requests) if tag in str(r.messages[-1]["content"]))
    return index, [message, *invocation.followups]


async def run() -> list[Result]:
    """Measure; about 75 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=REST),
            parallax=ParallaxDouble(tokens_per_second=40, slots=8, lag=False),
            LOG_LEVEL="WARNING",
            **NO_MEMORY,
        ) as stage:
            ready = time.monotonic() - began
            return [
                Result("startup.ready_s", {"seconds": round(ready, 2)}, (Bound("seconds", 3.0),)),
                *await _one_at_a_time(stage),
                *await _long_answers(stage),
                Result(
                    "discord.rejections", {"count": len(stage.discord.limits.rejections)}, (Bound("count", 0),)
                ),
            ]


async def _one_at_a_time(stage: Stage) -> list[Result]:
    first: list[float] = []
    last: list[float] = []
    for number in range(QUESTIONS):
        index, messages = await answer(stage, "ada", "general", 24, tag=f"[q{number:03d}]")
        record, views = stage.parallax.requests[index], seen(messages)
        first.append(first_delay(record, views))
        last.append(last_delay(record, views))
    return [
        Result(
            "first_token_to_visible",
            summary(first),
            (Bound("median_ms", HALF + 10), Bound("p95_ms", HALF + 30)),
        ),
        Result("last_token_to_final", summary(last), (Bound("p95_ms", HALF + 60),)),
    ]


async def _long_answers(stage: Stage) -> list[Result]:
    ages: list[float] = []
    ends: list[float] = []
    for number in range(LONG_ANSWERS):
        await asyncio.sleep(2.1)
        index, messages = await answer(stage, "ben", "random", 400, tag=f"[l{number:03d}]")
        record, views = stage.parallax.requests[index], seen(messages)
        ages.extend(staleness(record, views))
        ends.append(last_delay(record, views))
    # Five edits in two seconds: the oldest unseen token is on average half a gap old, plus the edit's way in,
    # less the mean distance to the first token after an edit.
    floor = (0.4 / 2 + REST / 2 - 0.0125) * 1000
    return [
        Result(
            "staleness_400_tokens",
            {**summary(ages), "floor_ms": round(floor, 1)},
            (Bound("mean_ms", 260), Bound("p95_ms", 460)),
        ),
        Result("long_answer_last_token_to_final", summary(ends), (Bound("p95_ms", HALF + 60),)),
    ]
