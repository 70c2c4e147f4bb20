"""How the shards of a process are connected, and connected again."""

from __future__ import annotations

import asyncio

import discord
import pytest
from structlog.testing import capture_logs

from bot.domain.discord_calls.session_starts import KEPT_BACK
from tests.integration.discord_io.sharding.conftest import IDENTIFY_EVERY, Connect, Rig, strict_double


def seconds() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(("shards", "at_once", "within"), [(1, 1, 1.0), (2, 1, 6.5), (4, 2, 6.5), (4, 4, 1.0)])
async def test_sessions_are_started_as_fast_as_discord_allows(
    connect: Connect, shards: int, at_once: int, within: float
) -> None:
    """One of each ``shard_id % max_concurrency`` in 5 s; the number of shards is the one that is recommended."""
    began = seconds()
    async with connect(double=strict_double(shards, at_once)) as rig:
        await rig.ready()
        assert seconds() - began < within
        assert rig.double.gateway.ready_shards == set(range(shards))
        assert rig.double.session_starts.too_early == []


async def test_a_process_connects_its_own_shards_only(connect: Connect) -> None:
    """And is ready with them; the settings count, whatever is recommended."""
    async with connect(4, (1, 3), strict_double(2, 4)) as rig:
        await rig.ready()
        assert rig.double.gateway.ready_shards == {1, 3}
        assert {guild.name for guild in rig.bot.guilds} == {"Other team"}


@pytest.mark.parametrize("how", ["cut", "closed", "asked"])
async def test_a_lost_connection_is_resumed_at_once(connect: Connect, how: str) -> None:
    """Of the shard that lost it."""
    async with connect(double=strict_double(2, 2)) as rig:
        await rig.ready()
        gateway, began = rig.double.gateway, seconds()
        if how == "asked":
            gateway.ask_to_reconnect(1)
        else:
            await gateway.drop(4000 if how == "closed" else None, shard=1)
        await rig.double.wait_until(lambda: gateway.resumes)
        await rig.ready()
        assert seconds() - began < 1.0
        assert (gateway.identifies, gateway.resumes) == (2, 1)


async def test_a_shard_without_a_session_waits_for_its_turn_and_the_others_go_on(connect: Connect) -> None:
    """The bot is not ready meanwhile, shows its presence where it can, and resumes another shard at once."""
    async with connect(double=strict_double(2)) as rig:
        await rig.ready()
        gateway = rig.double.gateway
        await gateway.drop(forget=True, shard=1)
        await rig.double.wait_until(lambda: gateway.ready_shards == {0})
        await gateway.drop(shard=0)
        await rig.until(lambda: gateway.resumes == 1 and rig.connected == {0})
        assert not rig.is_ready
        await rig.bot.set_presence("2 waiting", usable=True)
        await rig.double.wait_until(lambda: gateway.presence(0)["text"] == "2 waiting")
        assert gateway.ready_shards == {0}
        await rig.ready()
        assert rig.double.session_starts.too_early == []


async def test_sessions_outlive_a_short_outage(connect: Connect) -> None:
    """The first attempts to resume them fail; what was said meanwhile is heard."""
    async with connect(double=strict_double(2, 2)) as rig:
        await rig.ready()
        rig.double.faults.outage(4.0)
        await rig.double.gateway.drop()
        await rig.double.wait_until(lambda: rig.double.gateway.resumes == 2, timeout=20.0)
        await rig.ready()
        assert rig.double.gateway.identifies == 2


async def test_after_a_long_outage_new_sessions_are_started(connect: Connect) -> None:
    """Within half a minute of its end."""
    async with connect(double=strict_double(2, 2)) as rig:
        await rig.ready()
        rig.double.faults.outage(600.0)
        await rig.double.gateway.drop()
        await asyncio.sleep(600.0)
        await rig.ready(timeout=31.0)
        assert (rig.double.gateway.identifies, rig.double.gateway.resumes) == (4, 0)


async def test_no_session_is_started_when_none_is_left_today(connect: Connect) -> None:
    """One too many and Discord would reset the token; some are left for other processes."""
    double = strict_double(2, 2)
    starts = double.session_starts
    starts.remaining, starts.resets_at = KEPT_BACK, seconds() + 3600.0
    with capture_logs() as logs:
        async with connect(double=double) as rig:
            await asyncio.sleep(3590.0)
            assert (double.gateway.identifies, rig.is_ready) == (0, False)
            await rig.ready(timeout=20.0)
            assert starts.remaining == starts.total - 2
    told = [entry for entry in logs if entry["event"] == "discord.no_sessions_left"]
    assert {(entry["shard"], entry["log_level"]) for entry in told} == {(0, "error"), (1, "error")}
    assert 3590 < told[0]["seconds"] <= 3600


async def test_a_shard_that_gets_no_session_comes_back_when_it_does(connect: Connect) -> None:
    """Discord refuses what comes too early, for example right after another process of the bot's."""
    async with connect() as rig:
        await rig.ready()
        starts = rig.double.session_starts
        starts.identify_every = 1e9
        await rig.double.gateway.drop(forget=True)
        await rig.double.wait_until(lambda: len(starts.too_early) == 2, timeout=60.0)
        starts.identify_every = IDENTIFY_EVERY
        await rig.ready()
        assert (rig.double.gateway.identifies, len(starts.too_early)) == (4, 2)


async def closed_for_good(rig: Rig, code: int) -> int:
    """Close a shard's connection with this code; the code that ended the bot."""
    await rig.double.gateway.drop(code, shard=1)
    with pytest.raises(discord.ConnectionClosed) as closed:
        await rig.task
    return closed.value.code


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
async def test_what_ends_one_connection_for_good_ends_the_bot(connect: Connect, code: int) -> None:
    """Every shard would be closed so."""
    async with connect(double=strict_double(2, 2)) as rig:
        await rig.ready()
        assert await closed_for_good(rig, code) == code
        await rig.double.wait_until(lambda: not rig.double.gateway.online)


async def test_a_bot_that_is_closed_ends_quietly(connect: Connect) -> None:
    """Also while one of its shards waits for its turn."""
    async with connect(double=strict_double(3)) as rig:
        await rig.double.wait_until(lambda: rig.double.gateway.ready_shards)
        assert rig.double.gateway.ready_shards == {0}
        await rig.bot.close()
        await rig.task
