"""Stopping, crashing and starting again: no question is lost, none is answered twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    answer,
    ask,
    is_over,
    new_room,
    of_the_bot,
    restarted,
    revisions,
    started_again,
    until_over,
    until_shows,
)

WORDS = [f"word{number} " for number in range(60)]
WHOLE = "".join(WORDS).strip()


@asynccontextmanager
async def one_pipeline(folder: Path, **settings: str) -> AsyncIterator[Stage]:
    """A bot beside a cluster that takes one question at a time, 40 tokens a second."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, slots=1, tokens_per_second=40, lag=False),
        **settings,
    ) as stage:
        yield stage
        assert stage.discord.limits.rejections == []


async def test_sigterm_lets_the_running_answer_finish_and_keeps_the_waiting_one(tmp_path: Path) -> None:
    """The bot takes nothing more, ends in order, and the next start answers in the same message."""
    async with one_pipeline(tmp_path, SHUTDOWN_GRACE="15") as stage:
        ada, ben, chloe = (stage.discord.person(name) for name in ("ada", "ben", "chloe"))
        room = new_room(stage)
        stage.parallax.script(WORDS, match="First")
        stage.parallax.script(["Here ", "you ", "are."], match="Second")
        running = await ask(ada, room, "First")
        await until_shows(stage, running, "word3")
        waiting = await ask(ben, room, "Second")
        await until_shows(stage, waiting, "in the queue")

        ending = asyncio.create_task(stage.bot.terminate())
        await until_shows(stage, waiting, "kept: the bot is restarting")
        refused = await ask(chloe, room, "Third")
        assert refused.text == "Not asked: the bot is restarting. Please ask again in a minute."
        assert refused.ephemeral_for == chloe.id
        assert await ending == 0, stage.bot.log
        assert is_over(running)
        assert answer(running, "First") == WHOLE
        assert len(stage.parallax.requests) == 1

        await started_again(stage)
        await until_over(stage, waiting)
        assert answer(waiting, "Second") == "Here you are."
        assert of_the_bot(stage, room) == [running, waiting, refused]
        assert len(stage.parallax.requests) == 2


async def test_the_last_that_people_read_is_that_the_bot_restarts(tmp_path: Path) -> None:
    """An answer ends in time, somebody in front leaves the line: the new place is not told any more."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, slots=2, tokens_per_second=40, lag=False),
        SHUTDOWN_GRACE="15",
    ) as stage:
        ada, ben, chloe, grace = (stage.discord.person(name) for name in ("ada", "ben", "chloe", "grace"))
        room = new_room(stage)
        stage.parallax.script(WORDS, match="Short")
        stage.parallax.script(WORDS * 3, match="Long")
        stage.parallax.script(["Here ", "you ", "are."], match="Waiting")
        short, long = await ask(ada, room, "Short"), await ask(ben, room, "Long")
        leaving, waiting = await ask(grace, room, "Leaving"), await ask(chloe, room, "Waiting")
        await until_shows(stage, waiting, "2nd in the queue")
        await until_shows(stage, long, "word3")

        ending = asyncio.create_task(stage.bot.terminate())
        await until_shows(stage, waiting, "kept: the bot is restarting")
        await until_shows(stage, leaving, "kept: the bot is restarting")
        await until_over(stage, short)
        await grace.click(leaving, label="Cancel")
        await until_over(stage, leaving)
        assert not is_over(long)
        assert await ending == 0, stage.bot.log

        assert is_over(long)
        states = revisions(waiting)
        told = next(index for index, state in enumerate(states) if "the bot is restarting" in state)
        assert all("the bot is restarting" in state for state in states[told:]), states
        await started_again(stage)
        await until_over(stage, waiting)


async def test_a_held_line_stays_held(tmp_path: Path) -> None:
    """The pause and its reason outlive the process: nothing leaves, and the first question after it reads why."""
    async with one_pipeline(tmp_path) as stage:
        olga, ada = stage.discord.person("olga"), stage.discord.person("ada")
        room, ops = new_room(stage), stage.discord.channel("ops")
        await (await olga.slash(ops, "cluster pause", reason="new disks")).response()
        for prompt in ("Before", "After"):
            stage.parallax.script(["Here ", "you ", "are."], match=prompt)
        before = await ask(ada, room, "Before")

        await restarted(stage)
        after = await ask(ada, new_room(stage), "After")
        assert "kept: the queue is paused: new disks" in revisions(after)[0]
        await until_shows(stage, before, "kept: the queue is paused: new disks")
        assert stage.parallax.requests == []

        await (await olga.slash(ops, "cluster resume")).response()
        await until_over(stage, before, after)


async def test_an_answer_longer_than_the_grace_is_begun_anew(tmp_path: Path) -> None:
    """Its pipeline is freed, its question goes back to the head of the line, its message is reused."""
    async with one_pipeline(tmp_path, SHUTDOWN_GRACE="0.2") as stage:
        ada = stage.discord.person("ada")
        room = new_room(stage)
        stage.parallax.script(WORDS * 10)
        message = await ask(ada, room, "Take your time")
        await until_shows(stage, message, "word3")

        assert await stage.bot.terminate() == 0, stage.bot.log
        assert stage.parallax.requests[0].hung_up
        assert "kept: the bot is restarting" in message.text

        stage.parallax.script(["Quickly ", "now."])
        await started_again(stage)
        await until_over(stage, message)
        assert answer(message, "Take your time") == "Quickly now."
        assert of_the_bot(stage, room) == [message]


async def test_kill_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    """The question is answered exactly once, in the message that was there."""
    async with one_pipeline(tmp_path) as stage:
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        room, other = new_room(stage), new_room(stage)
        stage.parallax.script(WORDS * 10)
        message = await ask(ada, room, "Until the end")
        waiting = await ask(ben, other, "After it")
        await until_shows(stage, message, "word3")

        await stage.bot.kill()
        stage.parallax.script(["The ", "whole ", "answer."], match="Until the end")
        stage.parallax.script(["Then ", "this."], match="After it")
        await started_again(stage)
        await until_over(stage, message, waiting)

        assert answer(message, "Until the end") == "The whole answer."
        assert answer(waiting, "After it") == "Then this."
        assert of_the_bot(stage, room) == [message]
        assert of_the_bot(stage, other) == [waiting]
        asked = [str(request.messages[-1]["content"]) for request in stage.parallax.requests]
        assert asked == ["Ada: Until the end", "Ada: Until the end", "Ben: After it"]

        stage.parallax.script(["Yes."])
        await until_over(stage, await ask(ada, room, "Did you say it once?"))
        told = [m["content"] for m in stage.parallax.requests[-1].messages if m["role"] == "assistant"]
        assert told == ["The whole answer."]


async def test_kill_with_several_messages_shown(tmp_path: Path) -> None:
    """Pages that were sent are known and used again."""
    async with one_pipeline(tmp_path) as stage:
        stage.parallax.set_speed(400)
        ada = stage.discord.person("ada")
        room = new_room(stage)
        line = "Some words that fill a line of the answer quite well.\n"
        stage.parallax.script([*[line] * 100, *[(line, 0.5)] * 100])
        message = await ask(ada, room, "Two pages")
        await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)) == 2, PATIENCE)
        # An edit of the second message: its id has been kept by then.
        await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)[1].history) >= 3, PATIENCE)

        await stage.bot.kill()
        text = "".join(f"{number}. {line}" for number in range(1, 91))
        stage.parallax.script(text.splitlines(keepends=True))
        await started_again(stage)
        await stage.discord.wait_until(lambda: is_over(of_the_bot(stage, room)[1]), PATIENCE)

        pages = of_the_bot(stage, room)
        assert len(pages) == 2
        shown = "\n".join([answer(message, "Two pages"), pages[1].text.rpartition("\n-# ")[0]])
        assert shown == text.strip()


async def test_an_answer_complete_but_not_shown_is_shown_after_a_crash(tmp_path: Path) -> None:
    """It was committed before Discord took it: it is shown, not asked for again."""
    async with one_pipeline(tmp_path) as stage:
        ada = stage.discord.person("ada")
        room = new_room(stage)
        stage.parallax.script(["Kept ", ("safe.", 0.3)], match="Where is it?")
        message = await ask(ada, room, "Where is it?")
        await until_shows(stage, message, "Kept")
        stage.discord.faults.next("PATCH", "*", 503, times=10_000)
        # The scheduler notices with its next token that who asked is gone, and only then is the pipeline free.
        stage.parallax.script([(f"lost{number} ", 0.5) for number in range(120)], match="Is it?")
        # One question of a person per channel runs at a time: the second leaves when the first is committed.
        after = await ask(ada, room, "Is it?")
        await stage.parallax.wait_until(lambda: len(stage.parallax.requests) == 2, PATIENCE)

        await stage.bot.kill()
        assert not is_over(message)
        stage.discord.faults.clear()
        stage.parallax.script(["Indeed."], match="Is it?")
        await started_again(stage)
        await until_over(stage, message, after)
        assert answer(message, "Where is it?") == "Kept safe."
        assert answer(after, "Is it?") == "Indeed."
        asked = [str(request.messages[-1]["content"]) for request in stage.parallax.requests]
        assert asked == ["Ada: Where is it?", "Ada: Is it?", "Ada: Is it?"]
