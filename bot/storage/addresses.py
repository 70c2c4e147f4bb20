"""What a database's URL names: a SQLite file, or a database of a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import ConfigError

SQLITE = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite")
POSTGRES = ("postgresql", "postgres", "postgresql+asyncpg")
"""The first two are what providers of databases print. All three are used through asyncpg."""

_REMEDY = (
    "DATABASE_URL: use a SQLite file, for example sqlite+aiosqlite:///data/bot.db, or a database of a PostgreSQL "
    "server, for example postgresql+asyncpg://bot:password@db.example/bot"
)


def is_postgres(url: str) -> bool:
    """Whether ``url`` names a database of a PostgreSQL server. Raises :class:`ConfigError` when it names neither
    that nor a SQLite file."""
    parsed = _parsed(url)
    if parsed.drivername in POSTGRES and parsed.database:
        return True
    if parsed.drivername in SQLITE and parsed.database and parsed.database != ":memory:":
        return False
    raise ConfigError(_REMEDY)


def database_file(url: str) -> Path:
    """The file that ``url`` names; its parent folder need not exist.

    Raises :class:`ConfigError` for anything but a SQLite file.
    """
    if is_postgres(url):
        raise ConfigError("DATABASE_URL: this needs a SQLite file, for example sqlite+aiosqlite:///data/bot.db")
    return Path(_parsed(url).database or "")


def server_url(url: str) -> URL:
    """The PostgreSQL database that ``url`` names, for SQLAlchemy. ``sslmode``, as libpq calls it, may stand for
    asyncpg's ``ssl``. Raises :class:`ConfigError` for anything else."""
    if not is_postgres(url):
        raise ConfigError("DATABASE_URL: this needs a PostgreSQL server, like postgresql+asyncpg://bot@host/bot")
    parsed = _parsed(url).set(drivername="postgresql+asyncpg")
    if "sslmode" in parsed.query:
        parsed = parsed.update_query_dict({"ssl": parsed.query["sslmode"]}).difference_update_query(["sslmode"])
    return parsed


def shown(url: str) -> str:
    """What ``url`` names, for people and logs: without a login, and without what stands after a question mark."""
    if not is_postgres(url):
        return str(database_file(url))
    parsed = _parsed(url)
    host = parsed.host or str(parsed.query.get("host", "the default host"))
    return f"the PostgreSQL database {parsed.database} on {host}"


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # Their texts may repeat a part of the URL, for example a password that contains a colon.
        raise ConfigError(_REMEDY) from None
