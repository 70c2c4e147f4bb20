"""``ALLOWED_GUILD_IDS``: in other servers the bot answers nothing but one private sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.permitting import chosen_in_menu, control, pressed, refusal, sent, unheard
from tests.e2e.reading import PATIENCE, ask, new_room, of_the_bot, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOSED = "This bot does not answer in this server. Use it in the server of its team, or ask an operator."
NO_MEMBER = "Only members of the team's server may do that here. Join the server, or ask an operator."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The bot is in two servers, of which one is allowed; DM_GUILD_ID is not set."""
    discord = DiscordDouble(latency=0.0)
    (team,) = [guild.id for guild in discord.world.guilds.values() if guild.name == "Team"]
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=discord,
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        ALLOWED_GUILD_IDS=str(team),
    ) as running:
        yield running


def _public(stage: Stage, room: Channel) -> list[Message]:
    """What the bot wrote for everybody in a channel."""
    return [one for one in of_the_bot(stage, room) if one.ephemeral_for is None]


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("ask", {"prompt": "May I?"}),
        ("status", {}),
        ("models", {}),
        ("join", {}),
        ("queue", {}),
        ("settings", {}),
        ("context export", {}),
        ("cluster pause", {"reason": "because"}),
    ],
)
async def test_a7_every_command_is_refused_elsewhere(stage: Stage, command: str, values: dict[str, str]) -> None:
    """Privately, also to the administrator of that server; the scheduler hears nothing."""
    with unheard(stage):
        interaction = await sent(stage, "stranger", new_room(stage), command, values)
        assert refusal(stage, "stranger", interaction) == CLOSED


async def test_a7_messages_elsewhere_are_ignored(stage: Stage) -> None:
    """A mention, a reply and a thread there get no answer; the same mention at home does."""
    stranger, lobby = stage.discord.person("stranger"), stage.discord.channel("lobby")
    bot = f"<@{stage.discord.world.bot.id}>"
    count = len(_public(stage, lobby))
    said = await stranger.say(lobby, f"{bot} do you hear me?")
    thread = await stranger.start_thread(said, "A question")
    await stranger.say(lobby, f"{bot} and now?", reply_to=said)
    await stranger.say(thread, f"{bot} and here?")
    assert refusal(stage, "stranger", await chosen_in_menu(stage, "stranger", said, "Ask about this")) == CLOSED
    stage.parallax.script(["At home."], match="At home")
    room = new_room(stage)
    await stage.discord.person("ada").say(room, f"{bot} At home?")
    await stage.discord.wait_until(lambda: of_the_bot(stage, room), PATIENCE)
    await until_over(stage, *of_the_bot(stage, room))
    assert len(_public(stage, lobby)) == count
    assert of_the_bot(stage, thread) == []


async def test_a7_a_press_elsewhere_is_refused(stage: Stage) -> None:
    """On a message that the bot sent before the server was taken from the list."""
    stage.parallax.script(["Yes."], match="Here")
    answer = await ask(stage.discord.person("ada"), new_room(stage), "Here?")
    await until_over(stage, answer)
    for label in ("Regenerate", "As file"):
        press = await pressed(stage, "stranger", new_room(stage), answer, control(answer, label))
        assert refusal(stage, "stranger", press) == CLOSED


async def test_a7_direct_messages_are_for_members_of_an_allowed_server(stage: Stage) -> None:
    """Otherwise anybody with the install link would use the cluster there."""
    stranger, ada = stage.discord.person("stranger"), stage.discord.person("ada")
    with unheard(stage):
        told = await sent(stage, "stranger", stranger.dm, "ask", {"prompt": "May I?"})
        assert refusal(stage, "stranger", told) == NO_MEMBER
        await stranger.say(stranger.dm, "And by message?")
        await stage.discord.wait_until(lambda: _public(stage, stranger.dm), PATIENCE)
        assert [one.text for one in _public(stage, stranger.dm)] == [NO_MEMBER]
    stage.parallax.script(["Welcome."], match="Is this")
    answer = await ask(ada, ada.dm, "Is this allowed?")
    await until_over(stage, answer)
    assert "Welcome." in answer.text


async def test_a7_what_is_ones_own_stays_available_in_direct_messages(stage: Stage) -> None:
    """Erasing one's data is refused to nobody."""
    stranger = stage.discord.person("stranger")
    shown = await (await stranger.slash(stranger.dm, "context forget-me")).response()
    assert "Erase everything" in shown.buttons


async def test_a7_the_log_names_the_servers_where_nothing_is_answered(stage: Stage) -> None:
    """Once the bot is connected; with an empty setting it says that every server is allowed."""
    (other,) = [guild.id for guild in stage.discord.world.guilds.values() if guild.name == "Other team"]
    ada = stage.discord.person("ada")
    async with asyncio.timeout(PATIENCE):
        while "discord.servers_not_allowed" not in stage.bot.log:
            # The bot waits a moment for the list of servers; a command is a round trip meanwhile.
            await (await ada.slash(ada.dm, "queue")).response()
    assert str(other) in next(line for line in stage.bot.log.splitlines() if "servers_not_allowed" in line)
    assert "discord.every_server_allowed" not in stage.bot.log
