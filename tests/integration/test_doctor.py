"""What `doctor` says about a Discord, a scheduler and a database that answer, but not as they should."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.doctor import as_data, contradictions, examine
from bot.doctor.channels import missing_in
from bot.doctor.discord_api import clock_finding
from bot.doctor.schedulers import listens_openly
from bot.domain.checkup import Finding, Level, broken, ok, warning
from bot.settings import Settings
from bot.storage.backup.folder import stamp
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.fakes.databases import new_database
from tests.integration.storage.test_migrations import execute


async def finding(
    folder: Path,
    discord: DiscordDouble,
    parallax: ParallaxDouble,
    about: str,
    *,
    token: str | None = None,
    **more: Any,
) -> Finding:
    """The finding about one subject; ``token`` None is the right one."""
    found = await findings(folder, discord, parallax, token=token, **more)
    return next(one for one in found if one.what == about)


async def findings(
    folder: Path, discord: DiscordDouble, parallax: ParallaxDouble, *, token: str | None = None, **more: Any
) -> tuple[Finding, ...]:
    """All findings."""
    settings = Settings(
        **more,
        discord_token=token or discord.token,
        discord_api_url=discord.api_url,
        parallax_url=parallax.url,
        database_url=f"sqlite+aiosqlite:///{folder / 'bot.db'}",
        _env_file=None,
    )
    return await examine(settings)


async def test_a_wrong_token_is_told_with_the_remedy(tmp_path: Path) -> None:
    """Discord answers 401."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await finding(tmp_path, discord, parallax, "discord", token="wrong")
    assert found == broken("discord", "DISCORD_TOKEN was refused", "reset it on the Bot page")


async def test_trouble_at_discord_is_not_taken_for_a_wrong_token(tmp_path: Path) -> None:
    """Nobody should reset a token because of an outage."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        discord.faults.next("GET", "/users/@me", 503)
        found = await finding(tmp_path, discord, parallax, "discord")
    assert found == broken("discord", "answered 503")


async def test_the_name_of_the_bot_is_told(tmp_path: Path) -> None:
    """So that a token of another bot is noticed."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await finding(tmp_path, discord, parallax, "discord")
        name = discord.world.bot.username
    assert found == ok("discord", f"logged in as {name}")


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
    assert found == ok("absences", said)


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
    assert said in found.sentence


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
    assert found == ok("answers", "the nodes start again when an answer broke off")


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


class _Roles:
    """A server in which everybody sees and writes, and the bot is a member with no other role."""

    everyone = sum(1 << bit for bit in (10, 11, 14, 15, 16, 38))

    def guild(self, permissions: int | None = None, **more: Any) -> dict[str, Any]:
        given = self.everyone if permissions is None else permissions
        return {"id": "1", "roles": [{"id": "1", "permissions": str(given)}], **more}


@pytest.mark.parametrize(
    ("guild", "channel", "missing"),
    [
        (_Roles().guild(), {"type": 0}, []),
        (
            _Roles().guild(1 << 10),
            {"type": 0},
            ["Send Messages", "Embed Links", "Attach Files", "Read Message History"],
        ),
        (_Roles().guild(1 << 3), {"type": 0}, []),
        (_Roles().guild(0, owner_id="9"), {"type": 0}, []),
        (
            _Roles().guild(),
            {"type": 0, "permission_overwrites": [{"id": "1", "allow": "0", "deny": str(1 << 11)}]},
            ["Send Messages"],
        ),
        (
            _Roles().guild(),
            {"type": 11, "permission_overwrites": [{"id": "1", "allow": "0", "deny": str(1 << 38)}]},
            ["Send Messages in Threads"],
        ),
        (
            _Roles().guild(),
            {
                "type": 0,
                "permission_overwrites": [
                    {"id": "9", "allow": str(1 << 10), "deny": "0"},
                    {"id": "1", "allow": "0", "deny": str(1 << 10)},
                ],
            },
            [],
        ),
    ],
)
def test_permissions_follow_discords_order(
    guild: dict[str, Any], channel: dict[str, Any], missing: list[str]
) -> None:
    """Roles, then the channel for everybody, for roles, and for the member."""
    assert missing_in(channel, guild, {"roles": []}, bot_id="9") == missing


async def test_a_board_in_a_channel_that_is_gone_is_told(tmp_path: Path) -> None:
    """By its channel; of one in which all is well nothing is said."""
    new_database(tmp_path)
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        insert = "INSERT INTO boards (channel_id, guild_id, locale) VALUES ({}, 8, 'en-US')"
        for channel_id in (discord.channel("general").id, 4711):
            execute(tmp_path / "bot.db", insert.format(channel_id))
        found = await findings(tmp_path, discord, parallax)
    (told,) = (one for one in found if one.what.startswith("channel"))
    assert (told.level, told.what) == (Level.BROKEN, "channel 4711 (board)")
    assert told.detail == "the bot cannot see it (Discord answered 404)"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"admin_role_ids": "5"}, "ADMIN_ROLE_IDS has no effect"),
        ({}, "nobody is an operator"),
        ({"api_bind": "127.0.0.1:8080"}, "API_BIND and HTTP_BIND are the same address"),
        ({"key_roles": "5"}, "KEY_ROLES has no effect while the API is off"),
        ({"http_bind": "0.0.0.0:8080"}, "everybody in the network may read health and metrics on HTTP_BIND"),
        ({"api_bind": "0.0.0.0:8081"}, "API_BIND is open to the network and API_HOSTS is empty"),
        ({"shard_count": 2, "shard_ids": "0"}, "SHARD_IDS divides shards among processes"),
    ],
)
async def test_settings_that_contradict_each_other_are_told(given: dict[str, Any], said: str) -> None:
    """Each with what to do."""
    found = await contradictions.check(Settings(discord_token="x", _env_file=None, **given))
    assert [one for one in found if one.detail.startswith(said) and one.remedy]


async def test_settings_that_others_may_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is in them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch(mode=0o644)
    settings = Settings(discord_token="x", admin_user_ids="4", _env_file=None)
    assert [one.remedy for one in await contradictions.check(settings)] == ["chmod 600 .env"]
    (tmp_path / ".env").chmod(0o600)
    assert await contradictions.check(settings) == (ok("settings", "nothing contradicts each other"),)


def test_a_port_that_listens_for_others_is_seen() -> None:
    """By Linux's own table; a connection to that port does not count."""
    line = (
        "   0: {address}:0BB9 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0 0 10 0"
    )
    assert listens_openly(line.format(address="00000000", state="0A"), 3001)
    assert listens_openly(line.format(address="0" * 32, state="0A"), 3001)
    assert not listens_openly(line.format(address="0100007F", state="0A"), 3001)
    assert not listens_openly(line.format(address="00000000", state="01"), 3001)
    assert not listens_openly(line.format(address="00000000", state="0A"), 3002)


async def test_an_old_backup_is_told(tmp_path: Path) -> None:
    """And a fresh one is well."""
    new_database(tmp_path)
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "bot-20200101T000000Z.db").touch()
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        old = await finding(tmp_path, discord, parallax, "backups")
        (folder / f"bot-{stamp(SystemClock().now())}.db").touch()
        fresh = await finding(tmp_path, discord, parallax, "backups")
    assert (old.level, fresh.level) == (Level.WARNING, Level.OK)
    assert "the newest 0.0 days old" in fresh.detail


async def test_an_intent_that_is_not_switched_on_is_told(tmp_path: Path) -> None:
    """The bot would not start."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        discord.world.privileged_intents = 0
        found = await finding(tmp_path, discord, parallax, "intents", message_content_intent=True)
    assert found.level is Level.BROKEN


async def test_a_clock_that_is_off_is_told() -> None:
    """By the date of Discord's answer."""
    assert clock_finding("Sat, 01 Jan 2000 00:00:00 GMT").level is Level.WARNING
    assert clock_finding("no date").level is Level.OK


async def test_a_check_that_hangs_says_so_and_no_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told all the same."""
    monkeypatch.setattr("bot.doctor.examination.LONGEST", 0.01)

    async def hangs(_: Settings) -> tuple[Finding, ...]:
        await asyncio.Event().wait()
        return ()

    async def repeats(settings: Settings) -> tuple[Finding, ...]:
        return (warning("echo", f"it said {settings.discord_token.get_secret_value()}", "ask"),)

    settings = Settings(discord_token="hush-hush", _env_file=None)
    found = await examine(settings, (("slow", hangs), ("echo", repeats)))
    assert [(one.level, one.what) for one in found] == [(Level.BROKEN, "slow"), (Level.WARNING, "echo")]
    assert "did not end within" in found[0].detail
    assert "hush" not in str(found)
    assert as_data(found)["level"] == "broken"
