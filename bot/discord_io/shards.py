"""This process's shards: each is connected, and connected again, by a task of its own.

discord.py has one loop for all shards, which handles one lost connection after the other, the pauses between
attempts included; it starts sessions 5 s apart whatever ``max_concurrency`` is, and gives up a session when the
first attempt to resume it fails (``discord/shard.py``). The websocket, the protocol and everything above it stay
the library's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.shard import EventItem, Shard

from bot.clock import Clock
from bot.domain.discord_calls.session_starts import (
    LONGEST_RESET,
    MOST_SHARDS,
    IdentifyTurns,
    SessionStartLimit,
    SessionStarts,
    pause_after,
)
from bot.domain.discord_calls.shard_plan import ShardPlan
from bot.domain.discord_calls.sharing import ShardHolds
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

OPEN_WITHIN = 30.0
"""Seconds for a connection, its greeting and the request for a session."""
RESUMES = 5
"""Attempts to resume a session until a new one is started."""
FRESH = 60.0
"""Seconds for which what Discord told of the limit of sessions counts."""
LOOK_AGAIN = 600.0
"""Seconds until Discord is asked again whether there are sessions left."""

_LOST = (OSError, TimeoutError, aiohttp.ClientError, discord.HTTPException, discord.GatewayNotFound)


@dataclass(frozen=True, slots=True)
class Sharding:
    """How a process shares the bot's servers with others: SHARD_COUNT (0: as Discord recommends), SHARD_IDS
    (empty: all), the turns to start sessions that all of them take, and which of the shards this one is to keep
    connected (None: all of its own)."""

    count: int
    ids: tuple[int, ...]
    turns: IdentifyTurns
    clock: Clock
    metrics: Metrics
    holds: ShardHolds | None = None


class Shards:
    """Keeps the shards of one process connected."""

    def __init__(self, client: discord.AutoShardedClient, sharding: Sharding) -> None:
        self._client = client
        self._sharding = sharding
        self._clock = sharding.clock
        self._connected: set[int] = set()
        self._sessions: dict[int, int] = {}
        self._standing_by: set[int] = set()
        self._telling: set[asyncio.Task[None]] = set()
        self._plan: ShardPlan | None = None
        self._starts = SessionStarts(SessionStartLimit(0, 0.0), self._clock.monotonic())
        self._address = yarl.URL()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def connected(self) -> tuple[int, ...]:
        """The shards that have a session and a connection at this moment, in ascending order."""
        return tuple(sorted(self._connected))

    @property
    def sessions(self) -> Mapping[int, int]:
        """The connected shards, each with the number of its session: a session that is resumed keeps its number,
        and of a new one nothing is heard that was told before."""
        return {shard_id: self._sessions[shard_id] for shard_id in self._connected}

    @property
    def are_all_connected(self) -> bool:
        """Whether every shard of this process is connected, here or by another process that has it too."""
        return self._plan is not None and set(self._plan.ids) <= self._connected | self._standing_by

    async def run(self) -> None:
        """Connect all shards and keep them connected until :meth:`stop`.

        Raises :class:`discord.ConnectionClosed` when Discord closes a connection for good, and, before the first
        one, whatever keeps Discord from being asked for the gateway's address.
        """
        plan = await self._planned()
        tasks = [asyncio.create_task(self._keep(shard_id), name=f"shard {shard_id}") for shard_id in plan.ids]
        stopping = asyncio.create_task(self._stopping.wait(), name="shards stop")
        try:
            done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending = (*tasks, stopping, *self._telling)
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            self._ended.set()
        if not self._stopping.is_set():
            for task in done:
                task.result()

    def stop(self) -> None:
        """Let :meth:`run` return; the connections are closed by the library."""
        self._stopping.set()

    async def leave(self) -> None:
        """Close the connections of :meth:`run`, for good: other processes hear what Discord tells."""
        self.stop()
        await self._ended.wait()
        for shard_id in self._connected:
            self._sharding.metrics.shard_connected.labels(shard_id).set(0)
        self._connected.clear()
        await asyncio.gather(*(self._abandon(shard.ws, code=1000) for shard in self._registered.values()))
        log.info("discord.shards_left")

    def begun(self, shard_id: int, *, resumed: bool) -> None:
        """Note that a shard has a session: a new one, or the one before."""
        self._connected.add(shard_id)
        self._sessions[shard_id] = self._sessions.get(shard_id, 0) + (not resumed)
        metrics = self._sharding.metrics
        metrics.shard_connected.labels(shard_id).set(1)
        metrics.shard_sessions.labels(shard_id, "resumed" if resumed else "new").inc()
        log.info("discord.shard_connected", shard=shard_id, resumed=resumed)

    def completed(self, shard_id: int) -> None:
        """Note that this process hears everything of a shard that has begun."""
        if self._sharding.holds is not None and self._plan is not None:
            telling = asyncio.create_task(self._sharding.holds.connected(shard_id, self._plan.count))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    # -- the plan ------------------------------------------------------------------------------------------

    async def _planned(self) -> ShardPlan:
        recommended, limit = await self._read_gateway()
        self._starts.renew(limit, self._clock.monotonic())
        plan = ShardPlan.of(self._sharding.count, self._sharding.ids, recommended)
        if plan.count < recommended:
            log.warning(
                "discord.few_shards", shards=plan.count, recommended=recommended, remedy="SHARD_COUNT, or empty"
            )
        client = self._client
        client.shard_count, client.shard_ids = plan.count, list(plan.ids)
        # As the library's launch_shards does.
        state = client._connection  # noqa: SLF001  # the library offers no other way
        state.shard_count, state.shard_ids = plan.count, list(plan.ids)
        for shard_id in plan.ids:
            self._sharding.metrics.shard_connected.labels(shard_id).set(0)
        self._plan = plan
        return plan

    async def _read_gateway(self) -> tuple[int, SessionStartLimit]:
        """Ask for the gateway's address; returns the recommended number of shards and the limit of sessions."""
        shards, address, told = await self._client.http.get_bot_gateway()
        self._address = yarl.URL(address)
        return recommended_in({"shards": shards}), limit_in(told)

    # -- one shard -----------------------------------------------------------------------------------------

    async def _keep(self, shard_id: int) -> None:
        """Keep one shard connected until this is cancelled. Raises :class:`discord.ConnectionClosed`."""
        resumable: DiscordWebSocket | None = None
        failures = 0
        while True:
            opened: DiscordWebSocket | None = None
            reason, resumes = "", True
            await self._stand_by(shard_id)
            try:
                opened = await (self._resume(resumable) if resumable is not None else self._identify(shard_id))
                self._register(shard_id, opened)
                while True:
                    await opened.poll_event()
            except ReconnectWebSocket as error:
                reason, resumes = error.op, error.resume
            except _LOST as error:
                reason = type(error).__name__
            failures = 0 if shard_id in self._connected else failures + 1
            if opened is not None:
                await self._abandon(opened)
                resumable = opened if resumes and opened.session_id is not None else None
            elif failures >= RESUMES:
                resumable = None
            self._lost(shard_id, reason, failures, resumes=resumable is not None)
            await self._clock.sleep(pause_after(failures, random.random(), refused=opened is not None))

    async def _stand_by(self, shard_id: int) -> None:
        """Wait while another process is to keep the shard connected."""
        if self._sharding.holds is not None and self._plan is not None:
            self._standing_by.add(shard_id)
            try:
                await self._sharding.holds.take(shard_id, self._plan.count)
            finally:
                self._standing_by.discard(shard_id)

    def _register(self, shard_id: int, opened: DiscordWebSocket) -> None:
        """Put a connection where the library looks for it: to set the presence and to close it."""
        shards = self._registered
        if shard_id in shards:
            shards[shard_id].ws = opened
            return
        shard = shards[shard_id] = Shard(opened, self._client, _ignore)
        self._sharding.metrics.shard_latency.labels(shard_id).set_function(lambda: shard.ws.latency)

    @property
    def _registered(self) -> dict[int, Shard]:
        """The library's own table of connections."""
        shards: dict[int, Shard] = self._client._AutoShardedClient__shards  # type: ignore[attr-defined]  # noqa: SLF001
        return shards

    def _lost(self, shard_id: int, reason: str, failures: int, *, resumes: bool) -> None:
        self._connected.discard(shard_id)
        self._sharding.metrics.shard_connected.labels(shard_id).set(0)
        emit = log.warning if failures > 1 else log.info
        emit("discord.shard_lost", shard=shard_id, reason=reason, resumes=resumes, failures=failures)
        self._client.dispatch("shard_disconnect", shard_id)

    @staticmethod
    async def _abandon(opened: DiscordWebSocket, code: int = 4000) -> None:
        """Close what is left of a connection, and end its heartbeats. The session can be resumed, but not after
        ``code`` 1000 (docs, events/gateway, "Initiating a Disconnect")."""
        try:
            async with asyncio.timeout(1.0):
                await opened.close(code=code)
        except _LOST:
            return

    async def _resume(self, before: DiscordWebSocket) -> DiscordWebSocket:
        return await self._open(
            before.shard_id,
            gateway=before.gateway,
            resume=True,
            session=before.session_id,
            sequence=before.sequence,
        )

    async def _identify(self, shard_id: int) -> DiscordWebSocket:
        await self._take_start(shard_id)
        async with self._sharding.turns.turn(self._starts.limit.bucket(shard_id)):
            try:
                return await self._open(shard_id, gateway=self._address)
            except (ReconnectWebSocket, *_LOST):
                # The request for a session is the last step.
                self._starts.give_back()
                raise

    async def _open(self, shard_id: int | None, **how: object) -> DiscordWebSocket:
        opening: Mapping[str, object] = {"shard_id": shard_id, **how}
        async with asyncio.timeout(OPEN_WITHIN):
            return await DiscordWebSocket.from_client(self._client, **opening)  # type: ignore[arg-type]  # as the library calls it

    async def _take_start(self, shard_id: int) -> None:
        """Take one of today's session starts; waits when there is none."""
        if self._clock.monotonic() - self._starts.read_at > FRESH:
            await self._look_again()
        while (wait := self._starts.take(self._clock.monotonic())) > 0:
            log.error(
                "discord.no_sessions_left",
                shard=shard_id,
                seconds=round(wait),
                remedy="wait, and find out what starts the bot so often: one more would reset its token",
            )
            await self._clock.sleep(min(wait, LOOK_AGAIN))
            await self._look_again()

    async def _look_again(self) -> None:
        """Ask Discord for the limit of sessions; what is known stays when it does not answer."""
        try:
            _, limit = await self._read_gateway()
        except _LOST as error:
            log.info("discord.limit_not_read", error=type(error).__name__)
            return
        self._starts.renew(limit, self._clock.monotonic())


def recommended_in(told: Mapping[str, object]) -> int:
    """The number of shards that ``GET /gateway/bot`` recommends, at least 1."""
    return max(1, _number(told, "shards", most=MOST_SHARDS, untold=1))


def limit_in(told: Mapping[str, object]) -> SessionStartLimit:
    """The limit in a ``session_start_limit`` of ``GET /gateway/bot``; what is not told is taken for the usual."""
    return SessionStartLimit(
        remaining=_number(told, "remaining", most=1_000_000, untold=1_000),
        resets_after=_number(told, "reset_after", most=round(LONGEST_RESET * 1000), untold=0) / 1000,
        max_concurrency=max(1, _number(told, "max_concurrency", most=MOST_SHARDS, untold=1)),
    )


def _number(told: Mapping[str, object], key: str, *, most: int, untold: int) -> int:
    """A number that Discord told, from 0 to ``most``; ``untold`` for anything else."""
    value = told.get(key)
    return min(value, most) if isinstance(value, int) and value >= 0 else untold


def _ignore(_: EventItem) -> None:
    """Take no event from the library's own loop of a shard, which does not run."""
