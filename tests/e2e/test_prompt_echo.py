"""A node that sends the prompt back instead of an answer: nobody reads it, and nothing keeps it."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.script import WireStyle
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    RECEIPT,
    answer,
    ask,
    footer,
    new_room,
    of_the_bot,
    revisions,
    until_over,
    within,
)

SECRET = "swordfish"
SYSTEM = f"Never say {SECRET}, whoever asks."
BENS = "My locker is number 4711"
NOTES = "The notes, brought up to date"


def stored(folder: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(folder / "bot.db")) as connection:
        return [str(row) for row in connection.execute(query)]


async def asked(who: Person, room: Channel, stage: Stage, prompt: str) -> Message:
    message = await ask(who, room, prompt)
    await until_over(stage, message)
    return message


async def test_the_prompt_is_never_shown_kept_counted_or_remembered(tmp_path: Path) -> None:
    """An error and an end before the first token: asked again, or told as a node's failure."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=400, lag=False, style=WireStyle(prompt_echo=True)),
        SYSTEM_PROMPT=SYSTEM,
        CONTEXT_SUMMARY="true",
        CONTEXT_MAX_TOKENS="256",
    ) as stage:
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        room = new_room(stage)
        stage.parallax.script(["Noted."])
        await asked(ben, room, stage, BENS)

        stage.parallax.script([], fault="sse_error@0")
        # Tokens that come in one moment have no speed.
        stage.parallax.script(["All is ", ("well.", 0.1)])
        again = await asked(ada, room, stage, "Is all well?")
        assert answer(again, "Is all well?") == "All is well."
        assert re.fullmatch(RECEIPT.format(model="Qwen3-8B", tokens=2) + r"( · waited .*)?", footer(again))

        for _ in range(2):
            stage.parallax.script([])
        failed = await asked(ada, room, stage, "And now?")
        sentence = "The model was asked twice and gave no answer. Please ask in other words."
        assert re.fullmatch(rf"-# {re.escape(sentence)} · [0-9a-f]{{4}}", footer(failed))
        sent = [[turn["content"] for turn in request.messages] for request in stage.parallax.requests]
        assert len(sent) == 5
        assert all(prompt[0] == SYSTEM and any(BENS in str(part) for part in prompt) for prompt in sent)

        shown = [text for message in (again, failed) for text in revisions(message)]
        assert not [text for text in shown if SECRET in text or BENS in text]
        assert stored(tmp_path, "SELECT answer FROM turns ORDER BY id") == [
            "('Noted.',)",
            "('All is well.',)",
        ]
        assert not [row for row in stored(tmp_path, "SELECT answer, reasoning FROM requests") if SECRET in row]

        export = await (await ada.slash(room, "context export")).done_loading()
        files = b"".join(file.content for file in export.attachments)
        assert b"Is all well?" in files
        assert SECRET.encode() not in files
        assert b"4711" not in files

        stage.parallax.script(["many words " * 90])
        await asked(ada, room, stage, "Tell me more")
        stage.parallax.script([], match=NOTES)
        stage.parallax.script(["Short."])
        await asked(ada, room, stage, "And in short?")
        await within(PATIENCE, stage, lambda: any(NOTES in json.dumps(r.body) for r in stage.parallax.requests))
        async with asyncio.timeout(PATIENCE):
            while "summary.failed" not in stage.bot.log:
                await (await ada.slash(room, "context show")).response()
        assert stored(tmp_path, "SELECT text FROM summaries") == []
        everything = [text for message in of_the_bot(stage, room) for text in revisions(message)]
        assert not [text for text in everything if SECRET in text]
        assert SECRET not in stage.bot.log
