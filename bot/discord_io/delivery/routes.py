"""The routes to an answer's messages: the interaction's own route first, the channel's afterwards.

Edits through the interaction have a budget of their own and are exempt from the global limit; the token lives
15 minutes (Discord docs, interactions/receiving-and-responding: "Interaction tokens are valid for 15 minutes").
Before that the answer moves to the bot-token channel route, which private answers do not have.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import TypeVar

import discord
import structlog

from bot.clock import Clock
from bot.discord_io.calls import translated
from bot.discord_io.components import page_components
from bot.discord_io.delivery.edit_pacing import Bucket
from bot.discord_io.delivery.message_calls import MessageCalls
from bot.discord_io.delivery.rate_limit_trace import WireCall, current_call
from bot.discord_io.delivery.search import Found, marked_pages
from bot.discord_io.delivery.shared_bucket import SharedBucket
from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.queue.request import Destination
from bot.errors import AccessLost, MessageGone, TokenExpired
from bot.presentation.page import Page

log = structlog.get_logger(__name__)

T = TypeVar("T")

TOKEN_MARGIN = 60.0
# An interaction token's own bucket, before its headers say otherwise (discord-api-docs issue 2701).
TOKEN_LIMIT = 5
TOKEN_WINDOW = 2.0
# Seconds by which the other route must be earlier before the primary one is left.
ROUTE_GAIN = 0.02


class RouteKind(StrEnum):  # whose hash, unlike an Enum's, is not a Python function
    """A route of Discord through which a message is edited."""

    INTERACTION = "interaction"
    CHANNEL = "channel"


class MessageRoutes:
    """Access to the messages of one answer. Its only state is how they are reached: the caller keeps pages and
    ids."""

    def __init__(
        self,
        client: discord.Client,
        destination: Destination,
        *,
        request_id: str,
        locale: str,
        asked_at: float,
        channel_bucket: SharedBucket,
        outgoing: Outgoing,
        clock: Clock,
    ) -> None:
        """``asked_at`` (epoch seconds) is when the question came: no message of its answer is older."""
        self.outgoing = outgoing
        self._client = client
        self._calls = MessageCalls(client)
        self._destination = destination
        self._request_id = request_id
        self._locale = locale
        self._asked_at = asked_at
        self._is_follow_up = False
        self._clock = clock
        self._token = destination.token
        self._token_expires_at = destination.token_expires_at or 0.0
        self._tasks: set[asyncio.Task[object]] = set()
        self._lanes = {
            RouteKind.INTERACTION: SharedBucket(Bucket(limit=TOKEN_LIMIT, window=TOKEN_WINDOW)),
            RouteKind.CHANNEL: channel_bucket,
        }

    @property
    def channel_route(self) -> bool:
        """Whether the bot token may edit here too."""
        return self._destination.channel_route

    @property
    def primary(self) -> RouteKind | None:
        """The route for the next edit: None when there is none left."""
        if self._token is not None and self._clock.now() < self._token_expires_at - TOKEN_MARGIN:
            return RouteKind.INTERACTION
        return RouteKind.CHANNEL if self.channel_route else None

    def shared_bucket(self, route: RouteKind) -> SharedBucket:
        """The shared bucket of a route."""
        return self._lanes[route]

    def earliest(self, who: object, priority: CallPriority, *, known: bool) -> tuple[RouteKind, float]:
        """The route for ``who``'s next edit, and when it may leave (monotonic seconds).

        ``known``: the ids of all its messages are known, so that either route can edit them. Raises
        :class:`TokenExpired` when no route is left.
        """
        primary = self.primary
        if primary is None:
            raise TokenExpired("no route is left")
        now = self._clock.monotonic()
        bucket = self._lanes[primary].bucket
        spare = self.channel_route and known and primary is not RouteKind.CHANNEL
        if priority is not CallPriority.LAST:
            # With a slot on a second route for the last edit, streaming may use the whole budget of the first.
            covered = spare and self._lanes[RouteKind.CHANNEL].covers(who, now)
            earliest = bucket.next_first if priority is CallPriority.FIRST else bucket.next_edit
            return primary, earliest(now, reserve=0 if covered else 1)
        at = bucket.next_final(now)
        if spare:
            other = self._lanes[RouteKind.CHANNEL].bucket.next_final(now)
            if max(other, now) + ROUTE_GAIN < at:
                return RouteKind.CHANNEL, other
        return primary, at

    def own_slot_in(self, route: RouteKind) -> float | None:
        """Seconds until an edit that waits for its turn on ``route`` may leave by its own token instead; None when
        ``route`` is the primary one."""
        primary = self.primary
        if primary is None or primary is route:
            return None
        now = self._clock.monotonic()
        return max(0.0, self._lanes[primary].bucket.next_final(now) - now)

    def take_over(self) -> None:
        """Edit by a token that another process has used until now: until no window of its can be open any more,
        its edits are assumed to fill it."""
        self._lanes[RouteKind.INTERACTION].bucket.assume_used(self._clock.monotonic() + TOKEN_WINDOW)

    def drop_token(self) -> None:
        """Forget the token, which has expired: only the channel route is left."""
        self._token = None

    def renew_token(self, token: str, expires_at: float) -> None:
        """Use the new token of a button press; ``expires_at`` in epoch seconds."""
        self._token, self._token_expires_at = token, expires_at

    async def edit(self, route: RouteKind, message_id: int | None, page: Page, index: int = 0) -> None:
        """Replace page ``index`` (from 0); returns when Discord has applied it.

        ``message_id`` None is the interaction's original response, whose id is not known yet. The first page is
        the original response, or the message whose button was pressed; the others are its follow-ups. The call
        itself is never cancelled: a cancelled webhook call leaves discord.py's lock held for good
        (webhook/async_.py, ``AsyncDeferredLock.__aexit__``). Raises :class:`DeliveryError`.
        """

        async def run(by: RouteKind) -> None:
            components = page_components(page, self._request_id, self._locale, index)
            if by is RouteKind.INTERACTION:
                named = (index or self._is_follow_up) and message_id is not None
                target = message_id if named else None
                await self._calls.edit_response(
                    self._destination.application_id, self._token or "", target, components, page.files
                )
            elif message_id is not None:
                await self._calls.edit(self._destination.channel_id, message_id, components, page.files)
            else:
                raise MessageGone("the message's id is not known")

        try:
            await self._call(route, partial(run, route), until_applied=True)
        except MessageGone:
            if route is not RouteKind.INTERACTION or message_id is None:
                raise
            if not index and not self._is_follow_up:
                # The interaction was answered first with a sentence that it takes longer, which was removed since.
                self._is_follow_up = True
                reaches: RouteKind = route
            elif self.channel_route:
                # It was sent by the channel's route: a token knows only what was sent by it.
                reaches = RouteKind.CHANNEL
            else:
                raise
            await self._call(reaches, partial(run, reaches), until_applied=True)

    async def send(self, route: RouteKind, page: Page, index: int = 0, *, anew: bool = False) -> int:
        """Send a further message, ``anew`` in place of one that takes no edit any more; returns its id. This call
        is never cancelled either. Raises :class:`DeliveryError`."""

        async def run() -> int:
            components = page_components(page, self._request_id, self._locale, index)
            if route is RouteKind.INTERACTION:
                return await self._calls.follow_up(
                    self._destination.application_id,
                    self._token or "",
                    components,
                    page.files,
                    private=self._destination.private,
                )
            # Within a few minutes Discord itself drops a second copy and returns the first message (docs,
            # resources/message, enforce_nonce).
            nonce = f"{self._request_id}-{index}{'n' if anew else ''}"
            return await self._calls.send(self._destination.channel_id, components, page.files, nonce=nonce)

        sent_id = await self._call(route, run, until_applied=False)
        assert sent_id is not None  # noqa: S101  # until_applied=False returns what run returned
        return sent_id

    async def delete(self, route: RouteKind, message_id: int) -> None:
        """Delete a message of the answer; no-op if it was deleted already. Raises :class:`DeliveryError`."""

        async def by_token() -> None:
            await self._webhook().delete_message(message_id)

        async def by_channel() -> None:
            await self._messageable.get_partial_message(message_id).delete()

        by = {RouteKind.INTERACTION: by_token, RouteKind.CHANNEL: by_channel}
        try:
            await self._call(route, by[route], until_applied=False)
        except MessageGone:
            if route is RouteKind.INTERACTION and self.channel_route:
                # As in edit(). Where the channel cannot be reached any more the message stays, and the answer is
                # shown all the same.
                with contextlib.suppress(MessageGone, AccessLost):
                    await self._call(RouteKind.CHANNEL, by_channel, until_applied=False)

    async def original(self) -> int | None:
        """The id of the message that answered the interaction; None when it is not known (no token, or it was
        never answered), and when that message is no part of the answer. The token is then not used any more.
        Raises :class:`MessageGone` when it was deleted, else :class:`DeliveryError`."""
        if self.primary is not RouteKind.INTERACTION:
            return None

        async def run() -> int | None:
            target = "@original"
            message = await self._webhook().fetch_message(
                target,  # type: ignore[arg-type]  # the path segment Discord names; ids are only formatted
            )
            # A sentence for one person, that it takes longer, may have come before an answer that all may read.
            foreign = self.channel_route and message.flags.ephemeral
            return None if foreign else message.id

        self._lanes[RouteKind.INTERACTION].bucket.sent(self._clock.monotonic())
        try:
            first = await self._call(RouteKind.INTERACTION, run, until_applied=False)
        except TokenExpired:
            first = None
        if first is None:
            self.drop_token()
        return first

    async def find(self) -> Sequence[Found]:
        """Find the answer's messages in the channel by the mark of each page, as far as the bot may read them;
        ephemeral messages are never listed. Raises :class:`DeliveryError`."""
        if not self.channel_route:
            return ()

        async def run() -> Sequence[Found]:
            return await marked_pages(self._client, self._messageable, self._request_id, since=self._asked_at)

        return await asyncio.shield(self._tracked(run, "search"))

    @property
    def _messageable(self) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(self._destination.channel_id)

    def _webhook(self) -> discord.Webhook:
        return self._calls.webhook(self._destination.application_id, self._token or "")

    async def _call(self, route: RouteKind, run: Callable[[], Awaitable[T]], *, until_applied: bool) -> T | None:
        call = WireCall(self._lanes[route].bucket)
        reset = current_call.set(call)
        try:
            task = self._tracked(run, route.value)
        finally:
            current_call.reset(reset)
        task.add_done_callback(call.ended)
        if not until_applied:
            return await asyncio.shield(task)
        await call.applied
        return task.result() if task.done() else None

    def _tracked(self, run: Callable[[], Awaitable[T]], what: str) -> asyncio.Task[T]:
        task = asyncio.create_task(_translated(run), name=f"discord-{what}-{self._request_id}")
        self._tasks.add(task)
        task.add_done_callback(self._settled)
        return task

    def _settled(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.debug("delivery.call_failed", request_id=self._request_id, error=repr(error))

    async def drained(self) -> None:
        """Wait until the library has finished every call."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))


async def _translated(run: Callable[[], Awaitable[T]]) -> T:
    with translated():
        return await run()
