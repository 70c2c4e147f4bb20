"""Reading what people wrote in a channel, newest first, as little of it as a summary needs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import discord

from bot.discord_io.calls import translated
from bot.discord_io.history import PAGE, HistoryReader
from bot.discord_io.message_text import Viewer, files_of, text_in
from bot.domain.channel_summary.messages import (
    MOST_MESSAGES,
    MOST_OF_A_MESSAGE,
    MOST_TEXT,
    ReadMessage,
    first_id_at,
)
from bot.domain.channel_summary.since import Since, SinceMessage, SinceTime
from bot.domain.schedules.schedule import MARK
from bot.errors import AccessLost, DeliveryError, NothingSaid, UserError

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


async def read_history(
    reader: HistoryReader,
    channel: Readable,
    since: Since,
    viewer: discord.Member,
    *,
    run_at: float | None = None,
) -> History:
    """Read the channel back to ``since``, at most :data:`MOST_MESSAGES` messages and :data:`MOST_TEXT` characters.
    For the run of a schedule (``run_at``, epoch seconds), what was written before it, without the answers of
    schedules; what the bot alone has said is nothing then.

    Raises :class:`NothingSaid`; :class:`UserError` when Discord hides everything; :class:`DeliveryError`."""
    looks_for_visit = not isinstance(since, SinceMessage | SinceTime)
    reading = _Reading(_first(since), viewer, looks_for_visit=looks_for_visit, for_run=run_at is not None)
    before = None if run_at is None else first_id_at(run_at)
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
    if not reading.found and reading.hidden and run_at is None:
        raise UserError("nothing was read", key="error.summary_hidden")
    if not reading.found or (run_at is not None and not reading.by_people):
        raise NothingSaid
    reading.found.reverse()
    return History(reading.found, reading.was_cut, reading.visit)


class _Reading:
    """What was read so far, newest first."""

    def __init__(self, first: int, viewer: discord.Member, *, looks_for_visit: bool, for_run: bool) -> None:
        self.found: list[ReadMessage] = []
        self.hidden = 0
        self.by_people = 0
        self.was_cut = False
        self.visit: int | None = None
        self._is_done = False
        self._first = first
        self._viewer = viewer
        self._looks_for_visit = looks_for_visit
        self._for_run = for_run
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
        own = message.author.id == _me(message)
        if message.is_system() or (own and self._for_run and _is_of_schedule(message)):
            return
        text = _said(message, self._viewer)
        if not text:
            self.hidden += not message.author.bot and not message.stickers
            return
        self._characters += len(text)
        self.by_people += not own
        self.found.append(ReadMessage(message.id, message.author.display_name, text))


def _me(message: discord.Message) -> int:
    return message.guild.me.id if message.guild is not None else 0


def _shown(message: discord.Message) -> list[str]:
    return [one.content for one in message.components if isinstance(one, discord.TextDisplay)]


def _is_of_schedule(message: discord.Message) -> bool:
    """Whether a message of the bot begins with the line that names a schedule."""
    return any(text.startswith(f"-# {MARK}") for text in _shown(message)[:1])


def _said(message: discord.Message, viewer: discord.Member) -> str:
    """The beginning of what a message says, with the names of its files. Of the bot's own messages the small text
    and the cards are left out: they tell of the bot and not of the conversation."""
    if message.author.id == _me(message):
        lines = [line for text in _shown(message) for line in text.splitlines() if not line.startswith("-# ")]
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
