"""What was written while the bot was not connected: since when, and which of it becomes a question.

Pure: whoever calls tells what was read and what is stored. The times of messages are those of their ids (docs,
reference, "Snowflakes"), so all of them come from one clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

EPOCH = 1_420_070_400.0
"""Epoch seconds of the first possible id of a message."""

OVERLAP = 120.0
"""Seconds before the last moment at which the bot is known to have heard everything, from which it reads again: a
connection that is dead is noticed by its missing heartbeats, after up to a minute, and machines' clocks differ."""


def sent_at(message_id: int) -> float:
    """When a message was sent, in epoch seconds."""
    return EPOCH + (message_id >> 22) / 1000


def first_id(at: float) -> int:
    """The smallest id that a message sent at this moment (epoch seconds) can have."""
    return max(0, int((at - EPOCH) * 1000)) << 22


@dataclass(frozen=True, slots=True)
class Mark:
    """That everything was heard on a shard, of ``count``, before ``until`` (epoch seconds)."""

    shard_id: int
    count: int
    until: float


def heard_until(marks: Collection[Mark], shard_id: int, count: int) -> float | None:
    """Until when everything was heard of the servers that are on this shard of ``count`` now; None when nothing is
    known. Under another number of shards a server was on any of them, so what all of those had heard counts."""
    of_counts: dict[int, list[Mark]] = defaultdict(list)
    for mark in marks:
        of_counts[mark.count].append(mark)
    known = [mark.until for mark in of_counts.pop(count, []) if mark.shard_id == shard_id]
    known += [
        min(mark.until for mark in group)
        for each, group in of_counts.items()
        if {mark.shard_id for mark in group} == set(range(each))
    ]
    return max(known, default=None)


@dataclass(frozen=True, slots=True)
class HeardPlace:
    """A channel or thread in which the bot has a part; ``guild_id`` None: direct messages."""

    channel_id: int
    guild_id: int | None

    def shard(self, count: int) -> int:
        """The shard, of ``count``, that tells of it (docs, events/gateway, "Sharding")."""
        return 0 if self.guild_id is None else (self.guild_id >> 22) % count


@dataclass(frozen=True, slots=True)
class Post:
    """A message as it is read now: ``is_question`` when it asks the bot, ``has_reply`` when a message of the bot's
    replies to it: an answer, or why there is none. ``words`` are its text and the names of its files."""

    message_id: int
    author_id: int
    words: str
    is_question: bool
    has_reply: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The messages of one channel to take as questions, oldest first, and the unanswered older ones that are left
    out and of which people have not been told yet."""

    taken: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()


def choose(posts: Collection[Post], *, most: int) -> Choice:
    """Choose what to take of everything that was read of a channel.

    The newest ``most`` questions (at least 1) count, those included that were answered: so the choice stays the
    same when a crash interrupts it and a part is answered already. Of questions of one person with the same words
    only the newest is taken.
    """
    asked = sorted((post for post in posts if post.is_question), key=lambda post: post.message_id)
    newest = {(post.author_id, _plain(post.words)): post.message_id for post in asked}

    def unrepeated(some: Sequence[Post]) -> list[Post]:
        return [post for post in some if newest[post.author_id, _plain(post.words)] == post.message_id]

    older, kept = unrepeated(asked[:-most]), unrepeated(asked[-most:])
    # People are told by a reply to the newest of these.
    is_told = bool(older) and older[-1].has_reply
    return Choice(
        tuple(post.message_id for post in kept if not post.has_reply),
        () if is_told else tuple(post.message_id for post in older if not post.has_reply),
    )


def _plain(words: str) -> str:
    return " ".join(words.split()).casefold()


def in_turn(authors: Mapping[int, int]) -> Sequence[int]:
    """The order in which questions are taken, given their authors by message id: everybody's oldest before
    anybody's second, and of equal ones the oldest first."""
    seen: Counter[int] = Counter()
    turns: dict[int, int] = {}
    for message_id in sorted(authors):
        turns[message_id] = seen[authors[message_id]]
        seen[authors[message_id]] += 1
    return sorted(authors, key=lambda message_id: (turns[message_id], message_id))


class PlaceSource(Protocol):
    """Knows channels in which the bot has a part."""

    async def heard_places(self, *, since: float, most: int) -> Sequence[HeardPlace]:
        """At most so many channels that were used since then (epoch seconds), those used last first. Raises
        :class:`StorageError`."""
        ...


class MissedStore(PlaceSource, Protocol):
    """What is stored about what was heard and taken."""

    async def marks(self) -> Sequence[Mark]:
        """All marks. Raises :class:`StorageError`."""
        ...

    async def note(self, marks: Sequence[Mark]) -> None:
        """Set the marks of these shards; durable when this returns. Raises :class:`StorageError`."""
        ...

    async def is_open(self, message_id: int, *, author_id: int, channel_id: int) -> bool:
        """Whether nothing was taken yet of this message, nor anything that its author asked in the channel after
        it. Raises :class:`StorageError`."""
        ...
