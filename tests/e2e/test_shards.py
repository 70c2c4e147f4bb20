"""A bot whose servers are shared by several connections to Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import READY_WITHIN, BotProcess, Stage, bot_environment, staged
from tests.e2e.reading import PATIENCE, answer, ask, new_room, of_the_bot, until_over, until_shows
from tests.fakes.databases import new_database
from tests.fakes.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE, THERE = "general", "lobby"
"""Channels of servers that belong to shard 0 and shard 1 of two."""


def sharded() -> DiscordDouble:
    """A Discord that recommends two shards, which may identify at the same time."""
    double = DiscordDouble(latency=0.0)
    double.session_starts.recommended = double.session_starts.max_concurrency = 2
    homes = [double.channel(name).guild_id or 0 for name in (HERE, THERE)]
    assert [(guild_id >> 22) % 2 for guild_id in homes] == [0, 1]
    return double


@pytest.fixture(scope="module")
def health() -> str:
    """Where the bot tells whether it is ready."""
    return f"127.0.0.1:{free_port()}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, health: str) -> AsyncIterator[Stage]:
    """A bot with both shards in one process, as Discord recommends."""
    parallax = ParallaxDouble(tokens_per_second=200, lag=False)
    folder = tmp_path_factory.mktemp("bot")
    async with staged(folder, discord=sharded(), parallax=parallax, HTTP_BIND=health) as running:
        assert running.discord.gateway.ready_shards == {0, 1}
        yield running
        assert running.discord.session_starts.too_early == []


async def fetched(address: str) -> tuple[int, str]:
    """The status and body of a page."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}") as response:
        return response.status, await response.text()


async def asked_in(stage: Stage, room: Channel, who: str, prompt: str) -> None:
    """Ask with a command; the answer comes."""
    stage.parallax.script(["Yes."], match=prompt)
    message = await ask(stage.discord.person(who), room, prompt)
    await until_over(stage, message)
    assert answer(message, prompt) == "Yes."


async def until_said(stage: Stage, room: Channel, words: str) -> None:
    """Wait until a message of the bot's says so."""
    await stage.discord.wait_until(lambda: any(words in m.text for m in of_the_bot(stage, room)), PATIENCE)


async def test_every_shard_is_answered(stage: Stage) -> None:
    """Commands and buttons come on the shard of their server, direct messages on shard 0."""
    for beside, who in ((HERE, "ada"), (THERE, "stranger")):
        person, room = stage.discord.person(who), new_room(stage, in_channel_of=beside)
        stage.parallax.script([("one ", 1.0) for _ in range(100)], match=f"Long {who}")
        message = await ask(person, room, f"Long {who}")
        await until_shows(stage, message, "one ")
        await person.click(message, label="Stop")
        await until_over(stage, message)
        await asked_in(stage, room, who, f"Short {who}")
    ada = stage.discord.person("ada")
    stage.parallax.script(["Directly."], match="By message")
    await ada.say(ada.dm, "By message")
    await until_said(stage, ada.dm, "Directly.")


async def test_a_lost_connection_of_one_shard_is_resumed(stage: Stage) -> None:
    """What was written meanwhile is heard; the other shard keeps its connection."""
    gateway, room = stage.discord.gateway, new_room(stage, in_channel_of=THERE)
    identifies, resumes = gateway.identifies, gateway.resumes
    stage.parallax.script(["Heard."], match="meanwhile")
    await gateway.drop(shard=1)
    await stage.discord.person("stranger").say(room, f"<@{stage.discord.application_id}> meanwhile")
    await until_said(stage, room, "Heard.")
    assert (gateway.identifies, gateway.resumes) == (identifies, resumes + 1)


async def test_operators_see_each_shard(stage: Stage, health: str) -> None:
    """In the metrics; people see the presence in the servers of every shard. A shard that comes back shows it."""
    gateway = stage.discord.gateway
    await stage.discord.wait_until(lambda: gateway.presence(0)["text"], PATIENCE)
    shown = gateway.presence(0)["text"]
    await stage.discord.wait_until(lambda: gateway.presence(1)["text"] == shown, PATIENCE)
    assert (await fetched(f"{health}/readyz"))[0] == 200
    _, metrics = await fetched(f"{health}/metrics")
    for line in (
        'discord_shard_connected{shard="0"} 1.0',
        'discord_shard_connected{shard="1"} 1.0',
        'discord_shard_sessions_total{how="new",shard="0"} 1.0',
        'discord_shard_sessions_total{how="new",shard="1"} 1.0',
        'discord_shard_sessions_total{how="resumed",shard="1"} 1.0',
    ):
        assert line in metrics.splitlines(), metrics
    assert 'discord_shard_latency_seconds{shard="1"}' in metrics


async def test_a_process_with_one_of_two_shards_knows_people_of_the_other_ones_servers(tmp_path: Path) -> None:
    """The roles that count in direct messages, which come on shard 0, are those of a server of shard 1."""
    async with sharded() as discord, ParallaxDouble(tokens_per_second=200, lag=False) as parallax:
        home = discord.channel(THERE).guild_id
        settings = {"SHARD_COUNT": "2", "SHARD_IDS": "0", "DM_GUILD_ID": str(home)}
        new_database(tmp_path)
        bot = BotProcess(bot_environment(discord, parallax.url, tmp_path, settings), tmp_path / "bot.log")
        await bot.start()
        try:
            await discord.wait_until(lambda: discord.world.commands and discord.gateway.online, READY_WITHIN)
            assert discord.gateway.ready_shards == {0}
            stage = Stage(discord, parallax, bot)
            parallax.script(["Welcome."], match="A member")
            sam, ada = discord.person("stranger"), discord.person("ada")
            for person in (sam, ada):
                await person.say(person.dm, "A member?")
            await until_said(stage, sam.dm, "Welcome.")
            await until_said(stage, ada.dm, "Only members of the team")
            assert await bot.terminate() == 0, bot.log
        finally:
            await bot.kill()


async def test_too_few_shards_end_the_bot_with_the_setting_to_change(tmp_path: Path) -> None:
    """A new start would not help (exit code 2)."""
    discord = sharded()
    discord.session_starts.fewest = 2
    async with discord, ParallaxDouble() as parallax:
        new_database(tmp_path)
        environment = bot_environment(discord, parallax.url, tmp_path, {"SHARD_COUNT": "1"})
        bot = BotProcess(environment, tmp_path / "bot.log")
        await bot.start()
        assert bot.process is not None
        assert await bot.process.wait() == 2
    assert bot.log.splitlines()[-1].startswith("error: SHARD_COUNT is too small: Discord closed the connection")
    assert '"event": "discord.few_shards"' in bot.log
    assert "Traceback" not in bot.log
