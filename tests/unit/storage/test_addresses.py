"""What a DATABASE_URL names, and that its password is not repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.errors import ConfigError
from bot.settings import Settings
from bot.storage.addresses import database_file, is_postgres, server_url, shown


@pytest.mark.parametrize(
    ("url", "host", "query"),
    [
        ("postgresql+asyncpg://bot:Sesame42@db:5433/kept", "db", {}),
        ("postgres://bot:Sesame42@db/kept?sslmode=require", "db", {"ssl": "require"}),
        ("postgresql://bot@/kept?host=/run/postgresql", None, {"host": "/run/postgresql"}),
    ],
)
def test_servers(url: str, host: str | None, query: dict[str, str]) -> None:
    """As providers print them too; libpq's name for TLS becomes the driver's."""
    found = server_url(url)
    assert is_postgres(url)
    assert (found.drivername, found.host, found.database) == ("postgresql+asyncpg", host, "kept")
    assert dict(found.query) == query
    assert shown(url) == f"the PostgreSQL database kept on {host or '/run/postgresql'}"
    with pytest.raises(ConfigError):
        database_file(url)


def test_files() -> None:
    """A file, and nothing that is only in memory."""
    url = "sqlite+aiosqlite:///data/bot.db"
    assert database_file(url) == Path("data/bot.db")
    assert shown(url) == "data/bot.db"
    assert not is_postgres(url)
    with pytest.raises(ConfigError):
        server_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://bot:Sesame42@db/",
        "postgresql+asyncpg://bot:Sesame42:more@db:port/kept",
        "mysql://bot:Sesame42@db/kept",
        "sqlite://",
        "Sesame42",
    ],
)
def test_anything_else_is_refused_without_repeating_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the stores and in the settings; the remedy names both kinds."""
    with pytest.raises(ConfigError, match=r"sqlite\+aiosqlite.*postgresql\+asyncpg") as refused:
        is_postgres(url)
    assert "Sesame42" not in f"{refused.value} {refused.value.__cause__}"
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ValidationError, match=r"must look like sqlite\+aiosqlite.* or postgresql\+asyncpg"):
        Settings()
