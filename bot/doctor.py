"""A look at everything the bot depends on, before it runs."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from bot.clock import SystemClock
from bot.errors import BotError
from bot.scheduler.client import ParallaxClient
from bot.scheduler.timeouts import Timeouts
from bot.settings import Settings
from bot.storage.migrate import upgrade

PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is good, and what to do if not."""

    good: bool
    what: str
    detail: str


async def examine(settings: Settings) -> tuple[Finding, ...]:
    """Look at the database, the scheduler and Discord's API; changes nothing but the database's schema."""
    return (await _database(settings), await _scheduler(settings), await _discord(settings))


async def _database(settings: Settings) -> Finding:
    try:
        await upgrade(settings.database_url)
    except BotError as error:
        return Finding(False, "database", str(error))
    return Finding(True, "database", "the schema is the newest")


async def _scheduler(settings: Settings) -> Finding:
    timeouts = Timeouts(connect=settings.parallax_connect_timeout, control=PATIENCE)
    client = ParallaxClient(settings.parallax_url, timeouts=timeouts, clock=SystemClock())
    try:
        status = await client.status()
    except BotError as error:
        return Finding(False, "scheduler", f"{settings.parallax_url}: {error}")
    finally:
        await client.aclose()
    nodes = f"{status.ready_nodes} of {len(status.nodes)} nodes ready"
    return Finding(True, "scheduler", f"{status.model or 'no model yet'}, {status.state.value}, {nodes}")


async def _discord(settings: Settings) -> Finding:
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.get(f"{settings.discord_api_url}/users/@me") as response,
        ):
            if response.status == 401:
                return Finding(False, "discord", "DISCORD_TOKEN was refused: reset it on the Bot page")
            if response.status != 200:
                return Finding(False, "discord", f"answered {response.status}")
            me = await response.json()
            return Finding(True, "discord", f"logged in as {me.get('username', '?')}")
    except (aiohttp.ClientError, TimeoutError) as error:
        return Finding(False, "discord", f"{settings.discord_api_url}: {type(error).__name__}")
