"""``/ask``: what the asker and everybody else see."""

from __future__ import annotations

import asyncio
import re

import pytest

from bot.presentation.answer import CURSOR, MESSAGE_LIMIT
from sandbox.discord_api.interactions import DEFER
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax.script import Delta
from tests.e2e.bot_process import Stage
from tests.e2e.reading import (
    PATIENCE,
    RECEIPT,
    answer,
    ask,
    body,
    footer,
    is_over,
    new_room,
    of_the_bot,
    revisions,
    until_over,
    until_shows,
    within,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_answer_grows_in_one_message_and_ends_with_its_receipt(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """Each state shows the question and a beginning of the answer; the last one is complete."""
    words = [f"word{number} " for number in range(120)]
    stage.parallax.script(words)

    message = await ask(ada, room, "Count, please")
    await until_over(stage, message)

    whole = "".join(words).strip()
    assert answer(message, "Count, please") == whole
    states = revisions(message)
    assert all(state.startswith("> Count, please") for state in states)
    texts = [state.split("\n-# ")[0].removeprefix("> Count, please").strip() for state in states]
    growing = [text.removesuffix(CURSOR.strip()).strip() for text in texts]
    assert all(whole.startswith(text) for text in growing)
    assert growing == sorted(growing, key=len)
    assert len({text for text in growing if text}) >= 3
    assert re.fullmatch(RECEIPT.format(model="Qwen3-8B", tokens=120), footer(message))
    assert not any("tokens ·" in state for state in states[:-1])
    assert of_the_bot(stage, room) == [message]


async def test_nobody_is_pinged_by_question_or_answer(stage: Stage, room: Channel, ada: Person) -> None:
    """Mentions in questions and answers are shown and ping nobody, in every state of the message."""
    ben = stage.discord.person("ben")
    guild = stage.discord.world.guilds[room.guild_id or 0]
    role = next(role for role in guild.roles.values() if role.name == "cluster-operators")
    trap = f"@everyone @here {ben.mention} <@&{role.id}> {ada.mention}"
    stage.parallax.script([f"{trap} and ", (trap, 0.4)])

    message = await ask(ada, room, f"Who is {trap}?")
    await until_over(stage, message)

    assert message.notified == frozenset()
    assert len(message.history) >= 2
    for revision in message.history:
        assert revision.payload["mentions"] == []
        assert revision.payload["mention_roles"] == []
        assert not revision.payload["mention_everyone"]


async def test_a_private_answer_is_seen_by_its_asker_alone(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Every page of it is ephemeral."""
    stage.parallax.script([f"Paragraph {number}: {'so it goes. ' * 20}\n\n" for number in range(24)])

    message = await ask(ada, room, "Tell me alone", private=True)
    await stage.discord.wait_until(lambda: is_over(of_the_bot(stage, room)[-1]), PATIENCE)

    pages = of_the_bot(stage, room)
    assert pages[0] is message
    assert len(pages) >= 2
    assert all(page.ephemeral_for == ada.id for page in pages)
    assert ben.messages(room) == []


@pytest.mark.parametrize("think", [True, False])
async def test_think_reaches_the_model(stage: Stage, room: Channel, ada: Person, think: bool) -> None:
    """The option is sent as the chat template's switch."""
    stage.parallax.script(["Fine."])
    await until_over(stage, await ask(ada, room, "Think about it", think=think))
    assert stage.parallax.requests[-1].body["chat_template_kwargs"] == {"enable_thinking": think}


async def test_without_think_the_model_decides(stage: Stage, room: Channel, ada: Person) -> None:
    """No switch is sent."""
    stage.parallax.script(["Fine."])
    await until_over(stage, await ask(ada, room, "Do as you like"))
    assert "chat_template_kwargs" not in stage.parallax.requests[-1].body


async def test_reasoning_is_not_in_the_answer(stage: Stage, room: Channel, ada: Person) -> None:
    """While the model thinks, the message says so; its thoughts are not shown."""
    stage.parallax.script(
        [
            Delta("a secret ", reasoning=True),
            Delta("thought", reasoning=True, delay=1.2),
            Delta("The ", delay=0.2),
            Delta("answer."),
        ]
    )
    message = await ask(ada, room, "Why?")
    await until_shows(stage, message, "is thinking")
    await until_over(stage, message)
    assert answer(message, "Why?") == "The answer."
    assert not any("secret" in state or "thought" in state for state in revisions(message))


@pytest.mark.parametrize("style", ["think", "think_split", "reasoning_content", "crlf", "split", "joined"])
async def test_other_engines_streams_read_the_same(stage: Stage, room: Channel, ada: Person, style: str) -> None:
    """Reasoning in tags or in another field, other line ends, events cut anywhere."""
    prompt = f"Say ünïcödé 🙂 [[style:{style}]]"
    stage.parallax.script(["Sure: ", "ünï", "cödé ", "🙂", "."], reasoning=["Hidden ", "musings."])
    message = await ask(ada, room, prompt)
    await until_over(stage, message)
    assert body(message).endswith("\nSure: ünïcödé 🙂.")
    assert not any("musings" in state for state in revisions(message))


async def test_a_long_answer_flows_into_further_messages(stage: Stage, room: Channel, ada: Person) -> None:
    """Nothing is lost or repeated, every message keeps Discord's limit, only the last has the receipt."""
    lines = [
        f"{number}. Line {number} of the long answer, with some words to fill it." for number in range(1, 161)
    ]
    text = "\n".join(lines)
    stage.parallax.script(re.findall(r".{1,11}", text, re.DOTALL))

    message = await ask(ada, room, "Everything, please")
    await stage.discord.wait_until(lambda: is_over(of_the_bot(stage, room)[-1]), PATIENCE)

    pages = of_the_bot(stage, room)
    assert len(pages) >= 3
    shown = [answer(message, "Everything, please"), *(body(page) for page in pages[1:])]
    assert "\n".join(shown) == text
    assert all(len(page.text) <= MESSAGE_LIMIT for page in pages)
    assert [bool(footer(page)) for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(page.notified == frozenset() for page in pages)


async def test_deleting_the_message_frees_the_pipeline(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """The cluster stops working on it within half a second, and the next question is answered."""
    stage.parallax.set_speed(20)
    stage.parallax.script([f"word{number} " for number in range(2000)])
    message = await ask(ada, room, "A long story")
    await until_shows(stage, message, "word3")
    request = stage.parallax.requests[-1]

    await stage.discord.person("grace").delete(message)
    await within(0.5, stage, lambda: request.hung_up)

    stage.parallax.set_speed(200)
    stage.parallax.script(["Still here."])
    after = await ask(ben, room, "Still there?")
    await until_over(stage, after)
    assert answer(after, "Still there?") == "Still here."
    assert of_the_bot(stage, room) == [after]


async def test_a_deleted_further_message_stops_the_answer_too(stage: Stage, room: Channel, ada: Person) -> None:
    """The deletion of any page stops the answer."""
    line = "Some words that fill a line of the answer quite well.\n"
    deltas: list[str | tuple[str, float]] = [line] * 150
    stage.parallax.script([*deltas, *[(line, 0.2)] * 200])
    await ask(ada, room, "Two pages")
    await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)) >= 2, PATIENCE)
    request = stage.parallax.requests[-1]

    await stage.discord.person("grace").delete(of_the_bot(stage, room)[-1])
    await within(0.5, stage, lambda: request.hung_up)


async def test_a_link_in_the_answer_brings_no_preview(stage: Stage, room: Channel, ada: Person) -> None:
    """Previews of links that a model wrote are not unfolded, and its links are plain to see."""
    stage.parallax.script(["See ", "https://example.org/page", " for more."])
    message = await ask(ada, room, "Where?")
    await until_over(stage, message)
    assert "https://example.org/page" in message.text
    assert message.embeds == []


async def test_several_people_are_answered_at_once(stage: Stage, room: Channel) -> None:
    """Each answer stays in its own message."""
    people = [stage.discord.person(name) for name in ("ada", "ben", "chloe")]
    for person in people:
        stage.parallax.script(["For ", person.user.display_name], match=f"{person.user.display_name}: ")
    messages = [await ask(person, room, "Who am I?") for person in people]
    await until_over(stage, *messages)
    assert [answer(message, "Who am I?") for message in messages] == [
        f"For {person.user.display_name}" for person in people
    ]


async def test_a_direct_message_is_answered(stage: Stage, ada: Person) -> None:
    """There is no server and there are no roles in a direct message."""
    stage.parallax.script(["Between us."])
    message = await ask(ada, ada.dm, "Just us?")
    await until_over(stage, message)
    assert answer(message, "Just us?") == "Between us."


async def test_an_empty_question_is_refused(stage: Stage, room: Channel, ada: Person) -> None:
    """The asker reads a private sentence; nothing is sent to the cluster."""
    before = len(stage.parallax.requests)
    message = await ask(ada, room, "   ")
    assert message.text == "Not asked: the question is empty. Please write one."
    assert message.ephemeral_for == ada.id
    assert len(stage.parallax.requests) == before


async def test_an_empty_answer_says_so(stage: Stage, room: Channel, ada: Person) -> None:
    """The message says that the answer is empty."""
    stage.parallax.script([" "])
    message = await ask(ada, room, "Nothing?")
    await until_over(stage, message)
    assert footer(message).startswith("-# the model returned an empty answer · Qwen3-8B")


async def test_an_answer_cut_by_the_length_limit_says_so(stage: Stage, room: Channel, ada: Person) -> None:
    """The message says that the answer was cut at its limit."""
    stage.parallax.script(["And ", "so ", "on"], finish="length")
    message = await ask(ada, room, "Go on")
    await until_over(stage, message)
    assert footer(message).startswith("-# length limit (2,048 tokens) · Qwen3-8B")


async def test_who_is_late_before_the_bot_can_begin_is_shown_that_it_works(stage: Stage) -> None:
    """It stands still while many ask. Each has a first answer in time, and everybody's question is answered."""
    asked_in = [(stage.discord.new_person(f"late{number}", "Team"), new_room(stage)) for number in range(20)]
    rooms = [room for _, room in asked_in]
    for _ in rooms:
        stage.parallax.script(["This one."], match="Which?")
    stage.bot.freeze()
    asyncio.get_running_loop().call_later(1.6, stage.bot.thaw)
    asked = await asyncio.gather(*(who.slash(room, "ask", prompt="Which?") for who, room in asked_in))
    await asyncio.gather(*(one.acked() for one in asked))
    assert DEFER in {one.interaction.response for one in asked}
    await stage.discord.wait_until(
        lambda: all(any(map(is_over, of_the_bot(stage, room))) for room in rooms), PATIENCE
    )
