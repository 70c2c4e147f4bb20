"""One person sends more than the bot can take; another one asks meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged
from tests.e2e.reading import PATIENCE, ask, body, new_room, of_the_bot, until_over

TOO_FAST = (
    "You are sending commands too fast. Wait a few seconds and try again; the questions you asked before are kept."
)
BURST = 5


async def test_a_flood_is_refused_politely_and_holds_up_nobody(tmp_path: Path) -> None:
    """Every command is acknowledged in time, few reach the scheduler, and Ben's question is answered meanwhile.
    Too many presses are acknowledged too, and Stop always works."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=20, lag=False),
        COMMAND_BURST=str(BURST),
        COMMANDS_PER_SECOND="0.05",
    ) as stage:
        ada, ben = (stage.discord.person(name) for name in ("ada", "ben"))
        room, other = new_room(stage), new_room(stage)
        stage.parallax.script([f"word{number} " for number in range(2000)])
        running = await ask(ada, other, "Long")

        flood = [await ada.slash(room, "models") for _ in range(100)]
        question = asyncio.create_task(ask(ben, other, "Me?"))
        shown = await asyncio.gather(*(invocation.response(timeout=PATIENCE) for invocation in flood))
        assert [message.text for message in shown].count(TOO_FAST) == 100 - (BURST - 1)
        assert all(message.ephemeral_for == ada.id for message in shown)
        assert sum(call.path == "/model/list" for call in stage.parallax.calls) < BURST
        assert "Me?" in body(await question)

        pages = next(message for message in shown if message.text != TOO_FAST)
        for _ in range(2 * BURST + 2):
            await (await ada.click(pages, "Search")).acked()
        await (await ada.click(running, "Stop")).acked()
        await until_over(stage, running)


async def test_a_flood_of_messages_is_refused_once(tmp_path: Path) -> None:
    """A reply to each message would be a flood itself."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(lag=False),
        COMMAND_BURST="2",
        COMMANDS_PER_SECOND="0.05",
    ) as stage:
        ada, ben = (stage.discord.person(name) for name in ("ada", "ben"))
        room = new_room(stage)
        for number in range(12):
            await ada.say(room, f"<@{stage.discord.application_id}> question {number}")
        await ben.say(room, f"<@{stage.discord.application_id}> Me?")
        await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)) == 4, PATIENCE)
        assert [message.text for message in of_the_bot(stage, room)].count(TOO_FAST) == 1
        await until_over(stage, *(one for one in of_the_bot(stage, room) if one.text != TOO_FAST))
        assert len(of_the_bot(stage, room)) == 4
        assert stage.bot.log.count("TooFast") == 1
