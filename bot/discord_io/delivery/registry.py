"""The registry of open deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

from bot.clock import Clock
from bot.discord_io.delivery.answer import AnswerDelivery
from bot.discord_io.delivery.routes import MessageRoutes
from bot.discord_io.outgoing import Outgoing
from bot.domain.queue.request import Destination
from bot.presentation.page import PageSource


class Deliveries:
    """Opens deliveries; all answers of a channel share its bucket."""

    def __init__(self, client: discord.Client, clock: Clock, outgoing: Outgoing) -> None:
        self._client = client
        self._clock = clock
        self._outgoing = outgoing
        self._began = clock.now()
        self._open: dict[str, AnswerDelivery] = {}

    def open(
        self,
        request_id: str,
        destination: Destination,
        source: PageSource,
        *,
        locale: str,
        asked_at: float = 0.0,
        message_ids: Sequence[int] = (),
        may_be_more: bool = False,
        on_sent: Callable[[int, int | None], None],
        on_gone: Callable[[], None],
    ) -> AnswerDelivery:
        """Start keeping an answer's messages equal to ``source``. One delivery per request id at a time.

        ``asked_at`` in epoch seconds; ``may_be_more``: another process wrote it until now, and Discord may have
        messages of it besides ``message_ids``.
        """
        message_routes = MessageRoutes(
            self._client,
            destination,
            request_id=request_id,
            locale=locale,
            asked_at=asked_at,
            channel_bucket=self._outgoing.channel_buckets.of(destination.channel_id),
            outgoing=self._outgoing,
            clock=self._clock,
        )
        if may_be_more:
            message_routes.take_over()
        if any(discord.utils.snowflake_time(one).timestamp() < self._began for one in message_ids):
            self._outgoing.channel_buckets.take_over(destination.channel_id)
        self._open[request_id] = delivery = AnswerDelivery(
            message_routes,
            source,
            clock=self._clock,
            request_id=request_id,
            message_ids=message_ids,
            may_be_more=may_be_more,
            on_sent=on_sent,
            on_gone=on_gone,
        )
        return delivery

    async def close(self, request_id: str) -> None:
        """Close a delivery, finished or not, and remove it."""
        delivery = self._open.pop(request_id, None)
        if delivery is not None:
            await delivery.aclose()

    async def aclose(self) -> None:
        """Close all deliveries."""
        for request_id in list(self._open):
            await self.close(request_id)
