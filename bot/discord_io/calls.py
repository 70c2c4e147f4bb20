"""What all calls to Discord share: they ping nobody, and their failures become :class:`DeliveryError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import discord

from bot.errors import AccessLost, DeliveryError, MessageGone, TokenExpired

NOBODY = discord.AllowedMentions.none()

# Discord docs, topics/opcodes-and-status-codes, "JSON error codes".
_NO_HISTORY = 160002
_INVALID_FORM = 50035
_GONE = frozenset({10003, 10008})
_EXPIRED = frozenset({10015, 10062, 50027})
_LOST = frozenset({50001, 50007, 50013, 50083, 160005})


async def send_reply(
    channel: discord.abc.Messageable,
    reference: discord.MessageReference | None,
    *,
    allowed_mentions: discord.AllowedMentions = NOBODY,
    **content: Any,  # noqa: ANN401  # what Messageable.send takes
) -> discord.Message:
    """Send a message as a reply, or without the reply where Discord refuses that. Pings nobody unless
    ``allowed_mentions`` says so. Raises what ``Messageable.send`` does."""
    if reference is not None:
        try:
            return await channel.send(
                reference=reference, mention_author=False, allowed_mentions=allowed_mentions, **content
            )
        except discord.HTTPException as error:
            if error.code != _NO_HISTORY and not _lacks_target(error):
                raise
    return await channel.send(allowed_mentions=allowed_mentions, **content)


def _lacks_target(error: discord.HTTPException) -> bool:
    """Whether the message that was replied to is gone."""
    return error.code == _INVALID_FORM and "message_reference" in error.text


@contextmanager
def translated() -> Iterator[None]:
    """Raise the failure of a call, refused by Discord or lost on the way, as :class:`DeliveryError`."""
    try:
        yield
    except discord.HTTPException as error:
        raise _refusal(error) from error
    except (discord.ConnectionClosed, aiohttp.ClientError, OSError) as error:
        raise unreached(error) from error


def unreached(error: Exception) -> DeliveryError:
    """The failure of a call whose connection broke: it is not known whether Discord did it."""
    return DeliveryError(f"no answer from Discord: {type(error).__name__}", key="error.connection_lost")


def got_lost(error: BaseException) -> bool:
    """Whether a call failed on its way: no answer, 429 or 5xx. Neither the call nor who made it is at fault."""
    if isinstance(error, discord.HTTPException):
        return error.status == 429 or error.status >= 500
    return isinstance(error, discord.ConnectionClosed | aiohttp.ClientError | OSError)


def _refusal(error: discord.HTTPException) -> DeliveryError:
    if error.code in _GONE:
        return MessageGone(str(error.code))
    if error.code in _EXPIRED or error.status == 401:
        return TokenExpired(str(error.code))
    if error.code in _LOST or error.status == 403:
        return AccessLost(str(error.code))
    return DeliveryError(f"{error.status} {error.code}")
