"""A cluster that is down, not ready, full or failing: questions are kept, people are told."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged
from tests.e2e.reading import PATIENCE, answer, ask, footer, new_room, of_the_bot, until_over, until_shows, within


class DownAtFirst(ParallaxDouble):
    """A scheduler whose port is closed until somebody opens it."""

    async def __aenter__(self) -> Self:
        """Take a port, and close it."""
        await super().__aenter__()
        await self.unreachable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As always."""
        await super().__aexit__(kind, error, trace)


async def test_a_scheduler_that_is_down_at_start_is_waited_for(tmp_path: Path) -> None:
    """The question is kept, says why, and is answered when the scheduler comes up."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=DownAtFirst(tokens_per_second=200, lag=False),
    ) as stage:
        ada = stage.discord.person("ada")
        room = new_room(stage)
        stage.parallax.script(["Up ", "again."])
        message = await ask(ada, room, "Anybody there?")
        await until_shows(stage, message, "kept: the cluster does not answer (since <t:")
        card = await (await ada.slash(room, "status")).response()
        assert "not answering" in card.text
        assert "it may be frozen: restart it" in card.text
        told = await (await ada.slash(room, "models")).done_loading()
        assert told.text.startswith("The cluster does not answer. Please try again later")

        await stage.parallax.reachable()
        await until_over(stage, message)
        assert answer(message, "Anybody there?") == "Up again."
        assert len(stage.parallax.requests) == 1


async def test_from_no_model_to_the_first_answer(tmp_path: Path) -> None:
    """Before init a question waits; an operator sets the model, nodes join, it is answered."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(model=None, time_scale=8, tokens_per_second=40, lag=False),
    ) as stage:
        ada, olga = stage.discord.person("ada"), stage.discord.person("olga")
        room = new_room(stage)
        message = await ask(ada, room, "Ready?")
        await until_shows(stage, message, "kept: the cluster has no model; an operator sets one")
        card = await (await ada.slash(room, "status")).response()
        assert "no model set" in card.text
        told = await (await ada.slash(room, "join")).done_loading()
        assert "The cluster has no model yet. An operator sets one with /cluster init" in told.text
        assert stage.parallax.requests == []

        stage.parallax.script(["Ready."])
        confirm = await (await olga.slash(room, "cluster init", model="Qwen/Qwen3-8B", nodes=1)).response()
        assert "Set the cluster's model to **Qwen/Qwen3-8B**?" in confirm.text
        assert f"Interrupts 0 running and 1 waiting questions. ({ada.mention})" in confirm.text
        await (await olga.click(confirm, "Set model")).acked()
        await until_shows(stage, confirm, "✓ model set")
        await until_over(stage, message)
        assert answer(message, "Ready?") == "Ready."
        assert [request.status for request in stage.parallax.requests] == [200]


async def test_a_scheduler_that_dies_and_comes_back(tmp_path: Path) -> None:
    """A broken answer is marked; what is asked meanwhile waits."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, slots=1, tokens_per_second=40, lag=False),
    ) as stage:
        ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
        room = new_room(stage)
        stage.parallax.script([f"word{number} " for number in range(500)])
        broken = await ask(ada, room, "A long one")
        await until_shows(stage, broken, "word3")
        await stage.parallax.unreachable()
        await until_over(stage, broken)
        assert footer(broken).startswith("-# the connection to the cluster broke · Qwen3-8B")
        assert answer(broken, "A long one").startswith("word0 word1")

        stage.parallax.script(["Here."])
        kept = await ask(ben, room, "Still there?")
        await until_shows(stage, kept, "kept: ")
        await stage.parallax.restart()
        await stage.parallax.reachable()
        await until_over(stage, kept)
        assert answer(kept, "Still there?") == "Here."


async def test_refusals_before_the_first_word_keep_the_question(tmp_path: Path) -> None:
    """429 and 503 put it back at the head of its line; a 502 is tried once more."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
    ) as stage:
        ada = stage.discord.person("ada")
        for fault in ("http429", "http503", "http502"):
            room = new_room(stage)
            stage.parallax.script([], fault=fault)
            stage.parallax.script(["Answered."])
            before = len(stage.parallax.requests)
            message = await ask(ada, room, "Please")
            await until_over(stage, message)
            assert answer(message, "Please") == "Answered."
            assert len(stage.parallax.requests) == before + 2
            assert of_the_bot(stage, room) == [message]


async def test_a_node_that_reloads_fails_nobody(tmp_path: Path) -> None:
    """Its front is down, so every question would fail within a moment; then one stage of the pipeline loads again
    while an answer breaks off. Everybody is kept, and answered."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(
            model="Qwen/Qwen3-14B",
            nodes=(("head", "NVIDIA GeForce RTX 4090", 24.0), ("tail", "NVIDIA GeForce RTX 3090", 24.0)),
            slots=2,
            time_scale=4,
            tokens_per_second=200,
            lag=False,
        ),
    ) as stage:
        room = new_room(stage)
        names = ("ada", "ben", "chloe", "grace")
        stage.parallax.crash_front("head")
        asked = stage.parallax.requests
        messages = [await ask(stage.discord.person(name), room, f"I am {name}") for name in names]
        await until_shows(stage, messages[-1], "kept: a node failed, trying again until it works")
        await within(PATIENCE, stage, lambda: sum(one.outcome == "fault:exit" for one in asked) >= 3)
        stage.parallax.mend_front("head")
        await until_over(stage, *messages)
        assert all(answer(message, f"I am {name}") for name, message in zip(names, messages, strict=True))
        assert not any("failed while answering" in message.text for message in messages)
        failed = len(stage.parallax.requests) - len(names)
        assert 3 <= failed <= 5

        before = len(stage.parallax.requests)
        stage.parallax.script(["One ", "two ", ("three ", 6.0)], fault="close@3")
        stage.parallax.script(["One ", "two ", "done."])
        broken = await ask(stage.discord.person("ada"), room, "Count")
        await until_shows(stage, broken, "One two")
        stage.parallax.set_ready("tail", False)
        await until_shows(stage, broken, "kept: the cluster is starting")
        assert answer(broken, "Count").startswith("One two")
        stage.parallax.set_ready("tail", True)
        await until_over(stage, broken)
        assert answer(broken, "Count") == "One two done."
        assert {request.status for request in stage.parallax.requests[before:]} == {200, 503}


async def test_a_full_cluster_is_never_sent_more_than_it_takes(tmp_path: Path) -> None:
    """The others stand in line, in their order, and say at which place."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, slots=2, tokens_per_second=40, lag=False),
    ) as stage:
        room = new_room(stage)
        names = ("ada", "ben", "chloe", "grace", "olga")
        messages = []
        for name in names:
            stage.parallax.script([*[f"{name} "] * 25, name], match=f"I am {name}")
            messages.append(await ask(stage.discord.person(name), room, f"I am {name}"))
        await until_shows(stage, messages[2], "next in the queue")
        await until_shows(stage, messages[3], "2nd in the queue")
        await until_shows(stage, messages[4], "3rd in the queue")

        most = 0

        def seen() -> bool:
            nonlocal most
            most = max(most, stage.parallax.active)
            return len(stage.parallax.requests) == len(names)

        await stage.parallax.wait_until(seen, PATIENCE)
        await until_over(stage, *messages)
        assert most == 2
        assert [f"I am {name}" for name in names] == [
            str(request.messages[-1]["content"]).partition(": ")[2] for request in stage.parallax.requests
        ]
        assert all(request.status == 200 for request in stage.parallax.requests)
        for name, message in zip(names, messages, strict=True):
            assert answer(message, f"I am {name}").split() == [name] * 26
