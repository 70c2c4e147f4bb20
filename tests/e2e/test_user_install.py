"""``USER_INSTALL``: people install the bot to their account and bring it along to servers that do not have it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.model import Channel, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.permitting import control, pressed, refusal, sent, unheard
from tests.e2e.reading import PATIENCE, ask, body, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_ALLOWED = (
    "You may not use this bot outside of its own servers. "
    "Join a server of its team, or ask an operator to add you."
)
LONG = "\n\n".join(f"Paragraph {number}: " + "some words to read. " * 40 for number in range(40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bot keeps its database."""
    return tmp_path_factory.mktemp("bot")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The bot is in its team's server alone. Three people of the other server have installed it: a member of the
    team, somebody named in ALLOWED_USERS, and a stranger."""
    discord = DiscordDouble(latency=0.0)
    world = discord.world
    guilds = {guild.name: guild for guild in world.guilds.values()}
    named = discord.new_person("named", "Other team")
    world.add_user(discord.person("ada").user, [guilds["Other team"]])
    guilds["Other team"].members[discord.person("ada").id].nick = "Secret nickname"
    for name in ("ada", "named", "stranger"):
        world.user_installs.add(discord.person(name).id)
    async with staged(
        folder,
        discord=discord,
        parallax=ParallaxDouble(tokens_per_second=2000, lag=False),
        ALLOWED_GUILD_IDS=str(guilds["Team"].id),
        USER_INSTALL="true",
        ALLOWED_USERS=str(named.id),
    ) as running:
        world.remove_member(guilds["Other team"], world.bot)
        yield running


@pytest.fixture
def lobby(stage: Stage) -> Channel:
    """A channel of the server that the bot is not in."""
    return stage.discord.channel("lobby")


async def test_commands_of_people_are_offered_and_no_others(stage: Stage, lobby: Channel) -> None:
    """Those that run a server or a cluster, or read messages of the place, stay where a server installed it."""
    offered = {one.name for one in stage.discord.world.commands if 1 in one.payload["integration_types"]}
    assert offered == {"ask", "queue", "status", "models", "context"}
    with pytest.raises(RefusedError):
        await stage.discord.person("ada").slash(lobby, "settings")


async def test_who_is_neither_member_nor_named_may_not(stage: Stage, lobby: Channel) -> None:
    """One private sentence at every command; the scheduler hears nothing."""
    for command, values in (("ask", {"prompt": "May I?"}), ("status", {}), ("queue", {}), ("context export", {})):
        with unheard(stage):
            interaction = await sent(stage, "stranger", lobby, command, values)
            assert refusal(stage, "stranger", interaction) == NOT_ALLOWED


@pytest.mark.parametrize("name", ["ada", "named"])
async def test_members_and_named_people_have_a_conversation_of_their_own(
    stage: Stage, lobby: Channel, name: str
) -> None:
    """It goes on wherever they bring the bot, is exported and erased with the rest, and others cannot use its
    buttons."""
    who = stage.discord.person(name)
    stage.parallax.script("It is blue.", match="Which colour?")
    first = await ask(who, lobby, "Which colour?")
    await until_over(stage, first)
    assert body(first) == "> Which colour?\nIt is blue."

    interaction = await pressed(stage, "stranger", lobby, first, control(first, "Regenerate"))
    assert refusal(stage, "stranger", interaction) == NOT_ALLOWED

    await who.click(first, label="Regenerate")
    await until_shows(stage, first, "version 2 of 2")

    memory = await (await who.slash(lobby, "context show")).response()
    assert "Which colour?" in memory.text
    export = await (await who.slash(lobby, "context export")).done_loading()
    assert (
        "Which colour?"
        in next(one for one in export.attachments if one.filename == "questions.md").content.decode()
    )
    confirm = await (await who.slash(lobby, "context forget-me")).response()
    await (await who.click(confirm, "Erase everything")).acked()
    await stage.discord.wait_until(lambda: "What remains" in confirm.text)
    gone = await (await who.slash(lobby, "context export")).done_loading()
    assert gone.text == "Nothing is stored about you."


async def test_nothing_of_the_server_is_kept(stage: Stage, folder: Path, lobby: Channel) -> None:
    """Neither its id, nor the channel's, nor the name that the person has there."""
    message = await ask(stage.discord.person("ada"), lobby, "What is kept?")
    await until_over(stage, message)
    guild = next(guild for guild in stage.discord.world.guilds.values() if guild.name == "Other team")
    with sqlite3.connect(f"file:{folder / 'bot.db'}?mode=ro", uri=True) as database:
        stored = "\n".join(database.iterdump())
    assert "What is kept?" in stored
    sent_along = json.dumps([call.body for call in stage.parallax.calls], default=str)
    for secret in (str(guild.id), str(lobby.id), "Secret nickname", guild.name):
        assert secret not in stored
        assert secret not in sent_along


async def test_a_long_answer_ends_in_a_file(stage: Stage, lobby: Channel) -> None:
    """Which is told while it is written: Discord takes five follow-ups there."""
    ada = stage.discord.person("ada")
    stage.parallax.script([LONG[:200], (LONG[200:], 1.0)], match="At length?")
    first = await ask(ada, lobby, "At length?")
    await until_shows(stage, first, "a long answer ends in a file here")

    def pages() -> list[Message]:
        return [one for one in stage.discord.messages(lobby) if one.id >= first.id]

    await stage.discord.wait_until(lambda: pages()[-1].attachments, PATIENCE)
    assert len(pages()) == 3
    assert "a long answer ends in a file here" not in "".join(one.text for one in pages())
