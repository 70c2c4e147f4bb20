"""A world of one's own, read from a small file: people, guilds, roles and channels.

``docs/sandbox.md`` shows one. Ids are the same in every run as long as the file keeps its order.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.discord_api.model import Channel, ChannelType, ForumTag, Guild, Member, Overwrite, Role, User
from sandbox.discord_api.permissions import BOT, EVERYONE, Permission
from sandbox.discord_api.snowflakes import fixed
from sandbox.discord_api.world import World

Table = Mapping[str, Any]
MAX_FILE = 1024 * 1024
_FIRST_ID = 1000
_TYPES = {
    "text": ChannelType.TEXT,
    "voice": ChannelType.VOICE,
    "category": ChannelType.CATEGORY,
    "forum": ChannelType.FORUM,
}


class WorldFileError(ValueError):
    """The file does not describe a world; the message says where and why."""


def load(path: Path) -> Table:
    """Read a JSON file (by its suffix ``.json``) or a TOML file of at most 1 MiB.

    Raises :class:`WorldFileError` for one that is larger or not of this form, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise WorldFileError(f"{path} is larger than {MAX_FILE} bytes")
    try:
        text = content.decode()
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise WorldFileError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise WorldFileError(f"{path}: the outermost is a table")
    return found


def permissions(wanted: object) -> int:
    """Permissions as a number, a number as text, or names (``"manage_roles"``), as a list or with commas.

    Raises :class:`WorldFileError` for an unknown name.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, int | str | list | tuple):
        raise WorldFileError(f"{wanted!r} are no permissions: a number, or a list of names")
    if isinstance(wanted, int):
        return wanted
    names = wanted.split(",") if isinstance(wanted, str) else [str(name) for name in wanted]
    if len(names) == 1 and names[0].strip().isdecimal():
        return int(names[0])
    total = 0
    for name in (name.strip() for name in names):
        if name.upper() not in Permission.__members__:
            known = ", ".join(sorted(Permission.__members__)).lower()
            raise WorldFileError(f"there is no permission {name!r}; there are {known}")
        total |= Permission[name.upper()]
    return total


def build(clock: Clock, described: Table, bot: User) -> World:
    """The world that a file describes. Raises :class:`WorldFileError`."""
    _known(described, "the file", ("people", "guilds"))
    world = World(clock, bot)
    builder = _Builder(world, map(fixed, itertools.count(_FIRST_ID)))
    for person in _tables(described, "people"):
        builder.person(person)
    for guild in _tables(described, "guilds"):
        builder.guild(guild)
    if not world.guilds:
        raise WorldFileError("there is no guild: a world has at least one [[guilds]]")
    return world


class _Builder:
    """Turns tables into records."""

    def __init__(self, world: World, ids: Iterator[int]) -> None:
        self._world = world
        self._ids = ids
        self._people: dict[str, User] = {}

    def person(self, table: Table) -> None:
        name = _name(table, "a person")
        _known(table, f"person {name!r}", ("name", "display_name", "locale"))
        if name.lower() in self._people:
            raise WorldFileError(f"there are two people {name!r}")
        locale = str(table.get("locale", "en-US"))
        shown = str(table.get("display_name", name.capitalize()))
        user = User(next(self._ids), name.lower(), shown, is_default=True, locale=locale)
        self._people[user.username] = self._world.users[user.id] = user

    def guild(self, table: Table) -> None:
        name = _name(table, "a guild")
        where = f"guild {name!r}"
        _known(table, where, ("name", "owner", "members", "bot", "permissions", "roles", "channels"))
        owner = self._someone(table.get("owner"), where)
        owner.kind = "admin"
        everyone = permissions(table.get("permissions", int(EVERYONE)))
        guild = Guild(next(self._ids), name, owner.id)
        guild.roles[guild.id] = Role(guild.id, "@everyone", everyone, position=0)
        for one in (owner, *(self._someone(member, where) for member in _names(table, "members"))):
            guild.members[one.id] = Member(one)
        self._bot(guild, table.get("bot", True))
        for role in _tables(table, "roles"):
            self._role(guild, role)
        for channel in _tables(table, "channels"):
            self._channel(guild, channel)
        self._world.guilds[guild.id] = guild

    def _bot(self, guild: Guild, wanted: object) -> None:
        if wanted is False:
            return
        bot = self._world.bot
        value = int(BOT) if wanted is True else permissions(wanted)
        role = Role(next(self._ids), bot.username, value, position=1, managed=True, bot_id=bot.id)
        guild.roles[role.id] = role
        guild.members[bot.id] = Member(bot, [role.id])

    def _role(self, guild: Guild, table: Table) -> None:
        name = _name(table, "a role")
        _known(table, f"role {name!r}", ("name", "permissions", "members", "mentionable"))
        granted = permissions(table.get("permissions", 0))
        mentionable = bool(table.get("mentionable", False))
        role = Role(next(self._ids), name, granted, position=len(guild.roles), mentionable=mentionable)
        guild.roles[role.id] = role
        for who in _names(table, "members"):
            user = self._someone(who, f"role {name!r}")
            guild.members.setdefault(user.id, Member(user)).roles.append(role.id)

    def _channel(self, guild: Guild, table: Table) -> None:
        name = _name(table, "a channel")
        where = f"channel {name!r}"
        _known(table, where, ("name", "type", "topic", "category", "private_to", "tags"))
        kind = str(table.get("type", "text"))
        if kind not in _TYPES:
            raise WorldFileError(f"{where}: a type is one of {', '.join(_TYPES)}")
        channel = Channel(next(self._ids), _TYPES[kind], name, guild.id, table.get("topic"))
        there = [one for one in self._world.channels.values() if one.guild_id == guild.id]
        channel.position = len(there)
        if (category := table.get("category")) is not None:
            parents = [one.id for one in there if one.type == ChannelType.CATEGORY and one.name == category]
            if not parents:
                raise WorldFileError(f"{where}: no category {category!r} stands before it")
            channel.parent_id = parents[0]
        channel.available_tags = [ForumTag(next(self._ids), tag) for tag in _names(table, "tags")]
        if "private_to" in table:
            channel.overwrites = self._private(guild, _names(table, "private_to"), where)
        self._world.channels[channel.id] = channel

    def _private(self, guild: Guild, names: Iterable[str], where: str) -> list[Overwrite]:
        view = int(Permission.VIEW_CHANNEL)
        found = [Overwrite(guild.id, 0, deny=view), Overwrite(self._world.bot.id, 1, allow=view)]
        roles = {role.name: role.id for role in guild.roles.values()}
        for name in names:
            if name in roles:
                found.append(Overwrite(roles[name], 0, allow=view))
            else:
                found.append(Overwrite(self._someone(name, where).id, 1, allow=view))
        return found

    def _someone(self, name: object, where: str) -> User:
        user = self._people.get(str(name).lower())
        if user is None:
            raise WorldFileError(f"{where}: there is no person {name!r}")
        return user


def _name(table: Table, what: str) -> str:
    name = table.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise WorldFileError(f"{what} has no name of 1 to 100 characters")
    return name


def _names(table: Table, key: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise WorldFileError(f"{key!r} is a list of names")
    return list(found)


def _tables(table: Table, key: str) -> list[Table]:
    found = table.get(key, [])
    if not isinstance(found, list | tuple) or not all(isinstance(one, Mapping) for one in found):
        raise WorldFileError(f"{key!r} is a list of tables")
    return list(found)


def _known(table: Table, where: str, keys: tuple[str, ...]) -> None:
    if unknown := set(table) - set(keys):
        raise WorldFileError(f"{where} has no {', '.join(sorted(unknown))}; it has {', '.join(keys)}")
