"""The channels that something was set for: whether the bot may do there what it has to."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import aiohttp
from sqlalchemy import Connection, select

from bot.doctor.discord_api import get, opened
from bot.domain.checkup import Finding, broken, ok, warning
from bot.errors import BotError
from bot.settings import Settings
from bot.storage.addresses import database_file, is_postgres
from bot.storage.engine import ServerOptions, open_transactions
from bot.storage.migrate import HEAD, read_revision
from bot.storage.sqlite_schema import finished_revision, read_only
from bot.storage.tables import metadata

MOST_CHANNELS = 30
"""Channels that are looked at: each costs a request."""

_TABLES = {
    "boards": ("board", "channel_id"),
    "alert_channels": ("alerts", "channel_id"),
    "profiles": ("settings", "scope_id"),
}
_ADMINISTRATOR = 1 << 3
_SEND, _SEND_IN_THREADS = 1 << 11, 1 << 38
_NEEDED = {
    1 << 10: "View Channel",
    _SEND: "Send Messages",
    1 << 14: "Embed Links",
    1 << 15: "Attach Files",
    1 << 16: "Read Message History",
}
_TEXT, _ANNOUNCEMENTS, _THREADS = 0, 5, frozenset({10, 11, 12})


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, and what was set for it."""

    channel_id: int
    what: str


async def check(settings: Settings) -> tuple[Finding, ...]:
    """Each channel in which something is to be fixed; else one finding for all."""
    try:
        places = await _configured(settings.database_url)
    except (BotError, sqlite3.Error) as error:
        return (warning("channels", f"not looked at: {error}", "put the database right first"),)
    if not places:
        return (ok("channels", "nothing was set for one yet"),)
    try:
        async with opened(settings) as session:
            found = [one async for one in _looked_at(session, settings, places[:MOST_CHANNELS])]
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return (warning("channels", f"not looked at: {type(error).__name__}", "see the finding about Discord"),)
    looked = min(len(places), MOST_CHANNELS)
    return tuple(found) or (ok("channels", f"nothing is missing in {looked} of {len(places)}"),)


async def _configured(url: str) -> list[Place]:
    if is_postgres(url):
        if await read_revision(url) != HEAD:
            return []
        return await _on_server(url)
    file = database_file(url)
    return await asyncio.to_thread(_in_file, url) if file.exists() else []


def _in_file(url: str) -> list[Place]:
    file = database_file(url)
    if finished_revision(file, untouched=True) != HEAD:
        return []
    with closing(read_only(file)) as database:
        return [
            Place(int(channel_id), what)
            for table, (what, column) in _TABLES.items()
            # Both are from the list above.
            for (channel_id,) in database.execute(f"SELECT {column} FROM {table}")  # noqa: S608  # names of our own tables
        ]


async def _on_server(url: str) -> list[Place]:
    transactions = open_transactions(url, ServerOptions())
    try:
        return await transactions.read(_in_transaction)
    finally:
        await transactions.close()


def _in_transaction(connection: Connection) -> list[Place]:
    return [
        Place(int(channel_id), what)
        for table, (what, column) in _TABLES.items()
        for channel_id in connection.execute(select(metadata.tables[table].c[column])).scalars()
    ]


async def _looked_at(
    session: aiohttp.ClientSession, settings: Settings, places: Iterable[Place]
) -> AsyncIterator[Finding]:
    status, me, _ = await get(session, settings, "/users/@me")
    if status != 200:
        return
    guilds: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]] | None] = {}
    for place in places:
        what = f"channel {place.channel_id} ({place.what})"
        status, channel, _ = await get(session, settings, f"/channels/{place.channel_id}")
        if channel is None:
            if place.what != "settings":  # those of a server or a category have no channel
                remedy = "let the bot see it, or take the board or the alerts away there"
                yield broken(what, f"the bot cannot see it (Discord answered {status})", remedy)
            continue
        guild_id = str(channel.get("guild_id") or "")
        if guild_id and channel.get("type") in {_TEXT, _ANNOUNCEMENTS, *_THREADS}:
            if guild_id not in guilds:
                guilds[guild_id] = await _membership(session, settings, guild_id, str(me["id"]))
            if (known := guilds[guild_id]) is not None:
                if channel["type"] in _THREADS:
                    _, parent, _ = await get(session, settings, f"/channels/{channel.get('parent_id')}")
                    channel = {**(parent or {}), "type": channel["type"]}
                missing = missing_in(channel, *known, bot_id=str(me["id"]))
                if missing:
                    remedy = "give the bot's role these permissions there"
                    yield broken(what, f"the bot lacks {', '.join(missing)}", remedy)


async def _membership(
    session: aiohttp.ClientSession, settings: Settings, guild_id: str, bot_id: str
) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The server, with its roles, and the bot as its member; None when Discord does not tell."""
    _, guild, _ = await get(session, settings, f"/guilds/{guild_id}")
    _, roles, _ = await get(session, settings, f"/guilds/{guild_id}/roles")
    _, member, _ = await get(session, settings, f"/guilds/{guild_id}/members/{bot_id}")
    if guild is None or roles is None or member is None:
        return None
    return {**guild, "roles": roles}, member


def missing_in(
    channel: Mapping[str, Any], guild: Mapping[str, Any], member: Mapping[str, Any], *, bot_id: str
) -> list[str]:
    """The names of the permissions that the bot needs and lacks in a channel, by Discord's order of overwrites
    (docs, topics/permissions, "Permission Overwrites")."""
    mine = {str(guild["id"]), *map(str, member.get("roles", ()))}
    given = 0
    for role in guild["roles"]:
        if str(role["id"]) in mine:
            given |= int(role["permissions"])
    if given & _ADMINISTRATOR or str(guild.get("owner_id")) == bot_id:
        return []
    overwrites = {str(one["id"]): one for one in channel.get("permission_overwrites", ())}
    for layer in ({str(guild["id"])}, mine - {str(guild["id"])}, {bot_id}):
        found = [one for key, one in overwrites.items() if key in layer]
        for one in found:
            given &= ~int(one["deny"])
        for one in found:
            given |= int(one["allow"])
    needed = dict(_NEEDED)
    if channel.get("type") in _THREADS:
        del needed[_SEND]
        needed[_SEND_IN_THREADS] = "Send Messages in Threads"
    return [name for bit, name in needed.items() if not given & bit]
