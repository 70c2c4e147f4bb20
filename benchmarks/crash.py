"""1,000 kills of the real bot process at moments drawn from 1,000 seeds; every question is then accounted for."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.verdict import Bound, Result
from tests.e2e.crash_world import Account, crash_world
from tests.e2e.forked_start import forking

SEEDS = range(1000)
"""One for each kill."""

IN_A_WORLD = 10
"""So many kills are of one bot, on one database and in one Discord: what a crash leaves behind meets the next."""

AT_ONCE = 3


async def _world(seeds: Sequence[int], turns: asyncio.Semaphore) -> Account:
    async with turns:
        with tempfile.TemporaryDirectory() as folder:
            account = await crash_world(seeds, Path(folder))
    for complaint in account.complaints:
        print(f"seeds {seeds[0]} to {seeds[-1]}: {complaint}", file=sys.stderr, flush=True)
    return account


async def run() -> list[Result]:
    """Measure; about a quarter of an hour on two cores."""
    with forking():
        return await _measured()


async def _measured() -> list[Result]:
    began = time.monotonic()
    turns = asyncio.Semaphore(AT_ONCE)
    worlds = [SEEDS[first : first + IN_A_WORLD] for first in range(0, len(SEEDS), IN_A_WORLD)]
    accounts = await asyncio.gather(*(_world(seeds, turns) for seeds in worlds))
    moments: Counter[str] = Counter()
    for account in accounts:
        moments.update(account.kills)
    return [
        Result(
            "crash",
            {
                "seeds": len({seed for seeds in worlds for seed in seeds}),
                "kills": sum(moments.values()),
                "questions": sum(account.questions for account in accounts),
                "never_acknowledged": sum(account.unacknowledged for account in accounts),
                "lost_or_doubled": sum(len(account.complaints) for account in accounts),
                "seconds": round(time.monotonic() - began, 1),
            },
            (Bound("lost_or_doubled", 0),),
        ),
        Result("crash.moments", dict(sorted(moments.items()))),
    ]
