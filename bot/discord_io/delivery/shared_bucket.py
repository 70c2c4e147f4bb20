"""Rate-limit buckets with the answers that share them."""

from __future__ import annotations

import asyncio
import itertools
from typing import Generic, TypeVar

from bot.discord_io.delivery.edit_pacing import Bucket
from bot.domain.discord_calls.priority import CallPriority

CHANNEL_WINDOW = 5.0
# Discord's own channel bucket, before its headers say otherwise (discord-api-docs issues 2761, 8073).
CHANNEL_LIMIT = 5
KEPT_BUCKETS = 512

K = TypeVar("K")


class FairTurns(Generic[K]):
    """Turns among answers that share one bucket: the one whose unseen text has waited longest goes first.

    A final text goes before every streaming one, then an answer's first words, and a position in the queue last: a
    queue that moves must not delay the answers being written. Equal ages keep the order in which they asked.
    """

    def __init__(self) -> None:
        self._waiting: dict[K, tuple[CallPriority, float]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wants(self, key: K, *, since: float, priority: CallPriority = CallPriority.TEXT) -> None:
        """Let `key`, which has unseen text since `since`, wait for a turn. Calling it again keeps the earlier time
        and the more urgent priority."""
        before, oldest = self._waiting.get(key, (priority, since))
        self._waiting[key] = (min(before, priority), min(since, oldest))

    def served(self, key: K) -> None:
        """Remove `key`: it had its turn, or has nothing to show any more."""
        self._waiting.pop(key, None)

    def first(self) -> K | None:
        """The key whose turn it is; None if no key waits."""
        if not self._waiting:
            return None
        return min(self._waiting, key=self._waiting.__getitem__)

    def is_turn(self, key: K) -> bool:
        """True if `key` waits and goes first."""
        return key in self._waiting and self.first() == key


class SharedBucket:
    """One bucket, and the order of the answers that wait for it.

    The bucket of an interaction's token belongs to one answer alone. All answers of a channel share the channel's
    bucket (5 edits in 5 s in all): the answer whose unseen text has waited longest goes first, positions in the
    queue go last.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._turns: FairTurns[object] = FairTurns()
        self._moved = asyncio.Event()
        self._leaning: dict[object, None] = {}

    def covers(self, who: object, now: float) -> bool:
        """Whether this bucket can take ``who``'s last edit when its own bucket has no free slot then.

        It covers a quarter more answers than it has free slots, in the order in which they first asked; the others
        have to keep a slot back in their own bucket. An answer's own bucket is used up for a fifth of the time, so
        many answers hardly ever need this at once.
        """
        self._leaning.setdefault(who)
        self.bucket.next_final(now)  # closes a window that is over
        free = self.bucket.state.remaining
        covered = itertools.islice(self._leaning, free + free // 4)
        return any(one is who for one in covered)

    def uncover(self, who: object) -> None:
        """Stop covering ``who``'s last edit."""
        self._leaning.pop(who, None)

    def wants(self, who: object, *, since: float, priority: CallPriority) -> None:
        """Let ``who``, which has unseen text since ``since`` (monotonic seconds), wait for a turn."""
        self._turns.wants(who, since=since, priority=priority)

    def is_turn(self, who: object) -> bool:
        """Whether ``who`` goes first."""
        return self._turns.is_turn(who)

    def leave(self, who: object) -> None:
        """Remove ``who`` (it had its turn, or wants none any more) and wake the others."""
        self._turns.served(who)
        self._moved.set()
        self._moved = asyncio.Event()

    @property
    def moved(self) -> asyncio.Event:
        """An event that is set when somebody leaves; read the property again each time."""
        return self._moved


class ChannelBuckets:
    """One shared bucket for each channel: all messages written there use it."""

    def __init__(self) -> None:
        self._channels: dict[int, SharedBucket] = {}

    def of(self, channel_id: int) -> SharedBucket:
        """The shared bucket of a channel."""
        shared_bucket = self._channels.pop(channel_id, None)
        if shared_bucket is None:
            shared_bucket = SharedBucket(Bucket(limit=CHANNEL_LIMIT, window=CHANNEL_WINDOW))
        # The most recently used one is last; the oldest is dropped (its window ended long ago).
        self._channels[channel_id] = shared_bucket
        if len(self._channels) > KEPT_BUCKETS:
            del self._channels[next(iter(self._channels))]
        return shared_bucket
