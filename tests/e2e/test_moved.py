"""A bot that moves from SQLite to PostgreSQL, as people see it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import ROOT, Stage, staged
from tests.e2e.reading import (
    answer,
    ask,
    new_room,
    of_the_bot,
    started_again,
    until_over,
    until_shows,
)
from tests.fakes.postgres import server_database


async def migrated(stage: Stage, url: str) -> tuple[int | None, str]:
    """Run ``migrate --to`` with the bot's settings; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "migrate", "--to", url),
        env=dict(stage.bot.environment),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_a_conversation_goes_on_where_it_moved_to(tmp_path: Path) -> None:
    """What was answered is remembered, and what a killed bot had begun or kept waiting is answered, each on its
    message. While the bot runs nothing is moved."""
    parallax = ParallaxDouble(tokens_per_second=40, nodes=1, slots=1, lag=False, time_scale=10)
    async with (
        server_database(migrated=False) as url,
        staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=parallax, SHUTDOWN_GRACE="1") as stage,
    ):
        room, ada, ben = new_room(stage), stage.discord.person("ada"), stage.discord.person("ben")
        stage.parallax.script(["Seven."], match="How many")
        first = await ask(ada, room, "How many?")
        await until_over(stage, first)
        stage.parallax.script([(f"word{number} ", 1.0) for number in range(500)], match="Long")
        running = await ask(ada, room, "Long")
        await until_shows(stage, running, "word3")
        waiting = await ask(ben, room, "Short")
        await until_shows(stage, waiting, "next in the queue")

        code, printed = await migrated(stage, url)
        assert (code, "stop it first" in printed) == (1, True), printed
        await stage.bot.kill()
        code, printed = await migrated(stage, url)
        assert (code, "both are equal" in printed) == (0, True), printed

        stage.parallax.script(["Here ", "it ", "is."], match="Long")
        stage.parallax.script(["Then ", "this."], match="Short")
        stage.bot.environment = {**stage.bot.environment, "DATABASE_URL": url}
        await started_again(stage)
        await until_over(stage, running, waiting)
        assert answer(running, "Long") == "Here it is."
        assert answer(waiting, "Short") == "Then this."
        stage.parallax.script(["Eight."], match="One more")
        last = await ask(ada, room, "One more?")
        await until_over(stage, last)
        assert answer(last, "One more?") == "Eight."
        sent = [str(message["content"]) for message in stage.parallax.requests[-1].messages]
        assert sent[-7:] == [
            "Ada: How many?",
            "Seven.",
            "Ada: Long",
            "Here it is.",
            "Ben: Short",
            "Then this.",
            "Ada: One more?",
        ]
        assert of_the_bot(stage, room) == [first, running, waiting, last]
