"""Discord's own rules and failures: acknowledgements in time, dropped gateways, 5xx, spent tokens, limits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    RECEIPT,
    answer,
    ask,
    footer,
    is_over,
    new_room,
    of_the_bot,
    until_over,
    until_shows,
    within,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = [f"word{number} " for number in range(60)]
WHOLE = "".join(WORDS).strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Discord as far away as usual (60 ms), its limits on and never met."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.06),
        parallax=ParallaxDouble(tokens_per_second=80, lag=False),
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


async def test_the_first_question_ever_is_acknowledged_in_time(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On a fresh database, right after the start; Discord waits three seconds."""
    async with staged(tmp_path_factory.mktemp("fresh")) as stage:
        stage.parallax.script(["Hi."])
        message = await ask(stage.discord.person("ada"), new_room(stage), "First!")
        await until_over(stage, message)
        assert answer(message, "First!") == "Hi."


async def test_a_gateway_that_drops_in_the_middle_of_an_answer(stage: Stage, room: Channel, ada: Person) -> None:
    """The answer goes on, and after the resume the next question is heard."""
    stage.parallax.script(WORDS)
    message = await ask(ada, room, "Through thick and thin")
    await until_shows(stage, message, "word3")
    await stage.discord.gateway.drop()
    await until_over(stage, message)
    assert answer(message, "Through thick and thin") == WHOLE

    await stage.discord.bot_online(PATIENCE)
    stage.parallax.script(["Yes."])
    after = await ask(ada, room, "Still here?")
    await until_over(stage, after)
    assert answer(after, "Still here?") == "Yes."


@pytest.mark.parametrize("fault", [500, 503, "reset"])
async def test_an_edit_that_fails_is_made_up_for(
    stage: Stage, room: Channel, ada: Person, fault: int | str
) -> None:
    """A later edit shows what the lost one would have."""
    stage.parallax.script(WORDS)
    message = await ask(ada, room, "Never mind")
    await until_shows(stage, message, "word3")
    stage.discord.faults.next("PATCH", "*/messages/*", "reset" if fault == "reset" else int(fault))
    await until_over(stage, message)
    assert answer(message, "Never mind") == WHOLE
    assert of_the_bot(stage, room) == [message]


async def test_the_last_edit_is_repeated_until_discord_takes_it(stage: Stage, room: Channel, ada: Person) -> None:
    """Discord fails from before the end until some attempts after it."""
    stage.parallax.script(["Begun ", ("and done.", 0.4)])
    message = await ask(ada, room, "To the end")
    await until_shows(stage, message, "Begun")
    stage.discord.faults.next("PATCH", "*", 503, times=2)
    await until_over(stage, message)
    assert answer(message, "To the end") == "Begun and done."
    assert of_the_bot(stage, room) == [message]


async def test_a_spent_token_moves_the_answer_to_the_channel_route(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """The message is the same; the reader notices nothing."""
    stage.parallax.script(WORDS)
    message = await ask(ada, room, "For long")
    await until_shows(stage, message, "word3")
    stage.discord.expire_tokens()
    await until_over(stage, message)
    assert answer(message, "For long") == WHOLE
    assert of_the_bot(stage, room) == [message]
    refused = [traced for traced in stage.discord.trace if traced.code == 50027]
    assert len(refused) <= 1


async def test_a_question_acknowledged_too_late_is_answered_in_a_new_message(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """Nothing is looked for where Discord has just said that there is nothing: such calls count towards a ban."""
    stage.parallax.script(["Better late."])
    stage.discord.faults.next("POST", "/interactions/*/callback", 10062)
    before = len(stage.discord.trace)
    await ada.slash(room, "ask", prompt="Too late")
    await within(5.0, stage, lambda: any("Better late." in one.text for one in of_the_bot(stage, room)))
    await until_over(stage, of_the_bot(stage, room)[0])
    assert answer(of_the_bot(stage, room)[0], "Too late") == "Better late."
    refused = [traced.path for traced in list(stage.discord.trace)[before:] if traced.status >= 400]
    assert len(refused) == 1
    assert refused[0].endswith("/callback")


async def test_a_deleted_channel_ends_the_answer(stage: Stage, room: Channel, ada: Person) -> None:
    """Nobody can read it any more: the pipeline is freed."""
    stage.parallax.script(WORDS * 20)
    message = await ask(ada, room, "Into the void")
    await until_shows(stage, message, "word3")
    request = stage.parallax.requests[-1]
    stage.discord.world.remove_channel(room)
    await within(3.0, stage, lambda: request.hung_up)


async def test_a_long_answer_never_meets_a_limit(stage: Stage, room: Channel, ada: Person) -> None:
    """400 tokens at 80 a second with Discord's limits on: many edits, no 429, the last one soon."""
    words = [f"word{number} " for number in range(400)]
    stage.parallax.script(words)
    message = await ask(ada, room, "At length")
    await until_over(stage, message)
    assert answer(message, "At length") == "".join(words).strip()
    assert RECEIPT.split("{model}")[0] in footer(message)
    assert len(message.history) >= 10
    ended = stage.parallax.requests[-1].last_token_at
    assert ended is not None
    shown = next(r.applied_at for r in message.history if "400 tokens" in str(r.payload["components"]))
    assert shown - ended < 1.0
    assert stage.discord.limits.rejections == []


async def test_answers_side_by_side_never_meet_a_limit(stage: Stage, room: Channel) -> None:
    """Four streams in one channel share what is shared and finish."""
    people = [stage.discord.person(name) for name in ("ada", "ben", "chloe", "grace")]
    for person in people:
        stage.parallax.script(WORDS * 3, match=f"{person.user.display_name}: ")
    messages = [await ask(person, room, "Side by side") for person in people]
    await until_over(stage, *messages)
    assert all(is_over(message) for message in messages)
    assert [answer(message, "Side by side") for message in messages] == ["".join(WORDS * 3).strip()] * 4
    assert stage.discord.limits.rejections == []


@pytest.mark.parametrize("trouble", ["slow", "failing"])
async def test_the_cluster_is_read_at_its_own_pace(stage: Stage, room: Channel, ada: Person, trouble: str) -> None:
    """However slow Discord is, or if it fails altogether: no pipeline waits for a message's edit."""
    count, pause = 60, 0.02
    stage.parallax.script([(f"word{number} ", pause) for number in range(count)])
    message = await ask(ada, room, "Do not wait")
    await until_shows(stage, message, "word1 ")
    if trouble == "slow":
        stage.discord.latency = 2.0
    else:
        stage.discord.faults.next("PATCH", "*", 503, times=10_000)
    record = stage.parallax.requests[-1]
    await within(count * pause + 1.0, stage, lambda: record.outcome == "completed")

    stage.discord.latency = 0.06
    stage.discord.faults.clear()
    await until_over(stage, message)
    (told,) = [
        entry
        for entry in map(json.loads, stage.bot.log.splitlines())
        if entry["event"] == "question.answered" and message_belongs(entry["request_id"], message)
    ]
    sent = record.token_times[-1] - record.token_times[0]
    assert sent > count * pause / 2
    assert told["duration"] - told["ttft"] < sent + 0.3
    assert f"word{count - 1}" in message.text


def message_belongs(request_id: str, message: Message) -> bool:
    """Whether this is the message of that request, by its buttons."""
    return any(str(button.custom_id).endswith(request_id) for button in message.buttons.values())
