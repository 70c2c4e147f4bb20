"""Summaries on the database: :class:`bot.domain.conversation.summary.SummaryStore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Select, delete, insert, select

from bot.domain.conversation.store import Turn
from bot.domain.conversation.summary import Summary
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.statements import replace_row
from bot.storage.tables import summaries, summary_sources, turns


class SqlSummaries:
    """The contract of every method is :class:`SummaryStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def summary(self, conversation_id: int) -> Summary | None:
        """The summary of a conversation, or None."""
        return await self._transactions.read(lambda connection: _kept(connection, conversation_id), urgent=True)

    async def keep(
        self, conversation_id: int, summary: Summary, *, made_of: Sequence[Turn], after: int | None
    ) -> bool:
        """Replace the summary that ends with turn ``after``, unless something it was made of has changed."""

        def replace(connection: Connection) -> bool:
            hold_queue(connection)
            before = _kept(connection, conversation_id)
            if (None if before is None else before.upto) != after or not _unchanged(connection, made_of):
                return False
            drawn_from = summary_sources.c.conversation_id == conversation_id
            sources = {*connection.scalars(select(summary_sources.c.turn_id).where(drawn_from))}
            row = {"conversation_id": conversation_id, **asdict(summary)}
            replace_row(connection, summaries, summaries.c.conversation_id == conversation_id, row)
            sources |= {turn.turn_id for turn in made_of}
            connection.execute(
                insert(summary_sources),
                [{"conversation_id": conversation_id, "turn_id": turn_id} for turn_id in sorted(sources)],
            )
            return True

        return await self._transactions.write(replace)


def drop_made_of(connection: Connection, turn_ids: Select[tuple[int]]) -> None:
    """Remove every summary that was made of any of these turns. Call it before the turns change or are removed."""
    drawing = select(summary_sources.c.conversation_id).where(summary_sources.c.turn_id.in_(turn_ids))
    connection.execute(delete(summaries).where(summaries.c.conversation_id.in_(drawing)))


def _kept(connection: Connection, conversation_id: int) -> Summary | None:
    row = connection.execute(
        select(summaries.c.text, summaries.c.upto, summaries.c.written_at).where(
            summaries.c.conversation_id == conversation_id
        )
    ).first()
    return None if row is None else Summary(row.text, row.upto, row.written_at)


def _unchanged(connection: Connection, made_of: Sequence[Turn]) -> bool:
    ids = [turn.turn_id for turn in made_of]
    now = connection.execute(select(turns.c.id, turns.c.question, turns.c.answer).where(turns.c.id.in_(ids)))
    words = {row.id: (row.question, row.answer) for row in now}
    return all(words.get(turn.turn_id) == (turn.question, turn.answer) for turn in made_of)
