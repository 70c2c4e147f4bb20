"""What a channel remembers of its questions."""

from __future__ import annotations

import pytest

from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from tests.e2e.bot_process import Stage
from tests.e2e.reading import ask, new_room, restarted, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(
    stage: Stage, who: Person, room: Channel, prompt: str, said: str, *, private: bool = False
) -> None:
    """A question with its answer, ended."""
    stage.parallax.script([said])
    await until_over(stage, await ask(who, room, prompt, private=private))


def heard(stage: Stage) -> list[tuple[str, str]]:
    """The conversation as the model saw it last, without the system prompt."""
    messages = stage.parallax.requests[-1].messages
    return [(str(m["role"]), str(m["content"])) for m in messages if m["role"] != "system"]


async def test_the_next_question_sees_the_earlier_ones_with_their_askers(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """The next question in the channel sees it, whoever asks; the model reads who said what."""
    await asked(stage, ada, room, "My cat is called Pixel", "Noted.")
    await asked(stage, ben, room, "What is her cat called?", "Pixel.")
    assert heard(stage) == [
        ("user", "Ada: My cat is called Pixel"),
        ("assistant", "Noted."),
        ("user", "Ben: What is her cat called?"),
    ]


async def test_another_channel_sees_none_of_it(stage: Stage, room: Channel, ada: Person) -> None:
    """Each channel has its own memory, also for the same person."""
    await asked(stage, ada, room, "The word is swordfish", "I will keep it.")
    await asked(stage, ada, new_room(stage), "What is the word?", "No idea.")
    assert heard(stage) == [("user", "Ada: What is the word?")]
    await asked(stage, ada, ada.dm, "What is the word?", "No idea.")
    assert heard(stage)[-1] == ("user", "Ada: What is the word?")
    assert "swordfish" not in str(heard(stage))


async def test_private_answers_have_a_memory_of_their_own(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Only the same person's next private question there sees it."""
    await asked(stage, ada, room, "My salary is 100", "Well.", private=True)
    await asked(stage, ada, room, "In public now", "Yes.")
    assert heard(stage) == [("user", "Ada: In public now")]
    await asked(stage, ben, room, "What does she earn?", "No idea.", private=True)
    assert heard(stage) == [("user", "Ben: What does she earn?")]
    await asked(stage, ada, room, "What do I earn?", "100.", private=True)
    assert heard(stage)[:2] == [("user", "Ada: My salary is 100"), ("assistant", "Well.")]


async def test_it_survives_a_restart(stage: Stage, room: Channel, ada: Person) -> None:
    """A restarted bot still remembers."""
    await asked(stage, ada, room, "Remember 7", "Seven.")
    await restarted(stage)
    await asked(stage, ada, room, "Which number?", "7.")
    assert heard(stage) == [
        ("user", "Ada: Remember 7"),
        ("assistant", "Seven."),
        ("user", "Ada: Which number?"),
    ]


async def test_show_tells_what_would_be_carried_along(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Shown privately, with names, and with the markup of questions escaped."""
    shown = await (await ada.slash(room, "context show")).response()
    assert "Nothing is remembered here yet." in shown.text

    await asked(stage, ada, room, "**What** is @everyone?", "A word.")
    await asked(stage, ben, room, "And else?", "No.")
    shown = await (await ada.slash(room, "context show")).response()
    assert shown.ephemeral_for == ada.id
    assert "2 turns are remembered, 2 of them fit the next question" in shown.text
    assert "Ada: \\*\\*What\\*\\* is" in shown.text
    assert "Ben: And else?" in shown.text
    assert shown.notified == frozenset()

    private = await (await ada.slash(room, "context show", private=True)).response()
    assert "Nothing is remembered here yet." in private.text


async def test_clear_forgets_the_channel_and_only_it(stage: Stage, room: Channel, ada: Person) -> None:
    """Afterwards a question begins anew; private answers and other channels keep their memory."""
    elsewhere = new_room(stage)
    await asked(stage, ada, elsewhere, "Kept", "Yes.")
    await asked(stage, ada, room, "Mine alone", "Yes.", private=True)
    await asked(stage, ada, room, "To be forgotten", "Yes.")

    told = await (await ada.slash(room, "context clear")).response()
    assert told.text == "Forgotten: 1 turn of this channel."
    told = await (await ada.slash(room, "context clear")).response()
    assert told.text == "There was nothing to forget here."

    await asked(stage, ada, room, "And now?", "Nothing.")
    assert heard(stage) == [("user", "Ada: And now?")]
    await asked(stage, ada, room, "And alone?", "This.", private=True)
    assert heard(stage)[0] == ("user", "Ada: Mine alone")
    await asked(stage, ada, elsewhere, "And there?", "That.")
    assert heard(stage)[0] == ("user", "Ada: Kept")
