"""Boards in several servers, over a restart, and where the bot is not let in any more."""

from __future__ import annotations

from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message, Overwrite
from sandbox.discord_api.permissions import Permission
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, new_room, of_the_bot, restarted


def boards(stage: Stage, *rooms: Channel) -> list[Message]:
    """The one board of each room."""
    found = [[one for one in of_the_bot(stage, room) if one.ephemeral_for is None] for room in rooms]
    assert [len(each) for each in found] == [1] * len(rooms)
    return [each[0] for each in found]


async def until_all_show(stage: Stage, rooms: list[Channel], gpu: str, *, listed: bool) -> None:
    """Wait until every board lists this GPU, or none does."""
    await stage.discord.wait_until(
        lambda: all((gpu in board.text) is listed for board in boards(stage, *rooms)), PATIENCE
    )


def let_in(stage: Stage, room: Channel, *, seen: bool) -> None:
    """Whether the bot sees a channel."""
    bot = stage.discord.application_id
    room.overwrites = [] if seen else [Overwrite(bot, 1, deny=int(Permission.VIEW_CHANNEL))]
    stage.discord.world.channel_changed(room)


async def test_boards_of_several_servers_survive_a_restart_and_a_closed_channel(tmp_path: Path) -> None:
    """The same messages are kept current; a channel that is closed to the bot stops no other board, and its own
    goes on once it is open again."""
    discord = DiscordDouble(latency=0.0)
    owners = [discord.person(name) for name in ("olga", "stranger")]
    async with staged(
        tmp_path,
        discord=discord,
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        ADMIN_USER_IDS=",".join(str(owner.id) for owner in owners),
    ) as stage:
        rooms = [new_room(stage), new_room(stage), new_room(stage, in_channel_of="lobby")]
        for owner, room in ((owners[0], rooms[0]), (owners[0], rooms[1]), (owners[1], rooms[2])):
            placed = await (await owner.slash(room, "cluster board")).done_loading()
            assert placed.text == "The board is here and is updated automatically."
        first = boards(stage, *rooms)
        stage.parallax.add_node("loft", "NVIDIA GeForce RTX 3080", 10.0)
        await until_all_show(stage, rooms, "RTX 3080", listed=True)

        let_in(stage, rooms[0], seen=False)
        await restarted(stage)
        stage.parallax.remove_node("loft")
        await until_all_show(stage, rooms[1:], "RTX 3080", listed=False)
        assert "RTX 3080" in first[0].text
        assert "board.no_access" in stage.bot.log

        let_in(stage, rooms[0], seen=True)
        await restarted(stage)
        await until_all_show(stage, rooms, "RTX 3080", listed=False)
        assert boards(stage, *rooms) == first
