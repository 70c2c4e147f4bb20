"""Two processes of one bot on one SQLite file: a rolling restart, or a second deployment by mistake.

The second waits until the first has ended, serves nothing meanwhile, and then goes on where the first was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.reading import PATIENCE, answer, ask, new_room, of_the_bot, until_over, until_shows

WAITS = "another process uses"


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[tuple[Stage, BotProcess]]:
    """A bot that is ready, and a process with the same settings that may be started; a cluster with one slot."""
    parallax = ParallaxDouble(tokens_per_second=20, nodes=1, slots=1, lag=False)
    async with staged(folder, discord=DiscordDouble(latency=0.0), parallax=parallax, SHUTDOWN_GRACE="1") as stage:
        second = BotProcess(stage.bot.environment, folder / "second.log")
        try:
            yield stage, second
        finally:
            print(second.log)  # noqa: T201  # pytest shows it with a failure
            if second.process is not None:
                await second.kill()


def asked(stage: Stage) -> list[str]:
    """What the cluster was asked, in order."""
    return [str(one.messages[-1]["content"]) for one in stage.parallax.requests]


async def until_logged(stage: Stage, process: BotProcess, words: str, count: int = 1) -> None:
    """Wait until the log of a process has ``words`` so often; an answer that streams passes the time."""
    await stage.discord.wait_until(lambda: process.log.count(words) == count, PATIENCE)


async def test_the_second_waits_and_takes_over_from_one_that_was_killed(tmp_path: Path) -> None:
    """It connects to nothing before; then the running question is asked again, on its own message."""
    async with pair(tmp_path) as (stage, second):
        room, other_room = new_room(stage), new_room(stage)
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        stage.parallax.script([f"word{number} " for number in range(2000)], match="Until the end")
        message = await ask(ada, room, "Until the end")
        await until_shows(stage, message, "word3")
        await second.start()
        await until_logged(stage, second, WAITS)
        waiting = await ask(ben, other_room, "After it")
        await until_shows(stage, waiting, "next in the queue")
        await until_shows(stage, message, "word60 ")
        assert stage.discord.gateway.connected == 1
        assert asked(stage) == ["Ada: Until the end"]
        assert second.log.count("\n") == 1

        await stage.bot.kill()
        stage.parallax.script(["The ", "whole ", "answer."], match="Until the end")
        stage.parallax.script(["Then ", "this."], match="After it")
        await until_over(stage, message, waiting)

        assert answer(message, "Until the end") == "The whole answer."
        assert answer(waiting, "After it") == "Then this."
        assert of_the_bot(stage, room) == [message]
        assert asked(stage) == ["Ada: Until the end", "Ada: Until the end", "Ben: After it"]
        # The first comes back, as a supervisor would have it, waits, and can be stopped while it does.
        await stage.bot.start()
        stage.parallax.script([f"word{number} " for number in range(2000)], match="Once more")
        await ask(ada, room, "Once more")
        await until_logged(stage, stage.bot, WAITS)
        assert await stage.bot.terminate() == 0, stage.bot.log


async def test_a_rolling_restart_loses_nothing(tmp_path: Path) -> None:
    """The first is asked to stop while the second waits: what ran and what waits are answered by the second."""
    async with pair(tmp_path) as (stage, second):
        room, other_room = new_room(stage), new_room(stage)
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        stage.parallax.script([f"word{number} " for number in range(2000)], match="Until the end")
        message = await ask(ada, room, "Until the end")
        waiting = await ask(ben, other_room, "After it")
        await second.start()
        await until_logged(stage, second, WAITS)
        stage.parallax.script(["The ", "whole ", "answer."], match="Until the end")
        stage.parallax.script(["Then ", "this."], match="After it")

        assert await stage.bot.terminate() == 0, stage.bot.log
        await until_over(stage, message, waiting)

        assert answer(message, "Until the end") == "The whole answer."
        assert answer(waiting, "After it") == "Then this."
        assert (of_the_bot(stage, room), of_the_bot(stage, other_room)) == ([message], [waiting])
        assert asked(stage) == ["Ada: Until the end", "Ada: Until the end", "Ben: After it"]
        assert await second.terminate() == 0, second.log
