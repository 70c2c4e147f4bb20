"""Alembic's environment: one connection to the given database file, one transaction per migration.

Run through :mod:`bot.storage.migrate`, never by an ini file.
"""

from __future__ import annotations

from alembic import context

from bot.storage.sqlite import open_engine_for_migrations
from bot.storage.tables import metadata


def run() -> None:
    """Apply the migrations that were asked for."""
    engine = open_engine_for_migrations(context.config.attributes["file"])
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=metadata,
                render_as_batch=True,  # SQLite alters a table by copying it
                transaction_per_migration=True,
                transactional_ddl=True,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


run()
