"""Schedules, as people make them and see their answers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from bot.clock import SystemClock
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.component_tree import texts_of
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, body

pytestmark = pytest.mark.asyncio(loop_scope="module")

Due = Callable[[float], None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bot's database is."""
    return tmp_path_factory.mktemp("bot")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A bot beside a ready cluster."""
    discord, parallax = DiscordDouble(latency=0.0), ParallaxDouble(tokens_per_second=200, lag=False)
    async with staged(folder, discord=discord, parallax=parallax, SHUTDOWN_GRACE="2") as running:
        yield running


@pytest.fixture
def due(folder: Path) -> Due:
    """Lets every schedule be due so many seconds ago: what the database says is what counts."""

    def change(ago: float) -> None:
        at = SystemClock().now() - ago
        with closing(sqlite3.connect(folder / "bot.db", timeout=PATIENCE)) as database, database:
            database.execute("UPDATE schedules SET due_at = ?, try_at = ? WHERE paused_why IS NULL", (at, at))

    return change


def said(message: Message) -> str:
    return "\n".join(texts_of(message.components))


async def reply(who: Person, room: Channel, command: str, **options: str | bool) -> str:
    return said(await (await who.slash(room, f"schedule {command}", **options)).response())


async def create(who: Person, room: Channel, question: str, **options: str | bool) -> str:
    return await reply(who, room, "create", **{"when": "every weekday 09:00", "question": question, **options})


def answers(stage: Stage, room: Channel, words: str) -> list[Message]:
    """The answers to schedules in the channel that contain these words."""
    return [one for one in stage.discord.messages(room) if "⏰" in said(one) and words in said(one)]


async def removed(who: Person, room: Channel) -> None:
    """Remove all of a person's schedules."""
    for one in await who.autocomplete(room, "schedule delete", "which", which=""):
        await reply(who, room, "delete", which=str(one["value"]))


async def test_it_is_made_and_asked_when_it_is_due(stage: Stage, room: Channel, ada: Person, due: Due) -> None:
    stage.parallax.script(["All is well."])
    (preview,) = await ada.autocomplete(room, "schedule create", "when", when="every weekday 9am")
    assert preview["name"].startswith("Next: 20")
    told = await create(ada, room, "What is new?", timezone="Europe/Berlin")
    assert "The schedule is kept: every weekday 09:00 (Europe/Berlin)" in told
    due(0.0)
    await stage.discord.wait_until(lambda: bool(answers(stage, room, "All is well.")), timeout=PATIENCE)
    (message,) = answers(stage, room, "All is well.")
    assert said(message).startswith(f"-# ⏰ every weekday 09:00 · schedule of <@{ada.id}>\n> What is new?")
    assert not message.mentions.users
    assert "Next: <t:" in await reply(ada, room, "list")
    await removed(ada, room)


async def test_what_was_missed_is_asked_once_after_a_restart(
    stage: Stage, room: Channel, ada: Person, due: Due
) -> None:
    await create(ada, room, "What did I miss?")
    await create(ada, room, "What did nobody miss?", make_up=False)
    await stage.bot.kill()
    due(3600.0)
    stage.parallax.script(["A lot."])
    await stage.bot.start()
    await stage.bot.ready(stage.discord)
    await stage.discord.wait_until(lambda: bool(answers(stage, room, "A lot.")), timeout=PATIENCE)
    listed = await reply(ada, room, "list")
    assert "skipped then: it was too late for it" in listed
    assert len(answers(stage, room, "What did I miss?")) == 1
    assert answers(stage, room, "What did nobody miss?") == []
    await removed(ada, room)


async def test_its_owner_has_left(stage: Stage, room: Channel, ben: Person, olga: Person, due: Due) -> None:
    """The schedule is paused, which they read in a direct message; an operator sees and deletes it."""
    await create(ben, room, "Am I here?")
    guild = stage.discord.world.guilds[room.guild_id or 0]
    member = guild.members.pop(ben.id)
    due(0.0)
    await stage.bot.logged("schedule.paused")
    guild.members[ben.id] = member
    listed = await reply(olga, room, "list", everybody=True)
    assert "Paused: Its owner is not a member of the server any more." in listed
    view = await (await olga.slash(room, "schedule list", everybody=True)).response()
    await olga.click(view, "Delete")
    await stage.discord.wait_until(lambda: "is deleted" in said(view), timeout=PATIENCE)
    assert "There are no schedules." in await reply(ben, room, "list")
    assert answers(stage, room, "Am I here?") == []


async def test_it_is_asked_now_and_paused(stage: Stage, room: Channel, ada: Person) -> None:
    stage.parallax.script(["Right now."])
    await create(ada, room, "And now?")
    view = await (await ada.slash(room, "schedule list")).response()
    await ada.click(view, "Run now")
    await stage.discord.wait_until(lambda: bool(answers(stage, room, "Right now.")), timeout=PATIENCE)
    (one,) = await ada.autocomplete(room, "schedule pause", "which", which="")
    assert "is paused" in await reply(ada, room, "pause", which=str(one["value"]))
    assert "Paused." in await reply(ada, room, "list")
    assert "goes on" in await reply(ada, room, "resume", which=str(one["value"]))
    await removed(ada, room)


async def test_what_is_not_understood_is_told(room: Channel, ada: Person) -> None:
    told = await (await ada.slash(room, "schedule create", when="now and then", question="Why?")).response()
    assert "I do not understand when" in body(told)
