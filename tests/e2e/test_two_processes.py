"""Two processes of one bot on one database: a rolling restart, or a second deployment by mistake.

Discord tells both what happens; the second to answer an interaction is refused (code 40060). Which of them answers
a command is decided here by freezing the other meanwhile.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation, Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.reading import PATIENCE, answer, ask, new_room, of_the_bot, shown_in, until_over, until_shows
from tests.e2e.switching import FIELD, inits, start_workers, stop_workers, typed


@dataclass(frozen=True)
class Pair:
    """A stage with a second process, both ready."""

    stage: Stage
    second: BotProcess

    @property
    def database(self) -> str:
        """The file that both use."""
        return self.stage.bot.environment["DATABASE_URL"].partition("///")[2]

    @contextmanager
    def only(self, heard: BotProcess) -> Iterator[None]:
        """Whatever people do meanwhile is answered by this process; the other hears of it afterwards."""
        other = self.second if heard is self.stage.bot else self.stage.bot
        # Not in the middle of a write, which nobody could get past until it is thawed.
        with closing(sqlite3.connect(self.database, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            other.freeze()
            database.execute("ROLLBACK")
        try:
            yield
        finally:
            other.thaw()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Two real processes with the same settings; Olga and Grace are operators."""
    discord = DiscordDouble(latency=0.0)
    operators = ",".join(str(discord.person(name).id) for name in ("olga", "grace"))
    parallax = ParallaxDouble(tokens_per_second=200, lag=False)
    async with staged(tmp_path, discord=discord, parallax=parallax, ADMIN_USER_IDS=operators) as stage:
        second = BotProcess(stage.bot.environment, tmp_path / "second.log")
        await second.start()
        try:
            await discord.wait_until(lambda: discord.gateway.connected == 2, PATIENCE)
            yield Pair(stage, second)
            assert await second.terminate() == 0, second.log
        finally:
            print(second.log)  # noqa: T201  # pytest shows it with a failure
            await second.kill()


async def confirmation(pair: Pair, process: BotProcess, who: Person, room: Channel, model: str) -> Message:
    """``/cluster init`` answered by this process, up to the question whether to."""
    with pair.only(process):
        message = await (await who.slash(room, "cluster init", model=model, nodes=1)).response()
    assert f"→ **{model}**?" in message.text
    return message


async def test_two_operators_confirm_at_the_same_moment_in_two_processes(pair: Pair) -> None:
    """One switch and one init, whichever process wins; the other operator reads whose switch it is."""
    stage, room = pair.stage, new_room(pair.stage)
    olga, grace, ada = (stage.discord.person(name) for name in ("olga", "grace", "ada"))
    before = inits(stage)
    wanted = {"Qwen/Qwen3-4B": olga, "Qwen/Qwen3-1.7B": grace}
    messages = {
        "Qwen/Qwen3-4B": await confirmation(pair, stage.bot, olga, room, "Qwen/Qwen3-4B"),
        "Qwen/Qwen3-1.7B": await confirmation(pair, pair.second, grace, room, "Qwen/Qwen3-1.7B"),
    }

    async def asked_for_the_name(model: str) -> Invocation:
        return await (await wanted[model].click(messages[model], "Switch …")).acked()

    forms = {model: await asked_for_the_name(model) for model in messages}
    await asyncio.gather(*(wanted[model].submit(forms[model], {FIELD: model}) for model in messages))
    await stage.discord.wait_until(lambda: all("Switching to" in one.text for one in messages.values()), PATIENCE)

    lost = next(model for model, message in messages.items() if "was not started" in message.text)
    won = next(model for model in messages if model != lost)
    assert (
        f"Your switch to {lost} was not started: <@{wanted[won].id}> had begun the one to {won} below."
        in messages[lost].text.replace("\\", "")
    )
    assert "was not started" not in messages[won].text

    # Both messages follow the one switch, and both processes see every step of it.
    workers = await stop_workers(stage, messages[lost])
    await start_workers(stage, messages[won], workers)
    for message in messages.values():
        await until_shows(stage, message, f"{won} is usable")
    assert inits(stage) == before + 1
    assert stage.parallax.model == won

    # The line moves again in either process, also in the one that did not release it.
    for process in (stage.bot, pair.second):
        with pair.only(process):
            question = await ask(ada, room, "Still there?")
            await until_over(stage, question)
            assert answer(question, "Still there?")


async def test_a_question_that_both_hear_is_answered_once(pair: Pair) -> None:
    """By a command and by a mention: one request to the cluster, one message in the channel."""
    stage, room = pair.stage, new_room(pair.stage)
    ada = stage.discord.person("ada")
    before = len(stage.parallax.requests)
    for number in range(3):
        stage.parallax.script([f"Answer {number}."])
        message = await ask(ada, room, f"Question {number}?")
        await until_over(stage, message)
        assert answer(message, f"Question {number}?") == f"Answer {number}."
    stage.parallax.script(["Mentioned."])
    await ada.say(room, f"<@{stage.discord.application_id}> and now?")
    await stage.discord.wait_until(lambda: "Mentioned." in of_the_bot(stage, room)[-1].text, PATIENCE)

    def elsewhere() -> int:
        return (stage.bot.log + pair.second.log).count("question.taken_elsewhere")

    async with asyncio.timeout(PATIENCE):
        while elsewhere() < 4:
            # Who was late is still busy with it: something else that both hear passes the time.
            await (await ada.slash(room, "queue")).response()
    shown = [one for one in of_the_bot(stage, room) if one.ephemeral_for is None]
    assert len(shown) == 4
    assert len(stage.parallax.requests) == before + 4


async def test_a_process_that_starts_leaves_what_another_answers(tmp_path: Path) -> None:
    """The question is sent to the cluster once; when its process is killed the other asks it again, by itself."""
    parallax = ParallaxDouble(tokens_per_second=20, nodes=1, slots=1, lag=False)
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=parallax) as stage:
        room, other_room = new_room(stage), new_room(stage)
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        stage.parallax.script([f"word{number} " for number in range(2000)], match="Until the end")
        message = await ask(ada, room, "Until the end")
        await until_shows(stage, message, "word3")
        second = BotProcess(stage.bot.environment, tmp_path / "second.log")
        await second.start()
        try:
            await stage.discord.wait_until(lambda: stage.discord.gateway.connected == 2, PATIENCE)
            waiting = await ask(ben, other_room, "After it")
            await until_shows(stage, waiting, "next in line")
            # Long enough for the second to have taken the running question, if it were to.
            await until_shows(stage, message, "word80 ")
            assert [str(one.messages[-1]["content"]) for one in stage.parallax.requests] == ["Ada: Until the end"]

            await stage.bot.kill()
            stage.parallax.script(["The ", "whole ", "answer."], match="Until the end")
            stage.parallax.script(["Then ", "this."], match="After it")
            await until_over(stage, message, waiting)

            assert answer(message, "Until the end") == "The whole answer."
            assert answer(waiting, "After it") == "Then this."
            assert of_the_bot(stage, room) == [message]
            asked = [str(one.messages[-1]["content"]) for one in stage.parallax.requests]
            assert asked == ["Ada: Until the end", "Ada: Until the end", "Ben: After it"]
            # The first comes back beside the second, as a supervisor would have it, and finds nothing to do.
            await stage.bot.start()
            await stage.discord.wait_until(lambda: stage.discord.gateway.connected == 2, PATIENCE)
            assert await second.terminate() == 0, second.log
            assert len(stage.parallax.requests) == 3
        finally:
            print(second.log)  # noqa: T201  # pytest shows it with a failure
            await second.kill()


async def test_the_way_back_pressed_once_and_heard_twice(pair: Pair) -> None:
    """A button that every process answers: one of them asks for the name, and one init is sent."""
    stage, room = pair.stage, new_room(pair.stage)
    olga = stage.discord.person("olga")
    before = inits(stage)
    message = await confirmation(pair, pair.second, olga, room, "Qwen/Qwen3-4B")
    await typed(olga, message, "Switch …", "Qwen/Qwen3-4B")
    await start_workers(stage, message, await stop_workers(stage, message))
    await until_shows(stage, message, "Qwen/Qwen3-4B is usable")
    await typed(olga, message, "Back to Qwen3-8B", "Qwen/Qwen3-8B")
    await until_shows(stage, message, "Switching to Qwen/Qwen3-8B")
    await start_workers(stage, message, await stop_workers(stage, message))
    await until_shows(stage, message, "Qwen/Qwen3-8B is usable")
    assert inits(stage) == before + 2
    assert "interaction.failed" not in stage.bot.log + pair.second.log


async def test_one_board_of_two_processes(pair: Pair) -> None:
    """Deleted, it is sent again once; an event is one edit of it and one row; who ends hands it over."""
    stage, room = pair.stage, new_room(pair.stage)
    olga = stage.discord.person("olga")
    with pair.only(stage.bot):
        await (await olga.slash(room, "cluster board")).done_loading()
    # A process that starts shows the boards it finds, unless another does.
    assert await pair.second.terminate() == 0, pair.second.log
    await pair.second.start()
    await stage.discord.wait_until(lambda: stage.discord.gateway.connected == 2, PATIENCE)

    def boards() -> list[Message]:
        return [one for one in of_the_bot(stage, room) if one.ephemeral_for is None and not one.deleted]

    (board,) = boards()
    stage.parallax.add_node("loft", "NVIDIA GeForce RTX 3080", 10.0)
    await until_shows(stage, board, "RTX 3080 · 10 GB · ready")
    states = [shown_in(revision) for revision in board.history]
    assert len(states) == len(set(states))
    await events_kept(pair, {"node_joined": 1})

    stage.discord.world.delete_message(board)
    await stage.discord.wait_until(boards, PATIENCE)
    # Both heard of it by the time that both have heard of something later.
    stage.parallax.remove_node("loft")
    await stage.discord.wait_until(lambda: "RTX 3080" not in boards()[0].text, PATIENCE)
    await events_kept(pair, {"node_joined": 1, "node_lost": 1})
    assert len(boards()) == 1

    assert await stage.bot.terminate() == 0, stage.bot.log
    stage.parallax.add_node("barn", "NVIDIA GeForce RTX 3060", 12.0)
    await until_shows(stage, boards()[0], "RTX 3060")
    assert len(boards()) == 1


async def events_kept(pair: Pair, wanted: dict[str, int]) -> None:
    """Wait until both processes have seen what is kept; each of it is kept so often."""

    def seen(process: BotProcess) -> bool:
        return all(f'"kind": "{kind}"' in process.log for kind in wanted)

    async with asyncio.timeout(PATIENCE):
        while not (seen(pair.stage.bot) and seen(pair.second)):
            await (await pair.stage.discord.person("ada").slash(new_room(pair.stage), "queue")).response()
    with closing(sqlite3.connect(pair.database)) as database:
        counted = dict(database.execute("SELECT kind, count(*) FROM cluster_events GROUP BY kind").fetchall())
    assert {kind: counted.get(kind, 0) for kind in wanted} == wanted
