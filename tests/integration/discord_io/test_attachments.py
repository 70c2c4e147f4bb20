"""Which files are fetched for a question, from where, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.discord_io import attachments
from bot.discord_io.attachments import AttachmentLimits, AttachmentReader
from bot.errors import AttachmentRejected
from bot.workers.fair_semaphore import FairSemaphore
from bot.workers.subprocesses import Subprocesses

LIMIT = 1000
TYPES = {"png": "image/png", "mp3": "audio/mpeg"}


@dataclass(eq=False)
class Cdn:
    """A server of files, and a scheduler that files must not be read from."""

    session: aiohttp.ClientSession
    folder: Path
    base: str = ""
    scheduler: str = ""
    turns: FairSemaphore = field(default_factory=lambda: FairSemaphore(1))
    sent: list[str] = field(default_factory=list)
    asked_of_the_scheduler: list[str] = field(default_factory=list)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send as many bytes as the path says, in pieces and without Content-Length."""
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

    async def broken(self, request: web.Request) -> web.StreamResponse:
        """Break the connection in the middle of a file."""
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b"x" * 100)
        assert request.transport is not None
        request.transport.abort()
        return response

    async def silent(self, request: web.Request) -> web.StreamResponse:
        """Send nothing until the reader has gone."""
        await asyncio.Event().wait()
        raise web.HTTPNoContent

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Redirect to the scheduler."""
        raise web.HTTPFound(f"{self.scheduler}/model/list")

    async def model_list(self, request: web.Request) -> web.Response:
        """Record a request that must not be made."""
        self.asked_of_the_scheduler.append(request.path)
        return web.Response(text="models")

    async def read(self, path: str, *, size: int, name: str = "notes.txt", times: int = 1) -> str:
        """Read a file that was announced with ``size`` bytes, so many ``times`` at once."""
        host = self.base.removeprefix("http://")
        limits = AttachmentLimits(text_bytes=LIMIT, document_bytes=LIMIT, pages=1)
        subprocesses = Subprocesses(self.turns, self.folder)
        reader = AttachmentReader(self.session, subprocesses, hosts=frozenset({host}), limits=limits)
        attached: Any = SimpleNamespace(
            filename=name,
            content_type=TYPES.get(name.rpartition(".")[2], "text/plain"),
            size=size,
            url=f"{self.base}{path}",
        )
        return (await reader.read_all([attached] * times, user_id=7)).text


@pytest.fixture
async def cdn(tmp_path: Path) -> AsyncIterator[Cdn]:
    """Both servers, on ports of their own."""
    async with aiohttp.ClientSession() as session:
        cdn = Cdn(session, tmp_path)
        files, scheduler = web.Application(), web.Application()
        files.router.add_get("/file/{size}", cdn.file)
        files.router.add_get("/elsewhere", cdn.elsewhere)
        files.router.add_get("/broken", cdn.broken)
        files.router.add_get("/silent", cdn.silent)
        scheduler.router.add_get("/model/list", cdn.model_list)
        runners = [web.AppRunner(files, handler_cancellation=True), web.AppRunner(scheduler)]
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
    """Up to the last byte of the limit."""
    assert "x" * LIMIT in await cdn.read(f"/file/{LIMIT}", size=LIMIT)


async def test_a_redirect_is_not_followed(cdn: Cdn) -> None:
    """A redirect could lead from Discord's host into the bot's own network."""
    with pytest.raises(AttachmentRejected, match="302"):
        await cdn.read("/elsewhere", size=10)
    assert cdn.asked_of_the_scheduler == []


@pytest.mark.parametrize("size", [LIMIT + 1, 100 * LIMIT])
async def test_a_file_larger_than_it_said_is_refused(cdn: Cdn, size: int) -> None:
    """The bytes that arrive count, and no more than the limit is kept."""
    with pytest.raises(AttachmentRejected) as refused:
        await cdn.read(f"/file/{size}", size=10)
    assert refused.value.key == "error.attachment_too_large"
    assert refused.value.params["limit"] == LIMIT // 1000


async def test_a_document_is_fetched_when_its_turn_comes(cdn: Cdn) -> None:
    """A document that waits takes no memory; a text file waits for nobody."""
    async with cdn.turns.passing(8):
        reading = asyncio.create_task(cdn.read("/file/500", size=500, name="paper.pdf"))
        assert "x" * 20 in await cdn.read("/file/20", size=20)
        assert cdn.sent == ["/file/20"]
    assert "x" * 500 in await reading
    assert cdn.sent == ["/file/20", "/file/500"]


async def test_a_file_that_breaks_off_is_refused(cdn: Cdn) -> None:
    """Half a file would be another question."""
    with pytest.raises(AttachmentRejected) as refused:
        await cdn.read("/broken", size=500)
    assert refused.value.params["name"] == "notes.txt"


async def test_a_file_that_does_not_come_in_time_is_refused(cdn: Cdn, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence of its own: the same file may be read a minute later."""
    monkeypatch.setattr(attachments, "READ_TIMEOUT", 0.05)
    with pytest.raises(AttachmentRejected) as refused:
        await cdn.read("/silent", size=10)
    assert refused.value.key == "error.attachment_slow"


async def test_a_file_of_another_host_is_not_fetched(cdn: Cdn) -> None:
    """A link to the bot's own network would otherwise be called from inside of it."""
    address = cdn.base
    for path in ("@evil.example/file/10", ".evil.example/file/10", "0/file/10"):
        with pytest.raises(AttachmentRejected) as refused:
            await cdn.read(path, size=10)
        assert refused.value.key == "error.attachment_foreign"
    assert (cdn.base, cdn.sent) == (address, [])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("photo.png", "error.attachment_image"),
        ("music.mp3", "error.attachment_not_text"),
        ("notes.txt", "error.attachment_too_large"),
        ("paper.pdf", "error.attachment_too_large"),
    ],
)
async def test_a_large_file_is_refused_for_what_it_is(cdn: Cdn, name: str, key: str) -> None:
    """A smaller picture would not help: nothing is fetched, and the sentence names the true reason."""
    with pytest.raises(AttachmentRejected) as refused:
        await cdn.read("/file/5000", size=5 * LIMIT, name=name)
    assert (refused.value.key, cdn.sent) == (key, [])


async def test_more_files_than_can_be_read_are_refused(cdn: Cdn) -> None:
    """Before any is fetched."""
    with pytest.raises(AttachmentRejected) as refused:
        await cdn.read("/file/10", size=10, times=attachments.MOST_FILES + 1)
    assert (refused.value.key, cdn.sent) == ("error.attachments_many", [])
