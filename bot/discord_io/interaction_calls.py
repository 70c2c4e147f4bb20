"""Calls to interactions' endpoints whose connection broke: repeated once where that does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import discord
import structlog
from discord.http import Route
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

log = structlog.get_logger(__name__)

# Discord sends events to every session of a token, so during a rolling restart two processes receive the same
# press; the second answer is refused with this code (docs, topics/opcodes-and-status-codes, "JSON Error Codes").
ALREADY_ACKNOWLEDGED = 40060


def repeat_broken_calls() -> None:
    """Use the adapter in this task and in all that it starts from now on."""
    async_context.set(RepeatingAdapter())


AT_ONCE = 64
"""First answers on their way at the same time. In a burst a call then finds a connection that an earlier one has
used: to open one takes longer than the call."""
PATIENCE = 0.25
"""Seconds that a first answer waits for that. When the network is slow, it is better to open more connections."""


class RepeatingAdapter(AsyncWebhookAdapter):
    """The library's adapter, which repeats a call itself only for two of the errors of a broken connection.

    Of the answer to a first answer it keeps the message's id: of the rest the library would build the whole
    message, which costs more than the call and is used by nobody.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library does not annotate it
        self._free = asyncio.Semaphore(AT_ONCE)

    async def request(
        self,
        route: Route,
        session: aiohttp.ClientSession,
        *,
        files: Sequence[discord.File] | None = None,
        **options: Any,  # noqa: ANN401  # as the library passes them
    ) -> Any:  # noqa: ANN401  # the JSON of an answer
        """Make a call. Raises what the library does."""
        if not _is_callback(route):
            return await self._repeated(route, session, files, **options)
        has_turn = await self._take_turn()
        try:
            told = await self._repeated(route, session, files, **options)
        finally:
            if has_turn:
                self._free.release()
        if isinstance(told, dict):
            told.pop("resource", None)
        return told

    async def _take_turn(self) -> bool:
        """Wait until few enough first answers are on their way, but not for long; whether that is so."""
        if not self._free.locked():
            return await self._free.acquire()
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._free.acquire()
        except TimeoutError:
            return False

    async def _repeated(
        self,
        route: Route,
        session: aiohttp.ClientSession,
        files: Sequence[discord.File] | None,
        **options: Any,  # noqa: ANN401  # as above
    ) -> Any:  # noqa: ANN401  # as above
        try:
            return await super().request(route, session, files=files, **options)
        except aiohttp.ClientConnectionError as error:
            if isinstance(error, TimeoutError) or not _is_harmless(route, error):
                raise
            log.info("discord.call_repeated", method=route.method, path=route.path, error=type(error).__name__)
        for file in files or ():
            file.reset(seek=True)
        try:
            return await super().request(route, session, files=files, **options)
        except discord.HTTPException as error:
            if error.code == ALREADY_ACKNOWLEDGED and _is_callback(route):
                # The first call had arrived, and only its answer was lost.
                return {"interaction": {"id": str(route.webhook_id), "type": 0, "response_message_id": None}}
            raise


def _is_callback(route: Route) -> bool:
    return route.path.endswith("/callback")


def _is_harmless(route: Route, error: aiohttp.ClientConnectionError) -> bool:
    """Whether a call may be made twice: a further message would be sent twice, unless the first call never
    left."""
    return route.method != "POST" or _is_callback(route) or isinstance(error, aiohttp.ClientConnectorError)
