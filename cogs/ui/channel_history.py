"""Reading what people wrote in a channel, newest first, as little of it as a summary needs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import discord

from bot.discord_io.calls import translated
from bot.discord_io.history import PAGE, HistoryReader
from bot.domain.channel_summary.messages import (
    MOST_MESSAGES,
    MOST_OF_A_MESSAGE,
    MOST_TEXT,
    ReadMessage,
    first_id_at,
)
from bot.domain.channel_summary.since import Since, SinceMessage, SinceTime
from bot.errors import AccessLost, DeliveryError, UserError
from cogs.ui.message_text import Viewer, files_of, text_in

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(slots=True)
class History:
    """What was read of a channel. ``messages`` from old to new, so that the first begins it; ``was_cut``: there
    are earlier ones; ``visit`` is the person's last message, None when it was not looked for or not found."""

    messages: list[ReadMessage]
    was_cut: bool = False
    visit: int | None = None


def require_readable(channel: object, viewer: Viewer) -> Readable:
    """The channel, when both the person and the bot may read its messages. Raises :class:`UserError`.

    A thread has the rights of its channel; a private one is for its members and for who manages threads
    (docs, topics/threads, "Private Threads").
    """
    if not isinstance(channel, Readable) or not isinstance(viewer, discord.Member):
        raise UserError("not a channel of a server", key="error.summary_server")
    for member, key in ((viewer, "error.summary_unseen"), (channel.guild.me, "error.summary_bot_unseen")):
        rights = channel.permissions_for(member)
        if not (rights.view_channel and rights.read_message_history):
            raise UserError("may not read there", key=key)
    return channel


async def require_member(channel: Readable, viewer: Viewer) -> None:
    """Raise :class:`UserError` when the person may not see a private thread. Asks Discord whether they are a
    member of it. Raises :class:`DeliveryError`."""
    if not isinstance(channel, discord.Thread) or not channel.is_private():
        return
    if isinstance(viewer, discord.Member) and channel.permissions_for(viewer).manage_threads:
        return
    try:
        with translated():
            await channel.fetch_member(viewer.id)
    except DeliveryError as error:
        if isinstance(error.__cause__, discord.NotFound):
            raise UserError("not in the thread", key="error.summary_unseen") from error
        raise


async def read_history(reader: HistoryReader, channel: Readable, since: Since, viewer: discord.Member) -> History:
    """Read the channel back to ``since``, at most :data:`MOST_MESSAGES` messages and :data:`MOST_TEXT` characters.
    Raises :class:`UserError` when there is nothing, or Discord hides it; :class:`DeliveryError`."""
    reading = _Reading(_first(since), viewer, looks_for_visit=not isinstance(since, SinceMessage | SinceTime))
    before: int | None = None
    while not reading.is_done:
        try:
            # Forgotten as soon as the words are taken: what Discord tells of a message is large.
            page = await reader.page(channel, before)
        except AccessLost as error:
            raise UserError("may not read there", key="error.summary_bot_unseen") from error
        for message in page:
            reading.take(message)
            if reading.is_done:
                break
        if len(page) < PAGE:
            break
        before = page[-1].id
    if not reading.found:
        key = "error.summary_hidden" if reading.hidden else "error.summary_nothing"
        raise UserError("nothing was read", key=key)
    reading.found.reverse()
    return History(reading.found, reading.was_cut, reading.visit)


class _Reading:
    """What was read so far, newest first."""

    def __init__(self, first: int, viewer: discord.Member, *, looks_for_visit: bool) -> None:
        self.found: list[ReadMessage] = []
        self.hidden = 0
        self.was_cut = False
        self.visit: int | None = None
        self._is_done = False
        self._first = first
        self._viewer = viewer
        self._looks_for_visit = looks_for_visit
        self._characters = self._seen = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing more is wanted."""
        return self._is_done

    def take(self, message: discord.Message) -> None:
        """Take the next older message."""
        if message.id < self._first:
            self._is_done = True
            return
        if self._looks_for_visit and message.author.id == self._viewer.id:
            self.visit, self._is_done = message.id, True
            return
        if self._seen >= MOST_MESSAGES or self._characters >= MOST_TEXT:
            self.was_cut = self._is_done = True
            return
        self._seen += 1
        if message.is_system():
            return
        text = _said(message, self._viewer)
        if not text:
            self.hidden += not message.author.bot and not message.stickers
            return
        self._characters += len(text)
        self.found.append(ReadMessage(message.id, message.author.display_name, text))


def _said(message: discord.Message, viewer: discord.Member) -> str:
    """The beginning of what a message says, with the names of its files. Of the bot's own messages the small text
    and the cards are left out: they tell of the bot and not of the conversation."""
    me = message.guild.me.id if message.guild is not None else 0
    if message.author.id == me:
        texts = [one.content for one in message.components if isinstance(one, discord.TextDisplay)]
        lines = [line for text in texts for line in text.splitlines() if not line.startswith("-# ")]
        return "\n".join(lines)[:MOST_OF_A_MESSAGE].strip()
    text = text_in(message, viewer)
    names = " ".join(f"({file.filename})" for file in islice(files_of(message), 5))
    cut = text if len(text) <= MOST_OF_A_MESSAGE else f"{text[: MOST_OF_A_MESSAGE - 1]}…"
    return f"{cut} {names}".strip()[:MOST_OF_A_MESSAGE]


def _first(since: Since) -> int:
    match since:
        case SinceMessage():
            return since.message
        case SinceTime():
            return first_id_at(since.moment)
        case _:
            return 0
