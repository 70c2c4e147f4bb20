"""The connection to Discord: sessions that end, a proxy, and connections that are dead."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, bot_environment, staged
from tests.e2e.reading import answer, ask, new_room, until_over, until_shows
from tests.e2e.relay import Relay, relayed

PATIENCE = 20.0
WORDS = [f"word{number} " for number in range(400)]


@asynccontextmanager
async def through_relay(folder: Path, *, login: str = "") -> AsyncIterator[tuple[Stage, Relay]]:
    """A bot that reaches Discord through a relay as its proxy, with this ``login`` (``name:password@``)."""
    async with (
        DiscordDouble() as discord,
        relayed(discord.api_url) as relay,
        ParallaxDouble(tokens_per_second=200) as parallax,
    ):
        settings = {"DISCORD_PROXY": relay.address.replace("http://", f"http://{login}")}
        bot = BotProcess(bot_environment(discord, parallax.url, folder, settings), folder / "bot.log")
        await bot.start()
        try:
            await bot.ready(discord)
            yield Stage(discord, parallax, bot), relay
            assert await bot.terminate() == 0, bot.log
        finally:
            await bot.kill()


async def test_q10_a_session_that_cannot_be_resumed_uses_the_whole_address(tmp_path: Path) -> None:
    """The gateway's address has a path, and the next session needs it."""
    async with staged(tmp_path) as stage:
        before = stage.discord.gateway.identifies
        gateway = stage.discord.gateway
        await gateway.drop(forget=True)
        await stage.discord.wait_until(lambda: gateway.identifies == before + 1, PATIENCE)
        await stage.discord.bot_online(PATIENCE)
        stage.parallax.script(["Yes."])
        message = await ask(stage.discord.person("ada"), new_room(stage), "Still here?")
        await until_over(stage, message)
        assert answer(message, "Still here?") == "Yes."


@pytest.mark.parametrize(
    ("code", "content_intent", "status", "line"),
    [
        (4004, "false", 2, "error: DISCORD_TOKEN is not valid any more: Discord closed the connection with 4004"),
        (4011, "false", 1, "error: Discord closed the connection with 4011: the bot is in so many servers"),
        (4014, "false", 1, "error: Discord closed the connection with 4014, although the bot asks for no"),
        (4014, "true", 2, "error: MESSAGE_CONTENT_INTENT is on, but the application may not use it"),
        (4012, "false", 1, "error: Discord closed the connection with 4012"),
    ],
)
async def test_q11_a_connection_that_is_closed_for_good_ends_the_bot_in_one_line(
    tmp_path: Path, code: int, content_intent: str, status: int, line: str
) -> None:
    """The line has the remedy; the running answer is put back; exit code 2 is for what a restart cannot change."""
    async with (
        DiscordDouble(privileged_intents=("message_content",)) as discord,
        ParallaxDouble(tokens_per_second=40) as parallax,
    ):
        settings = {"MESSAGE_CONTENT_INTENT": content_intent}
        bot = BotProcess(bot_environment(discord, parallax.url, tmp_path, settings), tmp_path / "bot.log")
        await bot.start()
        await bot.ready(discord)
        stage = Stage(discord, parallax, bot)
        parallax.script(WORDS)
        message = await ask(discord.person("ada"), new_room(stage), "A long one")
        await until_shows(stage, message, "word3")
        await discord.gateway.drop(code)
        assert bot.process is not None
        assert await bot.process.wait() == status
    assert bot.log.splitlines()[-1].startswith(line)
    assert "Traceback" not in bot.log
    with closing(sqlite3.connect(tmp_path / "bot.db")) as database:
        assert database.execute("SELECT state, lease_owner FROM requests").fetchall() == [("queued", None)]


async def test_q14_a_proxy_is_used_for_everything_from_discord(tmp_path: Path) -> None:
    """Calls, the gateway and attachments; its login is sent there and shown nowhere."""
    async with through_relay(tmp_path, login="ada:pass-word@") as (stage, relay):
        stage.parallax.script(["Read."])
        room, ada = new_room(stage), stage.discord.person("ada")
        message = await ask(ada, room, "Summarise", attachment=("notes.txt", b"some words"))
        await until_over(stage, message)
        assert "some words" in str(stage.parallax.requests[-1].messages[-1]["content"])
        asked = [head.decode("latin-1") for head in relay.heads]
        for what in ("/users/@me", "/gateway?", "/attachments/", "/callback"):
            assert any(what in head.partition("\r\n")[0] for head in asked), what
        assert [head for head in asked if "Proxy-Authorization: Basic YWRhOnBhc3Mtd29yZA==" not in head] == []
        assert "pass-word" not in stage.bot.log


async def test_o2_an_unused_connection_is_closed_before_it_can_be_dead(tmp_path: Path) -> None:
    """Only the gateway's own stays open: the next interaction opens a new connection."""
    async with through_relay(tmp_path) as (stage, relay):
        for prompt in ("First", "Second"):
            stage.parallax.script(["Hi."])
            message = await ask(stage.discord.person("ada"), new_room(stage), prompt)
            await until_over(stage, message)
            assert answer(message, prompt) == "Hi."
            await relay.until(connections=1, within=12.0)
