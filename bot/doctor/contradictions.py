"""Settings that are right one by one, and do not go together."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from bot.domain.checkup import Finding, broken, ok, warning
from bot.settings import Settings

_THIS_MACHINE = ("127.", "localhost", "[::1]")
_WHAT = "settings"


async def check(settings: Settings) -> tuple[Finding, ...]:
    """What contradicts each other, and who else may read the settings."""
    found = (*_people(settings), *_doors(settings), *_others(settings), *_file(Path(".env")))
    return found or (ok(_WHAT, "nothing contradicts each other"),)


def _people(settings: Settings) -> Iterator[Finding]:
    if settings.admin_role_ids and not settings.admin_guild_ids:
        yield warning(_WHAT, "ADMIN_ROLE_IDS has no effect", "name the servers of these roles in ADMIN_GUILD_IDS")
    if not settings.admin_user_ids and not (settings.admin_role_ids and settings.admin_guild_ids):
        yield warning(_WHAT, "nobody is an operator", "put your own user id into ADMIN_USER_IDS")
    if settings.allowed_guild_ids and not settings.admin_guild_ids <= settings.allowed_guild_ids:
        yield warning(
            _WHAT, "ADMIN_GUILD_IDS names servers that are not answered", "add them to ALLOWED_GUILD_IDS"
        )


def _doors(settings: Settings) -> Iterator[Finding]:
    if settings.api_bind and settings.api_bind == settings.http_bind:
        yield broken(_WHAT, "API_BIND and HTTP_BIND are the same address", "give one of them another port")
    if settings.key_roles and not settings.api_bind:
        yield warning(_WHAT, "KEY_ROLES has no effect while the API is off", "set API_BIND, or leave it empty")
    if _is_open(settings.api_bind) and not settings.api_hosts:
        remedy = "put the name by which programs reach it into API_HOSTS"
        yield warning(_WHAT, "API_BIND is open to the network and API_HOSTS is empty", remedy)
    if _is_open(settings.http_bind):
        remedy = "let only your monitoring in, or use 127.0.0.1"
        yield warning(_WHAT, "everybody in the network may read health and metrics on HTTP_BIND", remedy)


def _others(settings: Settings) -> Iterator[Finding]:
    if settings.shard_ids and settings.database_url.startswith("sqlite"):
        remedy = "leave SHARD_IDS empty, or use PostgreSQL"
        yield broken(_WHAT, "SHARD_IDS divides shards among processes, and a SQLite database has one", remedy)
    if settings.queue_max_per_user > settings.queue_max_total:
        remedy = "lower QUEUE_MAX_PER_USER"
        yield warning(_WHAT, "one person may have more questions waiting than QUEUE_MAX_TOTAL", remedy)


def _file(env: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(env.stat().st_mode)
    except OSError:
        return
    if mode & 0o077:
        yield warning(_WHAT, f"other users of this machine may read .env (mode {mode:o})", "chmod 600 .env")


def _is_open(bind: str) -> bool:
    return bool(bind) and not bind.startswith(_THIS_MACHINE)
