"""A scheduler in a process of its own, so that the tokens it writes cost neither the bot's time nor Discord's.

``python -m benchmarks.scheduler_process STREAMS TOKENS RATE`` is that process: it says its address in a line,
answers so many questions with so many numbered tokens, and at the end of its input writes when each token left, as
JSON. The answers begin together, when all questions are there: asking is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import numbered_tokens
from bot import event_loop
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.log import ChatRecord
from sandbox.parallax.script import Delta, Script

ROOT = Path(__file__).resolve().parents[1]
LONGEST_LINE = 64 * 1024 * 1024
FIRST_TOKEN = 0.03
ALL_ASKED_WITHIN = 600.0


@dataclass(frozen=True, slots=True)
class Load:
    """``streams`` answers at once of ``tokens`` tokens each, ``rate`` a second. No ``streams``: any number of
    answers with as many words as their questions ask for, each at once."""

    streams: int
    tokens: int
    rate: float


@dataclass(slots=True)
class Scheduler:
    """The process as the benchmark sees it."""

    url: str
    process: asyncio.subprocess.Process
    _records: list[ChatRecord] | None = field(default=None)

    async def records(self) -> list[ChatRecord]:
        """End the process; returns what it answered, in the order of arrival."""
        if self._records is None:
            assert self.process.stdin is not None  # noqa: S101  # both are pipes
            assert self.process.stdout is not None  # noqa: S101  # as above
            self.process.stdin.close()
            said = json.loads(await self.process.stdout.read())
            self._records = [ChatRecord(**one) for one in said]
        return self._records


@asynccontextmanager
async def scheduler(load: Load) -> AsyncIterator[Scheduler]:
    """Start the process; it has ended when this ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.scheduler_process"),
        *(str(load.streams), str(load.tokens), str(load.rate)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    assert process.stdout is not None  # noqa: S101  # a pipe, too
    try:
        yield Scheduler((await process.stdout.readline()).decode().strip(), process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _double(load: Load) -> ParallaxDouble:
    if not load.streams:
        return ParallaxDouble(tokens_per_second=load.rate, lag=False)
    return ParallaxDouble(
        nodes=1,
        slots=load.streams,
        tokens_per_second=load.rate,
        lag=False,
        routing_cost=0.0,
        first_token_delay=FIRST_TOKEN,
    )


async def _serve(load: Load) -> None:
    double = _double(load)
    deltas = tuple(Delta(token) for token in numbered_tokens(load.tokens))
    begin = asyncio.Event()
    async with double:
        for number in range(load.streams):
            # Nodes do not write in step: the first tokens are spread over the time of one.
            delay = FIRST_TOKEN + number / load.streams / load.rate
            double.script(Script(deltas, delay=delay, held=begin))
        print(double.url, flush=True)
        ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        beginning = asyncio.create_task(_begin(double, load, begin))
        await ended
        beginning.cancel()
        print(json.dumps([_said(record) for record in double.requests]))


async def _begin(double: ParallaxDouble, load: Load, begin: asyncio.Event) -> None:
    """Let all answers begin when all questions have been taken."""
    await double.wait_until(lambda: double.active >= load.streams, ALL_ASKED_WITHIN)
    begin.set()


def _said(record: ChatRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "arrived_at": record.arrived_at,
        "outcome": record.outcome,
        "body": {"messages": [{"role": "user", "content": str(record.messages[-1]["content"])}]},
        "token_times": record.token_times,
        "finished_at": record.finished_at,
    }


if __name__ == "__main__":
    streams, tokens, rate = sys.argv[1:]
    event_loop.run(_serve(Load(int(streams), int(tokens), float(rate))))
