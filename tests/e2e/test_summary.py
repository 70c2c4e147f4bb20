"""Summaries of turns that no longer fit, written by the cluster while nobody asks; servers are kept apart."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, ChannelType, Member, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, footer, until_over, until_shows, within

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = "Ada's cat is called Pixel."
LONG = "My cat is called Pixel"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bot keeps its database."""
    return tmp_path_factory.mktemp("summary")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A bot that summarises, with a context of 256 tokens."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=400, lag=False),
        SHUTDOWN_GRACE="2",
        CONTEXT_SUMMARY="true",
        CONTEXT_MAX_TOKENS="256",
        SYSTEM_PROMPT="Be kind.",
    ) as running:
        yield running


async def answered(stage: Stage, who: Person, room: Channel, prompt: str, said: str) -> Message:
    stage.parallax.script([said])
    message = await ask(who, room, prompt)
    await until_over(stage, message)
    return message


def messages_sent(stage: Stage, number: int = -1) -> list[tuple[str, str]]:
    return [(str(m["role"]), str(m["content"])) for m in stage.parallax.requests[number].messages]


def summary_requests(stage: Stage) -> int:
    return sum("You keep the notes" in str(one.messages[0]["content"]) for one in stage.parallax.requests)


def kept(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "bot.db")) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM summaries ORDER BY conversation_id")]


async def overflow(stage: Stage, who: Person, room: Channel, *notes: str | tuple[str, float]) -> None:
    """A conversation that is too long, so that its summary was requested."""
    await answered(stage, who, room, LONG, "many words " * 90)
    before = summary_requests(stage)
    stage.parallax.script(list(notes), match="The notes, brought up to date")
    await answered(stage, who, room, "And now?", "Short.")
    await within(PATIENCE, stage, lambda: summary_requests(stage) > before)


async def until_told(stage: Stage, who: Person, room: Channel) -> None:
    """Wait until the channel's memory is shown with the notes."""
    async with asyncio.timeout(PATIENCE):
        while NOTES not in (await (await who.slash(room, "context show")).response()).text:
            pass


async def test_what_no_longer_fits_is_summarised_and_told(
    stage: Stage, room: Channel, ada: Person, folder: Path
) -> None:
    """Written between questions, sent after the system prompt, named in the footer, shown, exported, cleared."""
    await overflow(stage, ada, room, NOTES)
    told = messages_sent(stage)[-1][1]
    assert "Ada: My cat is called Pixel" in told
    await until_told(stage, ada, room)
    assert kept(folder) == [NOTES]
    message = await answered(stage, ada, room, "Which cat?", "Pixel.")
    assert messages_sent(stage)[:3] == [
        ("system", "Be kind."),
        ("user", "What was said before, in short?"),
        ("assistant", NOTES),
    ]
    assert "with a summary of earlier turns" in footer(message)

    export = await (await ada.slash(room, "context export")).done_loading()
    files = {file.filename: file.content for file in export.attachments}
    assert NOTES in files["questions.md"].decode()
    assert json.loads(files["questions.json"])[-1]["summary"] == NOTES

    await until_shows(stage, await (await ada.slash(room, "context clear")).response(), "Forgotten: ")
    assert kept(folder) == []


async def test_a_question_goes_before_a_summary(
    stage: Stage, room: Channel, ada: Person, ben: Person, folder: Path
) -> None:
    """Interrupted as soon as somebody asks, written afterwards; removed when a person is forgotten."""
    await overflow(stage, ada, room, ("never to be read", 60.0), "and never finished")
    stage.parallax.script([NOTES], match="The notes, brought up to date")
    before = summary_requests(stage)
    message = await answered(stage, ben, room, "Quickly?", "Yes.")
    assert "with a summary" not in footer(message)
    await within(PATIENCE, stage, lambda: summary_requests(stage) > before)
    await until_told(stage, ada, room)
    assert kept(folder) == [NOTES]

    confirm = await (await ada.slash(room, "context forget-me")).done_loading()
    await (await ada.click(confirm, "Erase everything")).acked()
    await stage.discord.wait_until(lambda: "What remains" in confirm.text)
    assert kept(folder) == []


async def test_two_servers_never_share_a_memory(stage: Stage, room: Channel, ada: Person) -> None:
    """In another server, the same person's question sees nothing of the first."""
    world = stage.discord.world
    other = next(guild for guild in world.guilds.values() if guild.name == "Other team")
    other.members[ada.id] = Member(ada.user)
    there = world.add_channel(Channel(world.ids.next(), ChannelType.TEXT, "general-2", other.id))
    await answered(stage, ada, room, "The word is swordfish", "I will keep it.")
    await answered(stage, ada, there, "What is the word?", "No idea.")
    assert messages_sent(stage) == [("system", "Be kind."), ("user", "Ada: What is the word?")]
    shown = await (await ada.slash(there, "context show")).response()
    assert "swordfish" not in shown.text
    await answered(stage, ada, room, "And here?", "Swordfish.")
    assert "Ada: The word is swordfish" in str(messages_sent(stage))
    assert "What is the word?" not in str(messages_sent(stage))
