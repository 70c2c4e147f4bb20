"""Discord: the token, the application, the clock, and how many sessions are left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.clock import SystemClock
from bot.discord_io.connection import proxy_for
from bot.discord_io.shards import limit_in, recommended_in
from bot.domain.checkup import Finding, broken, ok, warning
from bot.domain.discord_calls.session_starts import KEPT_BACK
from bot.domain.discord_calls.shard_plan import ShardPlan
from bot.settings import Settings

PATIENCE = 10.0
"""Seconds for one request."""

MOST_BYTES = 1_000_000
"""Of one response."""

MOST_SKEW = 2.0
"""Seconds by which this machine's clock may differ from Discord's: one is the resolution of its header."""

_CONTENT = 1 << 18 | 1 << 19  # GATEWAY_MESSAGE_CONTENT and …_LIMITED (docs, resources/application)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the bot's token, and the proxy of the settings."""
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    proxy = proxy_for(settings.discord_api_url, settings.discord_proxy)
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, proxy=proxy) as session:
        yield session


async def get(session: aiohttp.ClientSession, settings: Settings, path: str) -> tuple[int, Any, str]:
    """Status, body and the header Date of a GET of ``path``. The body is None unless the status is 200. Raises
    :class:`aiohttp.ClientError`, :class:`TimeoutError`, :class:`ValueError`."""
    async with session.get(f"{settings.discord_api_url}{path}") as response:
        date = response.headers.get("Date", "")
        if response.status != 200:
            return response.status, None, date
        body = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            body += chunk
            if len(body) > MOST_BYTES:
                raise ValueError("the response is too long")
        return 200, json.loads(body), date


async def check(settings: Settings) -> tuple[Finding, ...]:
    """The token first; the rest needs it."""
    try:
        async with opened(settings) as session:
            return tuple([finding async for finding in _findings(session, settings)])
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return (broken("discord", f"{settings.discord_api_url}: {type(error).__name__}"),)


async def _findings(session: aiohttp.ClientSession, settings: Settings) -> AsyncIterator[Finding]:
    status, me, date = await get(session, settings, "/users/@me")
    if status == 401:
        yield broken("discord", "DISCORD_TOKEN was refused", "reset it on the Bot page")
        return
    if status != 200:
        yield broken("discord", f"answered {status}")
        return
    yield ok("discord", f"logged in as {me.get('username', '?')}")
    yield await _shards(session, settings)
    yield _absences(settings)
    yield clock_finding(date)
    status, application, _ = await get(session, settings, "/applications/@me")
    if status != 200:
        yield warning("application", f"answered {status}", "look at the application's page")
        return
    yield _application(settings, application)
    yield _intents(settings, application)
    yield await _commands(session, settings, application)


def clock_finding(date: str) -> Finding:
    """How far this machine's clock is from the header Date of an answer of Discord's."""
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return ok("clock", "not compared: the answer has no date")
    skew = SystemClock().now() - theirs
    detail = f"{abs(skew):.0f} s {'before' if skew > 0 else 'behind'} Discord's"
    if abs(skew) > MOST_SKEW:
        remedy = (
            "let NTP set this machine's clock: moments that people read and leases between machines depend on it"
        )
        return warning("clock", detail, remedy)
    return ok("clock", "agrees with Discord's")


def _application(settings: Settings, application: dict[str, Any]) -> Finding:
    detail = f"{application.get('name', '?')} ({application.get('id', '?')})"
    if application.get("bot_public") and not settings.allowed_guild_ids:
        advice = "switch Public Bot off, or set ALLOWED_GUILD_IDS"
        return ok("application", f"{detail}; anybody may add it to a server, and is answered there", advice)
    return ok("application", detail)


def _intents(settings: Settings, application: dict[str, Any]) -> Finding:
    given = bool(int(application.get("flags") or 0) & _CONTENT)
    if settings.message_content_intent and not given:
        remedy = "switch it on there, or MESSAGE_CONTENT_INTENT off"
        return broken("intents", "MESSAGE CONTENT is off on the Bot page: the bot would not start", remedy)
    used = "MESSAGE CONTENT" if settings.message_content_intent else "none that is privileged"
    return ok("intents", f"{used} is used")


def _absences(settings: Settings) -> Finding:
    """What is found of the questions that are asked while the bot is away: a choice, so never wrong."""
    if not settings.catch_up_hours:
        return ok("absences", "what is asked while the bot is away is not answered: CATCH_UP_HOURS=0")
    found = f"what is asked while the bot is away is answered for {settings.catch_up_hours:g} h"
    if not settings.message_content_intent:
        found += "; in replies and threads only with a mention, without MESSAGE_CONTENT_INTENT"
    return ok("absences", found)


async def _commands(session: aiohttp.ClientSession, settings: Settings, application: dict[str, Any]) -> Finding:
    status, registered, _ = await get(session, settings, f"/applications/{application.get('id')}/commands")
    if status != 200:
        return warning("commands", f"answered {status}", "the next start registers them")
    if not registered:
        return ok("commands", "none are registered yet", "the first start does that")
    return ok("commands", f"{len(registered)} are registered")


async def _shards(session: aiohttp.ClientSession, settings: Settings) -> Finding:
    status, told, _ = await get(session, settings, "/gateway/bot")
    if status != 200:
        return broken("shards", f"answered {status}")
    recommended, limit = recommended_in(told), limit_in(told.get("session_start_limit") or {})
    plan = ShardPlan.of(settings.shard_count, settings.shard_ids, recommended)
    detail = f"{plan}, Discord recommends {recommended}; {limit.remaining} sessions may be started today"
    if limit.remaining - KEPT_BACK < len(plan.ids):
        return broken("shards", detail, "too few; the bot waits until there are more")
    if plan.count < recommended:
        return warning("shards", detail, "raise SHARD_COUNT, or leave it empty")
    if not plan.is_whole:
        return ok("shards", detail, "other processes with this database must have the other shards")
    return ok("shards", detail)
