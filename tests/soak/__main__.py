"""``python -m tests.soak``: the bot under a mixed load and random faults for minutes, with its invariants checked.

Prints one JSON object with the seed, what happened, the maxima and the violations; the exit status is 0 only when
there is no violation. A seed repeats what is drawn, not the machine's scheduling.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.soak import account
from tests.soak.doors import Doors, load
from tests.soak.faults import Faults, trouble
from tests.soak.watch import ProcessWatch, SchedulerWatch, log_complaints
from tests.soak.world import World, beside, pause

NAMES = ("ada", "ben", "chloe", "grace", "olga")
ROOMS = 4
SLOTS = 2
NODES = 2
SCALE = 10.0
"""Scheduler seconds in a real one: its heartbeats, holds and joins are ten times as fast as in reality."""
TOKENS_PER_SECOND = 12.0
SETTLES_WITHIN = 60.0
RESTS = 5.0
MORE_DESCRIPTORS = 15
"""Descriptors that a process may have open at rest beyond those of its start: kept connections."""

SETTINGS = {
    "ANNOUNCE_AFTER": "20",
    "CONTEXT_MAX_TOKENS": "512",
    "LOG_LEVEL": "INFO",
    "PARALLAX_FIRST_BYTE_TIMEOUT": "15",
    "PARALLAX_IDLE_TIMEOUT": "4",
    "QUEUE_MAX_PER_USER": "5",
    "SHUTDOWN_GRACE": "2",
}


def main(argv: list[str] | None = None) -> int:
    """Run a soak; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long people ask (default 3)")
    parser.add_argument("--seed", type=int, default=None, help="of all chance (default: another each time)")
    parser.add_argument("--rate", type=float, default=1.5, help="acts of people in a second (default 1.5)")
    parser.add_argument("--short", action="store_true", help="print the report on one line, without its counts")
    parser.add_argument("--keep", type=Path, help="leave the bot's log and database in this folder")
    arguments = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(soaked(Path(folder), seed=seed, minutes=arguments.minutes, rate=arguments.rate))
        if arguments.keep is not None:
            shutil.copytree(folder, arguments.keep, dirs_exist_ok=True)
    shown = shortened(report) if arguments.short else json.dumps(report, indent=2, ensure_ascii=False)
    sys.stdout.write(shown + "\n")
    return 1 if report["violations"] else 0


async def soaked(folder: Path, *, seed: int, minutes: float, rate: float) -> dict[str, Any]:
    """The report of one soak in ``folder``."""
    port = _free_port()
    async with staged(
        folder,
        discord=DiscordDouble(latency=0.06),
        parallax=ParallaxDouble(
            nodes=NODES, slots=SLOTS, time_scale=SCALE, tokens_per_second=TOKENS_PER_SECOND, seed=seed
        ),
        **SETTINGS,
        HTTP_BIND=f"127.0.0.1:{port}",
    ) as stage:
        world = World(
            stage,
            random.Random(seed),
            [stage.discord.person(name) for name in NAMES],
            _rooms(stage),
            folder / "bot.db",
            f"http://127.0.0.1:{port}/metrics",
        )
        processes, scheduler = ProcessWatch(world), SchedulerWatch(world, NODES * SLOTS)
        processes.look()
        rested = processes.lives[-1].descriptors[-1][1]
        async with beside(asyncio.create_task(processes.run())), beside(asyncio.create_task(scheduler.run())):
            until = time.monotonic() + minutes * 60
            async with asyncio.TaskGroup() as group:
                group.create_task(load(world, Doors(world), until=until, per_second=rate))
                group.create_task(trouble(world, Faults(world), until=until))
            await _heal(world)
            await _judge(world, processes, rested)
    return _report(world, processes, scheduler, seed)


async def _heal(world: World) -> None:
    """Take everything back that may still be wrong."""
    stage = world.stage
    stage.discord.faults.clear()
    stage.parallax.busy(0)
    for node in list(stage.parallax.nodes.values()):
        if node.alive and not node.front_alive:
            stage.parallax.mend_front(node.name)
    olga = stage.discord.person("olga")
    await (await olga.slash(stage.discord.channel("ops"), "cluster resume")).acked()


async def _judge(world: World, processes: ProcessWatch, rested: int) -> None:
    """Wait for quiet and note what is broken."""
    if not await account.until_quiet(world, within=SETTLES_WITHIN):
        world.violated(f"questions had not ended {SETTLES_WITHIN:.0f} s after the last fault")
    await pause(RESTS)
    messages = list(world.stage.discord.world.messages.values())
    rows = account.rows_of(world.database)
    unreachable = account.out_of_reach(world, rows, messages)
    world.counts["private messages out of reach"] = len(unreachable)
    for text in account.complaints(rows, messages, unreachable):
        world.violated(text)
    not_acknowledged, unexplained = account.unacknowledged(world)
    world.counts["not acknowledged"] = not_acknowledged
    for text in unexplained:
        world.violated(text)
    for rejection in world.stage.discord.limits.rejections:
        what = f"{rejection.method} {rejection.path}, {rejection.counter}"
        world.violated(f"a limit of Discord was met: {what} at {world.near(rejection.at)}")
    await _judge_metrics(world)
    processes.look()
    left = processes.lives[-1].descriptors[-1][1]
    world.counts["descriptors at rest"] = left
    if left > rested + MORE_DESCRIPTORS:
        world.violated(f"{left} descriptors are open at rest, {rested} were at first")
    for text in (*processes.complaints(), *log_complaints(world.stage.bot.log)):
        world.violated(text)


async def _judge_metrics(world: World) -> None:
    with await asyncio.to_thread(urllib.request.urlopen, world.metrics_url, None, 5.0) as response:
        exposed = response.read().decode()
    for name in ("parallax_questions_waiting", "parallax_questions_running"):
        value = next(line.split()[1] for line in exposed.splitlines() if line.startswith(f"{name} "))
        if float(value) != 0:
            world.violated(f"{name} is {value} at rest")


def _report(world: World, processes: ProcessWatch, scheduler: SchedulerWatch, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - world.begun, 1),
        "counts": dict(sorted(world.counts.items())),
        "maxima": {
            "in flight": scheduler.most,
            "slots": NODES * SLOTS,
            "resident MB": round(processes.resident, 1),
            "descriptors": processes.descriptors,
            "threads": max((life.threads for life in processes.lives), default=0),
            "processes": len(processes.lives),
        },
        "violations": world.violations,
    }


def shortened(report: dict[str, Any]) -> str:
    """The report on one line: of the counts, only how much was done."""
    counts: dict[str, int] = report["counts"]
    kinds = {"questions": "questions", "acts": "act:", "faults": "fault:"}
    done = {
        name: sum(count for what, count in counts.items() if what.startswith(prefix))
        for name, prefix in kinds.items()
    }
    short = {**{name: report[name] for name in ("seed", "seconds", "maxima", "violations")}, **done}
    return json.dumps(short, ensure_ascii=False)


def _rooms(stage: Stage) -> list[Channel]:
    """Some channels of their own beside #general."""
    world, beside_it = stage.discord.world, stage.discord.channel("general")
    return [
        world.add_channel(Channel(world.ids.next(), beside_it.type, f"soak-{number}", beside_it.guild_id))
        for number in range(ROOMS)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
