"""Two processes of one bot, each with the API: one fair queue for what is asked at both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.programs import API, Events, chat, made_key, streamed
from tests.e2e.reading import PATIENCE
from tests.fakes.postgres import server_database

SLOTS = 2


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Stage, BotProcess]]:
    """A bot with the API, and another process of it with one of its own. The second must have ended."""
    parallax = ParallaxDouble(tokens_per_second=40, nodes=1, slots=SLOTS, lag=False)
    async with (
        server_database() as url,
        staged(folder, discord=DiscordDouble(latency=0.0), parallax=parallax, DATABASE_URL=url, **API) as stage,
    ):
        second = BotProcess(stage.bot.environment, folder / "second.log")
        await second.start()
        try:
            await second.logged("discord.shard_stands_by")
            await second.logged("api.serving")
            yield stage, second
        finally:
            await second.kill()


@asynccontextmanager
async def program_at(bot: BotProcess, secret: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program that asks this process."""
    await bot.logged("api.serving")
    line = next(line for line in bot.log.splitlines() if '"api.serving"' in line)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{json.loads(line)['port']}",
        headers={"Authorization": f"Bearer {secret}"},
        timeout=PATIENCE,
    ) as program:
        yield program


async def test_programs_of_two_processes_share_the_queue_and_a_kill_frees_its_slots(tmp_path: Path) -> None:
    """Never more run than the cluster takes, whoever was asked. When one process is killed, what it was asked
    ends, what ran for it frees its slots, and what the other was asked is answered."""
    async with two(tmp_path) as (stage, second):
        secret = await made_key(stage, "ada")
        async with program_at(stage.bot, secret) as here, program_at(second, secret) as there:
            most: list[int] = []
            asked = [streamed(program, chat("Why? [[n=4]]")) for program in (here, there) for _ in range(4)]
            answers = asyncio.gather(*asked)

            def is_over() -> bool:
                most.append(stage.parallax.active)
                return answers.done()

            await stage.parallax.wait_until(lambda: is_over() or len(stage.parallax.requests) == 8, PATIENCE)
            assert all(one.is_done and one.error is None for one in await answers)
            assert max(most) == SLOTS

            # The second process has both slots and one that waits; the first has one that waits behind them.
            cut = [
                asyncio.create_task(streamed(there, chat("Cut? [[n=4000]]"), Events())) for _ in range(SLOTS + 1)
            ]
            await stage.parallax.wait_until(lambda: stage.parallax.active == SLOTS, PATIENCE)
            waits = asyncio.create_task(streamed(here, chat("After it? [[n=3]]")))
            async with asyncio.timeout(PATIENCE):
                while (await here.get("/queue")).json()["waiting"] < 2:  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0)
            await second.kill()
            for one in cut:
                with suppress(httpx.HTTPError):
                    await one
            async with asyncio.timeout(PATIENCE):
                assert (await waits).is_done
                while (queue := (await here.get("/queue")).json())["waiting"] + queue["running"]:  # noqa: ASYNC110  # each look is a request
                    await asyncio.sleep(0)
            await stage.parallax.wait_until(lambda: stage.parallax.active == 0, PATIENCE)
            assert not [one for one in queue["data"] if one["kind"] == "api"]
            assert len([one for one in stage.parallax.requests if "Cut?" in str(one.messages)]) <= SLOTS + 1
