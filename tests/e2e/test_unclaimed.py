"""Presses and dialogues that come before the bot knows of them, or when it no longer does: nobody reads that it
did not respond."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from tests.e2e.bot_process import Stage
from tests.e2e.reading import restarted, until_over
from tests.e2e.switching import FIELD

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = "Qwen/Qwen3-4B"
OVER = (
    "Nothing was done: these controls are too old, or from before the bot's last restart. Use the command again."
)
DIALOGUE_OVER = (
    "Nothing was done: this dialogue was open for too long, or is from before the bot's last restart. "
    "Open it again; what you wrote follows."
)


@contextmanager
def slow_responses(stage: Stage) -> Iterator[None]:
    """Discord responds to the bot 0.15 s after it has done what was asked for; what people do next is faster."""
    stage.discord.latency = 0.3
    try:
        yield
    finally:
        stage.discord.latency = 0.0


async def test_a_dialogue_is_submitted_before_the_response_that_opened_it_arrives(
    stage: Stage, room: Channel, olga: Person
) -> None:
    """It is handled as soon as it is known."""
    confirm = await (await olga.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    with slow_responses(stage):
        dialogue = await (await olga.click(confirm, "Switch …")).acked()
    told = await (await olga.submit(dialogue, {FIELD: "Something else"})).response()
    assert "that is not the model's name" in told.text


async def test_a_button_is_pressed_before_the_response_to_its_message_arrives(
    stage: Stage, room: Channel, olga: Person
) -> None:
    """The message is there for the person, and not yet for the bot."""
    with slow_responses(stage):
        confirm = await (await olga.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    assert await (await olga.click(confirm, "Not now")).response() is confirm
    assert confirm.text == "Nothing was changed."


async def test_after_a_restart_controls_and_dialogues_say_that_they_are_over(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Nothing is done, and what was written is given back whole, unless another process has answered."""
    confirm = await (await olga.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    stage.parallax.script(["An answer."], match="Which")
    answer = await (await ada.slash(room, "ask", prompt="Which?")).response()
    await until_over(stage, answer)
    dialogue = await (await ada.menu(answer, "Ask about this")).acked()
    another = await (await ben.menu(answer, "Ask about this")).acked()
    calls = len(stage.parallax.requests)

    await restarted(stage)
    told = await (await olga.click(confirm, "Switch …")).response()
    assert (told.text, told.ephemeral_for) == (OVER, olga.id)
    assert "Switch …" in confirm.buttons

    written = "Why? " * 799 + "Why?!"
    sent = await ada.submit(dialogue, {"Your question": written})
    told = await sent.response()
    assert (told.text, told.ephemeral_for) == (DIALOGUE_OVER, ada.id)
    await stage.discord.wait_until(lambda: sent.followups)
    (back,) = sent.followups
    assert (back.text, back.ephemeral_for) == (written, ada.id)

    stage.discord.faults.next("POST", "/interactions/*/callback", 40060, applied=True)
    answered = await ben.submit(another, {"Your question": "And how?"})
    await stage.discord.wait_until(lambda: any(call.code == 40060 for call in stage.discord.trace))
    await (await ben.slash(room, "queue")).response()
    assert answered.followups == []
    assert len(stage.parallax.requests) == calls
