"""Conversations on the database: :class:`bot.conversation.ports.ConversationStore`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from bot.conversation.ports import ConversationKey, Turn
from bot.storage.engine import Transactions
from bot.storage.tables import SHARED, conversations, turns


class SqlConversations:
    """Conversations in the database. The contract of every method is :class:`ConversationStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def conversation(self, key: ConversationKey) -> int:
        """The id of the conversation for ``key``, made when there is none."""
        known = await self.find(key)
        return known if known is not None else await self._transactions.write(lambda db: _made(db, key))

    async def find(self, key: ConversationKey) -> int | None:
        """The id of the conversation for ``key``, or None."""
        return await self._transactions.read(lambda connection: _known(connection, key))

    async def recent_turns(self, conversation_id: int, *, limit: int) -> Sequence[Turn]:
        """The newest ``limit`` turns, newest first."""
        newest = (
            select(
                turns.c.id,
                turns.c.request_id,
                turns.c.asker_id,
                turns.c.asker_name,
                turns.c.question,
                turns.c.answer,
                turns.c.finish,
                turns.c.prompt_tokens,
                turns.c.completion_tokens,
                turns.c.created_at,
                turns.c.material,
            )
            .where(turns.c.conversation_id == conversation_id)
            .order_by(turns.c.id.desc())
            .limit(limit)
        )
        return await self._transactions.read(
            lambda connection: [Turn(*row) for row in connection.execute(newest)], urgent=True
        )

    async def clear(self, conversation_id: int) -> int:
        """Forget all turns of the conversation; returns how many there were."""
        forgotten = delete(turns).where(turns.c.conversation_id == conversation_id)
        return await self._transactions.write(lambda connection: connection.execute(forgotten).rowcount)


def _known(connection: Connection, key: ConversationKey) -> int | None:
    found: int | None = connection.execute(
        select(conversations.c.id).where(
            conversations.c.channel_id == key.channel_id,
            conversations.c.private_to == _private_to(key),
        )
    ).scalar()
    return found


def _private_to(key: ConversationKey) -> int:
    return SHARED if key.private_to is None else key.private_to


def _made(connection: Connection, key: ConversationKey) -> int:
    known = _known(connection, key)
    if known is not None:
        return known
    made: int = connection.execute(
        insert(conversations)
        .values(channel_id=key.channel_id, guild_id=key.guild_id, private_to=_private_to(key))
        .returning(conversations.c.id)
    ).scalar_one()
    return made
