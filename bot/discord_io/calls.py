"""What all calls to Discord share: they ping nobody, and their failures become :class:`DeliveryError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord

from bot.errors import AccessLost, DeliveryError, MessageGone, TokenExpired

NOBODY = discord.AllowedMentions.none()

# Discord docs, topics/opcodes-and-status-codes, "JSON error codes".
_GONE = frozenset({10003, 10008})
_EXPIRED = frozenset({10015, 10062, 50027})
_LOST = frozenset({50001, 50007, 50013, 50083, 160005})


@contextmanager
def translated() -> Iterator[None]:
    """Raise the failure of a call, refused by Discord or lost on the way, as :class:`DeliveryError`."""
    try:
        yield
    except discord.HTTPException as error:
        raise _refusal(error) from error
    except (discord.ConnectionClosed, aiohttp.ClientError, OSError) as error:
        raise DeliveryError(f"no answer from Discord: {type(error).__name__}") from error


def _refusal(error: discord.HTTPException) -> DeliveryError:
    if error.code in _GONE:
        return MessageGone(str(error.code))
    if error.code in _EXPIRED or error.status == 401:
        return TokenExpired(str(error.code))
    if error.code in _LOST or error.status == 403:
        return AccessLost(str(error.code))
    return DeliveryError(f"{error.status} {error.code}")
