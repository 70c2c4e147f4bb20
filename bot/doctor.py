"""Checks of everything the bot depends on, before it runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import aiohttp

from bot.addresses import ClusterSettings, without_login
from bot.clock import SystemClock
from bot.discord_io.connection import proxy_for
from bot.discord_io.shards import limit_in, recommended_in
from bot.domain.chat import ChatMessage, ChatRequest, Role, Text
from bot.domain.discord_calls.session_starts import KEPT_BACK
from bot.domain.discord_calls.shard_plan import ShardPlan
from bot.errors import BotError, RequestRefused, SchedulerError
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.settings import Settings
from bot.storage.migrate import readiness

PATIENCE = 10.0

# Every model can continue this; a model that is not shown its own beginning counts from the start, or chats.
_COUNTING = ChatRequest(
    messages=(
        ChatMessage(Role.USER, "Count from one to nine in English words, separated by commas. Only the words."),
        ChatMessage(Role.ASSISTANT, "one, two, three, four,"),
    ),
    max_tokens=8,
    temperature=0.0,
    think=False,
    goes_on=True,
)
_NEXT = "five"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: whether it passed, and what to do if not."""

    good: bool
    what: str
    detail: str


async def examine(settings: Settings) -> tuple[Finding, ...]:
    """Check the database, the scheduler and Discord's API.

    Changes nothing, so it may be called while the bot runs. Requests eight tokens from a cluster that is ready.
    """
    return (await _database(settings), *await _clusters(settings), *await _discord(settings))


async def _database(settings: Settings) -> Finding:
    try:
        return Finding(True, "database", await asyncio.to_thread(readiness, settings.database_url))
    except BotError as error:
        return Finding(False, "database", str(error))


async def _clusters(settings: Settings) -> tuple[Finding, ...]:
    found = [await _cluster(settings, cluster) for cluster in settings.clusters]
    return tuple(finding for findings in found for finding in findings)


async def _cluster(settings: Settings, cluster: ClusterSettings) -> tuple[Finding, ...]:
    timeouts = Timeouts(connect=settings.parallax_connect_timeout, first_byte=PATIENCE, control=PATIENCE)
    client = ParallaxClient(cluster.url, timeouts=timeouts, clock=SystemClock(), api_key=cluster.api_key)
    what = f"scheduler {cluster.name}".strip()
    try:
        status = await client.status()
        nodes = f"{status.ready_nodes} of {len(status.nodes)} nodes ready"
        found = Finding(True, what, f"{status.model or 'no model yet'}, {status.state.value}, {nodes}")
        if not status.ready_nodes:
            return (found,)
        prefix = await _prefix(client, wanted=settings.parallax_assistant_prefix)
        return (found, replace(prefix, what=f"{prefix.what} {cluster.name}".strip()))
    except BotError as error:
        return (Finding(False, what, f"{without_login(cluster.url)}: {error}"),)
    finally:
        await client.aclose()


async def _prefix(client: ParallaxClient, *, wanted: bool) -> Finding:
    what = "answers"
    try:
        async with client.stream_chat(_COUNTING) as events:
            text = "".join([event.text async for event in events if isinstance(event, Text)])
    except RequestRefused:
        text = ""
    except SchedulerError as error:
        return Finding(False, what, f"the cluster did not answer a short question: {error}")
    if text.strip().lower().startswith(_NEXT):
        advice = "" if wanted else ": PARALLAX_ASSISTANT_PREFIX=true makes use of it"
        return Finding(True, what, f"the nodes go on with an answer that broke off{advice}")
    advice = ": set PARALLAX_ASSISTANT_PREFIX=false" if wanted else ""
    return Finding(not wanted, what, f"the nodes start again when an answer broke off{advice}")


async def _discord(settings: Settings) -> tuple[Finding, ...]:
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    proxy = proxy_for(settings.discord_api_url, settings.discord_proxy)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, proxy=proxy) as session:
            found = await _login(session, settings.discord_api_url)
            return (found, await _shards(session, settings), _missed(settings)) if found.good else (found,)
    except (aiohttp.ClientError, TimeoutError) as error:
        return (Finding(False, "discord", f"{settings.discord_api_url}: {type(error).__name__}"),)


async def _login(session: aiohttp.ClientSession, api_url: str) -> Finding:
    async with session.get(f"{api_url}/users/@me") as response:
        if response.status == 401:
            return Finding(False, "discord", "DISCORD_TOKEN was refused: reset it on the Bot page")
        if response.status != 200:
            return Finding(False, "discord", f"answered {response.status}")
        me = await response.json()
        return Finding(True, "discord", f"logged in as {me.get('username', '?')}")


async def _shards(session: aiohttp.ClientSession, settings: Settings) -> Finding:
    async with session.get(f"{settings.discord_api_url}/gateway/bot") as response:
        if response.status != 200:
            return Finding(False, "shards", f"answered {response.status}")
        told = await response.json()
    recommended, limit = recommended_in(told), limit_in(told.get("session_start_limit") or {})
    plan = ShardPlan.of(settings.shard_count, settings.shard_ids, recommended)
    detail = f"{plan}, Discord recommends {recommended}; {limit.remaining} sessions may be started today"
    if plan.count < recommended:
        detail += ": raise SHARD_COUNT, or leave it empty"
    elif not plan.is_whole:
        detail += ": other processes with this database must have the other shards"
    if limit.remaining - KEPT_BACK < len(plan.ids):
        return Finding(False, "shards", f"{detail}: too few; the bot waits until there are more")
    return Finding(True, "shards", detail)


def _missed(settings: Settings) -> Finding:
    """What is found of the questions that are asked while the bot is away: a choice, so never wrong."""
    if not settings.catch_up_hours:
        return Finding(True, "absences", "what is asked while the bot is away is not answered: CATCH_UP_HOURS=0")
    found = f"what is asked while the bot is away is answered for {settings.catch_up_hours:g} h"
    if not settings.message_content_intent:
        found += "; in replies and threads only with a mention, without MESSAGE_CONTENT_INTENT"
    return Finding(True, "absences", found)
