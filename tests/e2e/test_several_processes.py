"""Several processes of one bot on one PostgreSQL database, with the same shard: one hears, all answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    answer,
    ask,
    body,
    footer,
    new_room,
    of_the_bot,
    revisions,
    until_over,
    until_shows,
)
from tests.fakes.postgres import server_database

LEADS_WITHIN = 5.0
"""Seconds from ``kill -9`` of the process that leads until another one does."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(eq=False)
class Pair:
    """A bot that is connected, and another process of it that is not."""

    stage: Stage
    first: BotProcess
    second: BotProcess

    async def swapped(self) -> None:
        """Start the one that has ended again: it stands by from now on."""
        self.first, self.second = self.second, self.first
        await self.stand_by()

    async def stand_by(self) -> None:
        """Start the second, which waits for the first's shard."""
        before = self.second.log.count("discord.shard_stands_by")
        await self.second.start()
        await self.second.logged("discord.shard_stands_by", before + 1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot on PostgreSQL, and a cluster with two slots."""
    parallax = ParallaxDouble(tokens_per_second=40, nodes=1, slots=2, lag=False, time_scale=10)
    async with (
        server_database() as url,
        staged(
            tmp_path_factory.mktemp("pair"),
            discord=DiscordDouble(latency=0.0),
            parallax=parallax,
            DATABASE_URL=url,
            SHUTDOWN_GRACE="1",
        ) as running,
    ):
        yield running
        assert running.discord.limits.rejections == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(stage: Stage) -> AsyncIterator[Pair]:
    """Another process beside it."""
    second = BotProcess(stage.bot.environment, stage.bot.log_file.with_name("second.log"))
    found = Pair(stage, stage.bot, second)
    try:
        await found.stand_by()
        yield found
    finally:
        print(stage.bot.log, second.log)  # noqa: T201  # pytest shows it with a failure
        # Who stands by goes first, so that nothing is handed over any more.
        assert await found.second.terminate() == 0
        assert await found.first.terminate() == 0


async def test_one_hears_and_never_more_run_than_the_cluster_takes(
    pair: Pair, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Both take questions out of the queue; each is asked once, and shown once."""
    assert pair.stage.discord.gateway.connected == 1
    people = [ada, ben, olga]
    for number in range(6):
        pair.stage.parallax.script([(f"word{n} ", 0.5) for n in range(20)], match=f"Number {number}")
    messages = [await ask(people[number % 3], room, f"Number {number}") for number in range(6)]
    at_once = [0]

    def over() -> bool:
        at_once.append(pair.stage.parallax.active)
        return all("tok/s" in footer(message) for message in messages)

    await pair.stage.parallax.wait_until(over, PATIENCE)
    assert max(at_once) == 2
    assert len(of_the_bot(pair.stage, room)) == 6
    for number, message in enumerate(messages):
        assert answer(message, f"Number {number}").endswith("word19")


async def test_stop_reaches_whichever_process_answers(pair: Pair, room: Channel, ada: Person) -> None:
    """Of several answers some run in the process that does not hear the press."""
    for number in range(4):
        pair.stage.parallax.script([(f"word{n} ", 0.5) for n in range(80)], match=f"Long {number}")
        message = await ask(ada, room, f"Long {number}")
        await until_shows(pair.stage, message, "word1 ")
        began = time.monotonic()
        await ada.click(message, label="Stop")
        await until_over(pair.stage, message)
        assert time.monotonic() - began < 2.0
        assert "stopped" in footer(message)


async def test_the_other_one_goes_on_when_one_is_killed(
    pair: Pair, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """It connects, asks again what ran, and shows it in the same messages; it answers what was said while none was
    connected; and it leads: it keeps the boards current."""
    board_room = new_room(pair.stage)
    await (await olga.slash(board_room, "cluster board")).done_loading()
    board = next(one for one in of_the_bot(pair.stage, board_room) if one.ephemeral_for is None)
    pair.stage.parallax.script([(f"word{n} ", 0.2) for n in range(500)], match="Until the end")
    pair.second.freeze()  # so that it is not the one that answers
    message = await ask(ada, room, "Until the end")
    await until_shows(pair.stage, message, "word1 ")
    pair.second.thaw()
    pair.stage.parallax.script(["The ", "whole ", "answer."], match="Until the end")
    gateway = pair.stage.discord.gateway
    before, shown, began = gateway.identifies, len(board.history), time.monotonic()
    await pair.first.kill()
    await pair.stage.discord.wait_until(lambda: not gateway.online, PATIENCE)
    pair.stage.parallax.script(["Heard."], match="Is anybody there?")
    missed = await olga.say(room, f"<@{pair.stage.discord.world.bot.id}> Is anybody there?")
    await pair.stage.discord.wait_until(lambda: gateway.identifies > before and gateway.complete, PATIENCE)
    connected = time.monotonic() - began
    next_one = await ask(ben, room, "And then?")
    await until_over(pair.stage, next_one)
    await pair.stage.discord.wait_until(lambda: len(board.history) > shown, PATIENCE)
    assert time.monotonic() - began < LEADS_WITHIN
    assert connected < 3.0
    assert time.monotonic() - began < 6.0
    await until_over(pair.stage, message)
    assert answer(message, "Until the end") == "The whole answer."
    await pair.stage.discord.wait_until(lambda: len(of_the_bot(pair.stage, room)) == 3, PATIENCE)
    (late,) = (one for one in of_the_bot(pair.stage, room) if one.referenced is missed)
    await until_over(pair.stage, late)
    assert (body(late), footer(late).startswith("-# asked while I was away · ")) == ("Heard.", True)
    assert set(of_the_bot(pair.stage, room)) == {message, next_one, late}
    await pair.swapped()


async def test_a_rolling_restart_loses_nothing(pair: Pair, room: Channel, ada: Person, ben: Person) -> None:
    """Whatever people do from the signal until the old process has ended is done as always: each question is asked
    once and shown once, and nobody reads that the bot restarts."""
    stage, rooms, asked, said = pair.stage, list[Channel](), list[Message](), list[str]()
    before = len(pair.first.log), len(pair.second.log)
    ending = asyncio.create_task(pair.first.terminate())
    while not ending.done():
        number = len(asked)
        for prompt in (f"Rolling {number}.", f"Aloud {number}."):
            stage.parallax.script(["Yes."], match=prompt)
        asked.append(await ask(ada, room, f"Rolling {number}."))
        rooms.append(new_room(stage))
        await ben.say(rooms[-1], f"<@{stage.discord.world.bot.id}> Aloud {number}.")
        said.append((await (await ben.slash(room, "queue")).response()).text)
        # The pace of people; a process raises no event here.
        await asyncio.wait({ending}, timeout=0.2)
    assert await ending == 0
    await stage.discord.wait_until(lambda: all(of_the_bot(stage, other) for other in rooms), PATIENCE)
    aloud = [message for other in rooms for message in of_the_bot(stage, other)]
    await until_over(stage, *asked, *aloud)
    assert {answer(message, f"Rolling {number}.") for number, message in enumerate(asked)} == {"Yes."}
    assert {body(message) for message in aloud} == {"Yes."}
    assert len(aloud) == len(rooms)
    assert not any("restart" in text for message in (*asked, *aloud) for text in (*revisions(message), *said))
    for log in (pair.first.log[before[0] :], pair.second.log[before[1] :]):
        assert "interaction.not_admitted" not in log
        assert "interaction.dropped_at_shutdown" not in log
    await pair.swapped()
