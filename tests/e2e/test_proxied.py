"""Messages that a proxy deletes and repeats through a webhook, as PluralKit does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble, messages
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, body, new_room, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adopting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that takes repetitions for the deleted questions."""
    async with staged(
        tmp_path_factory.mktemp("adopting"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        PROXIED_MESSAGES="true",
    ) as running:
        yield running


def replies(stage: Stage, to: Message) -> list[Message]:
    """The bot's replies to a message."""
    shown = stage.discord.world.messages_in(to.channel_id)
    return [message for message in shown if message.author is stage.discord.world.bot and message.referenced is to]


def mention(stage: Stage) -> str:
    """A mention of the bot."""
    return f"<@{stage.discord.world.bot.id}>"


def repeat(stage: Stage, room: Channel, words: str) -> Message:
    """What the proxy posts, under the name that the person chose."""
    return messages.say_by_webhook(stage.discord.world, room, "Aster", f"{mention(stage)} {words}")


async def answered(stage: Stage, message: Message) -> Message:
    """The bot's reply to a message, ended."""
    await stage.discord.wait_until(lambda: bool(replies(stage, message)), PATIENCE)
    (shown,) = replies(stage, message)
    await until_over(stage, shown)
    return shown


@pytest.mark.parametrize("deleted_first", [False, True], ids=["repeated first", "deleted first"])
async def test_d9_the_repetition_takes_the_place_of_the_question(adopting: Stage, deleted_first: bool) -> None:
    """Answered once, under the chosen name, and still its asker's to stop."""
    ada, room = adopting.discord.person("ada"), new_room(adopting)
    adopting.parallax.script([("a ", 0.2)] * 200, match="Aster: who are you")
    asking = await ada.say(room, f"A: {mention(adopting)} who are you?")
    if deleted_first:
        await ada.delete(asking)
    repetition = repeat(adopting, room, "who are you?")
    if not deleted_first:
        await ada.delete(asking)
    await adopting.discord.wait_until(
        lambda: any("a a" in one.text for one in replies(adopting, repetition)), PATIENCE
    )
    (shown,) = replies(adopting, repetition)
    assert str(adopting.parallax.requests[-1].messages[-1]["content"]) == "Aster: who are you?"
    await ada.click(shown, "Stop")
    await until_over(adopting, shown)
    bot = adopting.discord.world.bot
    await adopting.discord.wait_until(
        lambda: all("Stop" not in one.buttons for one in adopting.discord.messages(room) if one.author is bot),
        PATIENCE,
    )


async def test_d9_a_webhook_that_repeats_nothing_is_left_alone(adopting: Stage) -> None:
    """Neither news of a webhook, nor the words of a question that stands, are asked."""
    ada, room = adopting.discord.person("ada"), new_room(adopting)
    adopting.parallax.script(["Here."])
    before = len(adopting.parallax.requests)
    await answered(adopting, await ada.say(room, f"{mention(adopting)} where are you?"))
    repeat(adopting, room, "build 7 failed")
    repeat(adopting, room, "where are you?")
    adopting.parallax.script(["Yes."])
    await answered(adopting, await ada.say(room, f"{mention(adopting)} now?"))
    assert len(adopting.parallax.requests) == before + 2


async def test_d9_a_deleted_repetition_is_forgotten(adopting: Stage) -> None:
    """As every question whose message is deleted."""
    ada, room = adopting.discord.person("ada"), new_room(adopting)
    adopting.parallax.script(["Noted."], match="swordfish")
    asking = await ada.say(room, f"{mention(adopting)} the word is swordfish")
    repetition = repeat(adopting, room, "the word is swordfish")
    await ada.delete(asking)
    await answered(adopting, repetition)
    adopting.discord.world.delete_message(repetition)
    async with asyncio.timeout(PATIENCE):
        while "swordfish" in (await (await ada.slash(room, "context show")).response()).text:
            pass
    adopting.parallax.script(["No."], match="the word")
    await answered(adopting, await ada.say(room, f"{mention(adopting)} the word?"))
    assert "swordfish" not in str(adopting.parallax.requests[-1].messages)


async def test_d9_it_is_off_unless_it_is_switched_on(stage: Stage, room: Channel, ada: Person) -> None:
    """A deleted question is withdrawn, and a webhook's message never is a question."""
    stage.parallax.script([("a ", 0.2)] * 200, match="who are you")
    asking = await ada.say(room, f"{mention(stage)} who are you?")
    repetition = repeat(stage, room, "who are you?")
    await ada.delete(asking)
    stage.parallax.script(["Yes."], match="now")
    shown = await answered(stage, await ada.say(room, f"{mention(stage)} now?"))
    assert body(shown) == "Yes."
    assert replies(stage, repetition) == []
