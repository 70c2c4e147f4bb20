"""Attachments: read from Discord's own hosts only; text directly, PDF and DOCX in a child process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.domain.conversation.attached_text import as_attached_text
from bot.errors import AttachmentRejected
from bot.presentation.page import escape_inline
from bot.workers.documents import document_text
from bot.workers.subprocesses import Subprocesses, Worker

READ_TIMEOUT = 15.0
MOST_FILES = 10
CHARACTERS_PER_BYTE = 4
_BINARY = frozenset({"audio", "video", "font"})
_DOCUMENTS = {".pdf": "pdf", ".docx": "docx"}


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """Limits of what is read: bytes of one text file and of one document, pages of a document."""

    text_bytes: int
    document_bytes: int
    pages: int


class AttachmentReader:
    """Reads attachments as text, within limits."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        subprocesses: Subprocesses,
        *,
        hosts: frozenset[str],
        limits: AttachmentLimits,
    ) -> None:
        """``hosts`` (host, or host:port) are the only ones that files are fetched from."""
        self._session = session
        self._subprocesses = subprocesses
        self._hosts = hosts
        self._limits = limits

    async def read_all(self, attachments: Sequence[discord.Attachment], *, user_id: int) -> str:
        """The texts of several, one below the other; empty for none.

        With documents among them, it first waits for this person's turn and fetches only then, so that waiting
        takes no memory. Raises :class:`AttachmentRejected` for the first one that cannot be read (a question
        without one of its attachments would be another question), :class:`WaitListFull`.
        """
        self.check_all(attachments)
        if not any(map(_document, attachments)):
            return "\n\n".join([await self._read(attachment, None) for attachment in attachments])
        async with self._subprocesses.turn(user_id) as worker:
            return "\n\n".join([await self._read(attachment, worker) for attachment in attachments])

    def check_all(self, attachments: Sequence[discord.Attachment]) -> None:
        """Check several attachments as :meth:`check` does, and their number."""
        if len(attachments) > MOST_FILES:
            raise AttachmentRejected(key="error.attachments_many", limit=MOST_FILES)
        for attachment in attachments:
            self.check(attachment)

    def check(self, attachment: discord.Attachment) -> None:
        """Reject an attachment before it is fetched. Raises :class:`AttachmentRejected`: too large, not text, or
        not from an allowed host."""
        name = escape_inline(attachment.filename[:80])
        kind = (attachment.content_type or "").split("/")[0]
        if kind == "image":
            raise AttachmentRejected(key="error.attachment_image", name=name)
        if kind in _BINARY:
            raise AttachmentRejected(key="error.attachment_not_text", name=name)
        most = self._most(attachment)
        if attachment.size > most:
            raise _too_large(name, attachment.size, most)
        url = urlsplit(attachment.url)
        if url.netloc not in self._hosts:
            raise AttachmentRejected(f"host {url.hostname}", key="error.attachment_foreign")

    async def _read(self, attachment: discord.Attachment, worker: Worker | None) -> str:
        """The attachment's text, framed for a prompt. Raises :class:`AttachmentRejected` when it is too slow, too
        long or no text after all."""
        name = escape_inline(attachment.filename[:80])
        kind = _document(attachment)
        data = await self._fetch(attachment.url, name, self._most(attachment))
        if kind is None or worker is None:
            return as_attached_text(attachment.filename[:80], _decode(data, name))
        characters = self._limits.text_bytes * CHARACTERS_PER_BYTE
        text = await document_text(worker, kind, data, name=name, pages=self._limits.pages, characters=characters)
        return as_attached_text(attachment.filename[:80], text)

    def _most(self, attachment: discord.Attachment) -> int:
        return self._limits.document_bytes if _document(attachment) else self._limits.text_bytes

    async def _fetch(self, url: str, name: str, most: int) -> bytes:
        timeout = aiohttp.ClientTimeout(total=READ_TIMEOUT)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise AttachmentRejected(f"status {response.status}", name=name)
                # One byte more than allowed shows that a file is larger than it claims.
                data = bytearray(await response.content.read(most + 1))
                while len(data) <= most and (more := await response.content.read(65536)):
                    data += more
        except TimeoutError as error:
            raise AttachmentRejected(key="error.attachment_slow", name=name) from error
        except aiohttp.ClientError as error:
            raise AttachmentRejected(type(error).__name__, name=name) from error
        if len(data) > most:
            raise _too_large(name, len(data), most)
        return bytes(data)


def _document(attachment: discord.Attachment) -> str | None:
    return _DOCUMENTS.get(PurePath(attachment.filename).suffix.lower())


def _too_large(name: str, size: int, most: int) -> AttachmentRejected:
    return AttachmentRejected(
        key="error.attachment_too_large", name=name, size=-(-size // 1000), limit=most // 1000
    )


def _decode(data: bytes, name: str) -> str:
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise AttachmentRejected("NUL bytes", key="error.attachment_not_text", name=name)
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise AttachmentRejected("not UTF-8", key="error.attachment_not_text", name=name) from error
