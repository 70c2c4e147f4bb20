"""The queue as people see it: positions, how to leave it, who is told what."""

from __future__ import annotations

import itertools
import re
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
    ask,
    body,
    footer,
    freed,
    new_room,
    occupied,
    queue_that_says,
    until_over,
    until_shows,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A cluster with a single pipeline, and announcements after a wait of any length."""
    async with staged(
        tmp_path_factory.mktemp("line"),
        discord=DiscordDouble(latency=0.0),
        # Ten times as fast, because the scheduler looks at a slot whose client hung up every 5 s.
        parallax=ParallaxDouble(tokens_per_second=20, nodes=1, slots=1, lag=False, time_scale=10),
        ANNOUNCE_AFTER="0",
        QUEUE_MAX_PER_USER="3",
        SHUTDOWN_GRACE="1",
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


async def test_positions_are_shown_and_kept_true(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """People who wait read their position, and move up when somebody before them leaves."""
    busy = await occupied(stage, olga, room)
    first = await ask(ada, room, "First?")
    second = await ask(ben, room, "Second?")
    await until_shows(stage, first, f"<@{ada.id}> · next in the queue")
    await until_shows(stage, second, f"<@{ben.id}> · 2nd in the queue")

    await ada.click(first, label="Cancel")
    await until_shows(stage, first, f"cancelled by <@{ada.id}>")
    await until_shows(stage, second, "next in the queue")
    assert list(first.buttons) == ["Try again"]

    await freed(stage, olga, busy)
    await until_over(stage, second)
    assert "waited" in footer(second)


async def test_only_the_asker_and_operators_may_cancel(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Everybody sees the button; presses by others are refused privately."""
    busy = await occupied(stage, olga, room)
    waiting = await ask(ada, room, "Mine?")

    refusal = await (await ben.click(waiting, label="Cancel")).response()
    assert refusal.ephemeral_for == ben.id
    assert "Cancel" in waiting.buttons

    await olga.click(waiting, label="Cancel")
    await until_shows(stage, waiting, f"cancelled by <@{olga.id}>")
    await freed(stage, olga, busy)


async def test_the_answer_after_a_long_wait_is_announced_once_to_its_asker(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """Edits notify nobody, so one short reply does, except for people who switched it off."""
    busy = await occupied(stage, olga, room)
    waiting = await ask(ada, room, "Tell me later")
    await freed(stage, olga, busy)
    await until_over(stage, waiting)

    def pings() -> list[Message]:
        return [message for message in stage.discord.messages(room) if message.notified]

    await stage.discord.wait_until(lambda: any(ping.notified == {ada.id} for ping in pings()), PATIENCE)
    assert [ping.text for ping in pings() if ping.notified == {ada.id}] == [f"<@{ada.id}> your answer is ready."]

    queue = await (await ada.slash(room, "queue")).response()
    await ada.click(queue, label="Do not ping me after long waits")
    await stage.discord.wait_until(lambda: "Ping me after long waits" in queue.buttons, PATIENCE)
    busy = await occupied(stage, olga, room)
    quiet = await ask(ada, room, "Do not tell me")
    await freed(stage, olga, busy)
    await until_over(stage, quiet)
    # When the next question is answered, everything that the last one caused has happened.
    await until_over(stage, await ask(olga, room, "And now?"))
    assert sum(ping.notified == {ada.id} for ping in pings()) == 1

    await ada.click(queue, label="Ping me after long waits")
    await stage.discord.wait_until(lambda: "Do not ping me after long waits" in queue.buttons, PATIENCE)


async def test_queue_shows_ones_own_questions_with_the_way_out(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Privately: what runs, what waits and where; a press withdraws it."""
    busy = await occupied(stage, olga, room)
    mine = await ask(ada, room, "My only question")
    theirs = await ask(ben, room, "Somebody else's secret plan")

    queue = await (await ada.slash(room, "queue")).response()
    assert queue.ephemeral_for == ada.id
    assert "In total: 2 waiting, 1 running." in queue.text
    assert "My only question" in queue.text
    assert "position 1 in the queue" in queue.text
    assert "secret plan" not in queue.text

    await ada.click(queue, label="Cancel")
    await until_shows(stage, mine, "cancelled by")
    await freed(stage, olga, busy)
    await until_over(stage, theirs)


async def test_more_than_ones_share_is_refused_with_a_sentence(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """It names the limit and says when to try again; nothing appears in the channel."""
    busy = await occupied(stage, olga, room)
    waiting = [await ask(ada, room, f"Question {n}?") for n in range(3)]

    refused = await (await ada.slash(room, "ask", prompt="One more?")).response()

    assert refused.ephemeral_for == ada.id
    assert refused.text == (
        "Not asked: you have 3 questions waiting, the limit. Wait for an answer, or cancel one with /queue."
    )
    for message in waiting:
        await ada.click(message, label="Cancel")
    await stage.discord.wait_until(lambda: all("cancelled" in m.text for m in waiting), PATIENCE)
    await freed(stage, olga, busy)


async def test_operators_pause_and_release_the_queue(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """People who wait read the reason; running answers go on; after the release the queue moves."""
    ops = stage.discord.channel("ops")
    refused = await (await ada.slash(room, "ask", prompt="Before")).response()
    await until_over(stage, refused)

    await (await olga.slash(ops, "cluster pause", reason="new *GPUs*")).response()
    held = await ask(ada, room, "Patience?")
    await until_shows(stage, held, "kept: the queue is paused: new \\*GPUs\\*")
    asked = len(stage.parallax.requests)

    released = await (await olga.slash(ops, "cluster resume")).response()
    assert released.text == "The queue is running again."
    await until_over(stage, held)
    assert len(stage.parallax.requests) == asked + 1


async def test_operators_see_and_clear_the_whole_queue(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """All questions by name; some are cancelled, then all, after a confirmation."""
    ops = stage.discord.channel("ops")
    busy = await occupied(stage, olga, room)
    messages = [await ask(ada, room, "Alpha?"), await ask(ben, room, "Beta?"), await ask(ada, room, "Gamma?")]

    line = await (await olga.slash(ops, "cluster queue")).response()
    assert line.ephemeral_for == olga.id
    assert all(word in line.text for word in ("Hold the line", "Alpha?", "Beta?", "Gamma?", f"<@{ben.id}>"))

    await olga.click(line, label="Clear the queue")
    await until_shows(stage, line, "Cancel all 3 waiting questions?")
    await olga.click(line, label="Clear the queue")
    await until_shows(stage, line, "Cancelled: 3 questions.")
    await stage.discord.wait_until(lambda: all(f"cancelled by <@{olga.id}>" in m.text for m in messages), PATIENCE)
    assert not busy.deleted
    await freed(stage, olga, busy)


async def test_a_private_answer_whose_token_is_spent_comes_as_a_direct_message(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """A private message can only be edited through its token."""
    busy = await occupied(stage, olga, room)
    waiting = await ask(ada, room, "For my eyes only", private=True)
    stage.parallax.script(["The private ", "answer."], match="For my eyes only")
    stage.discord.expire_tokens()
    await olga.click(busy, label="Stop")

    await stage.discord.wait_until(
        lambda: any("The private answer." in m.text for m in stage.discord.messages(ada.dm)), PATIENCE
    )
    assert "The private answer." not in body(waiting)
    assert all("The private answer." not in m.text for m in stage.discord.messages(room))


async def test_a_private_answer_that_cannot_be_sent_is_kept_for_its_asker(
    stage: Stage, room: Channel, ben: Person, olga: Person
) -> None:
    """With closed DMs it waits in /queue, and is shown there once."""
    ben.user.dm_open = False
    busy = await occupied(stage, olga, room)
    await ask(ben, room, "Keep it for me", private=True)
    stage.parallax.script(["A kept ", "answer."], match="Keep it for me")
    stage.discord.expire_tokens()
    await olga.click(busy, label="Stop")
    await stage.parallax.wait_until(
        lambda: any(
            "Keep it" in str(r.messages[-1]) and r.outcome == "completed" for r in stage.parallax.requests
        ),
        PATIENCE,
    )
    queue = await queue_that_says(ben, room, "answered, but it could not be shown")
    shown = await (await ben.click(queue, label="Show")).done_loading()
    assert "A kept answer." in shown.text
    assert shown.ephemeral_for == ben.id
    await queue_that_says(ben, room, "You have no question waiting or running.")


async def test_a_version_that_is_withdrawn_brings_back_the_one_before(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """With its receipt and its buttons, which work as before."""
    stage.parallax.script(["The first."], reasoning=["Well."])
    message = await ask(ada, room, "Once or twice?")
    await until_over(stage, message)
    before = message.text
    busy = await occupied(stage, olga, new_room(stage))

    await ada.click(message, label="Regenerate")
    await until_shows(stage, message, "next in the queue")
    await ada.click(message, label="Cancel")
    await until_over(stage, message)
    receipt = footer(message).removeprefix(f"-# cancelled by <@{ada.id}> · ")
    assert f"{body(message)}\n-# {receipt}" == before
    assert list(message.buttons) == ["Regenerate", "Reasoning", "As file", "👍", "👎"]
    assert "Well." in (await (await ada.click(message, label="Reasoning")).response()).text
    assert "saved with the answer" in (await (await ada.click(message, label="👍")).response()).text
    await freed(stage, olga, busy)

    stage.parallax.script(["The second."], match="Once or twice")
    await ada.click(message, label="Regenerate")
    await until_shows(stage, message, "The second.", "version 2 of 2")
    await ada.click(message, label="Previous")
    await until_shows(stage, message, "The first.", "version 1 of 2")


async def test_a_withdrawn_continuation_leaves_the_part_and_can_be_asked_for_again(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """The first part stays."""
    stage.parallax.script(["One, ", "two"], finish="length")
    message = await ask(ada, room, "Count with me")
    await until_over(stage, message)
    busy = await occupied(stage, olga, new_room(stage))
    await ada.click(message, label="Continue")
    await until_shows(stage, message, "next in the queue")
    await olga.click(message, label="Cancel")
    await until_over(stage, message)
    assert "One, two" in body(message)
    assert footer(message).startswith(f"-# cancelled by <@{olga.id}> · length limit")
    await freed(stage, olga, busy)

    stage.parallax.script([", three"], match="Continue your last answer")
    await ada.click(message, label="Continue")
    await until_shows(stage, message, "One, two, three")
    await until_over(stage, message)
    assert "Continue" not in message.buttons


async def test_a_kept_answer_comes_with_its_files(stage: Stage, room: Channel, ben: Person, olga: Person) -> None:
    """What did not fit its messages is attached here, as it would have been there."""
    ben.user.dm_open = False
    busy = await occupied(stage, olga, room)
    await ask(ben, room, "Keep much for me", private=True)
    lines = [
        f"Line {number} of a very long answer, which fills more messages than one may.\n\n"
        for number in range(400)
    ]
    stage.parallax.script(lines, match="Keep much")
    stage.parallax.set_speed(2000)
    stage.discord.expire_tokens()
    await olga.click(busy, label="Stop")
    queue = await queue_that_says(ben, room, "answered, but it could not be shown")
    press = await ben.click(queue, label="Show")
    first = await press.done_loading()
    await stage.discord.wait_until(lambda: len(press.followups) == 4, PATIENCE)
    assert "Line 0 of" in first.text
    last = press.followups[-1]
    assert {file.filename for file in last.attachments} == {"answer.md", "answer-rest.md"}
    assert last.ephemeral_for == ben.id
    await queue_that_says(ben, room, "You have no question waiting or running.")


async def test_the_estimate_is_told_by_how_long_answers_took(tmp_path_factory: pytest.TempPathFactory) -> None:
    """There is no estimate before the first answer; then each position is one usual answer further away."""
    async with staged(
        tmp_path_factory.mktemp("estimate"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, slots=1, lag=False),
        SHUTDOWN_GRACE="1",
    ) as stage:
        ada, ben, olga = (stage.discord.person(name) for name in ("ada", "ben", "olga"))
        stage.parallax.script(["Two ", ("seconds.", 2.0)], match="How long")
        first = await ask(ada, new_room(stage), "How long do you take?")
        second = await ask(ben, new_room(stage), "And I?")
        await until_shows(stage, second, f"-# <@{ben.id}> · next in the queue")
        assert footer(second) == f"-# <@{ben.id}> · next in the queue"
        await ben.click(second, label="Cancel")
        await until_over(stage, first, second)

        busy = await occupied(stage, olga, new_room(stage))
        waiting = [await ask(ada, new_room(stage), f"When {number}?") for number in range(3)]
        shown = [re.search(r"in the queue · about ([\d.]+) s$", footer(message)) for message in waiting]
        estimates = [float(found.group(1)) for found in shown if found is not None]
        assert len(estimates) == len(waiting)
        assert 0.4 <= estimates[0] <= 4.0
        assert all(1.5 <= later - sooner <= 4.0 for sooner, later in itertools.pairwise(estimates))
        for message in waiting:
            await ada.click(message, label="Cancel")
        await freed(stage, olga, busy)
