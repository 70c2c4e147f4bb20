"""Schedulers that answer questions and tell of themselves little, oddly or nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged
from tests.e2e.reading import PATIENCE, answer, ask, new_room, until_over, until_shows

REPORT = {
    "status": "available",
    "model_name": "some/model",
    "init_nodes_num": 1,
    "node_list": [{"node_id": "a", "status": "available", "gpu_name": "GPU", "gpu_num": 1, "gpu_memory": 24}],
    "need_more_nodes": False,
}


class PartialScheduler:
    """Chats work. The status is not there (404), is a 200 that breaks without a byte (recording 25), or is a
    ``report``; the join command is of the form given."""

    def __init__(
        self, *, poisoned: bool = False, report: dict[str, object] | None = None, join: object = None
    ) -> None:
        self._poisoned = poisoned
        self._report = report
        self._join = join
        self.url = ""
        self.looked = asyncio.Event()
        self.most = 0
        self._active = 0
        self.released = asyncio.Event()
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[PartialScheduler]:
        """On a port of its own."""
        app = web.Application()
        app.router.add_get("/cluster/status", self._status)
        app.router.add_get("/node/join/command", self._join_command)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            yield self
        finally:
            self.ended.set()
            await runner.cleanup()

    async def _status(self, request: web.Request) -> web.StreamResponse:
        self.looked.set()
        if not self._poisoned and self._report is None:
            raise web.HTTPNotFound
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        while self._report is not None and not self.ended.is_set():
            data = self._report | {"node_join_command": self._join}
            await response.write(json.dumps({"type": "cluster_status", "data": data}).encode() + b"\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 0.5)
        if self._report is not None:
            return response
        assert request.transport is not None
        request.transport.close()
        return response

    async def _join_command(self, _: web.Request) -> web.Response:
        return web.json_response({"type": "node_join_command", "data": self._join})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self._active += 1
        self.most = max(self.most, self._active)
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(_event({"content": "Still "}))
            await self.released.wait()
            await response.write(_event({"content": "here."}, finish="stop") + b"data: [DONE]\n\n")
            await response.write_eof()
        finally:
            self._active -= 1
        return response


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"model": "some/model", "choices": [choice]}).encode() + b"\n\n"


@pytest.mark.parametrize("poisoned", [False, True])
async def test_questions_are_answered_without_a_status(tmp_path: Path, poisoned: bool) -> None:
    """The first alone; after it proved that the cluster works, the learned capacity holds."""
    scheduler = PartialScheduler(poisoned=poisoned)
    async with (
        scheduler.serving(),
        staged(tmp_path, discord=DiscordDouble(latency=0.0), PARALLAX_URL=scheduler.url) as stage,
    ):
        ada, ben, chloe = (stage.discord.person(name) for name in ("ada", "ben", "chloe"))
        room = new_room(stage)
        await asyncio.wait_for(scheduler.looked.wait(), PATIENCE)
        first = await ask(ada, room, "Anybody there?")
        await until_shows(stage, first, "Still")
        second = await ask(ben, room, "And for me?")
        await until_shows(stage, second, "next in the queue")
        assert scheduler.most == 1
        card = await (await ada.slash(room, "status")).response()
        assert "state unknown" in card.text
        scheduler.released.set()
        await until_over(stage, first, second)
        assert answer(first, "Anybody there?") == "Still here."
        assert answer(second, "And for me?") == "Still here."

        scheduler.released.clear()
        together = [await ask(who, room, "Together?") for who in (ben, chloe)]
        await stage.discord.wait_until(lambda: all("Still" in one.text for one in together), PATIENCE)
        assert scheduler.most == 2
        scheduler.released.set()
        await until_over(stage, *together)


@pytest.mark.parametrize(
    ("join", "told"),
    [
        (None, "has no model yet"),
        ("parallax join -s 12D3KooWText", "parallax join -s 12D3KooWText"),
        ({"command": "parallax join -s 12D3KooWObject "}, "parallax join -s 12D3KooWObject"),
    ],
    ids=["null", "string", "object"],
)
async def test_every_form_of_a_report_is_understood(tmp_path: Path, join: object, told: str) -> None:
    """Without ``max_running_request`` the capacity is learned; a join command may have any recorded form."""
    scheduler = PartialScheduler(report=REPORT, join=join)
    async with (
        scheduler.serving(),
        staged(tmp_path, discord=DiscordDouble(latency=0.0), PARALLAX_URL=scheduler.url) as stage,
    ):
        ada, ben, chloe = (stage.discord.person(name) for name in ("ada", "ben", "chloe"))
        room = new_room(stage)
        await asyncio.wait_for(scheduler.looked.wait(), PATIENCE)
        messages = [await ask(who, room, "Together?") for who in (ada, ben)]
        await stage.discord.wait_until(lambda: all("Still" in one.text for one in messages), PATIENCE)
        card = await (await chloe.slash(room, "status")).response()
        assert "**some/model** · usable" in card.text
        assert told in (await (await chloe.slash(room, "join")).done_loading()).text
        scheduler.released.set()
        await until_over(stage, *messages)
        assert [answer(one, "Together?") for one in messages] == ["Still here."] * 2


async def test_q4_a_report_of_numbers_that_cannot_be_ends_nothing(tmp_path: Path) -> None:
    """It counts as not told: the capacity is learned, cards are drawn, and the line goes on."""
    huge = 10**399
    node = {"node_id": "a", "status": "available", "gpu_name": "G" * 500, "gpu_num": huge, "gpu_memory": 1e308}
    report = {**REPORT, "node_list": [node] * 30, "init_nodes_num": huge, "max_running_request": 10**12}
    scheduler = PartialScheduler(report=report, join="x" * 5000)
    async with (
        scheduler.serving(),
        staged(tmp_path, discord=DiscordDouble(latency=0.0), PARALLAX_URL=scheduler.url) as stage,
    ):
        people = [stage.discord.person(name) for name in ("ada", "ben", "chloe")]
        room = new_room(stage)
        await asyncio.wait_for(scheduler.looked.wait(), PATIENCE)
        messages = [await ask(who, room, "Together?") for who in people]
        await stage.discord.wait_until(lambda: all("Still" in one.text for one in messages), PATIENCE)
        card = await (await people[2].slash(room, "status")).response()
        assert "**some/model** · usable" in card.text
        report["max_running_request"] = huge
        scheduler.released.set()
        await until_over(stage, *messages)
        assert [answer(one, "Together?") for one in messages] == ["Still here."] * 3


async def test_p14_a_node_without_a_scheduler(tmp_path: Path) -> None:
    """Questions name its model and are answered; /status says what it is, and what needs a scheduler says so."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(dialect="node", nodes=1, tokens_per_second=200, lag=False),
    ) as stage:
        ada, olga, room = stage.discord.person("ada"), stage.discord.person("olga"), new_room(stage)
        stage.parallax.script(["Alone, but here."])
        asked = await ask(ada, room, "Anybody there?")
        await until_over(stage, asked)
        assert answer(asked, "Anybody there?") == "Alone, but here."
        assert stage.parallax.requests[-1].body["model"] == stage.parallax.model
        async with asyncio.timeout(PATIENCE):
            card = await (await ada.slash(room, "status")).response()
            while "a single node without a scheduler" not in card.text:
                card = await (await ada.slash(room, "status")).response()
        assert "PARALLAX_URL points to a node that runs without a scheduler" in card.text
        assert "Add one with /join" not in card.text
        joined = await (await olga.slash(room, "join")).done_loading()
        assert "connected to a single node, not to a scheduler" in joined.text
