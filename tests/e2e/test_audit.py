"""The audit log: what operators do to the cluster or the queue can be read afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.component_tree import STRING_SELECT, walk
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, new_room, until_over, until_shows
from tests.e2e.switching import begun, start_workers, stop_workers


async def audit(who: Person, room: Channel, last: str) -> str:
    """``/cluster audit``, asked until it has this entry."""
    async with asyncio.timeout(PATIENCE):
        while True:
            text = (await (await who.slash(room, "cluster audit")).response()).text.replace("\\", "")
            if last in text:
                return text


async def kept_waiting(stage: Stage, *names: str) -> list[Message]:
    """One question of each person; all wait while the queue is paused."""
    messages = [await ask(stage.discord.person(name), new_room(stage), f"{name} asks") for name in names]
    for message in messages:
        await until_shows(stage, message, "the queue is paused")
    return messages


async def test_everything_an_operator_does_is_in_the_audit(tmp_path: Path) -> None:
    """Each command that changes something, and each press under what they show."""
    async with staged(
        tmp_path, discord=DiscordDouble(latency=0.0), parallax=ParallaxDouble(tokens_per_second=200, lag=False)
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster board")).done_loading()
        await (await olga.slash(room, "cluster alerts")).response()
        choices = await olga.autocomplete(room, "cluster name", "node", node="3090")
        await (await olga.slash(room, "cluster name", node=str(choices[0]["value"]), name="attic-box")).response()
        await (await olga.slash(room, "cluster pause", reason="lunch")).response()

        messages = await kept_waiting(stage, "ada", "ben", "chloe")
        line = await (await olga.slash(room, "cluster queue")).response()
        (select,) = (one for one in walk(line.components) if one["type"] == STRING_SELECT)
        values = [str(option["value"]) for option in select["options"][:2]]
        await (await olga.click(line, custom_id=str(select["custom_id"]), values=values)).acked()
        await until_shows(stage, line, "Cancelled: 2 questions.")
        line = await (await olga.slash(room, "cluster queue")).response()
        await olga.click(line, "Clear the queue")
        await until_shows(stage, line, "Cancel 1 waiting question?")
        await olga.click(line, "Clear the queue")
        await until_shows(stage, line, "Cancelled: 1 question.")
        await until_over(stage, *messages)
        await (await olga.slash(room, "cluster resume")).response()

        stage.parallax.script([(f"word{n} ", 0.05) for n in range(400)])
        answer = await ask(stage.discord.person("ada"), new_room(stage), "Too long")
        await until_shows(stage, answer, "word3 ")
        await (await olga.click(answer, "Stop")).acked()
        await until_over(stage, answer)
        # A worker that is stopped with a stream open hangs the scheduler.
        await stage.parallax.wait_until(lambda: not stage.parallax.active, PATIENCE)

        message = await begun(stage, olga, room, "Qwen/Qwen3-4B")
        workers = await stop_workers(stage, message)
        await start_workers(stage, message, workers)
        await until_shows(stage, message, "Qwen/Qwen3-4B is usable")
        message = await begun(stage, olga, room, "Qwen/Qwen3-1.7B")
        await (await olga.click(message, "Cancel the switch")).acked()
        await until_shows(stage, message, "was cancelled")

        text = await audit(olga, room, "cancelled a model switch")
        lines = [one.split(" · ", 2) for one in text.splitlines()[1:]]
        assert {who for _, who, _ in lines} == {olga.mention}
        assert [what.partition(" · ")[0] for _, _, what in reversed(lines)] == [
            "changed the board of a channel",
            "changed the alerts of a channel",
            "named a node",
            "paused the queue",
            "cancelled questions",
            "cleared the queue",
            "resumed the queue",
            "stopped somebody's answer",
            "started a model switch",
            "finished a model switch",
            "started a model switch",
            "cancelled a model switch",
        ]
        assert "cancelled questions · questions 2" in text
        assert "cleared the queue · questions 1" in text
