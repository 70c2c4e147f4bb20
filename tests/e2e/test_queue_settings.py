"""The settings of the line reach it: each is seen at work in the real process."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged
from tests.e2e.reading import PATIENCE, ask, new_room, until_over, until_shows


async def test_reserve_and_limits_of_the_line(tmp_path: Path) -> None:
    """CAPACITY_RESERVE, QUEUE_MAX_TOTAL and QUESTION_TTL, as people meet them."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=20, nodes=1, slots=4, lag=False),
        CAPACITY_RESERVE="3",
        QUEUE_MAX_TOTAL="2",
        QUESTION_TTL="3",
        SHUTDOWN_GRACE="0",
    ) as stage:
        room = new_room(stage)
        ada, ben, chloe, grace = (stage.discord.person(name) for name in ("ada", "ben", "chloe", "grace"))
        stage.parallax.script([f"word{number} " for number in range(2000)])
        running = await ask(ada, room, "I take the only pipeline of the four that is ours")
        await until_shows(stage, running, "word1 ")
        waiting = [await ask(who, room, "Waiting") for who in (ben, chloe)]

        refused = await (await grace.slash(room, "ask", prompt="One more?")).response()
        assert refused.ephemeral_for == grace.id
        assert refused.text == (
            "Not asked: the queue is full (2 questions are waiting). Please try again in a few minutes."
        )
        assert len(stage.parallax.requests) == 1

        for message in waiting:
            await until_shows(stage, message, "expired: it waited longer than ")
            # Nothing looks at it before that, and on a busy machine later.
            waited = re.search(r"longer than (\d+)", message.text)
            assert waited is not None
            assert int(waited[1]) >= 3
        await until_over(stage, *waiting)
        assert len(stage.parallax.requests) == 1


async def test_operators_questions_carry_their_weight(tmp_path: Path) -> None:
    """By whatever door they come; everybody else's count once."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        OPERATOR_WEIGHT="4",
    ) as stage:
        room = new_room(stage)
        olga, ada = stage.discord.person("olga"), stage.discord.person("ada")
        for _ in range(5):
            stage.parallax.script(["Here ", "you ", "are."])
        await until_over(stage, await ask(olga, room, "operator by command"))
        await until_over(stage, await ask(ada, room, "member by command"))
        await olga.slash(room, "ask", prompt="operator in a thread", thread=True)
        for who, prompt in ((olga, "operator by mention"), (ada, "member by mention")):
            await who.say(room, f"<@{stage.discord.application_id}> {prompt}")
        await stage.discord.wait_until(lambda: len(stage.parallax.requests) == 5, PATIENCE)

        with closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
            weights = dict(connection.execute("SELECT prompt, weight FROM requests"))
        assert weights == {
            "operator by command": 4.0,
            "operator in a thread": 4.0,
            "operator by mention": 4.0,
            "member by command": 1.0,
            "member by mention": 1.0,
        }
