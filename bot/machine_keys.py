"""``python -m bot key create``: a key for a machine, made by whoever runs the bot."""

from __future__ import annotations

from bot.clock import SystemClock
from bot.errors import StorageError
from bot.services.access.keys import issue
from bot.storage.database import Database
from bot.storage.migrate import HEAD, read_revision


async def create(url: str, *, user_id: int, guild_id: int | None, name: str, days: int) -> str:
    """Store a key in the database at ``url``, which the bot may be using, and return its secret. Arguments as of
    :func:`bot.services.access.keys.issue`.

    Raises :class:`StorageError`, also when the database has no schema yet or an older one, :class:`ConfigError`
    and :class:`UserError`.
    """
    if await read_revision(url) != HEAD:
        raise StorageError("the database has not the newest schema: run `python -m bot migrate` first")
    async with Database.open(url) as database:
        _, secret = await issue(
            database.keys,
            database.audit,
            user_id=user_id,
            guild_id=guild_id,
            user_name=name,
            name=name,
            days=days,
            now=SystemClock().now(),
        )
    return secret
