"""Alembic's environment: one transaction per migration on a SQLite file, one for all of them on PostgreSQL.

Run through :mod:`bot.storage.migrate`, never by an ini file. It passes the SQLite file, or a connection to
PostgreSQL.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from bot.storage.sqlite import open_engine_for_migrations
from bot.storage.tables import metadata


def run() -> None:
    """Apply the migrations that were asked for."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _apply(connection, one_by_one=False)
        return
    engine = open_engine_for_migrations(context.config.attributes["file"])
    try:
        with engine.connect() as opened:
            _apply(opened, one_by_one=True)
    finally:
        engine.dispose()


def _apply(connection: Connection, *, one_by_one: bool) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=one_by_one,  # SQLite alters a table by copying it
        transaction_per_migration=one_by_one,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
