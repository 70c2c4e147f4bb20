"""Commands and presses that write while another program holds the database: never "did not respond"."""

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
from tests.e2e.reading import PATIENCE, SLOW, ask, freed, new_room, occupied, of_the_bot, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON, LONG = 4.0, 30.0
"""Seconds: longer than an interaction waits; longer than a few writes wait, one after the other."""

NOT_SAVED = "The bot could not save this"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the bot's database."""
    return tmp_path_factory.mktemp("bot")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A cluster with a single pipeline."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, nodes=1, slots=1, lag=False),
    ) as running:
        yield running


@contextmanager
def locked(folder: Path, seconds: float) -> Iterator[None]:
    """Another program writes to the database, for so long after this block begins."""
    with closing(sqlite3.connect(folder / "bot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ending = asyncio.get_running_loop().call_later(seconds, other.rollback)
        yield
        ending.cancel()


async def until_told(stage: Stage, who: Person, room: Channel, words: str, *, within: float = PATIENCE) -> None:
    """Wait until the person reads these words privately."""

    def found() -> bool:
        return any(words in message.text for message in who.messages(room) if message.ephemeral_for)

    await stage.discord.wait_until(found, within)


async def test_q6_a_dialogue_of_the_settings(stage: Stage, folder: Path, room: Channel, olga: Person) -> None:
    """The lock ends in time: it is saved, and the message that it changes shows it."""
    view = await (await olga.slash(room, "settings")).response()
    switches = await olga.click(view, "Switches")
    await switches.acked()
    with locked(folder, SOON):
        saved = await olga.submit(switches, {"threads": ["on"], "private": ["inherit"], "think": ["inherit"]})
        await saved.acked(3.0)
        await until_told(stage, olga, room, SLOW, within=3.0)
        before = view.text
        await stage.discord.wait_until(lambda: view.text != before, PATIENCE)
    again = await (await olga.slash(room, "settings")).response()
    assert view.text == again.text


async def test_q6_a_command_that_answers_in_public(stage: Stage, folder: Path, room: Channel, ada: Person) -> None:
    """The sentence was private and goes; the answer is public, as always."""
    stage.parallax.script(["Noted."])
    await until_over(stage, await ask(ada, room, "Remember this"))
    with locked(folder, SOON):
        clearing = await ada.slash(room, "context clear")
        await clearing.acked(3.0)
        await until_told(stage, ada, room, SLOW, within=3.0)
        count = len(of_the_bot(stage, room))
        await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)) > count, PATIENCE)
    assert of_the_bot(stage, room)[-1].ephemeral_for is None
    await stage.discord.wait_until(
        lambda: all(message.deleted for message in of_the_bot(stage, room) if SLOW in message.text), PATIENCE
    )


async def test_q6_cancel(stage: Stage, folder: Path, room: Channel, ada: Person, olga: Person) -> None:
    """Acknowledged at once, but nothing could be seen: that it takes longer is told, and then it is done."""
    busy = await occupied(stage, olga, new_room(stage))
    waiting = await ask(ada, room, "Never mind")
    await until_shows(stage, waiting, "in the queue")
    with locked(folder, SOON):
        pressed = await ada.click(waiting, "Cancel")
        await pressed.acked(3.0)
        await until_told(stage, ada, room, SLOW, within=3.0)
        await until_shows(stage, waiting, "cancelled by")
    await freed(stage, olga, busy)


async def test_q6_what_could_not_be_saved_is_said(stage: Stage, folder: Path, room: Channel, ada: Person) -> None:
    """The lock lasts longer than a write waits: nothing was done, and it works again afterwards."""
    stage.parallax.script(["Rate me."])
    shown = await ask(ada, room, "Rate?")
    await until_over(stage, shown)
    with locked(folder, 2 * LONG):
        await (await ada.click(shown, "👍")).acked(3.0)
        await until_told(stage, ada, room, SLOW, within=3.0)
        await until_told(stage, ada, room, NOT_SAVED, within=LONG)
    assert "is saved" in (await (await ada.click(shown, "👍")).response()).text
