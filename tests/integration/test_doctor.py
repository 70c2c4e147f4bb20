"""What `doctor` says about a Discord, a scheduler and a database that answer, but not as they should."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import Finding, examine
from bot.settings import Settings
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble


async def finding(
    folder: Path,
    discord: DiscordDouble,
    parallax: ParallaxDouble,
    about: str,
    *,
    token: str | None = None,
    **more: Any,
) -> Finding:
    """The finding about one of the three, or about the answers; ``token`` None is the right one."""
    settings = Settings(
        **more,
        discord_token=token or discord.token,
        discord_api_url=discord.api_url,
        parallax_url=parallax.url,
        database_url=f"sqlite+aiosqlite:///{folder / 'bot.db'}",
        _env_file=None,
    )
    return next(one for one in await examine(settings) if one.what == about)


async def test_a_wrong_token_is_told_with_the_remedy(tmp_path: Path) -> None:
    """Discord answers 401."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await finding(tmp_path, discord, parallax, "discord", token="wrong")
    assert found == Finding(False, "discord", "DISCORD_TOKEN was refused: reset it on the Bot page")


async def test_trouble_at_discord_is_not_taken_for_a_wrong_token(tmp_path: Path) -> None:
    """Nobody should reset a token because of an outage."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        discord.faults.next("GET", "/users/@me", 503)
        found = await finding(tmp_path, discord, parallax, "discord")
    assert found == Finding(False, "discord", "answered 503")


async def test_the_name_of_the_bot_is_told(tmp_path: Path) -> None:
    """So that a token of another bot is noticed."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await finding(tmp_path, discord, parallax, "discord")
        name = discord.world.bot.username
    assert found == Finding(True, "discord", f"logged in as {name}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"catch_up_hours": 0}, "what is asked while the bot is away is not answered: CATCH_UP_HOURS=0"),
        ({"message_content_intent": True}, "what is asked while the bot is away is answered for 12 h"),
        (
            {"catch_up_hours": 1.5},
            "what is asked while the bot is away is answered for 1.5 h; in replies and threads only with a "
            "mention, without MESSAGE_CONTENT_INTENT",
        ),
    ],
)
async def test_what_an_absence_costs_is_told(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    """Neither is wrong."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await finding(tmp_path, discord, parallax, "absences", **settings)
    assert found == Finding(True, "absences", said)


@pytest.mark.parametrize(
    ("recommended", "left", "given", "good", "said"),
    [
        (1, 1000, {}, True, "1, Discord recommends 1; 1000 sessions may be started today"),
        (3, 1000, {}, True, "all 3, Discord recommends 3; 1000 sessions may be started today"),
        (2, 9, {"shard_count": 4, "shard_ids": "0-1"}, True, "0-1 of 4, Discord recommends 2; 9 sessions may be"),
        (
            2,
            9,
            {"shard_count": 4, "shard_ids": "0"},
            True,
            "other processes with this database must have the other",
        ),
        (3, 9, {"shard_count": 2}, True, "raise SHARD_COUNT, or leave it empty"),
        (1, 5, {}, False, "too few; the bot waits until there are more"),
    ],
)
async def test_the_shards_and_the_sessions_left_are_told(
    tmp_path: Path, recommended: int, left: int, given: dict[str, Any], good: bool, said: str
) -> None:
    """As the next start would have them."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        discord.session_starts.recommended, discord.session_starts.remaining = recommended, left
        found = await finding(tmp_path, discord, parallax, "shards", **given)
    assert found.good is good
    assert said in found.detail


@pytest.mark.parametrize("fault", ["http429", "http502", "close@0"])
async def test_a_cluster_that_is_ready_and_does_not_answer_is_bad(tmp_path: Path, fault: str) -> None:
    """Also when it says that it is ready."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(lag=False) as parallax:
        parallax.script([" five,"], fault=fault)
        found = await finding(tmp_path, discord, parallax, "answers")
    assert not found.good
    assert found.detail.startswith("the cluster did not answer a short question: ")


async def test_nodes_that_refuse_to_go_on_are_told_as_such(tmp_path: Path) -> None:
    """Some answer 400 to a question that ends with the beginning of an answer: nothing is wrong with them."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(lag=False) as parallax:
        parallax.script([" five,"], fault="http400")
        found = await finding(tmp_path, discord, parallax, "answers")
    assert found == Finding(True, "answers", "the nodes start again when an answer broke off")


async def test_a_database_of_another_program_is_bad(tmp_path: Path) -> None:
    """It is told and not changed."""
    with closing(sqlite3.connect(tmp_path / "bot.db")) as theirs:
        theirs.execute("CREATE TABLE accounts (id INTEGER)")
        theirs.commit()
    before = (tmp_path / "bot.db").read_bytes()

    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await finding(tmp_path, discord, parallax, "database")

    assert (found.good, "not this bot's" in found.detail) == (False, True)
    assert (tmp_path / "bot.db").read_bytes() == before


async def test_each_of_several_clusters_is_looked_at(tmp_path: Path) -> None:
    """By its name; one that does not answer hides nothing of the other."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        settings = Settings(
            discord_token=discord.token,
            discord_api_url=discord.api_url,
            parallax_url=f"studio={parallax.url}, office=http://127.0.0.1:9",
            database_url=f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}",
            _env_file=None,
        )
        found = {one.what: one for one in await examine(settings)}
    assert found["scheduler studio"].good
    assert not found["scheduler office"].good
    assert found["scheduler office"].detail.startswith("http://127.0.0.1:9: ")
