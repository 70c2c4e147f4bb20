"""What does not fit into messages: which files stand under an answer, and what is in them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.component_tree import walk
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, answer, ask, body, is_over, of_the_bot, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST = 3
"""ANSWER_MAX_MESSAGES of these tests."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that shows an answer in three messages at most."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=2000, lag=False),
        ANSWER_MAX_MESSAGES=str(MOST),
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


def say(stage: Stage, text: str) -> None:
    """The next answer, in pieces of a few lines' length."""
    stage.parallax.script([text[at : at + 200] for at in range(0, len(text), 200)])


async def answered(stage: Stage, room: Channel, who: Person, prompt: str, text: str) -> list[Message]:
    """The messages of the answer ``text``."""
    say(stage, text)
    await ask(who, room, prompt)
    await stage.discord.wait_until(lambda: is_over(of_the_bot(stage, room)[-1]), PATIENCE)
    return of_the_bot(stage, room)


def files(message: Message) -> dict[str, str]:
    """The files a reader sees under a message, in order: name → text. Each attached file is shown."""
    shown = [str(part["file"]["url"]) for part in walk(message.components) if part["type"] == 13]
    names = [attached.filename for attached in message.attachments]
    assert [url.rpartition("/")[2] for url in shown] == names
    return {attached.filename: attached.content.decode() for attached in message.attachments}


PROGRAM = "\n".join(f"let line{number} = {number}; // nothing to see here" for number in range(300))
LOOK = f"Look:\n```js\n{PROGRAM}\n```\nThat is all."


async def test_what_finds_no_message_is_in_a_file(stage: Stage, room: Channel, ada: Person) -> None:
    """No more messages than allowed; one file goes on where the last of them ends, the other is the whole."""
    text = "\n".join(f"{number}. Line {number} of a very long answer." for number in range(1, 401))
    pages = await answered(stage, room, ada, "All of it", text)

    assert len(pages) == MOST
    assert [list(files(page)) for page in pages] == [[], [], ["answer-rest.md", "answer.md"]]
    assert files(pages[-1])["answer.md"] == text
    shown = [answer(pages[0], "All of it"), *map(body, pages[1:]), files(pages[-1])["answer-rest.md"]]
    assert "\n".join(part.strip("\n") for part in shown) == text


async def test_the_rest_of_code_has_the_extension_of_its_language(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """It can be opened as what it is; what stands in the messages and the file are the whole program."""
    lines = [f"line_{number} = {number}  # nothing to see here" for number in range(190)]
    text = "First, some words. " * 250 + "\n\n```python\n" + "\n".join(lines) + "\n```"
    pages = await answered(stage, room, ada, "Code", text)

    assert len(pages) == MOST
    assert list(files(pages[-1])) == ["answer-rest.py", "answer.md"]
    shown = "\n".join(map(body, pages)).replace("\n```\n```python", "").partition("```python\n")[2]
    code = [shown.removesuffix("\n```"), files(pages[-1])["answer-rest.py"]]
    assert "\n".join(code).split("\n") == lines


async def test_very_long_code_is_a_file_of_its_own(stage: Stage, room: Channel, ada: Person) -> None:
    """Its beginning shows where it belongs, and what was said after it follows."""
    pages = await answered(stage, room, ada, "Code", LOOK)

    assert [list(files(page)) for page in pages] == [[], [], ["code-1.js", "answer.md"]]
    assert files(pages[-1]) == {"code-1.js": f"{PROGRAM}\n", "answer.md": LOOK}
    assert answer(pages[0], "Code").startswith("Look:\n```js\nlet line0 = 0;")
    assert body(pages[-1]).endswith("\n-# … code-1.js\nThat is all.")


async def test_files_go_and_come_with_their_version(stage: Stage, room: Channel, ada: Person) -> None:
    """A shorter version has none of them; they are back with the longer one."""
    say(stage, "None needed.")
    message = await ask(ada, room, "Files?")
    await until_over(stage, message)
    say(stage, LOOK)
    await ada.click(message, label="Regenerate")
    await until_last(stage, room, "version 2 of 2")
    assert list(files(of_the_bot(stage, room)[-1])) == ["code-1.js", "answer.md"]

    await ada.click(of_the_bot(stage, room)[-1], label="Previous")
    await until_last(stage, room, "version 1 of 2")
    assert of_the_bot(stage, room) == [message]
    assert files(message) == {}

    await ada.click(message, label="Next")
    await until_last(stage, room, "version 2 of 2")
    assert files(of_the_bot(stage, room)[-1])["code-1.js"] == f"{PROGRAM}\n"


async def until_last(stage: Stage, room: Channel, words: str) -> None:
    """Wait until the last message shows these words."""
    await stage.discord.wait_until(lambda: words in of_the_bot(stage, room)[-1].text, PATIENCE)
