"""One answer on its way to Discord: one edit in flight, the newest state only, the last state for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.delivery.surface import MessageSurface, RouteKind
from bot.errors import AccessLost, DeliveryError, MessageGone, SurfaceExpired
from bot.rendering import Page

log = structlog.get_logger(__name__)

FINAL_ATTEMPTS = 8
FIRST_RETRY = 0.5
LONGEST_RETRY = 30.0
# How much sooner the other route must be to be worth leaving the primary one.
ROUTE_GAIN = 0.02


class PageSource(Protocol):
    """What is to be shown. Rendered when a slot comes, not when something changed."""

    def render(self) -> Sequence[Page]:
        """The answer's messages as they should be now, first message first; at least one."""
        ...


@dataclass(frozen=True, slots=True)
class _Operation:
    index: int
    page: Page
    message_id: int | None
    is_new: bool


class AnswerDelivery:
    """Keeps the messages of one answer equal to their source.

    Call :meth:`changed` as often as you like; it returns at once and a slow or failing Discord never slows the
    caller. :meth:`finish` returns when the last state is shown.
    """

    def __init__(
        self,
        surface: MessageSurface,
        source: PageSource,
        *,
        clock: Clock,
        request_id: str,
        message_ids: Sequence[int] = (),
        on_sent: Callable[[int, int], None],
        on_gone: Callable[[], None],
    ) -> None:
        """``message_ids`` are pages already in Discord; ``on_sent(page, message_id)`` is told of new ones,
        ``on_gone()`` when somebody deleted the answer."""
        self.surface = surface
        self._source = source
        self._clock = clock
        self._on_sent = on_sent
        self._on_gone = on_gone
        self._ids: list[int | None] = list(message_ids)
        self._shown: list[Page | None] = [None] * len(message_ids)
        self._acknowledged = asyncio.Event()
        self._wake = asyncio.Event()
        self._finishing = asyncio.Event()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failures = 0
        self._log = log.bind(request_id=request_id)
        if message_ids:
            self._acknowledged.set()
        self._task = asyncio.create_task(self._run(), name=f"delivery-{request_id}")

    def acknowledged(self, message_id: int | None, page: Page | None = None) -> None:
        """The first message exists (id None: unknown yet) and shows ``page``: edits may begin."""
        if not self._ids:
            self._ids.append(message_id)
            self._shown.append(page)
        self._acknowledged.set()

    @property
    def message_ids(self) -> tuple[int | None, ...]:
        """The answer's messages, first page first."""
        return tuple(self._ids)

    def changed(self) -> None:
        """The source has something newer."""
        self._wake.set()

    async def finish(self) -> None:
        """Show the last state; return when it is shown.

        Raises :class:`MessageGone`, :class:`AccessLost`, :class:`SurfaceExpired` or :class:`DeliveryError`
        when it cannot be shown. Cancelling the wait does not stop the delivery.
        """
        self._finishing.set()
        self._wake.set()
        await asyncio.shield(self._done)

    async def aclose(self) -> None:
        """Stop, letting calls in flight end by themselves."""
        self._task.cancel()
        await asyncio.wait({self._task})
        await self.surface.drained()

    async def _run(self) -> None:
        try:
            await self._acknowledged.wait()
            await self._pump()
        except DeliveryError as error:
            self._log.warning("delivery.given_up", error=type(error).__name__, detail=str(error))
            self._fail(error)
            if isinstance(error, MessageGone):
                self._on_gone()
        else:
            if not self._done.done():
                self._done.set_result(None)
        finally:
            if not self._done.done():
                self._done.cancel()

    def _fail(self, error: DeliveryError) -> None:
        if not self._done.done():
            self._done.set_exception(error)
            # Nobody may be waiting yet (or ever, when the answer is dropped): the error was logged above.
            self._done.exception()

    async def _pump(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._next() is None:
                # Nothing visible changed: no slot is spent on it.
                if self._finishing.is_set():
                    return
                continue
            route = await self._slot()
            operation = self._next()
            if operation is not None:
                await self._attempt(route, operation)
            self._wake.set()

    def _next(self) -> _Operation | None:
        pages = self._source.render()
        for index, page in enumerate(pages):
            if index >= len(self._shown):
                return _Operation(index, page, None, is_new=True)
            if self._shown[index] != page:
                return _Operation(index, page, self._ids[index], is_new=False)
        return None

    async def _slot(self) -> RouteKind:
        """Wait until an edit may leave; returns the route whose slot was taken."""
        while True:
            final = self._finishing.is_set()
            route, at = self._choose(final=final)
            now = self._clock.monotonic()
            if at <= now:
                self.surface.bucket(route).sent(now)
                return route
            await self._pause(at - now, unless_final=not final)

    def _choose(self, *, final: bool) -> tuple[RouteKind, float]:
        primary = self.surface.primary
        if primary is None:
            raise SurfaceExpired("no route is left")
        now = self._clock.monotonic()
        bucket = self.surface.bucket(primary)
        spare = self.surface.channel_route and None not in self._ids and primary is not RouteKind.CHANNEL
        if not final:
            # With a second route for the last edit, streaming may use the whole budget of the first.
            return primary, bucket.next_edit(now, reserve=0 if spare else 1)
        at = bucket.next_final(now)
        if spare:
            other = self.surface.bucket(RouteKind.CHANNEL).next_final(now)
            if max(other, now) + ROUTE_GAIN < at:
                return RouteKind.CHANNEL, other
        return primary, at

    async def _pause(self, seconds: float, *, unless_final: bool) -> None:
        waits: set[asyncio.Future[object]] = {asyncio.ensure_future(self._clock.sleep(seconds))}
        if unless_final:
            waits.add(asyncio.ensure_future(self._finishing.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _attempt(self, route: RouteKind, operation: _Operation) -> None:
        try:
            await self._perform(route, operation)
        except SurfaceExpired:
            self.surface.drop_token()
            if self.surface.primary is None or (None in self._ids and not self._replace_unknown()):
                raise
        except (MessageGone, AccessLost):
            raise
        except DeliveryError as error:
            await self._retry_later(error, operation)
        else:
            self._failures = 0

    def _replace_unknown(self) -> bool:
        """The acknowledgement never arrived: on the channel route the answer becomes a new message."""
        if self.surface.channel_route and self._ids == [None]:
            self._ids.clear()
            self._shown.clear()
            return True
        return False

    async def _perform(self, route: RouteKind, operation: _Operation) -> None:
        if operation.is_new:
            message_id = await self.surface.send(route, operation.page)
            self._ids.append(message_id)
            self._shown.append(operation.page)
            self._on_sent(operation.index, message_id)
            return
        await self.surface.edit(route, operation.message_id, operation.page)
        self._shown[operation.index] = operation.page

    async def _retry_later(self, error: DeliveryError, operation: _Operation) -> None:
        self._failures += 1
        self._log.info("delivery.retry", failures=self._failures, detail=str(error))
        if self._failures >= FINAL_ATTEMPTS:
            if not self._finishing.is_set() or operation.is_new or not self.surface.channel_route:
                raise error
            # It cannot be edited any more: the tail is sent anew rather than lost.
            self._ids[operation.index] = await self.surface.send(RouteKind.CHANNEL, operation.page)
            self._shown[operation.index] = operation.page
            self._on_sent(operation.index, self._ids[operation.index] or 0)
            self._failures = 0
            return
        await self._pause(min(FIRST_RETRY * 2 ** (self._failures - 1), LONGEST_RETRY), unless_final=False)
