"""Requests of programs that end before their answer: connections that close in every phase, restarts, crashes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.permitting import sent
from tests.e2e.programs import API, Events, chat, client, error_of, made_key, streamed
from tests.e2e.reading import PATIENCE, new_room

WITHIN = 0.5
"""Seconds in which a closed connection has ended its request."""


@asynccontextmanager
async def slow_stage(folder: Path) -> AsyncIterator[tuple[Stage, str]]:
    """A bot with the API beside a cluster that writes slowly, and a key."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=20, lag=False),
        SHUTDOWN_GRACE="0",
        **API,
    ) as stage:
        yield stage, await made_key(stage, "ada")


async def load(program: httpx.AsyncClient) -> tuple[int, int]:
    """How many requests wait and run."""
    queue = (await program.get("/queue")).json()
    return queue["waiting"], queue["running"]


async def until_load(program: httpx.AsyncClient, waiting: int, running: int, within: float = PATIENCE) -> None:
    """Wait until so many wait and run. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while await load(program) != (waiting, running):
            pass


async def test_a_connection_that_closes_ends_its_request_in_every_phase(tmp_path: Path) -> None:
    """While it waits, while the scheduler holds it, while it is answered, streamed or not: at once, and the slot
    is free for the next."""
    async with slow_stage(tmp_path) as (stage, secret), client(stage, secret) as ada:
        for stream in (False, True):
            # While it is answered.
            asking = asyncio.create_task(
                ada.post("/v1/chat/completions", json=chat("Long [[n=400]]", stream=stream))
            )
            await stage.parallax.wait_until(
                lambda: any(one.first_token_at and one.outcome == "open" for one in stage.parallax.requests)
            )
            asking.cancel()
            await until_load(ada, 0, 0, WITHIN)
            await stage.parallax.wait_until(lambda: all(one.outcome != "open" for one in stage.parallax.requests))
            assert stage.parallax.requests[-1].outcome == "hung_up"
            # While it waits.
            await sent(stage, "olga", new_room(stage), "cluster pause", {"reason": "a test"})
            asking = asyncio.create_task(ada.post("/v1/chat/completions", json=chat("Why?", stream=stream)))
            await until_load(ada, 1, 0)
            asking.cancel()
            await until_load(ada, 0, 0, WITHIN)
            await sent(stage, "olga", new_room(stage), "cluster resume", {})
        # While the scheduler holds it, and cannot be told to drop it.
        stage.parallax.busy(stage.parallax.capacity)
        begun = len(stage.parallax.requests)
        asking = asyncio.create_task(ada.post("/v1/chat/completions", json=chat("Why?")))
        await stage.parallax.wait_until(lambda: len(stage.parallax.requests) > begun)
        asking.cancel()
        async with asyncio.timeout(WITHIN):
            while (await ada.get("/queue")).json()["data"]:
                pass
        stage.parallax.busy(0)
        await until_load(ada, 0, 0)
        assert (await streamed(ada, chat("Why? [[n=3]]"))).is_done


async def test_many_that_come_and_go_leave_no_slot_taken(tmp_path: Path) -> None:
    """However long each one stayed."""
    async with slow_stage(tmp_path) as (stage, secret), client(stage, secret) as ada:
        stage.parallax.set_speed(400)

        async def come_and_go(number: int) -> None:
            patience = 0.002 * (number % 40)
            try:
                async with asyncio.timeout(patience):
                    await ada.post("/v1/chat/completions", json=chat("Why?", stream=number % 2 == 0))
            except TimeoutError:
                pass

        for first in range(0, 120, 12):
            await asyncio.gather(*(come_and_go(number) for number in range(first, first + 12)))
        await until_load(ada, 0, 0)
        whole = await asyncio.gather(*(streamed(ada, chat("Why? [[n=3]]")) for _ in range(8)))
        assert all(events.is_done for events in whole)
    assert "background.failed" not in stage.bot.log


async def test_a_restart_ends_what_programs_asked_with_an_error_that_says_retry(tmp_path: Path) -> None:
    """A stream with an event, another with a status; the next process knows nothing of them."""
    async with slow_stage(tmp_path) as (stage, secret), client(stage, secret) as ada:
        running, waiting = Events(), Events()
        answered = asyncio.create_task(streamed(ada, chat("Long [[n=400]]"), running))
        await running.began.wait()
        await sent(stage, "olga", new_room(stage), "cluster pause", {"reason": "a test"})
        queued = asyncio.create_task(streamed(ada, chat("Why?"), waiting))
        await waiting.began.wait()
        whole = asyncio.create_task(ada.post("/v1/chat/completions", json=chat("Why?")))
        await until_load(ada, 2, 1)
        assert await stage.bot.terminate() == 0
        response, *_ = await asyncio.gather(whole, answered, queued)
        assert (response.status_code, error_of(response)["code"]) == (503, "restarting_retry")
        assert response.headers["retry-after"] == "5"
        for events in (running, waiting):
            assert events.error is not None
            assert events.error["code"] == "restarting_retry"
            assert "retry" in events.error["message"]
            assert not events.is_done
        assert states(tmp_path) == {"cancelled": 3}


async def test_a_crash_leaves_nothing_in_the_queue(tmp_path: Path) -> None:
    """The connections are gone with the process: the next one cancels what they asked."""
    async with slow_stage(tmp_path) as (stage, secret):
        async with client(stage, secret) as ada:
            running = Events()
            asked = [asyncio.create_task(streamed(ada, chat("Long [[n=400]]"), running))]
            await running.began.wait()
            await sent(stage, "olga", new_room(stage), "cluster pause", {"reason": "a test"})
            asked.append(asyncio.create_task(streamed(ada, chat("Why?"))))
            await until_load(ada, 1, 1)
            await stage.bot.kill()
            results = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(one, httpx.TransportError) for one in results)
        await stage.bot.start()
        await stage.bot.ready(stage.discord)
        async with client(stage, secret, starts=2) as ada:
            await until_load(ada, 0, 0)
        assert states(tmp_path) == {"cancelled": 2}


def states(folder: Path) -> dict[str, int]:
    """How many requests are in each state."""
    with closing(sqlite3.connect(folder / "bot.db")) as database:
        return dict(database.execute("SELECT state, count(*) FROM requests GROUP BY state").fetchall())


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cluster_that_is_away_is_told_at_once(tmp_path: Path, stream: bool) -> None:
    """With 503: people wait for it, programs ask again."""
    async with slow_stage(tmp_path) as (stage, secret), client(stage, secret) as ada:
        await stage.parallax.unreachable()
        async with asyncio.timeout(PATIENCE):
            while (await ada.get("/cluster/info")).json()["status"] != "unreachable":
                pass
        response = await ada.post("/v1/chat/completions", json=chat("Why?", stream=stream))
        assert (response.status_code, error_of(response)["code"]) == (503, "cluster_not_ready")
        assert response.headers["retry-after"]
