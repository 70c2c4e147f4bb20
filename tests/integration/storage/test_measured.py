"""The database's times are measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.errors import QueueFull, StorageError
from bot.storage.engine import ServerOptions, open_transactions
from bot.storage.measured import MeasuredTransactions
from bot.telemetry.metrics import Metrics


def _full(_connection: Connection) -> None:
    raise QueueFull


async def test_transactions_are_timed_by_kind_and_those_that_fail_are_counted(tmp_path: Path) -> None:
    """A refusal of the work's own is no failure of the database."""
    metrics = Metrics()
    value = metrics.registry.get_sample_value
    plain = open_transactions(f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}", ServerOptions())
    transactions = MeasuredTransactions(plain, metrics.database)
    try:
        await transactions.write(lambda connection: connection.execute(text("CREATE TABLE a (b)")))
        await transactions.read(lambda connection: connection.execute(text("SELECT * FROM a")).all())
        with pytest.raises(StorageError):
            await transactions.read(lambda connection: connection.execute(text("SELECT * FROM c")).all())
        with pytest.raises(QueueFull):
            await transactions.write(_full)
    finally:
        await transactions.close()

    assert value("parallax_database_seconds_count", {"kind": "write"}) == 2
    assert value("parallax_database_seconds_count", {"kind": "read"}) == 2
    assert value("parallax_database_failures_total", {"kind": "read"}) == 1
    assert value("parallax_database_failures_total", {"kind": "write"}) == 0
