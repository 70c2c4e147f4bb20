"""What people send while the bot ends: finished, or told that the bot restarts. Never lost in a traceback."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation, Person
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, new_room, of_the_bot, until_over

NOT_DONE = "The bot is restarting, so this was not done. Please try again in a moment."


@asynccontextmanager
async def ending(stage: Stage, who: Person, room: Channel) -> AsyncIterator[asyncio.Task[int]]:
    """SIGTERM was sent, and the bot takes up no interaction any more. The process must end with 0."""
    exit_code = asyncio.create_task(stage.bot.terminate())
    async with asyncio.timeout(PATIENCE):
        while (await (await who.slash(room, "queue")).response()).text != NOT_DONE:
            pass
    yield exit_code
    assert await exit_code == 0, stage.bot.log


async def told(invocation: Invocation) -> str:
    """The private answer."""
    message = await invocation.response()
    assert message.ephemeral_for is not None
    return message.text


async def test_nothing_that_is_sent_at_the_end_fails(tmp_path: Path) -> None:
    """A press in hand is finished; every kind of interaction after it is answered; nothing is logged as a bug."""
    async with staged(tmp_path) as stage:
        ada, ben, olga = (stage.discord.person(name) for name in ("ada", "ben", "olga"))
        room = new_room(stage)
        stage.parallax.script(["An ", "answer."])
        shown = await ask(ada, room, "Before the end")
        await until_over(stage, shown)
        settings = await (await olga.slash(room, "settings")).response()
        dialogue = await (await olga.click(settings, "Switches")).acked()
        scopes = [part for row in settings.components for part in row.get("components", ()) if part["type"] == 3]
        wider = scopes[0]["options"][-1]["value"]

        with closing(sqlite3.connect(tmp_path / "bot.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            # It writes, and so waits for the other program.
            held = await ada.click(shown, "👍")
            for _ in range(4):  # a press is passed on after two, and then the bot has it in hand
                await stage.discord.gateway.round_trip()
            async with ending(stage, ben, room) as exit_code:
                for press in (
                    await ada.click(shown, "Regenerate"),
                    await olga.click(settings, custom_id="settings-scope", values=[wider]),
                    await olga.submit(dialogue, {"threads": ["on"], "private": ["inherit"], "think": ["inherit"]}),
                    await ada.menu(shown, "Ask about this"),
                ):
                    assert await told(press) == NOT_DONE
                assert await olga.autocomplete(room, "cluster init", "model", model="q") == []
                mention = await ben.say(room, f"<@{stage.discord.world.bot.id}> and now?")
                await stage.discord.wait_until(lambda: bool(replies(stage, room, mention)), PATIENCE)
                assert "Not asked: the bot is restarting." in replies(stage, room, mention)[0].text
                other.rollback()
                await held.acked()
                await stage.discord.wait_until(lambda: any("👍" in text for text in told_to(ada, room)), PATIENCE)
                await press_until(exit_code, ada, shown)

        entries = [json.loads(line) for line in stage.bot.log.splitlines()]
        assert [entry for entry in entries if "exception" in entry] == []
        assert len(stage.parallax.requests) == 1


def told_to(who: Person, room: Channel) -> list[str]:
    """What a person reads privately."""
    return [message.text for message in who.messages(room) if message.ephemeral_for is not None]


def replies(stage: Stage, room: Channel, message: Message) -> list[Message]:
    """The bot's replies to a message."""
    return [one for one in of_the_bot(stage, room) if one.referenced is message]


async def press_until(exit_code: asyncio.Task[int], who: Person, message: Message) -> None:
    """Press, one press after the other, until the process has ended."""
    while not exit_code.done():
        pressed = asyncio.create_task((await who.click(message, "👍")).acked(PATIENCE))
        await asyncio.wait({pressed, exit_code}, return_when=asyncio.FIRST_COMPLETED)
        pressed.cancel()
        await asyncio.gather(pressed, return_exceptions=True)
