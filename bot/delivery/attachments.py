"""Text attachments, read from Discord's own hosts only."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp
import discord

from bot.conversation.material import as_material
from bot.errors import AttachmentRejected
from bot.rendering import escape_inline

READ_TIMEOUT = 15.0
_BINARY = frozenset({"image", "audio", "video", "font"})


class AttachmentReader:
    """Reads attachments as text, within limits."""

    def __init__(self, session: aiohttp.ClientSession, *, hosts: frozenset[str], max_bytes: int) -> None:
        """``hosts`` are the only ones fetched from (host, or host:port); ``max_bytes`` bounds one file."""
        self._session = session
        self._hosts = hosts
        self._max_bytes = max_bytes

    def check(self, attachment: discord.Attachment) -> None:
        """Refuse what need not even be fetched. Raises :class:`AttachmentRejected`: too large, not text, or
        from elsewhere."""
        name = escape_inline(attachment.filename[:80])
        if (attachment.content_type or "").split("/")[0] in _BINARY:
            raise AttachmentRejected(key="error.attachment_not_text", name=name)
        if attachment.size > self._max_bytes:
            raise self._too_large(name, attachment.size)
        url = urlsplit(attachment.url)
        if url.netloc not in self._hosts:
            raise AttachmentRejected(f"host {url.hostname}", key="error.attachment_foreign")

    async def read(self, attachment: discord.Attachment) -> str:
        """The attachment's text, framed for a prompt.

        Raises :class:`AttachmentRejected` as :meth:`check` does, and when it is too slow or no text after all.
        """
        self.check(attachment)
        name = escape_inline(attachment.filename[:80])
        return as_material(attachment.filename[:80], _decode(await self._fetch(attachment.url, name), name))

    async def _fetch(self, url: str, name: str) -> bytes:
        timeout = aiohttp.ClientTimeout(total=READ_TIMEOUT)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise AttachmentRejected(f"status {response.status}", name=name)
                # One byte more than allowed tells a file that is larger than it said.
                data = await response.content.read(self._max_bytes + 1)
                while len(data) <= self._max_bytes and (more := await response.content.read(65536)):
                    data += more
        except TimeoutError as error:
            raise AttachmentRejected(key="error.attachment_slow", name=name) from error
        except aiohttp.ClientError as error:
            raise AttachmentRejected(type(error).__name__, name=name) from error
        if len(data) > self._max_bytes:
            raise self._too_large(name, len(data))
        return data

    def _too_large(self, name: str, size: int) -> AttachmentRejected:
        return AttachmentRejected(
            key="error.attachment_too_large",
            name=name,
            size=-(-size // 1000),
            limit=self._max_bytes // 1000,
        )


def _decode(data: bytes, name: str) -> str:
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise AttachmentRejected("NUL bytes", key="error.attachment_not_text", name=name)
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise AttachmentRejected("not UTF-8", key="error.attachment_not_text", name=name) from error
