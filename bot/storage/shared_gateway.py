"""How processes on one PostgreSQL server share a bot's gateway, by advisory locks: the ports of
:mod:`bot.domain.discord_calls.sharing`, and the turns to start sessions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.clock import Clock
from bot.domain.discord_calls.session_starts import IDENTIFY_EVERY
from bot.errors import StorageError
from bot.storage.advisory_locks import GIVE_UP_EACH, HELD, TAKE_EACH, Kind, key
from bot.storage.server_session import ServerSession
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

HEARD_WITHIN = 10.0
"""Seconds for which it is known who answers. Discord tells all sessions within a moment, and takes a first answer
for three seconds."""

TRY_EVERY = 0.25
"""Seconds between two attempts to take what another process has."""

TAKEN_BACK_WITHIN = 3.0
"""Seconds after this process's session was opened anew in which others take back what they had: the server may
have been started again, and who stands by must not be faster than who is connected."""

WANTED_WITHIN = 1.0
"""Seconds for which a shard that is given up may be wanted by nobody: who stands by may have lost its session a
moment ago, or begin in this moment."""

NUMBER_MOST = 2**63 - 1


class SharedHearing:
    """:class:`Hearing`: whoever takes the lock with the number answers. All that are asked for in one moment are
    one statement."""

    def __init__(self, session: ServerSession, clock: Clock, background: Background) -> None:
        self._session = session
        self._clock = clock
        self._background = background
        self._asked: dict[int, asyncio.Future[bool]] = {}
        self._taken: deque[tuple[float, int]] = deque()

    async def is_ours(self, number: int) -> bool:
        """Whether this process answers what has this id."""
        if number not in self._asked:
            self._asked[number] = asyncio.get_running_loop().create_future()
            if len(self._asked) == 1:
                self._background.spawn(self._ask(), name="hearing")
        return await asyncio.shield(self._asked[number])

    async def _ask(self) -> None:
        # Those of the same turn of the event loop go together.
        await self._clock.sleep(0.0)
        asked, self._asked = self._asked, {}
        taken: dict[int, bool] = {}
        try:
            rows = await self._session.rows(TAKE_EACH, numbers=[one for one in asked if 0 < one <= NUMBER_MOST])
            taken = {row.number: row.taken for row in rows}
        except StorageError as error:
            log.warning("hearing.unknown", count=len(asked), detail=str(error))
        finally:
            for number, told in asked.items():
                if not told.done():
                    told.set_result(taken.get(number, True))
        until = self._clock.monotonic() + HEARD_WITHIN
        self._taken.extend((until, number) for number, is_ours in taken.items() if is_ours)
        await self._forget()

    async def _forget(self) -> None:
        """Give up old locks: the server keeps all in memory."""
        now, old = self._clock.monotonic(), list[int]()
        while self._taken and self._taken[0][0] < now:
            old.append(self._taken.popleft()[1])
        if old:
            try:
                await self._session.rows(GIVE_UP_EACH, numbers=old)
            except StorageError:
                return  # they are gone with the session


class SharedShards:
    """:class:`ShardHolds`: a lock for each shard, another one while it is connected, and one of all that stand
    by."""

    def __init__(self, session: ServerSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._ours: dict[int, int] = {}
        self._handed_over = False

    async def take(self, shard_id: int, count: int) -> None:
        """Wait until no other process is to connect the shard."""
        number, said = key(shard_id, count), False
        while not self._handed_over:
            try:
                may_take = shard_id in self._ours or not self._may_be_taken_back
                if may_take and await self._session.take(Kind.SHARD, number):
                    break
                await self._session.take(Kind.WANTED, number)
                if not said:
                    log.info("discord.shard_stands_by", shard=shard_id)
                said = True
            except StorageError as error:
                # Without the server nobody answers anything: it can wait.
                log.debug("discord.shard_not_taken", shard=shard_id, detail=str(error))
            await self._clock.sleep(TRY_EVERY)
        await self._given_up(Kind.WANTED, {number})
        if self._handed_over and shard_id not in self._ours:
            # This process ends. It may have got the lock in the same moment.
            await self._given_up(Kind.SHARD, {number})
            await asyncio.Event().wait()
        self._ours[shard_id] = count
        if said:
            log.info("discord.shard_taken_over", shard=shard_id)

    async def connected(self, shard_id: int, count: int) -> None:
        """Take the lock that tells it; another process that has it ends in this moment."""
        while not self._handed_over:
            try:
                if await self._session.take(Kind.CONNECTED, key(shard_id, count)):
                    return
            except StorageError as error:
                log.debug("discord.shard_not_told", shard=shard_id, detail=str(error))
            await self._clock.sleep(TRY_EVERY)

    async def hand_over(self, patience: float) -> bool:
        """Give up the locks, and wait until others have connected these shards."""
        self._handed_over = True
        keys, elsewhere = self._keys, set[int]()
        progress = self._clock.monotonic()
        unwanted_since: float | None = None
        while keys and (self._clock.monotonic() - progress < patience):
            await self._given_up(Kind.CONNECTED, keys)
            await self._given_up(Kind.SHARD, keys)
            try:
                connected = await self._others(Kind.CONNECTED, keys)
                if connected == keys:
                    log.info("discord.shards_handed_over", shards=sorted(self._ours))
                    return True
                is_wanted = await self._others(Kind.SHARD, keys) | await self._others(Kind.WANTED, keys)
            except StorageError as error:
                # Nor do the others reach it: they take what they wanted when they do.
                log.debug("discord.shards_not_seen", detail=str(error))
                unwanted_since = None
            else:
                # From here, because a busy server answers late.
                now = self._clock.monotonic()
                if not connected <= elsewhere:
                    progress, elsewhere = now, elsewhere | connected
                unwanted_since = None if is_wanted else unwanted_since or now
                if unwanted_since is not None and now - unwanted_since >= WANTED_WITHIN:
                    break
            await self._clock.sleep(TRY_EVERY)
        return False

    async def is_handed_over(self) -> bool:
        """Whether other processes have the locks of what is connected."""
        try:
            return await self._others(Kind.CONNECTED, self._keys) == self._keys
        except StorageError as error:
            log.debug("discord.shards_not_seen", detail=str(error))
            return False

    @property
    def _may_be_taken_back(self) -> bool:
        return self._clock.monotonic() - self._session.reopened_at < TAKEN_BACK_WITHIN

    @property
    def _keys(self) -> set[int]:
        """The locks of the shards that this process connects."""
        return {key(shard_id, count) for shard_id, count in self._ours.items()}

    async def _given_up(self, kind: Kind, keys: set[int]) -> None:
        """Give up locks, of which some may not be held. What the server does not answer is gone with the
        session."""
        for number in keys:
            try:
                await self._session.give_up(kind, number)
            except StorageError as error:
                log.debug("discord.shard_lock_lost", detail=str(error))

    async def _others(self, kind: Kind, keys: set[int]) -> set[int]:
        """Which of these locks other processes have. Raises :class:`StorageError`."""
        held = await self._session.rows(HELD, kind=int(kind))
        return keys & {row.key for row in held if not row.is_mine}


class SharedIdentifyTurns:
    """:class:`bot.domain.discord_calls.session_starts.IdentifyTurns` of all processes: a lock for each bucket,
    which is kept until the session is old enough. A process that is killed leaves it too early; Discord then
    refuses the next session, and the attempt after that is in time."""

    def __init__(self, session: ServerSession, clock: Clock, background: Background) -> None:
        self._session = session
        self._clock = clock
        self._background = background
        self._own: dict[int, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, bucket: int) -> AsyncIterator[None]:
        """Wait for the turn, and hold it meanwhile."""
        own = self._own.setdefault(bucket, asyncio.Lock())
        await own.acquire()
        try:
            await self._taken(key(bucket))
            yield
        finally:
            # Others have to wait until it is old enough, and so has this process.
            self._background.follow(self._given_up(bucket, own), name=f"identify-{bucket}")

    async def _taken(self, number: int) -> None:
        while True:
            try:
                if await self._session.take(Kind.IDENTIFY, number):
                    return
            except StorageError as error:
                log.debug("discord.turn_not_taken", detail=str(error))
            await self._clock.sleep(TRY_EVERY)

    async def _given_up(self, bucket: int, own: asyncio.Lock) -> None:
        try:
            await self._clock.sleep(IDENTIFY_EVERY)
            await self._session.give_up(Kind.IDENTIFY, key(bucket))
        except StorageError as error:
            log.debug("discord.turn_lost", detail=str(error))  # it is free with the session
        finally:
            own.release()
