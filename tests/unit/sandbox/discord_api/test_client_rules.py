"""The options of a command as Discord's client reads them.

Source: docs.discord.com, developers/interactions/application-commands, "Application Command Option Structure".
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.discord_api.client_rules import OptionReader, RefusedError, find, visible_commands
from sandbox.discord_api.commands import CommandRegistry
from sandbox.discord_api.model import Channel, CommandPermission, User
from sandbox.discord_api.population import TEAM_ID, populate
from sandbox.discord_api.world import World


@pytest.fixture
async def world() -> World:
    """The default world with one command of sub-commands: ``/set <kind> value:``."""
    made = populate(Clock())[0]
    kinds: dict[str, dict[str, Any]] = {
        "text": {"type": 3, "min_length": 2, "max_length": 4},
        "whole": {"type": 4, "min_value": 1, "max_value": 9},
        "yes-or-no": {"type": 5},
        "who": {"type": 6},
        "where": {"type": 7, "channel_types": [0]},
        "role": {"type": 8},
        "anyone": {"type": 9},
        "number": {"type": 10, "max_value": 1.5},
        "chosen": {"type": 3, "choices": [{"name": "Red", "value": "r"}]},
    }
    subs = [
        {
            "name": name,
            "type": 1,
            "description": "x",
            "options": [{"name": "value", "description": "x", "required": True, **kind}],
        }
        for name, kind in kinds.items()
    ]
    CommandRegistry(made).replace_all(None, [{"name": "set", "description": "Set", "options": subs}])
    return made


def ada(world: World) -> User:
    """A member."""
    return next(user for user in world.users.values() if user.username == "ada")


def general(world: World) -> Channel:
    """#general."""
    return next(channel for channel in world.channels.values() if channel.name == "general")


def read(world: World, kind: str, value: Any) -> dict[str, Any]:
    """The interaction data of ``/set <kind> value:<value>``."""
    leaf = find(world, ada(world), general(world), f"set {kind}")
    return OptionReader(world, general(world)).data(leaf, {"value": value})


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [
        ("text", "abc", "abc"),
        ("whole", "7", 7),
        ("yes-or-no", "true", True),
        ("yes-or-no", False, False),
        ("number", "1.25", 1.25),
        ("chosen", "Red", "r"),
        ("chosen", "r", "r"),
    ],
)
def test_values_are_sent_in_their_type(world: World, kind: str, given: Any, sent: Any) -> None:
    """The sub-command wraps the option."""
    (sub,) = read(world, kind, given)["options"]
    assert (sub["name"], sub["type"]) == (kind, 1)
    assert sub["options"][0]["value"] == sent


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("text", "a"),
        ("text", "abcde"),
        ("whole", "7.5"),
        ("whole", 0),
        ("whole", 10),
        ("whole", True),
        ("yes-or-no", "perhaps"),
        ("number", "much"),
        ("number", 1.6),
        ("chosen", "Blue"),
        ("who", "1"),
        ("where", "1"),
        ("role", "1"),
        ("anyone", "1"),
    ],
)
def test_values_the_client_would_not_send_are_refused(world: World, kind: str, given: Any) -> None:
    """A sentence for the person, and no interaction."""
    with pytest.raises(RefusedError):
        read(world, kind, given)


def test_users_roles_and_channels_are_resolved(world: World) -> None:
    """Ids as values, the objects in ``resolved``."""
    person, channel, role = ada(world), general(world), world.guilds[TEAM_ID].roles[TEAM_ID]
    found = read(world, "who", person)["resolved"]
    assert found["users"][str(person.id)]["username"] == "ada"
    assert "permissions" in found["members"][str(person.id)]
    assert read(world, "where", channel)["resolved"]["channels"][str(channel.id)]["name"] == "general"
    assert read(world, "role", str(role.id))["resolved"]["roles"][str(role.id)]["name"] == "@everyone"
    assert str(person.id) in read(world, "anyone", f"<@{person.id}>")["resolved"]["users"]
    category = next(c for c in world.channels.values() if c.type == 4)
    with pytest.raises(RefusedError, match="right kind"):
        read(world, "where", category)


@pytest.mark.parametrize("typed", ["set", "set nothing", "unknown", "set text more"])
def test_a_command_is_only_found_whole(world: World, typed: str) -> None:
    """Neither its stem nor an unknown branch can be sent."""
    with pytest.raises(RefusedError):
        find(world, ada(world), general(world), typed)


@pytest.mark.parametrize(
    ("mine", "of_my_role", "of_everyone", "seen"),
    [
        (None, None, None, False),
        (True, None, None, True),
        (None, True, None, True),
        (None, None, True, True),
        (False, True, True, False),
        (True, False, False, True),
        (None, False, True, False),
    ],
)
def test_administrators_decide_who_sees_a_command(
    world: World, mine: bool | None, of_my_role: bool | None, of_everyone: bool | None, seen: bool
) -> None:
    """A person's own entry counts before their role's, this before everybody's, and all before the default."""
    hidden = {"name": "hidden", "description": "x", "default_member_permissions": str(1 << 5)}
    CommandRegistry(world).create(None, hidden)
    team, person = world.guilds[TEAM_ID], ada(world)
    role = next(role for role in team.roles.values() if role.name == "cluster-operators")
    team.members[person.id].roles.append(role.id)
    for holder, allowed in ((person.id, mine), (role.id, of_my_role), (TEAM_ID, of_everyone)):
        if allowed is not None:
            entry = CommandPermission("hidden", holder, is_user=holder == person.id, allowed=allowed)
            team.command_permissions.append(entry)
    assert ("hidden" in {c.name for c in visible_commands(world, person, general(world))}) is seen
