"""Who may do what: every command and button of the operators, tried by everybody.

Discord's client would not offer most of this. A client is not a guard: what is tried here reaches the bot all the
same, as it would from a client that lies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble, client_rules, interactions
from sandbox.discord_api.client_rules import OptionReader, Value
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Channel, Message, Role
from sandbox.discord_api.people import Person
from sandbox.discord_api.snowflakes import fixed
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, new_room, until_over, until_shows
from tests.e2e.switching import begun, inits, start_workers, stop_workers

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = "Qwen/Qwen3-4B"
COMMANDS: Mapping[str, Mapping[str, Value]] = {
    "cluster init": {"model": MODEL, "nodes": 1},
    "cluster switch": {},
    "cluster board": {},
    "cluster alerts": {},
    "cluster name": {"node": "12D3KooW", "name": "mine"},
    "cluster pause": {"reason": "because"},
    "cluster resume": {},
    "cluster queue": {},
    "cluster audit": {},
}
REFUSED = ("stranger", "ada", "grace", "other_role")
ALLOWED = ("olga", "rosa")
OTHER_ROLE = fixed(60)
SUCCESS = 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Operators by user and by role; the role of another server is named too, but that server is not."""
    discord = DiscordDouble(latency=0.0)
    operators = discord.operators
    other = next(guild for guild in discord.world.guilds.values() if guild.name == "Other team")
    other.roles[OTHER_ROLE] = Role(OTHER_ROLE, "cluster-operators", position=2)
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=discord,
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        ADMIN_USER_IDS=",".join(map(str, operators.user_ids)),
        ADMIN_ROLE_IDS=",".join(map(str, (*operators.role_ids, OTHER_ROLE))),
        ADMIN_GUILD_IDS=",".join(map(str, operators.guild_ids)),
    ) as running:
        visitor = discord.new_person("other_role", "Other team")
        other.members[visitor.id].roles.append(OTHER_ROLE)
        yield running


def place_of(stage: Stage, name: str, room: Channel) -> Channel:
    """Where this person acts: strangers are in another server."""
    return stage.discord.channel("lobby") if name in {"stranger", "other_role"} else room


async def answered(stage: Stage, interaction: Interaction) -> Interaction:
    """Wait for the bot's answer."""
    await stage.discord.wait_until(lambda: interaction.state != "pending", PATIENCE)
    return interaction


async def sent(stage: Stage, who: Person, room: Channel, command: str) -> Interaction:
    """A command that reaches the bot whatever the client thinks of it."""
    olga = stage.discord.person("olga").user
    home = stage.discord.channel("general")
    leaf = client_rules.find(stage.discord.world, olga, home, command)
    data = OptionReader(stage.discord.world, home).data(leaf, COMMANDS[command])
    return await answered(
        stage, stage.discord.interactions.start(interactions.COMMAND, who.user, room, data, command)
    )


async def pressed(stage: Stage, who: Person, room: Channel, message: Message, custom_id: str) -> Interaction:
    """A press that reaches the bot, on a message this person may not even see."""
    data = {"custom_id": custom_id, "component_type": 2, "id": 1}
    hub = stage.discord.interactions
    return await answered(
        stage, hub.start(interactions.COMPONENT, who.user, room, data, custom_id, source=message)
    )


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", COMMANDS)
async def test_commands_are_refused_to_everybody_else(
    stage: Stage, room: Channel, name: str, command: str
) -> None:
    """Privately; the scheduler hears nothing of it, the line is not held, nothing appears in the channel."""
    before = list(stage.parallax.calls)
    where = place_of(stage, name, room)
    shown = len([one for one in stage.discord.messages(where) if one.ephemeral_for is None])
    person = stage.discord.person(name)
    interaction = await sent(stage, person, where, command)
    assert interaction.modal is None
    refusal = interaction.original
    assert refusal is not None
    assert refusal.ephemeral_for == person.id
    assert refusal.buttons == {}
    assert "operators" in refusal.text or "went wrong" in refusal.text
    assert [call for call in stage.parallax.calls[len(before) :] if call.path != "/cluster/status"] == []
    assert len([one for one in stage.discord.messages(where) if one.ephemeral_for is None]) == shown


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in {"cluster switch", "cluster name"}])
async def test_commands_are_there_for_operators(stage: Stage, room: Channel, name: str, command: str) -> None:
    """By their id and by their role."""
    person = stage.discord.person(name)
    told = await (await person.slash(room, command, **COMMANDS[command])).done_loading()
    assert "operators" not in told.text
    await (await person.slash(room, "cluster resume")).response()


@pytest.mark.parametrize("name", ["stranger", "ada", "grace", "other_role"])
async def test_buttons_are_refused_to_others(stage: Stage, room: Channel, name: str) -> None:
    """Every button of the confirmation, of the switch under way, and of the line."""
    olga, person = stage.discord.person("olga"), stage.discord.person(name)
    where = place_of(stage, name, room)
    confirm = await (await olga.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    for button in confirm.buttons.values():
        refused = await pressed(stage, person, where, confirm, str(button.custom_id))
        assert refused.modal is None
    await (await olga.click(confirm, "Not now")).acked()

    message = await begun(stage, olga, room, MODEL)
    await until_shows(stage, message, "stop all workers now")
    (button,) = message.buttons.values()
    refused = await pressed(stage, person, where, message, str(button.custom_id))
    assert refused.modal is None
    assert refused.original is not None
    assert "operators" in refused.original.text
    assert "Switching to" in message.text
    await (await olga.click(message, "Cancel the switch")).acked()
    await until_shows(stage, message, "was ended")
    assert inits(stage) == 0


async def test_the_lines_buttons_are_refused_to_others(stage: Stage, room: Channel) -> None:
    """Cancelling some, clearing all, its confirmation and the way back: the question stays in the line."""
    olga, ada = stage.discord.person("olga"), stage.discord.person("ada")
    await (await olga.slash(room, "cluster pause", reason="because")).response()
    question = await ask(ada, room, "Still mine?")
    await until_shows(stage, question, "the line is paused")
    view = await (await olga.slash(room, "cluster queue")).response()
    for step in ("overview", "confirmation"):
        for name in REFUSED:
            person = stage.discord.person(name)
            for button in view.buttons.values():
                refused = await pressed(stage, person, place_of(stage, name, room), view, str(button.custom_id))
                assert refused.original is None or refused.original.ephemeral_for == person.id
        assert "Still mine?" in view.text or step == "confirmation"
        if step == "overview":
            await (await olga.click(view, "Clear the line")).acked()
    await (await olga.click(view, "Not now")).acked()
    assert "Still mine?" in view.text
    await (await olga.slash(room, "cluster resume")).response()
    await until_over(stage, question)
    assert "cancelled" not in question.text


async def test_an_operator_who_was_demoted_is_refused(stage: Stage, room: Channel) -> None:
    """What counts is the role at the press, not at the command."""
    rosa = stage.discord.person("rosa")
    confirm = await (await rosa.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    member = stage.discord.world.guilds[room.guild_id or 0].members[rosa.id]
    roles, member.roles = member.roles, []
    press = await (await rosa.click(confirm, "Switch …")).acked()
    assert press.modal is None
    assert press.message is not None
    assert press.message.text == "This is for the cluster's operators."
    member.roles = roles
    assert inits(stage) == 0


async def test_the_group_is_registered_in_the_operators_servers_only(stage: Stage) -> None:
    """Elsewhere it does not exist."""
    assert "cluster" not in stage.discord.person("stranger").commands("lobby")
    assert "cluster" in stage.discord.person("olga").commands(new_room(stage))


async def test_the_group_is_hidden_from_members(stage: Stage, room: Channel) -> None:
    """Discord shows it to who manages the server, and to whom the server's administrators let in."""
    people = ("ada", "ben", "grace", "olga", "rosa")
    seeing = {name for name in people if "cluster" in stage.discord.person(name).commands(room)}
    assert seeing == {"grace", "olga", "rosa"}


@pytest.mark.parametrize("name", ["ada", "grace", "olga"])
async def test_everybody_may_look(stage: Stage, room: Channel, name: str) -> None:
    """Status, models, join (no JOIN_ROLES here) and the buttons of the card."""
    person = stage.discord.person(name)
    card = await (await person.slash(room, "status")).response()
    live = await (await person.click(card, "Live")).acked()
    assert not live.failed
    assert card.buttons["Live"].style == SUCCESS
    joined = await (await person.click(card, "Join a node")).done_loading()
    assert joined.ephemeral_for == person.id
    assert "parallax join" in joined.text


async def test_the_way_back_is_refused_to_others(stage: Stage, room: Channel) -> None:
    """Under a switch that is over: no form is opened, nothing is sent."""
    olga = stage.discord.person("olga")
    before = inits(stage)
    message = await begun(stage, olga, room, MODEL)
    await start_workers(stage, message, await stop_workers(stage, message))
    await until_shows(stage, message, "is usable")
    back = message.buttons["Back to Qwen3-8B"]
    for name in REFUSED:
        person = stage.discord.person(name)
        refused = await pressed(stage, person, place_of(stage, name, room), message, str(back.custom_id))
        assert refused.modal is None
        assert refused.original is not None
        assert "operators" in refused.original.text
    assert inits(stage) == before + 1
