"""Eight answers at once in one channel: through their own tokens, and sharing the channel's five edits in five
seconds."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.latency import HALF, NO_MEMORY, REST
from benchmarks.measure import Seen, last_delay, numbered_tokens, seen, staleness, summary
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble, Invocation
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.log import ChatRecord
from tests.e2e.bot_process import Stage, staged

STREAMS = 8
ROUNDS = 4
# Until the channel's five seconds are over, so that each round begins like the first.
CALM = 5.5
# On the channel route an answer gets an edit every ten seconds: slow ones, so that shares can be compared
# within one message.
SLOW_TOKENS, SLOW_SPEED = 540, 12
# Ends apart by more than the channel's window spread over its slots, as answers end in life.
STAGGER = 1.3


async def run() -> list[Result]:
    """Measure; about 110 seconds."""
    return [*await _measured(own_tokens=True), *await _measured(own_tokens=False)]


@dataclass(frozen=True, slots=True)
class _Answer:
    record: ChatRecord
    views: list[Seen]


async def _measured(*, own_tokens: bool) -> list[Result]:
    name = "8_answers_own_tokens" if own_tokens else "8_answers_channel_route"
    rounds: list[list[_Answer]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=REST),
            parallax=ParallaxDouble(tokens_per_second=40 if own_tokens else SLOW_SPEED, slots=STREAMS, lag=False),
            LOG_LEVEL="WARNING",
            **NO_MEMORY,
        ) as stage:
            for number in range(ROUNDS if own_tokens else 1):
                rounds.append(await _round(stage, number, own_tokens=own_tokens))
                await asyncio.sleep(CALM)
            rejections = len(stage.discord.limits.rejections)
    answers = [answer for answered in rounds for answer in answered]
    every = [age for answer in answers for age in staleness(answer.record, answer.views)]
    ends = [last_delay(answer.record, answer.views) for answer in answers]
    stale = (Bound("mean_ms", 260), Bound("p95_ms", 460)) if own_tokens else ()
    return [
        Result(f"{name}.staleness", summary(every), stale),
        Result(f"{name}.worst_share", {"of_even": _worst_share(rounds)}, (Bound("of_even", 1.2),)),
        Result(f"{name}.last_token_to_final", summary(ends), (Bound("p95_ms", HALF + 60),)),
        Result(f"{name}.rejections", {"count": rejections}, (Bound("count", 0),)),
    ]


def _worst_share(rounds: list[list[_Answer]]) -> float:
    """The mean staleness of the answer that fared worst over the mean of all, while all were streaming."""
    worst = 0.0
    for answers in rounds:
        since = max(answer.record.token_times[0] for answer in answers)
        until = min(answer.record.token_times[-1] for answer in answers)
        means = [
            statistics.fmean(staleness(answer.record, answer.views, since=since, until=until))
            for answer in answers
        ]
        worst = max(worst, max(means) / statistics.fmean(means))
    return round(worst, 2)


async def _round(stage: Stage, number: int, *, own_tokens: bool) -> list[_Answer]:
    random = Random(number)
    tokens = 400 if own_tokens else SLOW_TOKENS
    asks = [
        asyncio.create_task(
            _ask(
                stage,
                number * STREAMS + index,
                tokens,
                delay=random.uniform(0.0, 0.4) if own_tokens else index * STAGGER,
                own_tokens=own_tokens,
            )
        )
        for index in range(STREAMS)
    ]
    return list(await asyncio.gather(*asks))


def _tag(number: int) -> str:
    return f"[p{number:03d}]"


async def _ask(stage: Stage, number: int, tokens: int, *, delay: float, own_tokens: bool) -> _Answer:
    discord = stage.discord
    # People never press in the same millisecond: their edits are at different phases of their windows.
    await asyncio.sleep(delay)
    person = discord.new_person(f"pacer{number}", "Team")
    stage.parallax.script(numbered_tokens(tokens), match=_tag(number))
    invocation: Invocation = await person.slash("general", "ask", prompt=f"Count, please. {_tag(number)}")
    message = await invocation.response()
    if not own_tokens:
        discord.expire_tokens()

    last = f"t{tokens:04d}"
    await discord.wait_until(lambda: last in message.text and "first token" in message.text, 120)
    record = next(r for r in stage.parallax.requests if _tag(number) in str(r.messages[-1]["content"]))
    return _Answer(record, seen([message, *invocation.followups]))


if __name__ == "__main__":
    print([result.as_json() for result in asyncio.run(run())])
