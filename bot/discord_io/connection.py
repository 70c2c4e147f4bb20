"""The connection to Discord: how it is made, and what ends it for good."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import discord
from aiohttp import AddrInfoType

from bot.discord_io.client import ParallaxBot
from bot.errors import BotError, ConfigError

POOLED_SECONDS = 5.0
"""How long an unused connection is kept for the next request. A router may forget an idle connection without
notice, and a request on a dead one waits; but an interaction must be answered within three seconds."""

# By Linux's names (tcp(7)): a silent peer is asked after 5 s, three times within 6 s; bytes that a peer does not
# confirm for 10 s break the connection, so that the call fails and is repeated on a new one.
_TCP_OPTIONS = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def connector() -> aiohttp.TCPConnector:
    """The pool of connections to Discord, which notices dead ones; call it inside of the event loop."""
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=POOLED_SECONDS, socket_factory=_opened)


def _opened(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)
    return opened


def proxy_for(url: str, configured: str) -> str | None:
    """The HTTP proxy for requests to ``url``; None for a direct connection.

    It is the ``configured`` one, else that of the environment: HTTPS_PROXY or HTTP_PROXY by the scheme, unless
    NO_PROXY names the host or the host is this machine.
    """
    if configured:
        return configured
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _THIS_MACHINE or proxy_bypass(host):
        return None
    proxy = getproxies().get(parts.scheme, "")
    return proxy if proxy.startswith(("http://", "https://")) else None


async def stay_connected(
    bot: ParallaxBot, token: str, *, api_url: str, message_content: bool, shard_count: int
) -> None:
    """Log in and stay connected until cancelled. ``shard_count`` is SHARD_COUNT.

    Raises :class:`ConfigError` for what a restart does not change, another :class:`BotError` for what it may.
    """
    try:
        await bot.start(token, reconnect=True)
    except discord.LoginFailure as error:
        raise ConfigError(
            "DISCORD_TOKEN is wrong: Discord refused it (reset it on the Bot page and copy it anew)"
        ) from error
    except discord.ConnectionClosed as error:
        raise closed_for_good(error.code, message_content=message_content, shard_count=shard_count) from error
    except (aiohttp.ClientError, OSError, discord.HTTPException, discord.GatewayNotFound) as error:
        # Once connected, the library reconnects by itself for ever: this is a start without Discord, which a
        # supervisor repeats.
        raise BotError(
            f"Discord does not answer at {api_url} ({type(error).__name__}): try again later"
        ) from error


def closed_for_good(code: int, *, message_content: bool, shard_count: int) -> BotError:
    """The error for a close code after which Discord takes no new session (docs, topics/opcodes-and-status-codes,
    "Gateway Close Event Codes"). ``shard_count`` is SHARD_COUNT."""
    if code == 4004:
        return ConfigError(
            "DISCORD_TOKEN is not valid any more: Discord closed the connection with 4004 "
            "(reset it on the Bot page and copy it anew)"
        )
    if code == 4011 and shard_count:
        return ConfigError(
            "SHARD_COUNT is too small: Discord closed the connection with 4011, because the bot is in too many "
            "servers for so few shards (leave SHARD_COUNT and SHARD_IDS empty, or raise SHARD_COUNT to what "
            "`python -m bot doctor` tells)"
        )
    if code == 4010 and shard_count:
        return ConfigError(
            "SHARD_COUNT or SHARD_IDS is not valid: Discord closed the connection with 4010 "
            "(leave both empty, or raise SHARD_COUNT to what `python -m bot doctor` tells)"
        )
    if code == 4011:
        return BotError(
            "Discord closed the connection with 4011: the bot is in so many servers that it needs more shards "
            "(start it again: it asks Discord for their number)"
        )
    if code == 4014 and message_content:
        return ConfigError(
            "MESSAGE_CONTENT_INTENT is on, but the application may not use it: Discord closed the connection with "
            "4014 (switch MESSAGE CONTENT INTENT on, on the Bot page, or set it to false)"
        )
    if code == 4014:
        return BotError(
            "Discord closed the connection with 4014, although the bot asks for no privileged intent "
            "(start it again; if that repeats, look at the application's Bot page)"
        )
    return BotError(f"Discord closed the connection with {code} (start the bot again; if that repeats, update it)")
