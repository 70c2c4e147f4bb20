"""What is fetched for a question, and what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.delivery.attachments import AttachmentLimits, AttachmentReader
from bot.errors import AttachmentRejected

LIMIT = 1000


@dataclass(eq=False)
class Cdn:
    """A server of files beside a scheduler that nobody outside may reach."""

    session: aiohttp.ClientSession
    base: str = ""
    scheduler: str = ""
    asked_of_the_scheduler: list[str] = field(default_factory=list)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send so many bytes as the path says, in pieces, without a word of how many come."""
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

    async def read(self, path: str, *, size: int) -> str:
        """What the bot reads of a file that was announced with ``size`` bytes."""
        host = self.base.removeprefix("http://")
        limits = AttachmentLimits(text_bytes=LIMIT, document_bytes=LIMIT, pages=1)
        reader = AttachmentReader(self.session, hosts=frozenset({host}), limits=limits)
        attached: Any = SimpleNamespace(
            filename="notes.txt", content_type="text/plain", size=size, url=f"{self.base}{path}"
        )
        return await reader.read(attached)


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
