"""Connections that break while an interaction is answered: repeated where that does no harm, else said."""

from __future__ import annotations

import pytest

from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from tests.e2e.bot_process import Stage
from tests.e2e.reading import PATIENCE, ask, body, of_the_bot, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLBACK = "/interactions/*/callback"
FOLLOW_UP = "/webhooks/*/*"


@pytest.mark.parametrize("applied", [False, True], ids=["request lost", "answer lost"])
async def test_q17_a_command_is_answered_all_the_same(
    stage: Stage, room: Channel, ada: Person, applied: bool
) -> None:
    """Once, and not with an error."""
    stage.discord.faults.next("POST", CALLBACK, "reset", applied=applied)
    shown = await (await ada.slash(room, "queue")).response()
    assert "Your questions" in shown.text
    assert [message for message in ada.messages(room) if message is not shown] == []


@pytest.mark.parametrize("applied", [False, True], ids=["request lost", "answer lost"])
async def test_q17_a_question_is_answered_once(stage: Stage, room: Channel, ada: Person, applied: bool) -> None:
    """In the message that acknowledged it."""
    stage.parallax.script(["Once."])
    stage.discord.faults.next("POST", CALLBACK, "reset", applied=applied)
    shown = await ask(ada, room, "How often?")
    await until_over(stage, shown)
    assert body(shown) == "> How often?\nOnce."
    assert of_the_bot(stage, room) == [shown]


async def test_q17_a_press_is_done(stage: Stage, room: Channel, ada: Person) -> None:
    """Its acknowledgement is repeated."""
    stage.parallax.script(["First."])
    shown = await ask(ada, room, "Again?")
    await until_over(stage, shown)
    stage.parallax.script(["Second."])
    stage.discord.faults.next("POST", CALLBACK, "reset")
    await (await ada.click(shown, "Regenerate")).acked()
    await stage.discord.wait_until(lambda: "Second." in shown.text, PATIENCE)
    await until_over(stage, shown)


async def test_q17_a_sentence_that_is_lost_is_told_again(stage: Stage, room: Channel, ada: Person) -> None:
    """A refusal after the acknowledgement comes as a message of its own, which may not be repeated blindly."""
    stage.discord.faults.next("POST", FOLLOW_UP, "reset")
    invocation = await ada.slash(room, "ask", prompt="Look", attachment=("data.txt", b"a\x00b"))
    await invocation.acked()
    await stage.discord.wait_until(lambda: any(m.text for m in ada.messages(room)), PATIENCE)
    assert [m.text for m in ada.messages(room)] == [
        "Not sent: data.txt is not a text file. This cluster reads text only."
    ]
