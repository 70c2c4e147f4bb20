"""An ended question offers nothing to end, whatever happened to the bot, to Discord, or to a call between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    answers_in,
    ask,
    body,
    new_room,
    of_the_bot,
    started_again,
    until_over,
    until_shows,
)


@asynccontextmanager
async def paused(folder: Path, latency: float) -> AsyncIterator[Stage]:
    """A bot whose queue an operator has paused; Discord is ``latency`` seconds away."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=latency),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        SHUTDOWN_GRACE="1",
    ) as stage:
        olga = stage.discord.person("olga")
        await (await olga.slash(stage.discord.channel("ops"), "cluster pause", reason="a test")).response()
        yield stage


async def asked_in_three_ways(stage: Stage) -> list[tuple[Person, Message]]:
    """Questions by a command, by a mention, and in private, each in a channel of its own, once Discord has their
    first messages."""
    ada, ben, chloe = people = [stage.discord.person(name) for name in ("ada", "ben", "chloe")]
    rooms = [new_room(stage) for _ in people]
    await ada.slash(rooms[0], "ask", prompt="By a command")
    await ben.say(rooms[1], f"<@{stage.discord.application_id}> By a mention")
    await chloe.slash(rooms[2], "ask", prompt="In private", private=True)
    await stage.discord.wait_until(lambda: all(of_the_bot(stage, room) for room in rooms), PATIENCE)
    return [(who, of_the_bot(stage, room)[0]) for who, room in zip(people, rooms, strict=True)]


async def all_cancelled(stage: Stage, asked: list[tuple[Person, Message]]) -> None:
    """Wait until each question's only message says so. Who pressed may have read in private that it takes longer:
    just after a start nothing is edited that an earlier process has edited."""
    await until_over(stage, *(message for _, message in asked))
    for _, message in asked:
        assert "cancelled" in message.text
        assert answers_in(stage, stage.discord.world.channels[message.channel_id]) == [message]


@pytest.mark.timeout(120)
async def test_killed_before_the_id_of_the_first_message_was_stored(tmp_path: Path) -> None:
    """Discord had taken the messages and its responses did not arrive: the questions end in these messages."""
    async with paused(tmp_path, latency=0.8) as stage:
        asked = await asked_in_three_ways(stage)
        await stage.bot.kill()
        stage.discord.latency = 0.0
        await started_again(stage)
        for who, message in asked:
            await (await who.click(message, label="Cancel")).acked()
        await all_cancelled(stage, asked)


@pytest.mark.timeout(120)
async def test_killed_before_an_end_was_shown(tmp_path: Path) -> None:
    """It was stored: the next start shows it, in private too."""
    async with paused(tmp_path, latency=0.0) as stage:
        asked = await asked_in_three_ways(stage)
        for _, message in asked:
            await until_shows(stage, message, "the queue is paused")
        stage.discord.faults.next("PATCH", "*/messages/*", 503, times=10_000)
        for who, message in asked:
            await (await who.click(message, label="Cancel")).acked()
        await stage.discord.wait_until(lambda: stage.bot.log.count("question.cancelled") == 3, PATIENCE)
        await stage.bot.kill()
        stage.discord.faults.clear()
        assert all("Cancel" in message.buttons for _, message in asked)
        await started_again(stage)
        await all_cancelled(stage, asked)


@pytest.mark.asyncio(loop_scope="module")
class TestInOneProcess:
    """What needs no restart."""

    async def test_a_message_whose_response_was_lost_is_the_one_that_is_used(
        self, stage: Stage, room: Channel, ada: Person
    ) -> None:
        """Although it cannot be looked for at first."""
        stage.parallax.script(["Once."])
        stage.discord.faults.next("POST", "/channels/*/messages", "reset", applied=True)
        stage.discord.faults.next("GET", "/channels/*/messages", 503, times=3)
        await ada.say(room, f"<@{stage.discord.application_id}> How often?")
        await stage.discord.wait_until(
            lambda: any("Once." in one.text for one in of_the_bot(stage, room)), PATIENCE
        )
        (message,) = of_the_bot(stage, room)
        await until_over(stage, message)
        assert body(message) == "Once."

    async def test_a_second_message_that_turns_up_after_the_end_is_removed(
        self, stage: Stage, room: Channel, ada: Person
    ) -> None:
        """Discord had taken it, long after the bot had given up its sending."""
        stage.parallax.script(["Here."])
        message = await ask(ada, room, "Where?")
        await until_over(stage, message)
        begun = next(
            state.payload["components"] for state in message.history if "answer:stop" in str(state.payload)
        )
        second = await sent_by_the_bot(stage, room, {"flags": 1 << 15, "components": begun})
        await stage.discord.wait_until(lambda: second.deleted, PATIENCE)
        assert of_the_bot(stage, room) == [message]
        assert "Here." in message.text
        assert {"Stop", "Cancel"}.isdisjoint(message.buttons)

    async def test_a_second_message_that_turns_up_before_the_end_is_removed(
        self, stage: Stage, room: Channel, ada: Person
    ) -> None:
        """The question's token cannot delete it: it was sent in another way."""
        stage.parallax.script(["Here.", (" And there.", 0.5)])
        message = await ask(ada, room, "Where?")
        await stage.discord.wait_until(
            lambda: {"Stop"} == set(message.buttons) and "Here." in message.text, PATIENCE
        )
        begun = message.history[-1].payload["components"]
        second = await sent_by_the_bot(stage, room, {"flags": 1 << 15, "components": begun})
        await stage.discord.wait_until(lambda: second.deleted, PATIENCE)
        assert of_the_bot(stage, room) == [message]
        await until_over(stage, message)
        assert "Here. And there." in message.text

    async def test_a_press_on_a_message_out_of_reach_says_what_became_of_the_question(
        self, stage: Stage, room: Channel, ada: Person, olga: Person
    ) -> None:
        """Its token is spent, so nothing but the press can change it: the buttons are gone then."""
        ops = stage.discord.channel("ops")
        await (await olga.slash(ops, "cluster pause", reason="a test")).response()
        waiting = await ask(ada, room, "Cleared away?", private=True)
        await until_shows(stage, waiting, "the queue is paused")
        stage.discord.expire_tokens()
        line = await (await olga.slash(ops, "cluster queue")).response()
        await olga.click(line, label="Clear the queue")
        await until_shows(stage, line, "Cancel 1 waiting question?")
        await olga.click(line, label="Clear the queue")
        await stage.discord.wait_until(lambda: len(stage.discord.messages(ada.dm)) > 1, PATIENCE)
        assert list(waiting.buttons) == ["Cancel"]

        await ada.click(waiting, label="Cancel")
        await until_over(stage, waiting)
        assert waiting.text == "> Cleared away?\n-# cancelled"
        await (await olga.slash(ops, "cluster resume")).response()

    async def test_so_does_one_whose_answer_came_as_a_direct_message(
        self, stage: Stage, room: Channel, ben: Person
    ) -> None:
        """The answer is shown where the press was."""
        stage.parallax.script(["Begun. ", ("The whole answer.", 3.0)])
        message = await ask(ben, room, "How long?", private=True)
        await until_shows(stage, message, "Begun.")
        stage.discord.expire_tokens()
        told = stage.discord.messages(ben.dm)
        await stage.discord.wait_until(lambda: len(stage.discord.messages(ben.dm)) == len(told) + 2, PATIENCE)
        assert "Stop" in message.buttons

        await ben.click(message, label="Stop")
        await until_over(stage, message)
        assert "Begun. The whole answer." in message.text


async def sent_by_the_bot(stage: Stage, room: Channel, payload: dict[str, object]) -> Message:
    """Post a message with the bot's token, and not through the bot; returns it."""
    url = f"{stage.discord.api_url}/channels/{room.id}/messages"
    headers = {"Authorization": f"Bot {stage.discord.token}"}
    async with aiohttp.ClientSession() as session, session.post(url, json=payload, headers=headers) as response:
        assert response.status == 200, await response.text()
        return stage.discord.world.messages[int((await response.json())["id"])]
