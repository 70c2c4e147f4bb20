"""Transactions whose times are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from bot.clock import Clock, SystemClock
from bot.errors import BotError, StorageError
from bot.storage.engine import ChangesFeed, DatabaseWatch, Transactions
from bot.telemetry.meters import DatabaseMeter

T = TypeVar("T")


class MeasuredTransactions:
    """Passes transactions on and tells a meter how long each took. The contract of every method is
    :class:`bot.storage.engine.Transactions`'s."""

    def __init__(self, transactions: Transactions, meter: DatabaseMeter, clock: Clock | None = None) -> None:
        self._transactions = transactions
        self._meter = meter
        self._clock = clock or SystemClock()

    @property
    def watch(self) -> DatabaseWatch:
        """Whether the database can be used."""
        return self._transactions.watch

    @property
    def changes(self) -> ChangesFeed | None:
        """What other processes do to the queue; None when there can be none."""
        return self._transactions.changes

    async def write(
        self, work: Callable[[Connection], T], *, urgent: bool = False, brief: bool = False, lasting: bool = True
    ) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns."""
        began = self._clock.monotonic()
        try:
            return await self._transactions.write(work, urgent=urgent, brief=brief, lasting=lasting)
        except BotError as error:
            self._note(error, writes=True)
            raise
        finally:
            self._meter.took(self._clock.monotonic() - began, writes=True)

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on a snapshot of the last commit, without waiting for writes."""
        began = self._clock.monotonic()
        try:
            return await self._transactions.read(work, urgent=urgent)
        except BotError as error:
            self._note(error, writes=False)
            raise
        finally:
            self._meter.took(self._clock.monotonic() - began, writes=False)

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        await self._transactions.close()

    def _note(self, error: BotError, *, writes: bool) -> None:
        # Other errors are the work's own, such as a full queue.
        if isinstance(error, StorageError):
            self._meter.failed(writes=writes)
