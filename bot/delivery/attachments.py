"""Attachments, read from Discord's own hosts only: text as it is, PDF and DOCX in a child process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.conversation.material import as_material
from bot.delivery import documents
from bot.delivery.children import ChildFailed, run_child
from bot.errors import AttachmentRejected
from bot.rendering import escape_inline

READ_TIMEOUT = 15.0
CONVERSION_SECONDS = 30.0
MOST_FILES = 10
CHARACTERS_PER_BYTE = 4
_BINARY = frozenset({"audio", "video", "font"})
_DOCUMENTS = {".pdf": "pdf", ".docx": "docx"}
_DOCUMENT_KEYS = {
    None: "error.attachment_slow_reading",
    documents.TOO_LONG: "error.attachment_too_long",
    documents.NO_TEXT: "error.attachment_no_text",
    documents.ENCRYPTED: "error.attachment_encrypted",
}


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """The most that is read: bytes of one text file and of one document, pages of a document."""

    text_bytes: int
    document_bytes: int
    pages: int


class AttachmentReader:
    """Reads attachments as text, within limits."""

    def __init__(self, session: aiohttp.ClientSession, *, hosts: frozenset[str], limits: AttachmentLimits) -> None:
        """``hosts`` are the only ones fetched from (host, or host:port)."""
        self._session = session
        self._hosts = hosts
        self._limits = limits

    async def read_all(self, attachments: Sequence[discord.Attachment]) -> str:
        """The texts of several, one below the other; empty for none.

        Raises :class:`AttachmentRejected` for the first one that cannot be read: a question without a part of
        its material would be another question.
        """
        self.check_all(attachments)
        return "\n\n".join([await self.read(attachment) for attachment in attachments])

    def check_all(self, attachments: Sequence[discord.Attachment]) -> None:
        """:meth:`check` for several, and for how many they are."""
        if len(attachments) > MOST_FILES:
            raise AttachmentRejected(key="error.attachments_many", limit=MOST_FILES)
        for attachment in attachments:
            self.check(attachment)

    def check(self, attachment: discord.Attachment) -> None:
        """Refuse what need not even be fetched. Raises :class:`AttachmentRejected`: too large, not text, or
        from elsewhere."""
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

    async def read(self, attachment: discord.Attachment) -> str:
        """The attachment's text, framed for a prompt.

        Raises :class:`AttachmentRejected` as :meth:`check` does, and when it is too slow, too long or no text
        after all.
        """
        self.check(attachment)
        name = escape_inline(attachment.filename[:80])
        document = _document(attachment)
        data = await self._fetch(attachment.url, name, self._most(attachment))
        text = await self._converted(document, data, name) if document else _decode(data, name)
        return as_material(attachment.filename[:80], text)

    def _most(self, attachment: discord.Attachment) -> int:
        return self._limits.document_bytes if _document(attachment) else self._limits.text_bytes

    async def _converted(self, kind: str, data: bytes, name: str) -> str:
        characters = self._limits.text_bytes * CHARACTERS_PER_BYTE
        try:
            text = await run_child(
                "bot.delivery.documents",
                kind,
                str(self._limits.pages),
                str(characters),
                data=data,
                seconds=CONVERSION_SECONDS,
            )
        except ChildFailed as error:
            key = _DOCUMENT_KEYS.get(error.status, "error.attachment_unreadable")
            raise AttachmentRejected(str(error), key=key, name=name, pages=self._limits.pages) from error
        return text.decode()

    async def _fetch(self, url: str, name: str, most: int) -> bytes:
        timeout = aiohttp.ClientTimeout(total=READ_TIMEOUT)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise AttachmentRejected(f"status {response.status}", name=name)
                # One byte more than allowed tells a file that is larger than it said.
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
