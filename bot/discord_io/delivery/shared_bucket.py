"""A rate-limit bucket with the answers that share it."""

from __future__ import annotations

import asyncio
import itertools

from bot.discord_io.delivery.bucket import Bucket, FairTurns
from bot.domain.discord_calls.priority import CallPriority

CHANNEL_WINDOW = 5.0
# Discord's own channel bucket, before its headers say otherwise (discord-api-docs issues 2761, 8073).
CHANNEL_LIMIT = 5
KEPT_BUCKETS = 512


class SharedBucket:
    """One bucket and whose turn it is.

    An interaction's token is the lane of one answer alone; all answers of a channel share the channel's
    (5 edits in 5 s in all), where the one whose oldest unseen text is oldest goes first, and places in the line
    go last.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._turns: FairTurns[object] = FairTurns()
        self._moved = asyncio.Event()
        self._leaning: dict[object, None] = {}

    def covers(self, who: object, now: float) -> bool:
        """Whether a slot here is kept in mind for ``who``'s last edit, should its own lane be spent by then.

        A quarter more answers are covered than there are free slots, in the order in which they first asked; the
        others have to keep a slot back in their own lane. An answer's own lane is spent for a fifth of the time,
        so that many hardly ever end in need at once.
        """
        self._leaning.setdefault(who)
        self.bucket.next_final(now)  # closes a window that is over
        free = self.bucket.state.remaining
        covered = itertools.islice(self._leaning, free + free // 4)
        return any(one is who for one in covered)

    def uncover(self, who: object) -> None:
        """``who`` needs no cover any more."""
        self._leaning.pop(who, None)

    def wants(self, who: object, *, since: float, priority: CallPriority) -> None:
        """``who`` has something unseen since ``since`` (monotonic seconds)."""
        self._turns.wants(who, since=since, priority=priority)

    def is_turn(self, who: object) -> bool:
        """Whether ``who`` goes first."""
        return self._turns.is_turn(who)

    def leave(self, who: object) -> None:
        """``who`` had its turn, or wants none any more: the next may look."""
        self._turns.served(who)
        self._moved.set()
        self._moved = asyncio.Event()

    @property
    def moved(self) -> asyncio.Event:
        """Set when somebody leaves the lane; ask for it anew each time."""
        return self._moved


class ChannelBuckets:
    """One lane for each channel: whatever writes there shares it."""

    def __init__(self) -> None:
        self._channels: dict[int, SharedBucket] = {}

    def of(self, channel_id: int) -> SharedBucket:
        """The lane of a channel."""
        shared_bucket = self._channels.pop(channel_id, None)
        if shared_bucket is None:
            shared_bucket = SharedBucket(Bucket(limit=CHANNEL_LIMIT, window=CHANNEL_WINDOW))
        # Most recently used last; the oldest leaves (its window is long over).
        self._channels[channel_id] = shared_bucket
        if len(self._channels) > KEPT_BUCKETS:
            del self._channels[next(iter(self._channels))]
        return shared_bucket
