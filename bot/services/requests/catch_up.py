"""Catching up: since when the bot was away, and where questions may have been asked meanwhile.

While a shard is connected, and everything that was missed before has been read, a mark moves along with the time
(:class:`bot.domain.queue.missed.Mark`). It stands still while the bot is away, and until all that was written
meanwhile has been read and taken: a crash in the middle begins again at the same place, and finds by the messages'
ids, and by the bot's replies, what is done already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from bot.clock import Clock
from bot.domain.queue.missed import OVERLAP, HeardPlace, Mark, MissedStore, PlaceSource, first_id, heard_until
from bot.errors import StorageError

log = structlog.get_logger(__name__)

NOTED_EVERY = 30.0
"""Seconds between two marks: one small commit for all shards. After a crash so much more is read again."""

MOST_PLACES = 500
"""Channels read after one absence: at ten reads a second not a minute's work."""

HOUR, DAY = 3600.0, 86_400.0


class CatchUp:
    """Knows since when each shard was away, and notes what has been heard."""

    def __init__(
        self,
        store: MissedStore,
        clock: Clock,
        sessions: Callable[[], Mapping[int, int]],
        *,
        hours: float,
        days: int,
        sources: Sequence[PlaceSource] = (),
    ) -> None:
        """``sessions`` tells the connected shards of this process, each with the number of its session with
        Discord. ``hours``: how old a question may be; 0: nothing is caught up with. ``days``: how long ago a
        channel may have been used last. ``sources`` know further channels that are to be read, for example those
        where every message is a question."""
        self._store = store
        self._clock = clock
        self._sessions = sessions
        self._hours = hours
        self._days = days
        self._sources = (store, *sources)
        self._caught_up: dict[int, int] = {}
        self._count = 1

    @property
    def is_on(self) -> bool:
        """Whether anything is caught up with."""
        return self._hours > 0

    def due(self) -> Mapping[int, int]:
        """The connected shards that missed something before their session began, with the session's number."""
        sessions = self._sessions()
        return {shard: number for shard, number in sessions.items() if self._caught_up.get(shard) != number}

    async def gaps(self, shard_ids: Collection[int], count: int) -> Mapping[int, int]:
        """For each of these shards, of ``count``, the id from which messages are to be read; without those of
        which nothing is known, because the bot was never connected before. Raises :class:`StorageError`."""
        marks = await self._store.marks()
        oldest = self._clock.now() - self._hours * HOUR
        known = {shard_id: heard_until(marks, shard_id, count) for shard_id in shard_ids}
        return {
            shard_id: first_id(max(oldest, until - OVERLAP))
            for shard_id, until in known.items()
            if until is not None
        }

    async def places(self) -> Sequence[HeardPlace]:
        """The channels that are to be read, those used last first. Raises :class:`StorageError`."""
        since = self._clock.now() - self._days * DAY
        found: dict[HeardPlace, None] = {}
        for source in self._sources:
            found |= dict.fromkeys(await source.heard_places(since=since, most=MOST_PLACES))
        if len(found) >= MOST_PLACES:
            log.warning("catch_up.many_channels", read=MOST_PLACES, remedy="a lower CATCH_UP_DAYS")
        return list(found)[:MOST_PLACES]

    async def wait(self, seconds: float) -> None:
        """Wait until something is tried again."""
        await self._clock.sleep(seconds)

    async def is_open(self, message_id: int, *, author_id: int, channel_id: int) -> bool:
        """As :meth:`MissedStore.is_open`."""
        return await self._store.is_open(message_id, author_id=author_id, channel_id=channel_id)

    async def done(self, sessions: Mapping[int, int], count: int) -> None:
        """Note that everything was taken that was missed before these sessions began. Raises
        :class:`StorageError`."""
        self._count = count
        self._caught_up.update(sessions)
        await self._note()

    async def run(self) -> None:
        """Let the marks of connected shards move along with the time, until cancelled."""
        while self.is_on:
            await self._clock.sleep(NOTED_EVERY)
            try:
                await self._note()
            except StorageError as error:
                # The next one in half a minute says the same.
                log.warning("catch_up.not_noted", detail=str(error))

    async def _note(self) -> None:
        now = self._clock.now()
        connected = self._sessions()
        await self._store.note(
            [
                Mark(shard_id, self._count, now)
                for shard_id, number in connected.items()
                if self._caught_up.get(shard_id) == number
            ]
        )
