"""200 kills of the real bot process at chosen and at random moments; every question is then accounted for."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.verdict import Bound, Result
from tests.e2e.crash_world import Account, crash_world

WORLDS = 20
KILLS = 10
AT_ONCE = 3


async def _world(seed: int, turns: asyncio.Semaphore) -> Account:
    async with turns:
        with tempfile.TemporaryDirectory() as folder:
            account = await crash_world(seed, KILLS, Path(folder))
    for complaint in account.complaints:
        print(f"seed {seed}: {complaint}", file=sys.stderr, flush=True)
    return account


async def run() -> list[Result]:
    """Measure; about six minutes on two cores."""
    began = time.monotonic()
    turns = asyncio.Semaphore(AT_ONCE)
    accounts = await asyncio.gather(*(_world(seed, turns) for seed in range(WORLDS)))
    moments: Counter[str] = Counter()
    for account in accounts:
        moments.update(account.kills)
    return [
        Result(
            "crash",
            {
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
