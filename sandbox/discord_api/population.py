"""The people and places of the default world: enough to see every rule of permission at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.discord_api import world_file
from sandbox.discord_api.model import (
    Channel,
    ChannelType,
    CommandPermission,
    ForumTag,
    Guild,
    Kind,
    Member,
    Overwrite,
    Role,
    User,
)
from sandbox.discord_api.permissions import BOT, EVERYONE, Permission
from sandbox.discord_api.snowflakes import fixed
from sandbox.discord_api.world import World

BOT_ID = fixed(1)
TEAM_ID = fixed(10)
OTHER_TEAM_ID = fixed(11)


@dataclass(frozen=True, slots=True)
class _Someone:
    username: str
    name: str
    kind: Kind
    color: str


_PEOPLE = (
    _Someone("ada", "Ada", "member", "#5865f2"),
    _Someone("ben", "Ben", "member", "#3ba55d"),
    _Someone("chloe", "Chloe", "member", "#eb459e"),
    _Someone("grace", "Grace", "admin", "#faa61a"),
    _Someone("olga", "Olga", "operator", "#ed4245"),
    _Someone("rosa", "Rosa", "operator", "#9b59b6"),
    _Someone("sam", "Sam", "stranger", "#747f8d"),
)

ALIASES = {"admin": "grace", "operator": "olga", "role-operator": "rosa", "stranger": "sam", "member": "ada"}
"""Roles in a story, for readers of tests: ``person("operator")`` is Olga."""


@dataclass(frozen=True, slots=True)
class Operators:
    """What a bot must be configured with so that this world's operators are its operators."""

    user_ids: tuple[int, ...]
    role_ids: tuple[int, ...]
    guild_ids: tuple[int, ...]


def opened(
    clock: Clock, described: Mapping[str, Any] | None = None, permissions: int | None = None
) -> tuple[World, Operators]:
    """The world that ``described`` tells of (:mod:`sandbox.discord_api.world_file`), or else the default one.

    ``permissions`` replace those of the bot's own role in every guild. Raises
    :class:`~sandbox.discord_api.world_file.WorldFileError` for a description that is none.
    """
    if described is None:
        world, operators = populate(clock)
    else:
        world, operators = world_file.build(clock, described, _bot()), Operators((), (), ())
    if permissions is not None:
        for guild in world.guilds.values():
            for role in guild.roles.values():
                if role.bot_id is not None:
                    role.permissions = permissions
    return world, operators


def populate(clock: Clock) -> tuple[World, Operators]:
    """A world with the guilds "Team" and "Other team" and seven people.

    Ada, Ben and Chloe are members of Team; Grace owns it; Olga is an operator by her id, Rosa by the role
    ``cluster-operators``, and Grace lets both see ``/cluster``; Sam is only in "Other team", where he sees the bot
    but has no part in Team.
    """
    world = World(clock, _bot())
    people = {
        who.username: User(
            fixed(100 + index),
            who.username,
            who.name,
            kind=who.kind,
            avatar_color=who.color,
            is_default=True,
        )
        for index, who in enumerate(_PEOPLE)
    }
    world.users |= {person.id: person for person in people.values()}
    team = _guild(world, TEAM_ID, "Team", people["grace"], fixed(31))
    operators = Role(fixed(30), "cluster-operators", color=0xED4245, position=3, mentionable=False)
    team.roles[operators.id] = operators
    for name in ("ada", "ben", "chloe", "olga"):
        team.members[people[name].id] = Member(people[name])
    team.members[people["rosa"].id] = Member(people["rosa"], [operators.id])
    team.command_permissions += [
        CommandPermission("cluster", operators.id, is_user=False, allowed=True),
        CommandPermission("cluster", people["olga"].id, is_user=True, allowed=True),
    ]
    _channels(world, team, operators, people["olga"])
    other = _guild(world, OTHER_TEAM_ID, "Other team", people["sam"], fixed(32))
    world.channels[fixed(50)] = Channel(fixed(50), ChannelType.TEXT, "lobby", other.id, "Hello")
    return world, Operators((people["olga"].id,), (operators.id,), (team.id,))


def _bot() -> User:
    return User(BOT_ID, "parallax", None, bot=True, kind="bot", is_default=True)


def _guild(world: World, guild_id: int, name: str, owner: User, bot_role_id: int) -> Guild:
    bot_role = Role(bot_role_id, world.bot.username, int(BOT), position=4, managed=True, bot_id=world.bot.id)
    everyone = Role(guild_id, "@everyone", int(EVERYONE), position=0)
    guild = Guild(guild_id, name, owner.id, {guild_id: everyone, bot_role.id: bot_role})
    guild.members[owner.id] = Member(owner)
    guild.members[world.bot.id] = Member(world.bot, [bot_role.id])
    world.guilds[guild_id] = guild
    return guild


def _channels(world: World, team: Guild, operators: Role, olga: User) -> None:
    view = int(Permission.VIEW_CHANNEL)
    private = [
        Overwrite(team.id, 0, deny=view),
        Overwrite(operators.id, 0, allow=view),
        Overwrite(olga.id, 1, allow=view),
        Overwrite(world.bot.id, 1, allow=view),
    ]
    category = fixed(40)
    for channel in (
        Channel(category, ChannelType.CATEGORY, "Text channels", team.id),
        Channel(fixed(41), ChannelType.TEXT, "general", team.id, "Ask anything", category, 0),
        Channel(fixed(42), ChannelType.TEXT, "random", team.id, "Anything else", category, 1),
        Channel(fixed(43), ChannelType.TEXT, "ops", team.id, "The cluster's operators", category, 2, private),
        Channel(
            fixed(44),
            ChannelType.FORUM,
            "help",
            team.id,
            "A post for each question",
            category,
            3,
            available_tags=[ForumTag(fixed(45), "question"), ForumTag(fixed(46), "solved")],
        ),
    ):
        world.channels[channel.id] = channel
