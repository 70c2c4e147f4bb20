"""What was heard, and what was taken of it: :class:`bot.domain.queue.missed.MissedStore`.

A mark is a fact about the bot itself, a row of ``facts``: it holds nothing of a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, func, or_, select

from bot.domain.queue.missed import HeardPlace, Mark, sent_at
from bot.domain.queue.request import RequestKind
from bot.storage.engine import Transactions
from bot.storage.statements import put_row
from bot.storage.tables import conversations, facts, requests

PREFIX = "heard:"

KEPT_FOR = 7 * 86_400.0
"""Seconds for which marks of another number of shards are kept: longer than anything is caught up with."""


class SqlMissed:
    """The contract of every method is :class:`MissedStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def marks(self) -> Sequence[Mark]:
        """All marks."""
        return await self._transactions.read(_marks)

    async def note(self, marks: Sequence[Mark]) -> None:
        """Set the marks of these shards, and forget those of another number of shards after a week."""

        def change(connection: Connection) -> int:
            counts = {mark.count for mark in marks}
            oldest = min(mark.until for mark in marks) - KEPT_FOR
            stale = [_key(one) for one in _marks(connection) if one.count not in counts and one.until < oldest]
            if stale:
                connection.execute(delete(facts).where(facts.c.key.in_(stale)))
            for mark in marks:
                put_row(connection, facts, {"key": _key(mark)}, {"value": repr(mark.until)})
            return len(marks)

        if marks:
            await self._transactions.write(change)

    async def heard_places(self, *, since: float, most: int) -> Sequence[HeardPlace]:
        """The channels of questions asked since then, where the bot may write with its own token."""
        newest = (
            select(func.max(requests.c.asked_at))
            .where(
                requests.c.conversation_id == conversations.c.id,
                requests.c.asked_at >= since,
                requests.c.channel_route,
                requests.c.kind != RequestKind.API.value,
            )
            .scalar_subquery()
        )
        found = (
            select(conversations.c.channel_id, conversations.c.guild_id, func.max(newest).label("newest"))
            .where(newest.is_not(None))
            .group_by(conversations.c.channel_id, conversations.c.guild_id)
            .order_by(func.max(newest).desc(), conversations.c.channel_id)
            .limit(most)
        )
        return await self._transactions.read(
            lambda connection: [HeardPlace(row.channel_id, row.guild_id) for row in connection.execute(found)]
        )

    async def is_open(self, message_id: int, *, author_id: int, channel_id: int) -> bool:
        """Whether nothing was taken of this message, nor of what its author asked there later."""
        later = and_(
            requests.c.user_id == author_id,
            requests.c.channel_id == channel_id,
            requests.c.kind == RequestKind.ASK.value,
            or_(
                requests.c.source_message_id > message_id,
                # A command: it was taken when it was given.
                and_(requests.c.source_message_id.is_(None), requests.c.asked_at > sent_at(message_id)),
            ),
        )
        # Two statements: each has an index of its own.
        known = select(requests.c.sequence).where(requests.c.source_message_id == message_id).limit(1)
        asked_later = select(requests.c.sequence).where(later).limit(1)
        return await self._transactions.read(
            lambda connection: connection.scalar(known) is None and connection.scalar(asked_later) is None
        )


def _key(mark: Mark) -> str:
    return f"{PREFIX}{mark.count}:{mark.shard_id}"


def _marks(connection: Connection) -> list[Mark]:
    found = select(facts.c.key, facts.c.value).where(facts.c.key.startswith(PREFIX))
    marks = []
    for row in connection.execute(found):
        count, shard_id = row.key.removeprefix(PREFIX).split(":")
        marks.append(Mark(int(shard_id), int(count), float(row.value)))
    return marks
