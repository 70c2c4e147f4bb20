"""Rate-limit buckets with the answers that share them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping

from bot.discord_io.delivery.edit_pacing import Bucket
from bot.domain.discord_calls.priority import CallPriority

CHANNEL_WINDOW = 5.0
# Discord's own channel bucket, before its headers say otherwise (discord-api-docs issues 2761, 8073). Edits and
# new messages are counted apart, although their answers name the same bucket; deletions have one of their own.
CHANNEL_LIMIT = 5
DELETION_WINDOW = 1.0
KEPT_BUCKETS = 512


class SharedBucket:
    """One bucket, and the order of the answers that wait for it.

    The bucket of an interaction's token belongs to one answer alone. All answers of a channel share the channel's
    bucket (5 edits in 5 s in all). The most urgent edit goes first: a last state, then first words, then further
    text, and a position in the queue last, because a queue that moves must not delay the answers being written. Of
    equally urgent ones the answer whose unseen text has waited longest goes first, then the one that asked first.
    """

    def __init__(self, bucket: Bucket, *, apart: Mapping[str, Bucket] | None = None) -> None:
        """``bucket`` counts edits, and every call whose HTTP method has no bucket of its own in ``apart``."""
        self.bucket = bucket
        self._apart = dict(apart or {})
        self._waiting: dict[object, tuple[CallPriority, float]] = {}
        self._turns: dict[object, asyncio.Event] = {}
        self._covered: dict[object, None] = {}

    def counting(self, method: str) -> Bucket:
        """The bucket in which Discord counts calls of this HTTP method."""
        return self._apart.get(method, self.bucket)

    def covers(self, who: object, now: float) -> bool:
        """Whether this bucket can take ``who``'s last edit when its own bucket has no free slot then.

        It covers a quarter more answers than it has free slots, in the order in which they first asked; the others
        have to keep a slot back in their own bucket. An answer's own bucket is used up for a fifth of the time, so
        many answers hardly ever need this at once.
        """
        self._covered.setdefault(who)
        free = self.bucket.free(now)
        return any(one is who for one in itertools.islice(self._covered, free + free // 4))

    def uncover(self, who: object) -> None:
        """Stop covering ``who``'s last edit."""
        self._covered.pop(who, None)

    def wants(
        self, who: object, *, since: float, priority: CallPriority, turn: asyncio.Event | None = None
    ) -> None:
        """Let ``who``, which has unseen text since ``since`` (monotonic seconds), wait for a turn. A further call
        keeps the earlier time and the more urgent priority.

        ``turn`` is set when the others before it have left. Nobody else is woken then: of a hundred answers that
        wait in a channel, one goes.
        """
        before, oldest = self._waiting.get(who, (priority, since))
        self._waiting[who] = (min(before, priority), min(since, oldest))
        if turn is not None:
            self._turns[who] = turn

    def is_turn(self, who: object) -> bool:
        """Whether ``who`` waits and goes first."""
        return who in self._waiting and self._first() == who

    def leave(self, who: object) -> None:
        """Remove ``who`` (it had its turn, or wants none any more) and wake the next."""
        if self._waiting.pop(who, None) is None:
            return
        self._turns.pop(who, None)
        if self._waiting and (turn := self._turns.get(self._first())) is not None:
            turn.set()

    def _first(self) -> object:
        return min(self._waiting, key=self._waiting.__getitem__)


class ChannelBuckets:
    """One shared bucket for each channel: all messages written there use it.

    What an earlier process has used just before this one started cannot be known. A window that it opened is over
    :data:`CHANNEL_WINDOW` seconds after ``began``.
    """

    def __init__(self, began: float) -> None:
        """``began`` is when this process was the only one that writes (monotonic seconds)."""
        self._began = began
        self._channels: dict[int, SharedBucket] = {}

    def of(self, channel_id: int) -> SharedBucket:
        """The shared bucket of a channel."""
        shared_bucket = self._channels.pop(channel_id, None)
        if shared_bucket is None:
            shared_bucket = SharedBucket(
                Bucket(limit=CHANNEL_LIMIT, window=CHANNEL_WINDOW),
                apart={
                    "POST": Bucket(limit=CHANNEL_LIMIT, window=CHANNEL_WINDOW),
                    "DELETE": Bucket(limit=CHANNEL_LIMIT, window=DELETION_WINDOW),
                },
            )
        # The most recently used one is last; the oldest is dropped (its window ended long ago).
        self._channels[channel_id] = shared_bucket
        if len(self._channels) > KEPT_BUCKETS:
            del self._channels[next(iter(self._channels))]
        return shared_bucket

    def take_over(self, channel_id: int) -> None:
        """Edit messages that an earlier process wrote in this channel: until no window of its can be open any
        more, its edits are assumed to fill it. No-op later, and where this process edits already."""
        self.of(channel_id).bucket.assume_used(self._began + CHANNEL_WINDOW)
