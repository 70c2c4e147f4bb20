"""Questions that are not taken, or not at once: said in time, with nothing left behind."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    ask,
    body,
    freed,
    new_room,
    occupied,
    of_the_bot,
    queue_that_says,
    until_over,
    until_shows,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = "Your question is not in the queue yet: the bot's database is busy."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bot keeps its database."""
    return tmp_path_factory.mktemp("admission")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A cluster with a single pipeline; a person may have one waiting question."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=20, nodes=1, slots=1, lag=False, time_scale=10),
        QUEUE_MAX_PER_USER="1",
        SHUTDOWN_GRACE="1",
    ) as running:
        yield running


@contextmanager
def locked(folder: Path, seconds: float) -> Iterator[None]:
    """Somebody else writes to the database, for so long after this block begins."""
    with closing(sqlite3.connect(folder / "bot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(seconds, other.rollback)
        yield


def threads(stage: Stage, room: Channel) -> list[Channel]:
    """The threads of a channel."""
    return [one for one in stage.discord.world.channels.values() if one.parent_id == room.id]


async def test_q7_a_refused_question_opens_no_thread(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """Neither alone nor five at once; the one that is taken opens its own."""
    busy = await occupied(stage, olga, new_room(stage))
    asked = [await ada.slash(room, "ask", prompt=f"Number {n}", thread=True) for n in range(6)]
    for invocation in asked:
        await invocation.acked()
    await stage.discord.wait_until(lambda: len([m for m in ada.messages(room) if m.ephemeral_for]) == 5, PATIENCE)
    await stage.discord.wait_until(lambda: len(threads(stage, room)) == 1, PATIENCE)
    (thread,) = threads(stage, room)
    openings = [m for m in of_the_bot(stage, room) if m.ephemeral_for is None]
    assert [opening.thread_id for opening in openings] == [thread.id]
    refusals = {m.text for m in ada.messages(room) if m.ephemeral_for}
    assert refusals == {
        "Not asked: you have 1 questions waiting, the limit. Wait for an answer, or cancel one with /queue."
    }
    await freed(stage, olga, busy)
    await stage.discord.wait_until(lambda: bool(of_the_bot(stage, thread)), PATIENCE)
    await until_over(stage, of_the_bot(stage, thread)[0])


async def test_q7_a_refused_mention_opens_no_thread(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """In a channel whose profile opens a thread for each question."""
    view = await (await olga.slash(room, "settings")).response()
    switches = await olga.click(view, "Switches")
    await switches.acked()
    await (await olga.submit(switches, {"threads": ["on"], "private": ["inherit"], "think": ["inherit"]})).acked()
    busy = await occupied(stage, olga, new_room(stage))
    waiting = await ask(ada, new_room(stage), "Waiting")
    asking = await ada.say(room, f"<@{stage.discord.world.bot.id}> one more?")
    await stage.discord.wait_until(lambda: any(m.referenced is asking for m in of_the_bot(stage, room)), PATIENCE)
    assert threads(stage, room) == []
    await ada.click(waiting, "Cancel")
    await until_over(stage, waiting)
    await freed(stage, olga, busy)


async def test_q7_a_question_too_long_opens_no_thread(stage: Stage, room: Channel, ada: Person) -> None:
    """Its file does not fit the context: said before anything is shown to others."""
    file = ("long.txt", b"many words " * 9000)
    invocation = await ada.slash(room, "ask", prompt="Look", attachment=file, thread=True)
    await invocation.acked()
    await stage.discord.wait_until(
        lambda: any("tokens, the limit is" in m.text for m in ada.messages(room)), PATIENCE
    )
    assert threads(stage, room) == []
    assert stage.discord.person("ben").messages(room) == []


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
async def test_q6_a_locked_database_is_told_within_three_seconds(
    stage: Stage, folder: Path, room: Channel, ada: Person, private: bool
) -> None:
    """The message that says so becomes the answer once the lock has ended, however long a write waits at once."""
    stage.parallax.script(["Here."], match="Are you there?")
    with locked(folder, 11.0 if private else 4.0):
        shown = await ask(ada, room, "Are you there?", private=private)
        assert shown.text.startswith(SLOW)
        assert (shown.ephemeral_for == ada.id) is private
        await until_over(stage, shown)
    assert body(shown) == "> Are you there?\nHere."
    assert of_the_bot(stage, room) == [shown]


async def test_q6_a_question_that_came_late_is_shown_as_worked_on_before_it_is_told_why(
    stage: Stage, folder: Path, room: Channel, ada: Person
) -> None:
    """Its way here took a part of the three seconds, which count from its creation; one message all the time."""
    stage.parallax.script(["Here."], match="Still there?")
    # Shows how fast an interaction can come.
    await queue_that_says(ada, room, "no question waiting or running")
    with locked(folder, 6.0):
        stage.discord.latency = 1.2
        shown = await ask(ada, room, "Still there?")
        assert shown.loading
        await until_shows(stage, shown, SLOW)
        stage.discord.latency = 0.0
        await until_over(stage, shown)
    assert body(shown) == "> Still there?\nHere."
    assert [message for message in of_the_bot(stage, room) if message.ephemeral_for is None] == [shown]


async def test_everybody_who_asks_in_one_moment_is_answered_in_time(stage: Stage, room: Channel) -> None:
    """And each question is there once."""
    people = [stage.discord.new_person(f"asker{number}", "Team") for number in range(40)]
    for number in range(len(people)):
        stage.parallax.script(["Yes."], match=f"Ready {number}?")
    asked = await asyncio.gather(
        *(who.slash(room, "ask", prompt=f"Ready {number}?") for number, who in enumerate(people))
    )
    shown = [await one.response() for one in asked]
    await until_over(stage, *shown, timeout=2 * PATIENCE)
    assert [body(message) for message in shown] == [f"> Ready {number}?\nYes." for number in range(40)]
    assert stage.discord.limits.rejections == []


async def test_q6_a_press_that_asks_again_is_told_too(
    stage: Stage, folder: Path, room: Channel, ada: Person
) -> None:
    """Its new version comes in the message that said so."""
    stage.parallax.script(["First."])
    first = await ask(ada, room, "Again?", private=True)
    await until_over(stage, first)
    await queue_that_says(ada, room, "no question waiting or running")
    stage.parallax.script(["Second."])
    with locked(folder, 4.0):
        shown = await (await ada.click(first, "Regenerate")).response()
        assert shown.text.startswith(SLOW)
        await until_over(stage, shown)
    assert "Second." in shown.text


async def test_q6_a_question_that_is_deleted_before_it_is_taken_is_withdrawn(
    stage: Stage, folder: Path, room: Channel, ada: Person
) -> None:
    """The deletion came while the database was locked; nothing of the question is asked or remembered."""
    before = len(stage.parallax.requests)
    with locked(folder, 3.0):
        asking = await ada.say(room, f"<@{stage.discord.world.bot.id}> the word is swordfish")
        await ada.delete(asking)
        await stage.discord.wait_until(lambda: bool(of_the_bot(stage, room)), PATIENCE)
        await until_over(stage, of_the_bot(stage, room)[0])
    assert "swordfish" not in (await (await ada.slash(room, "context show")).response()).text
    assert len(stage.parallax.requests) <= before + 1


@pytest.mark.parametrize("direct", [False, True], ids=["channel", "direct message"])
async def test_q6_a_message_is_told_too(
    stage: Stage, folder: Path, room: Channel, ada: Person, direct: bool
) -> None:
    """By a reply that becomes the answer."""
    stage.parallax.script(["Here."], match="are you there?")
    where = ada.dm if direct else room
    with locked(folder, 4.0):
        asking = await ada.say(where, f"<@{stage.discord.world.bot.id}> are you there?")
        await stage.discord.wait_until(lambda: bool(of_the_bot(stage, where)), PATIENCE)
        shown = of_the_bot(stage, where)[0]
        assert shown.text.startswith(SLOW)
        assert shown.referenced is asking
        await until_over(stage, shown)
    assert body(shown) == "Here."
    assert of_the_bot(stage, where) == [shown]
