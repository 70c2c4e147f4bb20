"""Help channels on the database: :class:`bot.domain.conversation.help_threads.HelpThreadStore`."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, func, insert, select, update

from bot.domain.conversation.help_threads import HelpCall, HelpThread, KeptHelp
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.help_tables import help_calls, help_opt_outs, help_threads
from bot.storage.statements import put_row
from bot.storage.tables import profiles

_THREAD = (
    help_threads.c.thread_id,
    help_threads.c.channel_id,
    help_threads.c.opened_by,
    help_threads.c.opened_at,
    help_threads.c.taken_over,
)
_CALL = (help_calls.c.thread_id, help_calls.c.called_by, help_calls.c.called_at)


class SqlHelpThreads:
    """The contract of every method is :class:`HelpThreadStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def channels(self) -> frozenset[int]:
        """The channels for which "answer every post" was chosen."""
        chosen = select(profiles.c.scope_id, profiles.c.choices)
        rows = await self._transactions.read(lambda connection: connection.execute(chosen).all())
        return frozenset(row.scope_id for row in rows if json.loads(row.choices).get("answer_posts") is True)

    async def open(self, thread: HelpThread, *, day: int, most: int) -> bool:
        """Note a post, unless its channel has ``most`` of that day."""

        def change(connection: Connection) -> bool:
            hold_queue(connection)
            noted = select(help_threads.c.thread_id).where(help_threads.c.thread_id == thread.thread_id)
            if connection.scalar(noted) is not None:
                return True
            of_the_day = select(func.count()).where(
                help_threads.c.channel_id == thread.channel_id, help_threads.c.day == day
            )
            if (connection.scalar(of_the_day) or 0) >= most:
                return False
            connection.execute(
                insert(help_threads).values(
                    thread_id=thread.thread_id,
                    channel_id=thread.channel_id,
                    opened_by=thread.opened_by,
                    opened_at=thread.opened_at,
                    day=day,
                )
            )
            return True

        return await self._transactions.write(change)

    async def get(self, thread_id: int) -> HelpThread | None:
        """The post behind a thread, or None."""
        found = select(*_THREAD).where(help_threads.c.thread_id == thread_id)
        row = await self._transactions.read(lambda connection: connection.execute(found).one_or_none())
        return None if row is None else HelpThread(*tuple(row))

    async def take_over(self, thread_id: int) -> None:
        """Note that a person of the helper role has written there."""
        noted = update(help_threads).where(help_threads.c.thread_id == thread_id).values(taken_over=True)
        await self._transactions.write(lambda connection: connection.execute(noted).rowcount)

    async def call(self, call: HelpCall) -> HelpCall:
        """Note a call; the first one in that thread."""

        def change(connection: Connection) -> HelpCall:
            hold_queue(connection)
            first = connection.execute(
                select(*_CALL).where(help_calls.c.thread_id == call.thread_id)
            ).one_or_none()
            if first is not None:
                return HelpCall(*tuple(first))
            connection.execute(
                insert(help_calls).values(
                    thread_id=call.thread_id, called_by=call.called_by, called_at=call.called_at
                )
            )
            return call

        return await self._transactions.write(change)

    async def withdraw_call(self, call: HelpCall) -> None:
        """Remove a call that reached nobody."""
        theirs = delete(help_calls).where(
            help_calls.c.thread_id == call.thread_id, help_calls.c.called_by == call.called_by
        )
        await self._transactions.write(lambda connection: connection.execute(theirs).rowcount)

    async def is_opted_out(self, user_id: int) -> bool:
        """Whether this person's posts are answered only when they address the bot."""
        chosen = select(help_opt_outs.c.user_id).where(help_opt_outs.c.user_id == user_id)
        return await self._transactions.read(lambda connection: connection.scalar(chosen)) is not None

    async def opt_out(self, user_id: int, *, at: float | None) -> None:
        """Store that choice, or take it back."""

        def change(connection: Connection) -> None:
            if at is None:
                connection.execute(delete(help_opt_outs).where(help_opt_outs.c.user_id == user_id))
            else:
                put_row(connection, help_opt_outs, {"user_id": user_id}, {"chosen_at": at})

        await self._transactions.write(change)

    async def kept_of(self, user_id: int) -> KeptHelp:
        """All that is stored of a person here."""

        def read(connection: Connection) -> KeptHelp:
            opened = select(*_THREAD).where(help_threads.c.opened_by == user_id).order_by(help_threads.c.thread_id)
            called = select(*_CALL).where(help_calls.c.called_by == user_id).order_by(help_calls.c.thread_id)
            chosen = select(help_opt_outs.c.chosen_at).where(help_opt_outs.c.user_id == user_id)
            return KeptHelp(
                tuple(HelpThread(*tuple(row)) for row in connection.execute(opened)),
                tuple(HelpCall(*tuple(row)) for row in connection.execute(called)),
                connection.scalar(chosen),
            )

        return await self._transactions.read(read)

    async def expire(self, *, before: float) -> int:
        """Remove posts and calls from before ``before``; how many posts."""

        def change(connection: Connection) -> int:
            connection.execute(delete(help_calls).where(help_calls.c.called_at < before))
            return connection.execute(delete(help_threads).where(help_threads.c.opened_at < before)).rowcount

        return await self._transactions.write(change)


def forget_helped(connection: Connection, user_id: int) -> None:
    """Remove what is stored of a person in help channels. That a person was called into a thread stays, without
    who did it: else it could be done again."""
    connection.execute(delete(help_threads).where(help_threads.c.opened_by == user_id))
    connection.execute(update(help_calls).where(help_calls.c.called_by == user_id).values(called_by=0))
    connection.execute(delete(help_opt_outs).where(help_opt_outs.c.user_id == user_id))
