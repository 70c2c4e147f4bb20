"""Finding the messages of an answer in a channel, by the mark of each page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import discord

from bot.clock import utc
from bot.discord_io.components import page_mark

SEARCHED = 500
"""Messages that are looked at from one moment on, in calls of 100."""
MARKED_PAGES = 20
CLOCKS_DIFFER = 900.0
"""Seconds: the bot's clock may be ahead of Discord's by so much, and a message is still found."""


class Found(NamedTuple):
    """A message that shows page ``page`` (from 0) of an answer."""

    page: int
    message_id: int


async def marked_pages(
    client: discord.Client, channel: discord.abc.Messageable, request_id: str, *, since: float | None = None
) -> Sequence[Found]:
    """All messages in ``channel`` that show a page of this answer, by page, the older one of a page first.

    Looks at the messages from ``since`` (epoch seconds) on, and when they are more than :data:`SEARCHED`, at the
    first and at the newest of them; ``since`` None: at the newest ones. Raises :class:`discord.HTTPException`.
    """
    marks = {page_mark(request_id, page): page for page in range(MARKED_PAGES)}
    found = {
        Found(page, message.id)
        async for message in _looked_at(channel, since)
        if message.author == client.user and (page := _marked(message, marks)) is not None
    }
    return sorted(found)


async def _looked_at(channel: discord.abc.Messageable, since: float | None) -> AsyncIterator[discord.Message]:
    if since is not None:
        seen = 0
        moment = max(discord.utils.DISCORD_EPOCH / 1000, since - CLOCKS_DIFFER)
        after = discord.Object(discord.utils.time_snowflake(utc(moment)))
        async for message in channel.history(limit=SEARCHED, after=after):
            seen += 1
            yield message
        if seen < SEARCHED:
            return
    async for message in channel.history(limit=SEARCHED):
        yield message


def _marked(message: discord.Message, marks: dict[int, int]) -> int | None:
    for component in message.components:
        if isinstance(component, discord.TextDisplay) and component.id in marks:
            return marks[component.id]
    return None


def places(ids: Sequence[int | None], found: Sequence[Found]) -> Sequence[Found]:
    """Where the messages that were found belong among the known ones, ``ids``, in the order to put them there.

    A page without a message, or whose message's id is not known, gets the oldest one found of it. Any other
    message comes behind the last page: it is one too many, and removed in the end. Pure.
    """
    known = list(ids)
    placed: list[Found] = []
    left: list[int] = []
    for page, message_id in sorted(found):
        if message_id in known:
            continue
        if page == len(known):
            known.append(None)
        if page < len(known) and known[page] is None:
            known[page] = message_id
            placed.append(Found(page, message_id))
        else:
            left.append(message_id)
    return [*placed, *(Found(len(known) + at, message_id) for at, message_id in enumerate(left))]
