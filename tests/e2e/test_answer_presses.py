"""What presses lead to: in time, in the next prompt, in the database, for whom, and in another process."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.discord_api.interactions import COMPONENT
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    answer,
    ask,
    body,
    footer,
    of_the_bot,
    restarted,
    started_again,
    until_over,
    until_shows,
    within,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSAL = "Only the person who asked, or an operator, can do that."


async def press(who: Person, message: Message, label: str) -> Message:
    """Press a button that answers with a message of its own."""
    return await (await who.click(message, label=label)).response()


async def refused(who: Person, message: Message, label: str) -> None:
    """A press that is refused privately and leaves the message as it is."""
    before = len(message.history)
    told = await press(who, message, label)
    assert (told.text, told.ephemeral_for) == (REFUSAL, who.id)
    assert len(message.history) == before


def said_before(stage: Stage) -> list[object]:
    """The answers that the newest question was asked with."""
    return [turn["content"] for turn in stage.parallax.requests[-1].messages if turn["role"] == "assistant"]


def thumbs(stage: Stage, message: Message) -> list[tuple[int, int]]:
    """Who gave the answer in this message which thumb, as it is stored."""
    request_id = str(message.buttons["Regenerate"].custom_id).rpartition(":")[2]
    file = stage.bot.environment["DATABASE_URL"].partition("///")[2]
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT user_id, value FROM feedback WHERE request_id = ?", (request_id,))
        return sorted((int(user), int(value)) for user, value in rows)


async def kept_in_queue(who: Person, room: Channel) -> Message:
    """Look at /queue again until an answer can be fetched there: it gets there in the bot, not in Discord."""
    async with asyncio.timeout(PATIENCE):
        while True:
            queue = await (await who.slash(room, "queue")).response()
            if "Show" in queue.buttons:
                return queue


async def stopped(stage: Stage, room: Channel, who: Person, prompt: str, *words: str) -> Message:
    """An answer that was stopped after these words."""
    stage.parallax.script([*words, (" never", 60.0)])
    message = await ask(who, room, prompt)
    await until_shows(stage, message, "".join(words).strip())
    await who.click(message, label="Stop")
    await until_over(stage, message)
    return message


async def test_stop_hangs_up_within_half_a_second(stage: Stage, room: Channel, ada: Person) -> None:
    """The pipeline is free for the next question."""
    stage.parallax.script([(f"word{n} ", 0.05) for n in range(400)])
    message = await ask(ada, room, "Talk for long")
    await until_shows(stage, message, "word3 ")
    record = stage.parallax.requests[-1]
    assert not record.hung_up

    await ada.click(message, label="Stop")
    await within(0.5, stage, lambda: record.hung_up)
    await until_over(stage, message)


async def test_a_stopped_answer_is_continued(stage: Stage, room: Channel, ada: Person) -> None:
    """The rest joins what was there, in the same message, and both are one turn of the conversation."""
    message = await stopped(stage, room, ada, "Count", "One, ", "two")

    stage.parallax.script([", three", ", four."])
    await ada.click(message, label="Continue")
    await until_shows(stage, message, "One, two, three, four.")
    await until_over(stage, message)
    assert stage.parallax.requests[-1].messages[-2] == {"role": "assistant", "content": "One, two"}
    assert answer(message, "Count") == "One, two, three, four."
    assert "stopped" not in footer(message)
    assert "Continue" not in message.buttons
    assert of_the_bot(stage, room) == [message]

    stage.parallax.script(["Gladly."])
    await until_over(stage, await ask(ada, room, "Thanks"))
    assert said_before(stage) == ["One, two, three, four."]


async def test_an_answer_that_broke_off_is_continued(stage: Stage, room: Channel, ada: Person) -> None:
    """What the cluster lost twice is finished by a press."""
    stage.parallax.script(["One, ", "two", " never"], fault="close@2")
    stage.parallax.script(["One", " never"], fault="close@1")
    message = await ask(ada, room, "Count")
    await until_over(stage, message)
    assert "a node of the cluster failed" in footer(message)

    stage.parallax.script([", three."])
    await ada.click(message, label="Continue")
    await until_shows(stage, message, "One, two, three.")
    await until_over(stage, message)
    assert "broke" not in footer(message)

    stage.parallax.script(["Gladly."])
    await until_over(stage, await ask(ada, room, "Thanks"))
    assert said_before(stage) == ["One, two, three."]


async def test_nobody_else_continues_an_answer_or_turns_its_versions(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Refused privately, and the cluster hears nothing of it."""
    message = await stopped(stage, room, ada, "Mine", "First")
    await refused(ben, message, "Continue")

    stage.parallax.script(["Second."])
    await ada.click(message, label="Regenerate")
    await until_shows(stage, message, "version 2 of 2")
    asked = len(stage.parallax.requests)
    await refused(ben, message, "Previous")
    await ada.click(message, label="Previous")
    await until_shows(stage, message, "version 1 of 2")
    await refused(ben, message, "Next")
    assert len(stage.parallax.requests) == asked


async def test_thumbs_are_stored_with_the_request(stage: Stage, room: Channel, ada: Person, ben: Person) -> None:
    """One of each person, the last one counts."""
    stage.parallax.script(["Good."])
    message = await ask(ada, room, "Good?")
    await until_over(stage, message)
    await press(ada, message, "👎")
    assert thumbs(stage, message) == [(ada.id, -1)]

    await press(ada, message, "👍")
    await press(ben, message, "👎")
    assert thumbs(stage, message) == sorted([(ada.id, 1), (ben.id, -1)])


async def test_every_control_outlives_the_process(tmp_path: Path) -> None:
    """Killed in the middle of an answer: the next process stops it, and turns, continues and rates others."""
    async with staged(tmp_path, parallax=ParallaxDouble(tokens_per_second=200, lag=False)) as stage:
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        room, other = stage.discord.channel("general"), stage.discord.channel("random")
        stage.parallax.script(["The first."])
        turned = await ask(ada, room, "Two versions")
        await until_over(stage, turned)
        stage.parallax.script(["The second."])
        await ada.click(turned, label="Regenerate")
        await until_shows(stage, turned, "version 2 of 2")
        stage.parallax.script(["One, ", "two"], finish="length")
        continued = await ask(ada, room, "Count")
        await until_over(stage, continued)
        for _ in range(2):
            stage.parallax.script(["Going ", "on", (" for ever", 60.0)], match="For ever")
        running = await ask(ben, other, "For ever")
        await until_shows(stage, running, "Going on")

        await stage.bot.kill()
        await started_again(stage)

        await within(PATIENCE, stage, lambda: len(stage.parallax.requests) == 5)
        record = stage.parallax.requests[-1]
        await stage.parallax.wait_until(lambda: len(record.token_times) == 2, PATIENCE)
        await ben.click(running, label="Stop")
        await within(0.5, stage, lambda: record.hung_up)
        await until_shows(stage, running, f"stopped by {ben.mention}")

        await ada.click(turned, label="Previous")
        await until_shows(stage, turned, "The first.", "version 1 of 2")
        await ada.click(turned, label="Next")
        await until_shows(stage, turned, "The second.", "version 2 of 2")

        stage.parallax.script([", three."])
        await ada.click(continued, label="Continue")
        await until_shows(stage, continued, "One, two, three.")
        await until_over(stage, continued)
        assert body(continued).endswith("\nOne, two, three.")

        assert "👍" in (await press(ada, turned, "👍")).text
        assert thumbs(stage, turned) == [(ada.id, 1)]


async def test_a_kept_answer_is_fetched_by_its_asker_alone(tmp_path: Path) -> None:
    """It may be private: a press that Discord would not even offer is refused, an operator's too, whether or not
    the process that made the button still runs."""
    async with staged(tmp_path, parallax=ParallaxDouble(tokens_per_second=200, lag=False)) as stage:
        chloe, room = stage.discord.person("chloe"), stage.discord.channel("general")
        chloe.user.dm_open = False
        stage.parallax.script(["Nobody else's ", ("business.", 0.3)])
        message = await ask(chloe, room, "Between us", private=True)
        await until_shows(stage, message, "Nobody")
        stage.discord.expire_tokens()
        kept = await kept_in_queue(chloe, room)

        await forged_press_is_refused(stage, room, kept, "ada", "olga")
        await restarted(stage)
        await forged_press_is_refused(stage, room, kept, "ada", "olga")
        shown = await (await chloe.click(kept, label="Show")).done_loading()
        assert "Nobody else's business." in shown.text


async def forged_press_is_refused(stage: Stage, room: Channel, kept: Message, *names: str) -> None:
    """Show, pressed by these people on a message that only its asker sees."""
    custom_id = str(kept.buttons["Show"].custom_id)
    data = {"custom_id": custom_id, "component_type": 2, "id": 1}
    for name in names:
        curious = stage.discord.person(name)
        before = len(curious.messages(room))
        press = stage.discord.interactions.start(COMPONENT, curious.user, room, data, custom_id, source=kept)
        await stage.discord.wait_until(lambda press=press: press.original, PATIENCE)  # type: ignore[misc]  # mypy does not infer a default's type
        assert [shown.text for shown in curious.messages(room)[before:]] == [REFUSAL]
