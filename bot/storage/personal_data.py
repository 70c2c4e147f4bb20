"""Personal data on the database: :class:`bot.domain.conversation.personal_data.PersonalDataStore`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, update

from bot.domain.conversation.personal_data import Forgotten, KeptQuestion
from bot.domain.conversation.summary import KeptSummary
from bot.domain.queue.request import OPEN_STATES, RequestState
from bot.storage import request_rows
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.help_threads import forget_helped
from bot.storage.key_tables import api_keys
from bot.storage.schedule_tables import schedules
from bot.storage.summaries import drop_made_of
from bot.storage.tables import (
    conversations,
    feedback,
    preferences,
    requests,
    summaries,
    summary_sources,
    turns,
    usage,
)

_FINAL = [state.value for state in RequestState if state not in OPEN_STATES]


class SqlPersonalData:
    """The contract of every method is :class:`PersonalDataStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def written_as(self, message_id: int) -> Sequence[str]:
        """The ids of the requests that came from this message of a person."""
        found = (
            select(requests.c.request_id)
            .where(requests.c.source_message_id == message_id)
            .order_by(requests.c.sequence)
        )
        return await self._transactions.read(lambda connection: connection.scalars(found).all())

    async def reword(self, message_id: int, prompt: str) -> int:
        """Replace the question of an edited message by ``prompt``."""

        def change(connection: Connection) -> int:
            hold_queue(connection)
            drop_made_of(connection, _turns_of(message_id))
            connection.execute(
                update(turns).where(turns.c.root_id.in_(_roots(message_id))).values(question=prompt)
            )
            return connection.execute(
                update(requests).where(requests.c.source_message_id == message_id).values(prompt=prompt)
            ).rowcount

        return await self._transactions.write(change)

    async def forget_message(self, message_id: int) -> int:
        """Remove the question, the attached text and the turn of a deleted message."""

        def change(connection: Connection) -> int:
            hold_queue(connection)
            drop_made_of(connection, _turns_of(message_id))
            connection.execute(delete(turns).where(turns.c.root_id.in_(_roots(message_id))))
            return connection.execute(
                update(requests).where(requests.c.source_message_id == message_id).values(prompt="", material="")
            ).rowcount

        return await self._transactions.write(change)

    async def exported(self, user_id: int) -> Sequence[KeptQuestion]:
        """Every stored question of a person, oldest first."""
        theirs = (
            select(
                requests.c.asked_at,
                requests.c.channel_id,
                requests.c.guild_id,
                requests.c.private,
                requests.c.prompt,
                requests.c.material,
                requests.c.answer,
                requests.c.reasoning,
                requests.c.model,
                requests.c.prompt_tokens,
                requests.c.completion_tokens,
                requests.c.state,
            )
            .where(requests.c.user_id == user_id)
            .order_by(requests.c.sequence)
        )
        return await self._transactions.read(
            lambda connection: [KeptQuestion(*tuple(row)) for row in connection.execute(theirs)]
        )

    async def summaries_of(self, user_id: int) -> Sequence[KeptSummary]:
        """The summaries made of this person's turns alone."""
        made_of = (
            select(summary_sources.c.turn_id)
            .join(turns, turns.c.id == summary_sources.c.turn_id)
            .where(summary_sources.c.conversation_id == summaries.c.conversation_id)
        )
        theirs = (
            select(conversations.c.channel_id, conversations.c.guild_id, summaries.c.text, summaries.c.written_at)
            .join(conversations, conversations.c.id == summaries.c.conversation_id)
            .where(
                made_of.where(turns.c.asker_id == user_id).exists(),
                ~made_of.where(turns.c.asker_id != user_id).exists(),
            )
            .order_by(summaries.c.conversation_id)
        )
        return await self._transactions.read(
            lambda connection: [KeptSummary(*tuple(row)) for row in connection.execute(theirs)]
        )

    async def forget_user(self, user_id: int, *, today: int) -> Forgotten:
        """Remove all that is stored of a person but the amounts that their quota and share need."""
        return await self._transactions.write(lambda connection: _forget_user(connection, user_id, today))

    async def forget_amounts(self, *, today: int) -> None:
        """Remove the amounts that were left of earlier days."""
        old = delete(usage).where(usage.c.user_name == "", usage.c.day < today)
        await self._transactions.write(lambda connection: connection.execute(old).rowcount)

    async def scopes_kept(self) -> Sequence[tuple[int, tuple[int, ...]]]:
        """Every conversation with the scopes its profile is inherited through."""
        every = select(conversations.c.id, conversations.c.scopes, conversations.c.channel_id)
        return await self._transactions.read(
            lambda connection: [
                (row.id, tuple(map(int, row.scopes.split(","))) if row.scopes else (row.channel_id,))
                for row in connection.execute(every)
            ]
        )

    async def expire(self, conversation_id: int, *, before: float) -> int:
        """Remove a conversation's finished questions from before ``before``."""
        removed = 0
        # In batches: a question asked meanwhile waits for one batch, not for all of them.
        while batch := await self._transactions.write(
            lambda connection: _expire_some(connection, conversation_id, before)
        ):
            removed += batch
        return removed


def _roots(message_id: int) -> ColumnElement[str]:
    return (
        select(func.coalesce(requests.c.root_id, requests.c.request_id))
        .where(requests.c.source_message_id == message_id)
        .scalar_subquery()
    )


def _turns_of(message_id: int) -> Select[tuple[int]]:
    return select(turns.c.id).where(turns.c.root_id.in_(_roots(message_id)))


def _forget_user(connection: Connection, user_id: int, today: int) -> Forgotten:
    hold_queue(connection)
    thumbs = connection.execute(delete(feedback).where(feedback.c.user_id == user_id)).rowcount
    drop_made_of(connection, select(turns.c.id).where(turns.c.asker_id == user_id))
    forgotten_turns = connection.execute(delete(turns).where(turns.c.asker_id == user_id)).rowcount
    # Pages and other people's thumbs for these answers go with the requests.
    questions = connection.execute(delete(requests).where(requests.c.user_id == user_id)).rowcount
    theirs = usage.c.user_id == user_id
    days = connection.execute(delete(usage).where(theirs, usage.c.day < today)).rowcount
    connection.execute(update(usage).where(theirs).values(user_name=""))
    connection.execute(delete(preferences).where(preferences.c.user_id == user_id))
    forget_helped(connection, user_id)
    connection.execute(delete(api_keys).where(api_keys.c.user_id == user_id))
    connection.execute(delete(schedules).where(schedules.c.user_id == user_id))
    used = select(requests.c.sequence).where(requests.c.conversation_id == conversations.c.id).exists()
    connection.execute(delete(conversations).where(conversations.c.private_to == user_id, ~used))
    return Forgotten(questions, forgotten_turns, thumbs, days)


def _expire_some(connection: Connection, conversation_id: int, before: float) -> int:
    hold_queue(connection)
    old_turns = select(turns.c.id).where(turns.c.conversation_id == conversation_id, turns.c.created_at < before)
    drop_made_of(connection, old_turns)
    gone = connection.execute(delete(turns).where(turns.c.id.in_(old_turns.limit(request_rows.BATCH)))).rowcount
    old = (
        select(requests.c.sequence)
        .where(
            requests.c.conversation_id == conversation_id,
            requests.c.asked_at < before,
            requests.c.state.in_(_FINAL),
        )
        .limit(request_rows.BATCH)
    )
    return max(gone, connection.execute(delete(requests).where(requests.c.sequence.in_(old))).rowcount)
