"""The sandbox as a test tool: its bots, its waits, its options."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import discord
import pytest
from discord import app_commands, ui

from sandbox.discord_api import DiscordDouble, world_file
from sandbox.testing import Sandbox

ROOT = Path(__file__).resolve().parents[3]
WORLD = """
[[people]]
name = "mia"
[[people]]
name = "noah"
locale = "de"
[[guilds]]
name = "Reading club"
owner = "mia"
members = ["noah"]
bot = ["manage_roles", "send_messages", "view_channel"]
[[guilds.roles]]
name = "readers"
permissions = "manage_messages"
members = ["noah"]
[[guilds.channels]]
name = "Talk"
type = "category"
[[guilds.channels]]
name = "books"
category = "Talk"
topic = "What we read"
[[guilds.channels]]
name = "desk"
private_to = ["mia"]
"""


class Pinger(discord.Client):
    """Answers ``/ping`` with its own word and a button, which says it again."""

    def __init__(self, word: str) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)
        self.word = word
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="ping", description="Ping")(self.ping)

    async def ping(self, interaction: discord.Interaction) -> None:
        """Answer with a view whose button is heard once the answer to this call is there."""
        view = ui.View(timeout=None)
        button: ui.Button[ui.View] = ui.Button(label="Again")
        button.callback = self.again  # type: ignore[method-assign]  # discord.py takes it so
        view.add_item(button)
        await interaction.response.send_message(self.word, view=view)

    async def again(self, interaction: discord.Interaction) -> None:
        """Say it again."""
        await interaction.response.edit_message(content=f"{interaction.message and interaction.message.content}!")

    async def setup_hook(self) -> None:
        """Register the command."""
        await self.tree.sync()


async def test_bots_of_two_sandboxes_at_once_stay_apart() -> None:
    """Each reaches its own Discord, and afterwards discord.py has its own addresses again."""
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    async with Sandbox.open() as first, Sandbox.open() as second:
        async with first.running(Pinger("one")), second.running(Pinger("two")):
            for sandbox, word in ((first, "one"), (second, "two"), (first, "one")):
                asked = await sandbox.slash("ada", "general", "ping")
                assert (await asked.response()).text == word
        assert len(first.messages("general")) == 2
        assert len(second.messages("general")) == 1
    assert before == (discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY)


_SENDER = """
import sys, discord, yarl
from discord import ui

class Sender(discord.Client):
    async def on_message(self, message):
        if not message.author.bot:
            view = ui.View(timeout=None)
            button = ui.Button(label="Again")
            button.callback = lambda interaction: interaction.response.defer()
            await message.channel.send("pong", view=view.add_item(button))

discord.http.Route.BASE, gateway, token = sys.argv[1:]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
Sender(intents=discord.Intents(guilds=True, guild_messages=True)).run(token, log_handler=None)
"""


async def test_a_press_never_overtakes_the_answer_to_the_call_that_showed_its_button() -> None:
    """Two hundred buttons of a bot in another process, each pressed when it is there, without latency."""
    async with DiscordDouble(latency=0.0, limits=False) as double:
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-c", _SENDER, double.api_url, double.gateway_url, double.token)
        )
        try:
            await double.bot_online()
            ada, pressed = double.person("ada"), []
            for number in range(200):
                await ada.say("general", "ping")
                await double.wait_until(lambda: len(double.messages("general")) == 2 * number + 2)  # noqa: B023  # awaited at once
                pressed.append(await ada.click(double.messages("general")[-1], "Again"))
            await double.wait_until(lambda: all(one.is_acked or one.failed for one in pressed))
        finally:
            bot.kill()
            await bot.wait()
        assert sum(one.failed for one in pressed) == 0


async def test_a_failed_wait_tells_how_the_bot_stands() -> None:
    """Whether it is connected, what it asked last, what it has not answered, what is missing here."""
    async with Sandbox.open() as sandbox:
        with pytest.raises(AssertionError, match=r"bot: never connected\nasked last: nothing"):
            await sandbox.wait_until(lambda: False, 0.01)
        async with sandbox.running(Pinger("one")) as bot:
            bot.http.token = sandbox.discord.token
            with pytest.raises(discord.NotFound):
                await bot.http.get_stage_instance(1)
            with pytest.raises(AssertionError) as failed:
                await sandbox.wait_until(lambda: False, 0.01)
        told = str(failed.value)
        assert "bot: connected" in told
        assert "GET /stage-instances/1 (404)" in told
        assert "not in the sandbox: GET /stage-instances/{channel_id}" in told
        with pytest.raises(AssertionError, match="does not have: GET /stage-instances/"):
            sandbox.require_no_lacking()


async def test_a_pending_interaction_is_named() -> None:
    """Nobody answers Ada's command."""
    async with Sandbox.open() as sandbox:
        async with sandbox.running(Pinger("one")) as bot:
            pass
        del bot
        await sandbox.slash("ada", "general", "ping")
        with pytest.raises(AssertionError, match=r"bot: not connected\n(.*\n)+pending: ping of Ada"):
            await sandbox.wait_until(lambda: False, 0.01)


async def test_a_wait_looks_once_more_at_the_end() -> None:
    """What it waits for may change without a change of the world."""
    looks = itertools.count()
    async with DiscordDouble() as double:
        await double.wait_until(lambda: next(looks) == 1, 0.01)
    assert next(looks) == 2


@pytest.mark.parametrize("suffix", [".toml", ".json"])
async def test_a_file_describes_a_world(tmp_path: Path, suffix: str) -> None:
    """Guilds, roles, channels and people of one's own, with the bot's permissions."""
    path = tmp_path / f"world{suffix}"
    path.write_text(WORLD if suffix == ".toml" else json.dumps(_parsed(tmp_path)), encoding="utf-8")
    async with Sandbox.open(DiscordDouble(latency=0.0, guilds=world_file.load(path))) as sandbox:
        async with sandbox.running(Pinger("one")) as bot:
            await bot.wait_until_ready()
            (guild,) = bot.guilds
            assert guild.name == "Reading club"
            assert guild.me.guild_permissions.manage_roles
            assert sorted(role.name for role in guild.roles) == ["@everyone", "parallax", "readers"]
            assert {channel.name: channel.topic for channel in guild.text_channels}["books"] == "What we read"
            asked = await sandbox.slash("noah", "books", "ping")
            assert (await asked.response()).text == "one"
        assert sandbox.people["noah"].user.locale == "de"
        noah = sandbox.people["noah"]
        seen = [c.name for c in sandbox.world.channels.values() if sandbox.world.can_see(noah.id, c)]
        assert seen == ["Talk", "books"]


def _parsed(folder: Path) -> world_file.Table:
    path = folder / "read.toml"
    path.write_text(WORLD, encoding="utf-8")
    return world_file.load(path)


def _of_mia(**guild: object) -> world_file.Table:
    return {"people": [{"name": "mia"}], "guilds": [{"name": "A", "owner": "mia", **guild}]}


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({}, "no guild"),
        ({"cats": []}, "the file has no cats"),
        ({"guilds": [{"name": "A", "owner": "mia"}]}, "guild 'A': there is no person 'mia'"),
        ({"people": [{"name": "mia"}, {"name": "Mia"}]}, "two people"),
        ({"people": "mia"}, "'people' is a list of tables"),
        (_of_mia(permissions=["fly"]), "'fly'"),
        (_of_mia(channels=[{"name": "c", "type": 1}]), "a type is one of text"),
    ],
)
def test_a_mistake_in_the_file_is_told(described: world_file.Table, said: str) -> None:
    """In a sentence that names the place."""
    with pytest.raises(world_file.WorldFileError, match=said):
        DiscordDouble(guilds=described)


_MARKED = """
import aiohttp, pytest

@pytest.fixture
def sandbox_options():
    return {"token": "of-the-fixture", "permissions": "manage_roles"}

async def get(sandbox, path):
    headers = {"Authorization": f"Bot {sandbox.discord.token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(sandbox.discord.api_url + path, headers=headers) as answer:
            return answer.status

@pytest.mark.sandbox(intents=["members"], token="of-the-mark")
async def test_mark(sandbox):
    assert sandbox.discord.token == "of-the-mark"
    assert sandbox.discord.privileged_intents == ["members"]
    roles = [role for guild in sandbox.world.guilds.values() for role in guild.roles.values()]
    assert {role.permissions for role in roles if role.bot_id} == {1 << 28}
    assert await get(sandbox, "/stage-instances/1") == 404

@pytest.mark.sandbox(fail_on_missing=True)
async def test_missing(sandbox):
    assert sandbox.discord.token == "of-the-fixture"
    assert await get(sandbox, "/stage-instances/1") == 404
"""


def test_marks_and_a_fixture_say_what_the_sandbox_is_like(tmp_path: Path) -> None:
    """No warning is given, and a missing operation fails the test that wants to know."""
    (tmp_path / "test_it.py").write_text(_MARKED, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "sandbox.pytest_plugin"),
            *("-o", "asyncio_mode=auto", "--strict-markers", "."),
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "does not have: GET /stage-instances/{channel_id}" in done.stdout, done.stdout + done.stderr
    assert "2 passed, 1 error" in done.stdout
    assert "warning" not in done.stdout


async def test_the_default_token_and_the_given_one() -> None:
    """Only the token that was given lets a bot in."""
    async with DiscordDouble(token="mine", latency=0.0) as double, aiohttp.ClientSession() as session:
        for token, status in (("mine", 200), ("other", 401)):
            headers = {"Authorization": f"Bot {token}"}
            async with session.get(f"{double.api_url}/users/@me", headers=headers) as answer:
                assert answer.status == status
