"""Engines on a database of a PostgreSQL server, through asyncpg."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.storage.addresses import server_url

OLDEST_VERSION = 140000
"""PostgreSQL 14, as the server tells it (``server_version_num``): older ones get no more corrections."""

APPLICATION = "parallax-discord"
"""How the server's own tools name the bot's connections."""

CONNECT_SECONDS = 10.0
"""To open a connection and log in."""

READ_ONLY = "25006"
"""What a server says of a write that only takes reads (SQLSTATE)."""

LOCK_SECONDS = 10.0
"""How long a statement waits for a lock of somebody else before it fails."""


def open_engine(url: str, *, connections: int, statement_seconds: float) -> AsyncEngine:
    """An engine on ``url`` with a pool of ``connections``, which connects at first use. Parameters never appear in
    its errors or logs. Raises :class:`ConfigError` when ``url`` names no database of a PostgreSQL server."""
    engine = create_async_engine(
        server_url(url),
        pool_size=connections,
        max_overflow=0,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args=connect_arguments(statement_seconds),
    )
    event.listen(engine.sync_engine, "handle_error", _leave_standby)
    return engine


def _leave_standby(context: ExceptionContext) -> None:
    """Close the connections to a server that has become a standby: after a failover the pool is full of them."""
    connection = context.connection
    reads = connection is not None and connection.get_execution_options().get("postgresql_readonly", False)
    if not reads and getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def open_engine_for_migrations(url: str) -> AsyncEngine:
    """An engine whose connections are closed after use and whose statements may take as long as they need."""
    return create_async_engine(
        server_url(url), poolclass=NullPool, hide_parameters=True, connect_args=connect_arguments(None)
    )


def connect_arguments(statement_seconds: float | None) -> dict[str, Any]:
    """What asyncpg is told for each connection. ``statement_seconds``: the most that a statement may take."""
    settings = {
        "application_name": APPLICATION,
        # Every statement here is short: planning one for the compiler takes longer than running it.
        "jit": "off",
        "idle_in_transaction_session_timeout": "60000",
        # A machine that is gone says nothing: the server notices after 10 + 3 * 5 seconds, and releases its locks.
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }
    arguments: dict[str, Any] = {"timeout": CONNECT_SECONDS, "server_settings": settings}
    if statement_seconds is not None:
        settings["statement_timeout"] = str(int(statement_seconds * 1000))
        settings["lock_timeout"] = str(int(LOCK_SECONDS * 1000))
        # For a server that cannot be reached any more: the statement's own limit is the server's to keep.
        arguments["command_timeout"] = statement_seconds + LOCK_SECONDS
    return arguments
