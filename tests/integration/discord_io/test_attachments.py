"""What is fetched for a question, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.discord_io.attachments import AttachmentLimits, AttachmentReader
from bot.errors import AttachmentRejected

LIMIT = 1000


@dataclass(eq=False)
class Turns:
    """Documents that are read when their turn comes."""

    waiting: list[int] = field(default_factory=list)
    read: list[tuple[str, int]] = field(default_factory=list)
    come: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[Turns]:
        """Wait until it has come."""
        self.waiting.append(user_id)
        await self.come.wait()
        yield self

    async def text(self, kind: str, data: bytes, *, name: str, pages: int, characters: int) -> str:
        """As many letters as bytes."""
        self.read.append((kind, len(data)))
        return f"{len(data)} bytes of {name}"


@dataclass(eq=False)
class Cdn:
    """A server of files beside a scheduler that nobody outside may reach."""

    session: aiohttp.ClientSession
    base: str = ""
    scheduler: str = ""
    documents: Turns = field(default_factory=Turns)
    sent: list[str] = field(default_factory=list)
    asked_of_the_scheduler: list[str] = field(default_factory=list)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send so many bytes as the path says, in pieces, without a word of how many come."""
        self.sent.append(request.path)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        left = int(request.match_info["size"])
        while left > 0:
            await response.write(b"x" * min(left, 300))
            left -= 300
        await response.write_eof()
        return response

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Send the reader to the scheduler."""
        raise web.HTTPFound(f"{self.scheduler}/model/list")

    async def model_list(self, request: web.Request) -> web.Response:
        """What must not be read."""
        self.asked_of_the_scheduler.append(request.path)
        return web.Response(text="models")

    async def read(self, path: str, *, size: int, name: str = "notes.txt") -> str:
        """What the bot reads of a file that was announced with ``size`` bytes."""
        host = self.base.removeprefix("http://")
        limits = AttachmentLimits(text_bytes=LIMIT, document_bytes=LIMIT, pages=1)
        reader = AttachmentReader(self.session, self.documents, hosts=frozenset({host}), limits=limits)
        attached: Any = SimpleNamespace(
            filename=name, content_type="text/plain", size=size, url=f"{self.base}{path}"
        )
        return await reader.read_all([attached], user_id=7)


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    """Both servers, on ports of their own."""
    async with aiohttp.ClientSession() as session:
        cdn = Cdn(session)
        files, scheduler = web.Application(), web.Application()
        files.router.add_get("/file/{size}", cdn.file)
        files.router.add_get("/elsewhere", cdn.elsewhere)
        scheduler.router.add_get("/model/list", cdn.model_list)
        runners = [web.AppRunner(files), web.AppRunner(scheduler)]
        urls = []
        for runner in runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        cdn.base, cdn.scheduler = urls
        yield cdn
        for runner in runners:
            await runner.cleanup()


async def test_a_file_of_the_announced_size_is_read(cdn: Cdn) -> None:
    """To the limit's last byte."""
    assert "x" * LIMIT in await cdn.read(f"/file/{LIMIT}", size=LIMIT)


async def test_a_redirect_is_not_followed(cdn: Cdn) -> None:
    """From Discord's host the way would lead into the bot's own network."""
    with pytest.raises(AttachmentRejected, match="302"):
        await cdn.read("/elsewhere", size=10)
    assert cdn.asked_of_the_scheduler == []


@pytest.mark.parametrize("size", [LIMIT + 1, 100 * LIMIT])
async def test_a_file_larger_than_it_said_is_refused(cdn: Cdn, size: int) -> None:
    """What counts is what arrives; no more than the limit is kept of it."""
    with pytest.raises(AttachmentRejected) as refused:
        await cdn.read(f"/file/{size}", size=10)
    assert refused.value.key == "error.attachment_too_large"
    assert refused.value.params["limit"] == LIMIT // 1000


async def test_a_document_is_fetched_when_its_turn_comes(cdn: Cdn) -> None:
    """What waits takes no memory; a text file waits for nobody."""
    reading = asyncio.create_task(cdn.read("/file/500", size=500, name="paper.pdf"))
    assert "x" * 20 in await cdn.read("/file/20", size=20)
    assert (cdn.documents.waiting, cdn.sent) == ([7], ["/file/20"])
    cdn.documents.come.set()
    assert "500 bytes of paper.pdf" in await reading
    assert cdn.documents.read == [("pdf", 500)]
