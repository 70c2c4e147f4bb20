"""What Discord has of an answer: the message that its token names, and those that its marks tell; and the sending
of a page anew when its message takes no edit any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.discord_io.delivery.routes import MessageRoutes, RouteKind
from bot.discord_io.delivery.search import Found
from bot.errors import AccessLost, DeliveryError, MessageGone
from bot.presentation.page import Page

log = structlog.get_logger(__name__)

SENDING_ATTEMPTS = 4
FIRST_PAUSE = 1.0
"""Seconds after the first attempt at sending a page anew; each later pause is twice as long."""


@dataclass(frozen=True, slots=True)
class Survey:
    """``original`` is the message of the token, None when it is not known or none of the answer's; ``found`` are
    those in the channel."""

    original: int | None
    found: Sequence[Found]


async def survey(destination: MessageRoutes, request_id: str, *, first_unknown: bool) -> Survey:
    """Look for the answer's messages. ``first_unknown``: its first message exists, and its id is not known.

    Raises :class:`MessageGone` when that message was deleted, :class:`DeliveryError` when Discord does not tell.
    """
    original, gone = None, None
    try:
        original = await destination.original()
    except MessageGone as error:
        # The first message may have been sent in another way, and the token's own one removed.
        destination.drop_token()
        gone = error
    try:
        found = await destination.find()
    except AccessLost as error:
        # Reading the history needs a permission of its own; without it the search is not possible.
        log.info("delivery.not_searched", request_id=request_id, detail=str(error))
        found = ()
    if gone is not None and first_unknown and not found:
        raise gone
    return Survey(original, found)


async def sent_anew(destination: MessageRoutes, page: Page, index: int, clock: Clock) -> int:
    """Send page ``index`` as a new message through the channel's route; returns its id. Raises the
    :class:`DeliveryError` of the last attempt."""
    bucket = destination.shared_bucket(RouteKind.CHANNEL).bucket
    attempt = 0
    while True:
        while (at := bucket.next_final(now := clock.monotonic())) > now:
            await clock.sleep(at - now)
        bucket.sent(now)
        try:
            return await destination.send(RouteKind.CHANNEL, page, index, anew=True)
        except (MessageGone, AccessLost):
            raise
        except DeliveryError:
            attempt += 1
            if attempt == SENDING_ATTEMPTS:
                raise
            await clock.sleep(FIRST_PAUSE * 2.0 ** (attempt - 1))
