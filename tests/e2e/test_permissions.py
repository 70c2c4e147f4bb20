"""Who may do what: every command the bot has registered, tried by everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from sandbox.discord_api.client_rules import Value
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Channel
from sandbox.discord_api.wire import JSON
from tests.e2e.bot_process import Stage
from tests.e2e.permitting import (
    EVERYBODY,
    HOSTS,
    MANAGERS,
    MODEL,
    NO_SUCH_KEY,
    NO_SUCH_SCHEDULE,
    NOT_SEEN,
    ONLY_HOSTS,
    ONLY_KEY_ROLES,
    ONLY_MANAGERS,
    ONLY_OPERATORS,
    ONLY_SCHEDULE_ROLES,
    OPERATORS,
    REFUSALS,
    chosen_in_menu,
    completed,
    open_stage,
    place_of,
    refusal,
    sent,
    unheard,
)
from tests.e2e.reading import PATIENCE, new_room, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Row:
    """A command, with how it is called, who may, and what the others are told."""

    command: str
    allowed: tuple[str, ...] = EVERYBODY
    refusal: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join((self.command, *self.values))


def _operators(command: str, **values: Value) -> Row:
    return Row(f"cluster {command}", OPERATORS, ONLY_OPERATORS, values)


SCHEDULE_ACTS = ("pause", "resume", "run", "delete")
ROWS = (
    Row("queue"),
    Row("context show"),
    Row("context clear"),
    Row("context export"),
    Row("context forget-me"),
    Row("usage"),
    Row("usage", MANAGERS, ONLY_MANAGERS, {"server": True}),
    Row("key create", HOSTS, ONLY_KEY_ROLES, {"name": "script"}),
    Row("key list"),
    Row("key list", OPERATORS, ONLY_OPERATORS, {"everybody": True}),
    Row("key revoke", (), NO_SUCH_KEY, {"which": "4711"}),
    Row("schedule create", HOSTS, ONLY_SCHEDULE_ROLES, {"when": "every day 9:00", "question": "May I?"}),
    Row("schedule list"),
    Row("schedule list", OPERATORS, ONLY_OPERATORS, {"everybody": True}),
    *(Row(f"schedule {act}", (), NO_SUCH_SCHEDULE, {"which": "4711"}) for act in SCHEDULE_ACTS),
    Row("ask", values={"prompt": "May I?"}),
    Row("summarize"),
    Row("settings", MANAGERS, ONLY_MANAGERS),
    Row("status"),
    Row("models"),
    Row("join", HOSTS, ONLY_HOSTS),
    _operators("init", model=MODEL, nodes=1),
    _operators("switch"),
    _operators("board"),
    _operators("alerts"),
    _operators("name", node="12D3KooW", name="mine"),
    _operators("pause", reason="because"),
    _operators("resume"),
    _operators("queue"),
    _operators("audit"),
    _operators("doctor"),
)
COMPLETED = (("cluster init", "model"), ("cluster name", "node"))
COMPLETED_FOR_ALL = (
    ("key revoke", "which"),
    ("summarize", "since"),
    ("schedule create", "when"),
    ("schedule create", "timezone"),
    *((f"schedule {act}", "which") for act in SCHEDULE_ACTS),
)
MENU = "Ask about this"
MENUS = [MENU, "Summarize from here"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot for the whole matrix."""
    async with open_stage(tmp_path_factory.mktemp("bot")) as running:
        yield running


def _leaves(options: list[JSON], path: tuple[str, ...]) -> Iterator[tuple[str, list[JSON]]]:
    deeper = [one for one in options if one["type"] in (1, 2)]
    for one in deeper:
        yield from _leaves(one.get("options") or [], (*path, str(one["name"])))
    if not deeper:
        yield " ".join(path), options


def _registered(stage: Stage) -> dict[str, list[JSON]]:
    """Every command a person can call, with its options."""
    return {
        path: options
        for command in stage.discord.world.commands
        if command.type == 1
        for path, options in _leaves(command.payload.get("options") or [], (command.name,))
    }


async def test_every_command_has_a_row(stage: Stage) -> None:
    """A new command, menu entry or list of suggestions needs a row that says who may use it."""
    registered = _registered(stage)
    assert {row.command for row in ROWS} == set(registered)
    completing = {
        (path, str(one["name"]))
        for path, options in registered.items()
        for one in options
        if one.get("autocomplete")
    }
    assert {*COMPLETED, *COMPLETED_FOR_ALL} == completing
    assert [command.name for command in stage.discord.world.commands if command.type != 1] == MENUS


REFUSED = [(row, name) for row in ROWS for name in EVERYBODY if name not in row.allowed]
ALLOWED = [(row, name) for row in ROWS for name in row.allowed]


@pytest.mark.parametrize(("row", "name"), REFUSED, ids=str)
async def test_a_command_is_refused(stage: Stage, room: Channel, row: Row, name: str) -> None:
    """Privately, in the sentence that says whom it is for; the scheduler hears nothing of it, nothing appears in
    the channel."""
    where = place_of(stage, name, room)
    shown = len([one for one in stage.discord.messages(where) if one.ephemeral_for is None])
    with unheard(stage):
        interaction = await sent(stage, name, room, row.command, row.values)
        assert refusal(stage, name, interaction) == row.refusal
    assert len([one for one in stage.discord.messages(where) if one.ephemeral_for is None]) == shown


@pytest.mark.parametrize(("row", "name"), ALLOWED, ids=str)
async def test_a_command_is_there_for_who_may(stage: Stage, room: Channel, row: Row, name: str) -> None:
    """It does something, which is neither a refusal nor a failure."""
    if row.command == "ask":
        stage.parallax.script(["Yes."])
    interaction = await sent(stage, name, room, row.command, row.values)
    told = interaction.original
    assert told is not None
    await stage.discord.wait_until(lambda: not told.loading, PATIENCE)
    _was_served(interaction)
    if row.command == "ask":
        await until_over(stage, told)
    if row.command == "cluster pause":
        await sent(stage, name, room, "cluster resume", {})


@pytest.mark.parametrize("name", EVERYBODY)
async def test_no_role_grants_anything_in_direct_messages(stage: Stage, name: str) -> None:
    """No server's roles count there: people with the role, too, read where it works. Operators by id may."""
    who = stage.discord.person(name)
    interaction = await sent(stage, name, who.dm, "join", {})
    if name == "olga":
        _was_served(interaction)
    else:
        assert refusal(stage, name, interaction) == NOT_SEEN


@pytest.mark.parametrize("name", EVERYBODY)
@pytest.mark.parametrize(("command", "option"), COMPLETED)
async def test_suggestions_are_for_operators(
    stage: Stage, room: Channel, command: str, option: str, name: str
) -> None:
    """Nobody else learns by typing what the nodes are called, or makes the bot ask for the models."""
    if name in OPERATORS:
        assert await completed(stage, name, room, command, option) != []
        return
    with unheard(stage):
        assert await completed(stage, name, room, command, option) == []


@pytest.mark.parametrize("name", EVERYBODY)
async def test_everybody_may_ask_about_a_message(stage: Stage, room: Channel, name: str) -> None:
    """The dialogue opens."""
    where = place_of(stage, name, room)
    said = await stage.discord.person(name).say(where, "What does this mean?")
    interaction = await chosen_in_menu(stage, name, said, MENU)
    assert interaction.modal is not None


def _was_served(interaction: Interaction) -> None:
    told = interaction.original
    assert told is not None
    assert told.text not in REFUSALS
    assert "went wrong" not in told.text


async def test_the_group_is_registered_in_the_operators_servers_only(stage: Stage) -> None:
    """Elsewhere it does not exist."""
    assert "cluster" not in stage.discord.person("stranger").commands("lobby")
    assert "cluster" in stage.discord.person("olga").commands(new_room(stage))


async def test_the_group_is_hidden_from_members(stage: Stage, room: Channel) -> None:
    """Discord shows it to who manages the server, and to whom the server's administrators let in."""
    people = ("ada", "host", "grace", "olga", "rosa")
    seeing = {name for name in people if "cluster" in stage.discord.person(name).commands(room)}
    assert seeing == {"grace", "olga", "rosa"}
