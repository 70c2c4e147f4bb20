"""Attachments: read from Discord's own hosts only; UTF-8 directly, everything else in a child process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.discord_io.file_kinds import DOCUMENTS, HEAD_BYTES, Kind, declared_kind, kind_of, kind_of_head
from bot.domain.conversation.attached_text import AttachedFiles, Doubt, as_attached_text
from bot.errors import AttachmentRejected
from bot.presentation.page import escape_inline
from bot.workers.documents import document_text
from bot.workers.subprocesses import Subprocesses, Worker
from bot.workers.text_encoding import Decoded, decoded_at_once, guessed_text

READ_TIMEOUT = 15.0
MOST_FILES = 10
CHARACTERS_PER_BYTE = 4
_REFUSED = {
    Kind.IMAGE: "error.attachment_image",
    Kind.BINARY: "error.attachment_not_text",
    Kind.LOCKED: "error.attachment_encrypted",
}
_NEVER = frozenset({Kind.IMAGE, Kind.BINARY})
_READ_BYTES = 65_536


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

    async def read_all(self, attachments: Sequence[discord.Attachment], *, user_id: int) -> AttachedFiles:
        """The texts of several attachments.

        A document is fetched only after this person's turn for child processes has come, so that waiting takes no
        memory. Raises :class:`AttachmentRejected` for the first one that cannot be read (a question without one of
        its attachments would be another question), :class:`WaitListFull`.
        """
        self.check_all(attachments)
        async with AsyncExitStack() as stack:
            turn = _Turn(self._subprocesses, user_id, stack)
            texts, doubts = [], []
            for attachment in attachments:
                decoded = await self._read(attachment, turn)
                shown = attachment.filename[:80]
                if decoded.encoding or decoded.replaced:
                    doubts.append(Doubt(escape_inline(shown), decoded.encoding, decoded.replaced))
                heading = f"{shown} (decoded from {decoded.encoding})" if decoded.encoding else shown
                texts.append(as_attached_text(heading, decoded.text))
            return AttachedFiles("\n\n".join(texts), tuple(doubts))

    def check_all(self, attachments: Sequence[discord.Attachment]) -> None:
        """Check several attachments as :meth:`check` does, and their number."""
        if len(attachments) > MOST_FILES:
            raise AttachmentRejected(key="error.attachments_many", limit=MOST_FILES)
        for attachment in attachments:
            self.check(attachment)

    def check(self, attachment: discord.Attachment) -> None:
        """Reject an attachment before it is fetched. Raises :class:`AttachmentRejected`: too large for what it may
        be, or not from an allowed host."""
        name = escape_inline(attachment.filename[:80])
        kind = declared_kind(attachment.filename, attachment.content_type)
        # Without a name or type that tells, a file may turn out to be a document.
        most = self._limits.document_bytes if kind in {None, *DOCUMENTS} else self._limits.text_bytes
        if attachment.size > most:
            raise _refused(kind, name) if kind in _NEVER else _too_large(name, attachment.size, most)
        url = urlsplit(attachment.url)
        if url.netloc not in self._hosts:
            raise AttachmentRejected(f"host {url.hostname}", key="error.attachment_foreign")

    async def _read(self, attachment: discord.Attachment, turn: _Turn) -> Decoded:
        """The attachment's text. Raises :class:`AttachmentRejected` when it is too slow, too long or no text."""
        filename, content_type = attachment.filename, attachment.content_type
        name = escape_inline(filename[:80])
        declared = declared_kind(filename, content_type)
        if declared in DOCUMENTS or attachment.size > self._limits.text_bytes:
            await turn.worker()
        data = await self._fetch(attachment.url, name, declared)
        is_shown = kind_of_head(data[:HEAD_BYTES]) is not None
        decoded = None if is_shown else decoded_at_once(data)
        kind = kind_of(data, filename, content_type, is_text=decoded is not None)
        if kind in _REFUSED:
            raise _refused(kind, name)
        if kind in DOCUMENTS:
            text = await document_text(
                await turn.worker(),
                "pdf" if kind is Kind.PDF else "docx",
                data,
                name=name,
                pages=self._limits.pages,
                characters=self._limits.text_bytes * CHARACTERS_PER_BYTE,
            )
            return Decoded(text)
        return decoded or await guessed_text(await turn.worker(), data, name=name)

    async def _fetch(self, url: str, name: str, declared: Kind | None) -> bytes:
        timeout = aiohttp.ClientTimeout(total=READ_TIMEOUT)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise AttachmentRejected(f"status {response.status}", name=name)
                data = bytearray()
                while part := await response.content.read(_READ_BYTES):
                    data += part
                    kind = kind_of_head(bytes(data[:HEAD_BYTES])) or declared
                    most = self._limits.document_bytes if kind in DOCUMENTS else self._limits.text_bytes
                    if len(data) > most:
                        raise _refused(kind, name) if kind in _NEVER else _too_large(name, len(data), most)
        except TimeoutError as error:
            raise AttachmentRejected(key="error.attachment_slow", name=name) from error
        except aiohttp.ClientError as error:
            raise AttachmentRejected(type(error).__name__, name=name) from error
        return bytes(data)


class _Turn:
    """A person's turn for child processes, which is waited for at the first use and held until the end."""

    def __init__(self, subprocesses: Subprocesses, user_id: int, stack: AsyncExitStack) -> None:
        self._subprocesses = subprocesses
        self._user_id = user_id
        self._stack = stack
        self._worker: Worker | None = None

    async def worker(self) -> Worker:
        """The right to run children. Raises :class:`WaitListFull`."""
        if self._worker is None:
            self._worker = await self._stack.enter_async_context(self._subprocesses.turn(self._user_id))
        return self._worker


def _refused(kind: Kind | None, name: str) -> AttachmentRejected:
    return AttachmentRejected(key=_REFUSED[kind] if kind else None, name=name)


def _too_large(name: str, size: int, most: int) -> AttachmentRejected:
    return AttachmentRejected(
        key="error.attachment_too_large", name=name, size=-(-size // 1000), limit=most // 1000
    )
