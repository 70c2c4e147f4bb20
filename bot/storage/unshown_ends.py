"""Ends that may not be shown yet, on the database: :class:`bot.domain.queue.store.UnshownEnds`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, Double, delete, insert, literal, select

from bot.domain.queue.request import StoredRequest
from bot.storage import request_rows
from bot.storage.engine import Transactions
from bot.storage.statements import put_row
from bot.storage.tables import requests, unshown_ends

READ_AT_ONCE = 1000

_OLDEST = (
    select(requests)
    .join(unshown_ends, unshown_ends.c.request_id == requests.c.request_id)
    .order_by(unshown_ends.c.since, requests.c.sequence)
    .limit(READ_AT_ONCE)
)


class SqlUnshownEnds:
    """The contract of every method is :class:`UnshownEnds`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def oldest(self) -> Sequence[StoredRequest]:
        """What ended and may not be shown, oldest first, with the tokens for its last edit."""
        return await self._transactions.read(_oldest)

    async def add(self, request_id: str, *, now: float) -> None:
        """Remember that the messages of this ended question are to be looked at again."""
        await self._transactions.write(
            lambda connection: put_row(connection, unshown_ends, {"request_id": request_id}, {"since": now})
        )

    async def remove(self, request_id: str) -> None:
        """Forget it, and its token: its end is shown, or cannot be shown."""
        shown = delete(unshown_ends).where(unshown_ends.c.request_id == request_id)
        await self._transactions.write(lambda connection: connection.execute(shown).rowcount)


def remember(connection: Connection, ending: ColumnElement[bool], now: float) -> None:
    """Inside the transaction that ends them: remember the requests that meet ``ending``, with the tokens that they
    are about to lose."""
    rows = select(
        requests.c.request_id,
        requests.c.token,
        requests.c.token_expires_at,
        literal(now, Double).label("since"),
    ).where(ending)
    connection.execute(
        insert(unshown_ends).from_select(["request_id", "token", "token_expires_at", "since"], rows)
    )


def _oldest(connection: Connection) -> Sequence[StoredRequest]:
    tokens = {
        row.request_id: (row.token, row.token_expires_at) for row in connection.execute(select(unshown_ends))
    }
    return [_with_token(one, *tokens[one.request_id]) for one in request_rows.stored(connection, _OLDEST)]


def _with_token(request: StoredRequest, token: str | None, expires_at: float | None) -> StoredRequest:
    destination = replace(request.question.destination, token=token, token_expires_at=expires_at)
    return replace(request, question=replace(request.question, destination=destination))
