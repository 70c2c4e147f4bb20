"""Conversations on the database: :class:`bot.domain.conversation.store.ConversationStore`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, literal, or_, select, update

from bot.domain.conversation.store import ConversationKey, Turn
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.summaries import drop_made_of
from bot.storage.tables import SHARED, conversations, request_messages, requests, summaries, turns

_COLUMNS = (
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

# Built once: every answer waits for this statement before its first word.
_BEFORE = (
    select(*_COLUMNS)
    .where(turns.c.conversation_id == bindparam("conversation"), turns.c.id < bindparam("before"))
    .order_by(turns.c.id.desc())
    .limit(bindparam("most"))
)

_path = (
    select(turns.c.id, turns.c.follows, turns.c.conversation_id, literal(1).label("depth"))
    .where(turns.c.root_id == bindparam("root"))
    .cte("path", recursive=True)
)
_path = _path.union_all(
    select(turns.c.id, turns.c.follows, turns.c.conversation_id, _path.c.depth + 1)
    .join(_path, turns.c.root_id == _path.c.follows)
    .where(_path.c.depth < bindparam("most"))
)
_BRANCH = (
    select(*_COLUMNS, _path.c.follows.label("goes_on"), _path.c.conversation_id)
    .join(_path, _path.c.id == turns.c.id)
    .order_by(_path.c.depth)
)

_INHERITS = select(conversations.c.inherits_root).where(conversations.c.id == bindparam("conversation"))

_KNOWN = select(conversations.c.id, conversations.c.scopes).where(
    conversations.c.channel_id == bindparam("channel"), conversations.c.private_to == bindparam("private")
)

_MADE = insert(conversations).returning(conversations.c.id)

_shown = select(request_messages.c.request_id).where(request_messages.c.message_id == bindparam("thread"))
_ROOT_OF = (
    select(func.coalesce(requests.c.root_id, requests.c.request_id))
    .where(
        or_(requests.c.source_message_id == bindparam("thread"), requests.c.request_id.in_(_shown)),
        requests.c.private.is_(False),
    )
    .limit(1)
)

_NEWEST = 2**62


class SqlConversations:
    """Conversations in the database. The contract of every method is :class:`ConversationStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def conversation(self, key: ConversationKey, scopes: Sequence[int] = ()) -> int:
        """The id of the conversation for ``key``, which is created when there is none."""
        text = scopes_text(scopes)
        known = await self._transactions.read(lambda connection: _known(connection, key))
        if known is not None and text in {None, known.scopes}:
            return int(known.id)
        return await self._transactions.write(lambda connection: made(connection, key, text))

    async def find(self, key: ConversationKey) -> int | None:
        """The id of the conversation for ``key``, or None."""
        known = await self._transactions.read(lambda connection: _known(connection, key))
        return None if known is None else known.id

    async def recent_turns(
        self, conversation_id: int, *, limit: int, follows: str | None = None
    ) -> Sequence[Turn]:
        """The newest ``limit`` turns, or those of a branch, newest first."""
        return await self._transactions.read(
            lambda connection: _turns(connection, conversation_id, limit, follows), urgent=True
        )

    async def clear(self, conversation_id: int) -> int:
        """Forget all turns of the conversation, and those that open questions would become."""

        def forget(connection: Connection) -> int:
            hold_queue(connection)
            drop_made_of(connection, select(turns.c.id).where(turns.c.conversation_id == conversation_id))
            connection.execute(delete(summaries).where(summaries.c.conversation_id == conversation_id))
            connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation_id)
                .values(inherits_root=None, cleared_upto=select(func.max(requests.c.sequence)).scalar_subquery())
            )
            return connection.execute(delete(turns).where(turns.c.conversation_id == conversation_id)).rowcount

        return await self._transactions.write(forget)


def _turns(connection: Connection, conversation_id: int, limit: int, follows: str | None) -> list[Turn]:
    found: list[Turn] = []
    before = _NEWEST
    while True:
        if follows is not None:
            path = connection.execute(_BRANCH, {"root": follows, "most": limit - len(found)}).all()
            found += [Turn(*row[: len(_COLUMNS)]) for row in path]
            if path and (path[-1].goes_on is not None or len(found) >= limit):
                return found[:limit]
            if not path and found:
                return found
            if path:
                conversation_id, before = path[-1].conversation_id, path[-1].id
        parameters = {"conversation": conversation_id, "before": before, "most": limit - len(found)}
        found += [Turn(*row) for row in connection.execute(_BEFORE, parameters)]
        inherited = follows
        follows = connection.execute(_INHERITS, {"conversation": conversation_id}).scalar()
        if follows is None or follows == inherited or len(found) >= limit:
            return found
        before = _NEWEST


def _known(connection: Connection, key: ConversationKey) -> Row[Any, Any] | None:
    return connection.execute(_KNOWN, {"channel": key.channel_id, "private": private_to(key)}).first()


def private_to(key: ConversationKey) -> int:
    """The value of the column."""
    return SHARED if key.private_to is None else key.private_to


def scopes_text(scopes: Sequence[int]) -> str | None:
    """The value of the column; None stands for what is there."""
    return ",".join(map(str, scopes)) or None


def made(connection: Connection, key: ConversationKey, scopes: str | None) -> int:
    """Create the conversation for ``key`` or set its scopes; returns its id."""
    known = _known(connection, key)
    if known is not None:
        connection.execute(update(conversations).where(conversations.c.id == known.id).values(scopes=scopes))
        return int(known.id)
    created = connection.execute(
        _MADE,
        {
            "channel_id": key.channel_id,
            "guild_id": key.guild_id,
            "private_to": private_to(key),
            "scopes": scopes,
            "inherits_root": None if key.private_to is not None else _root_of(connection, key.channel_id),
        },
    ).scalar_one()
    return int(created)


def _root_of(connection: Connection, thread_id: int) -> str | None:
    """The root id of the question that a thread's first message asks or answers: a thread on a message has the
    message's id (Discord docs, resources/channel, "Start Thread from Message"). None for private questions."""
    root: str | None = connection.scalar(_ROOT_OF, {"thread": thread_id})
    return root
