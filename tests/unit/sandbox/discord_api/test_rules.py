"""Permissions, mentions, components and commands, checked against their documented rules."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.discord_api import component_rules, mentions, messages, snowflakes
from sandbox.discord_api.commands import CommandRegistry, validate
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import ChannelType, Overwrite, User
from sandbox.discord_api.permissions import ALL, Permission, channel_permissions
from sandbox.discord_api.population import ALIASES, TEAM_ID, populate
from sandbox.discord_api.wire import ApiError
from sandbox.discord_api.world import World


@pytest.fixture
async def world() -> World:
    """The default world."""
    return populate(Clock())[0]


def someone(world: World, name: str) -> User:
    """A default person."""
    wanted = ALIASES.get(name, name)
    return next(user for user in world.users.values() if user.username == wanted)


def general(world: World) -> Any:
    """#general."""
    return next(c for c in world.channels.values() if c.name == "general")


# -- permissions: developers/topics/permissions --------------------------------------------------------------


def test_overwrites_apply_in_order_everyone_roles_member(world: World) -> None:
    """A role's allow beats @everyone's deny; the member's own deny beats both."""
    channel, team = general(world), world.guilds[TEAM_ID]
    rosa, ada = someone(world, "role-operator"), someone(world, "ada")
    role_id = team.members[rosa.id].roles[0]
    send = int(Permission.SEND_MESSAGES)
    channel.overwrites = [Overwrite(TEAM_ID, 0, deny=send), Overwrite(role_id, 0, allow=send)]
    assert not channel_permissions(team, channel, ada.id) & send
    assert channel_permissions(team, channel, rosa.id) & send
    channel.overwrites.append(Overwrite(rosa.id, 1, deny=send))
    assert not channel_permissions(team, channel, rosa.id) & send


def test_the_owner_may_everything_and_a_stranger_nothing(world: World) -> None:
    """Neither depends on the channel's overwrites."""
    channel, team = general(world), world.guilds[TEAM_ID]
    channel.overwrites = [Overwrite(TEAM_ID, 0, deny=ALL)]
    assert channel_permissions(team, channel, team.owner_id) == ALL
    assert channel_permissions(team, channel, someone(world, "stranger").id) == 0


def test_without_view_nothing_else_counts(world: World) -> None:
    """Implicit permissions: no VIEW_CHANNEL, no SEND_MESSAGES."""
    channel, team = general(world), world.guilds[TEAM_ID]
    channel.overwrites = [Overwrite(TEAM_ID, 0, deny=int(Permission.VIEW_CHANNEL))]
    assert channel_permissions(team, channel, someone(world, "ada").id) == 0


# -- mentions: developers/resources/message, "Allowed Mentions Object" ---------------------------------------


@pytest.mark.parametrize(
    ("allowed", "users"),
    [
        (None, ["ada", "ben"]),
        ({"parse": []}, []),
        ({"parse": ["users"]}, ["ada", "ben"]),
        ({"parse": [], "users": ["ben"]}, ["ben"]),
        ({}, []),
    ],
)
def test_allowed_mentions_choose_the_users(world: World, allowed: dict[str, Any] | None, users: list[str]) -> None:
    """Without the object all are parsed; with it only what it names."""
    ada, ben = someone(world, "ada"), someone(world, "ben")
    if allowed and allowed.get("users"):
        allowed = {**allowed, "users": [str(ben.id)]}
    body = {"content": f"<@{ada.id}> and <@!{ben.id}>", "allowed_mentions": allowed}
    message = messages.create(world, world.bot, general(world), Form(body))
    assert message.notified == {someone(world, name).id for name in users}


def test_everyone_needs_the_permission(world: World) -> None:
    """The owner rings everybody who sees the channel, a member nobody."""
    channel = general(world)
    ring = messages.create(world, someone(world, "admin"), channel, Form({"content": "@everyone"}))
    assert someone(world, "ada").id in ring.notified
    assert someone(world, "admin").id not in ring.notified
    assert someone(world, "stranger").id not in ring.notified
    quiet = messages.create(world, someone(world, "ada"), channel, Form({"content": "@everyone"}))
    assert (quiet.notified, quiet.mentions.everyone) == (frozenset(), False)


def test_a_role_rings_its_members_if_it_may_be_mentioned(world: World) -> None:
    """``mentionable`` or the permission to mention everyone."""
    team = world.guilds[TEAM_ID]
    rosa = someone(world, "role-operator")
    role = team.roles[team.members[rosa.id].roles[0]]
    body = Form({"content": f"<@&{role.id}>"})
    assert messages.create(world, world.bot, general(world), body).notified == frozenset()
    role.mentionable = True
    assert messages.create(world, world.bot, general(world), body).notified == {rosa.id}


def test_a_silent_message_rings_nobody(world: World) -> None:
    """SUPPRESS_NOTIFICATIONS (4096): mentioned, but without a push."""
    ada = someone(world, "ada")
    body = Form({"content": f"<@{ada.id}>", "flags": 4096})
    message = messages.create(world, world.bot, general(world), body)
    assert (message.mentions.users, message.notified) == ([ada.id], frozenset())


def test_unknown_kinds_of_mentions_are_refused() -> None:
    """``parse`` knows three words."""
    with pytest.raises(ApiError) as refused:
        mentions.validate({"parse": ["aliens"]})
    assert refused.value.code == 50035


# -- components: developers/components/reference -------------------------------------------------------------

TEXT = {"type": 10, "content": "x"}
BUTTON = {"type": 2, "style": 1, "label": "x", "custom_id": "x"}


MALFORMED_COMPONENTS: list[dict[str, Any]] = [
    {"type": 10, "content": ""},
    {"type": 9, "components": [TEXT]},
    {"type": 9, "components": [TEXT] * 4, "accessory": BUTTON},
    {"type": 17, "components": []},
    {"type": 17, "components": [{"type": 17, "components": [TEXT]}]},
    {"type": 12, "items": []},
    {"type": 1, "components": []},
    {"type": 1, "components": [TEXT]},
    {"type": 1, "components": [{"type": 3, "custom_id": "s", "options": []}]},
    {
        "type": 1,
        "components": [
            {"type": 3, "custom_id": "s", "options": [{"label": str(n), "value": str(n)} for n in range(26)]}
        ],
    },
    {"type": 1, "components": [{"type": 3, "custom_id": "s", "options": [{"label": "a", "value": "a"}] * 2}]},
    {"type": 1, "components": [{"type": 2, "style": 5, "label": "x"}]},
    {"type": 1, "components": [{"type": 2, "style": 5, "label": "x", "url": "https://x", "custom_id": "y"}]},
    {"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "x"}]},
    {"type": 1, "components": [{"type": 2, "style": 9, "label": "x", "custom_id": "x"}]},
    {"type": 99},
]


@pytest.mark.parametrize("component", MALFORMED_COMPONENTS)
def test_malformed_components_are_refused(component: dict[str, Any]) -> None:
    """Each is an Invalid Form Body."""
    with pytest.raises(ApiError) as refused:
        component_rules.validate([component], v2=True)
    assert refused.value.code == 50035


def test_a_full_message_is_accepted() -> None:
    """Forty components, five buttons in a row, four thousand characters."""
    row = {"type": 1, "components": [BUTTON | {"custom_id": str(n)} for n in range(5)]}
    texts = [{"type": 10, "content": "x" * 100} for _ in range(32)]
    rest = {"type": 10, "content": "y" * 800}
    component_rules.validate([row, {"type": 17, "components": [*texts, rest]}], v2=True)


def test_a_modal_has_one_to_five_components_and_a_short_title() -> None:
    """Source: developers/interactions/receiving-and-responding, "Modal"."""
    field = {"type": 18, "label": "Name", "component": {"type": 4, "style": 1, "custom_id": "n"}}
    component_rules.validate_modal({"title": "x" * 45, "custom_id": "m", "components": [field]})
    for body in (
        {"title": "x" * 46, "custom_id": "m", "components": [field]},
        {"title": "x", "custom_id": "m", "components": []},
        {"title": "x", "custom_id": "m", "components": [field, field]},
        {"title": "x", "components": [field]},
    ):
        with pytest.raises(ApiError):
            component_rules.validate_modal(body)


# -- commands: developers/interactions/application-commands --------------------------------------------------


def command(**changes: Any) -> dict[str, Any]:
    """A valid command, changed."""
    return {"name": "ask", "type": 1, "description": "Ask", **changes}


def option(**changes: Any) -> dict[str, Any]:
    """A valid text option, changed."""
    return {"name": "prompt", "type": 3, "description": "What", **changes}


MALFORMED_COMMANDS: list[dict[str, Any]] = [
    command(name="Ask"),
    command(name="a b"),
    command(name="x" * 33),
    command(description=""),
    command(description="x" * 101),
    command(options=[option(name=f"o{n}") for n in range(26)]),
    command(options=[option(), option(name="two", required=True)]),
    command(options=[option(), option()]),
    command(options=[option(choices=[{"name": str(n), "value": str(n)} for n in range(26)])]),
    command(options=[option(choices=[{"name": "a", "value": "a"}], autocomplete=True)]),
    command(options=[option(choices=[{"name": "a", "value": "x" * 101}])]),
    command(options=[option(max_length=6001)]),
    command(
        options=[
            option(name=f"o{o}", choices=[{"name": f"{n:0100}", "value": f"{n:0100}"} for n in range(25)])
            for o in range(2)
        ]
    ),
    {"name": "Ask about this", "type": 3, "description": "no"},
    {"name": "x" * 33, "type": 2},
    {"name": "x", "type": 9},
]


@pytest.mark.parametrize("body", MALFORMED_COMMANDS)
def test_malformed_commands_are_refused(body: dict[str, Any]) -> None:
    """Each is an Invalid Form Body."""
    with pytest.raises(ApiError) as refused:
        validate(body, "0")
    assert refused.value.code == 50035


async def test_overwriting_keeps_the_ids_of_commands_that_stay(world: World) -> None:
    """Bulk overwrite is an update by name and type."""
    registry = CommandRegistry(world)
    (first,) = registry.replace_all(None, [command()])
    again = registry.replace_all(None, [command(description="Anew"), command(name="queue")])
    assert again[0]["id"] == first["id"]
    assert again[0]["version"] != first["version"]
    assert [c["name"] for c in registry.scope(None)] == ["ask", "queue"]
    assert registry.scope(TEAM_ID) == []


async def test_two_hundred_creates_a_day(world: World) -> None:
    """Updates are free; the 201st new command of a day is refused with 30034."""
    registry = CommandRegistry(world)
    for number in range(2):
        registry.replace_all(None, [command(name=f"c{number}-{n}") for n in range(100)])
    registry.replace_all(None, [command(name=f"c1-{n}", description="x") for n in range(100)])
    with pytest.raises(ApiError) as refused:
        registry.replace_all(None, [command(name="one-more")])
    assert refused.value.code == 30034
    world.clock.advance(86_401)
    registry.replace_all(None, [command(name="one-more")])


async def test_at_most_a_hundred_slash_commands(world: World) -> None:
    """30032, by overwrite and by create."""
    registry = CommandRegistry(world)
    with pytest.raises(ApiError) as refused:
        registry.replace_all(None, [command(name=f"c{n}") for n in range(101)])
    assert refused.value.code == 30032
    registry.replace_all(None, [command(name=f"c{n}") for n in range(100)])
    with pytest.raises(ApiError):
        registry.create(None, command(name="more"))
    payload, created = registry.create(None, command(name="c1", description="new"))
    assert (payload["description"], created) == ("new", False)
    registry.delete(None, int(payload["id"]))
    assert len(registry.scope(None)) == 99
    with pytest.raises(ApiError):
        registry.get(None, int(payload["id"]))


# -- ids -----------------------------------------------------------------------------------------------------


def test_ids_grow_and_tell_their_time(world: World) -> None:
    """Source: developers/reference, "Snowflakes"."""
    made = [world.ids.next() for _ in range(1000)]
    assert made == sorted(set(made))
    assert snowflakes.created_at(made[0]) == pytest.approx(world.clock.now(), abs=2)


def test_the_default_world_is_the_same_in_every_run() -> None:
    """So that a bot's database outlives the sandbox; and its guilds are on different shards of two."""
    one, two = populate(Clock())[0], populate(Clock())[0]
    assert list(one.guilds) == list(two.guilds)
    assert list(one.users) == list(two.users)
    assert {(guild_id >> 22) % 2 for guild_id in one.guilds} == {0, 1}


def test_a_direct_message_channel_is_made_once(world: World) -> None:
    """The same channel for the person and the bot, whoever asks."""
    ada = someone(world, "ada")
    channel = world.dm(ada)
    assert world.dm(ada) is channel
    assert channel.type == ChannelType.DM
    assert world.viewers(channel) == {ada.id, world.bot.id}
