"""What goes wrong during a soak: the scheduler, Discord, the disk, and the bot's process."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager

from sandbox.discord_api.faults import Answer
from sandbox.parallax.script import Fault, FaultKind
from tests.soak.world import World, pause

READY_WITHIN = 60.0
"""Seconds for a start, on a machine that does other things too."""
PRESSES_EVERY = 0.1
"""Seconds between presses while the bot ends."""
ANSWER_FAULTS = (
    FaultKind.HTTP_429,
    FaultKind.HTTP_503,
    FaultKind.HTTP_502,
    FaultKind.HTTP_500,
    FaultKind.CLOSE,
    FaultKind.SSE_ERROR,
    FaultKind.SPLIT_UTF8,
    FaultKind.STALL,
    FaultKind.RESET,
    FaultKind.EOF,
    FaultKind.NO_DONE,
    FaultKind.GARBAGE,
)
REST_FAULTS: tuple[tuple[str, str, Answer], ...] = (
    ("PATCH", "*", 500),
    ("PATCH", "*", 503),
    ("PATCH", "*", "reset"),
    ("POST", "/channels/*/messages", 502),
    ("POST", "/interactions/*/callback", 503),
    ("DELETE", "*", 500),
    ("PATCH", "*/messages/*", 429),
)


class Faults:
    """Causes one fault at a time and takes it back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._faults: dict[Callable[[], Awaitable[None]], int] = {
            self.broken_answers: 6,
            self.front_down: 2,
            self.stage_waiting: 2,
            self.others_take_the_slots: 2,
            self.scheduler_frozen: 2,
            self.scheduler_unreachable: 2,
            self.scheduler_restarted: 1,
            self.streams_broken: 2,
            self.discord_fails: 4,
            self.discord_outage: 2,
            self.discord_slow: 2,
            self.gateway_lost: 3,
            self.tokens_expired: 1,
            self.clock_jumps: 1,
            self.database_locked: 3,
            self.killed: 2,
            self.terminated: 2,
            self.stopped: 1,
        }

    async def one(self) -> None:
        """One fault, drawn by weight."""
        (fault,) = self._world.rng.choices(list(self._faults), list(self._faults.values()))
        with self._world.trouble(getattr(fault, "__name__", "fault")):
            await fault()

    def _some(self, low: float, high: float) -> float:
        return self._world.rng.uniform(low, high)

    # -- the scheduler -------------------------------------------------------------------------------------

    async def broken_answers(self) -> None:
        """The next answers break off, or are refused, each in its own way."""
        for kind in self._world.rng.sample(ANSWER_FAULTS, 2):
            fault = Fault(kind, self._world.rng.randint(0, 3))
            self._world.stage.parallax.script(["Half ", "an ", "answer"], fault=fault)
        await pause(self._some(1, 3))

    async def front_down(self) -> None:
        """A node's front reloads: available all the while, every chat on it fails."""
        parallax = self._world.stage.parallax
        name = self._world.rng.choice(self._working())
        seconds = self._some(2, 5)
        parallax.crash_front(name)
        await pause(seconds)
        if name in parallax.nodes:
            parallax.mend_front(name)

    async def stage_waiting(self) -> None:
        """A node loads again."""
        parallax = self._world.stage.parallax
        name = self._world.rng.choice(self._working())
        parallax.set_ready(name, ready=False)
        await pause(self._some(2, 5))
        if name in parallax.nodes and parallax.nodes[name].listed:
            parallax.set_ready(name, ready=True)

    async def others_take_the_slots(self) -> None:
        """Another client holds all slots: headers come late."""
        self._world.stage.parallax.busy(self._world.stage.parallax.capacity)
        await pause(self._some(2, 5))
        self._world.stage.parallax.busy(0)

    async def scheduler_frozen(self) -> None:
        """Connections are accepted, nothing is answered."""
        self._world.stage.parallax.freeze()
        await pause(self._some(2, 8))
        self._world.stage.parallax.unfreeze()

    async def scheduler_unreachable(self) -> None:
        """Nobody listens on the scheduler's port."""
        await self._world.stage.parallax.unreachable()
        await pause(self._some(1, 5))
        await self._world.stage.parallax.reachable()

    async def scheduler_restarted(self) -> None:
        """A new scheduler process, which somebody initialises at once; its workers join again."""
        await self._world.stage.parallax.restart(ready=False)
        await pause(self._some(3, 5))

    async def streams_broken(self) -> None:
        """Every connection to the scheduler is reset."""
        self._world.stage.parallax.break_streams()
        await pause(0.2)

    def _working(self) -> list[str]:
        """The nodes that are listed; an empty list makes ``choice`` raise IndexError: nothing to break."""
        return [node.name for node in self._world.stage.parallax.nodes.values() if node.alive and node.listed]

    # -- Discord -------------------------------------------------------------------------------------------

    async def discord_fails(self) -> None:
        """Some requests of one kind fail."""
        method, path, answer = self._world.rng.choice(REST_FAULTS)
        times = self._world.rng.randint(1, 4)
        self._world.stage.discord.faults.next(method, path, answer, times=times)
        await pause(self._some(1, 3))
        self._world.stage.discord.faults.clear()

    async def discord_outage(self) -> None:
        """Every REST request fails."""
        seconds = self._some(1, 4)
        self._world.stage.discord.faults.outage(seconds, self._world.rng.choice(("503", "reset")))
        await pause(seconds)

    async def discord_slow(self) -> None:
        """A round trip takes most of a second."""
        discord = self._world.stage.discord
        before, discord.latency = discord.latency, self._some(0.3, 0.8)
        await pause(self._some(2, 5))
        discord.latency = before

    async def gateway_lost(self) -> None:
        """The connection breaks, the session is invalid, or Discord asks to reconnect."""
        gateway = self._world.stage.discord.gateway
        how = self._world.rng.choice(("drop", "forget", "reconnect"))
        if how == "reconnect":
            gateway.ask_to_reconnect()
        else:
            await gateway.drop(forget=how == "forget")
        await self._world.stage.discord.bot_online(READY_WITHIN)

    async def tokens_expired(self) -> None:
        """All interaction tokens are spent, as after 15 minutes."""
        self._world.stage.discord.expire_tokens()
        await pause(0.2)

    async def clock_jumps(self) -> None:
        """Discord's clock is ahead of the bot's by some more seconds."""
        self._world.stage.discord.clock.advance(self._some(1, 20))
        await pause(0.2)

    # -- the machine ---------------------------------------------------------------------------------------

    async def database_locked(self) -> None:
        """Another program holds the database's lock for writing."""
        with locked(self._world):
            await pause(self._some(1, 6))

    async def killed(self) -> None:
        """``kill -9``, and a start."""
        await self._world.stage.bot.kill()
        await self._start_again()

    async def terminated(self) -> None:
        """SIGTERM while people press buttons until the process is gone, which must be with 0, and a start."""
        ending = asyncio.create_task(self._world.stage.bot.terminate())
        while not ending.done():
            await self._rate()
            await pause(PRESSES_EVERY)
        status = await ending
        if status != 0:
            self._world.violated(f"SIGTERM ended with {status}")
        await self._start_again()

    async def _rate(self) -> None:
        """Somebody presses 👍 under the newest answer of each room."""
        for room in self._world.rooms:
            rated = [message for message in self._world.shown(room) if "👍" in message.buttons]
            for message in rated[-1:]:
                # Whether it is answered is chance: the bot may be gone before it comes.
                await self._world.people[0].click(message, "👍")
                self._world.counts["presses at the end"] += 1

    async def stopped(self) -> None:
        """The process stands still for a while, as on a machine that swaps."""
        self._world.stage.bot.freeze()
        await pause(self._some(0.5, 2.5))
        self._world.stage.bot.thaw()

    async def _start_again(self) -> None:
        stage = self._world.stage
        await stage.discord.wait_until(lambda: not stage.discord.gateway.online, READY_WITHIN)
        await stage.bot.start()
        await stage.discord.bot_ready(READY_WITHIN)


@contextmanager
def locked(world: World) -> Iterator[None]:
    """Hold the write lock of the bot's database."""
    with closing(sqlite3.connect(world.database, timeout=0.3, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            world.counts["not done:database_locked"] += 1
        yield


async def trouble(world: World, faults: Faults, *, until: float) -> None:
    """One fault after another with quiet seconds between, until ``until``."""
    while time.monotonic() < until:
        await pause(world.rng.uniform(2.0, 6.0))
        if "switch" not in world.running:
            try:
                await faults.one()
            except LookupError:
                world.counts["not done:fault"] += 1
            except AssertionError as error:
                world.violated(f"the bot did not recover: {str(error).splitlines()[0]}")
