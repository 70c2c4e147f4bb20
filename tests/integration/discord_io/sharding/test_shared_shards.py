"""What other processes are told of this one's shards, and how they are left to them."""

from __future__ import annotations

from bot.discord_io.client import GUILD_READY_TIMEOUT
from bot.discord_io.shards import OPEN_WITHIN
from tests.fakes.clocks import LoopClock
from tests.fakes.sharing import ScriptedHolds
from tests.integration.discord_io.sharding.conftest import Connect, strict_double


async def test_others_are_told_once_a_shard_hears_everything(connect: Connect) -> None:
    """Its session begins before Discord has told of all servers. A session that is resumed is complete at once."""
    holds = ScriptedHolds()
    async with connect(double=strict_double(shards=2, max_concurrency=2), holds=holds) as rig:
        await rig.until(lambda: rig.connected)
        assert holds.told == []
        began = LoopClock().monotonic()
        await rig.until(lambda: len(holds.told) == 2)
        assert LoopClock().monotonic() - began >= GUILD_READY_TIMEOUT / 2
        assert sorted(holds.told) == [0, 1]
        await rig.double.gateway.drop(shard=1)
        await rig.until(lambda: len(holds.told) == 3)
        assert holds.told[-1] == 1


async def test_shards_that_are_left_are_not_connected_again(connect: Connect) -> None:
    """Discord forgets their sessions, and the bot goes on without a gateway."""
    async with connect(double=strict_double(shards=2, max_concurrency=2), holds=ScriptedHolds()) as rig:
        await rig.ready()
        await rig.bot.stop_hearing()
        await rig.until(lambda: not rig.double.gateway.connected)
        assert rig.connected == set()
        assert not rig.is_ready
        identifies = rig.double.gateway.identifies
        began = LoopClock().monotonic()
        await rig.until(lambda: LoopClock().monotonic() - began > OPEN_WITHIN)
        assert rig.double.gateway.identifies == identifies
        assert not rig.bot.guard.in_hand.is_ending
