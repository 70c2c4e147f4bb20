"""Delivery of one answer: one edit in flight, only the newest state, and always the last state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bot.clock import Clock, first_of
from bot.discord_io.delivery.diff import Operation, following
from bot.discord_io.delivery.repeats import Repeats
from bot.discord_io.delivery.routes import MessageRoutes, RouteKind
from bot.discord_io.delivery.search import Found, places
from bot.discord_io.delivery.slot import Slot
from bot.discord_io.delivery.survey import sent_anew, survey
from bot.discord_io.outgoing import calls_for
from bot.domain.discord_calls.priority import CallPriority
from bot.errors import AccessLost, DeliveryError, HeldBack, MessageGone, TokenExpired
from bot.presentation.page import Page, PageSource

log = structlog.get_logger(__name__)


class AnswerDelivery:
    """Keeps the messages of one answer equal to their source.

    Call :meth:`changed` as often as you like; it returns at once and a slow or failing Discord never slows the
    caller. :meth:`finish` returns when the last state is shown.
    """

    def __init__(
        self,
        destination: MessageRoutes,
        source: PageSource,
        *,
        clock: Clock,
        request_id: str,
        message_ids: Sequence[int] = (),
        may_be_more: bool = False,
        on_sent: Callable[[int, int | None], None],
        on_gone: Callable[[], None],
    ) -> None:
        """``message_ids`` are pages already in Discord, ``may_be_more``: there may be others, sent by a process
        that ended before it stored their ids. ``on_sent(page, message_id)`` is called for new ones (None: the page
        was removed), ``on_gone()`` when somebody deleted the answer."""
        self.destination = destination
        self._source = source
        self._clock = clock
        self._on_sent = on_sent
        self._on_gone = on_gone
        self._ids: list[int | None] = list(message_ids)
        self._shown: list[Page | None] = [None] * len(message_ids)
        self._pages: Sequence[Page] = ()
        self._grown = 0
        self._acknowledged = asyncio.Event()
        self._wake = asyncio.Event()
        self._finishing = asyncio.Event()
        self._repeats = Repeats(clock, self._finishing, request_id)
        self._slot = Slot(destination, clock)
        self._worded = False
        self._resting = False
        self._removing: set[int] = set()
        self._stale_since: float | None = None
        # Discord may have messages with unknown ids: as above, or sent by a call whose answer was lost. They are
        # looked for before another one is sent, and at the end.
        self._doubtful = may_be_more
        self._seen: set[int] = set()
        self._request_id = request_id
        self._log = log.bind(request_id=request_id)
        if message_ids:
            self._acknowledged.set()
        self._start()

    def acknowledged(self, message_id: int | None, page: Page | None = None) -> None:
        """Begin to edit: the first message exists (id None: not known yet) and shows ``page``."""
        if not self._ids:
            self._ids.append(message_id)
            self._shown.append(page)
            self._doubtful = self._doubtful or message_id is None
        elif message_id is not None:
            # It was looked for in vain before it came.
            self._adopt([Found(0, message_id)])
        self._acknowledged.set()

    def seen(self, message_id: int) -> bool:
        """Note that Discord has a message of this answer: if it is not known by the end, it is removed. False when
        the end is over."""
        self._seen.add(message_id)
        return message_id in self._ids or not self._task.done()

    def refused(self) -> None:
        """Send the answer as a new message: Discord has refused the first one, and its token with it."""
        self.destination.drop_token()
        self._acknowledged.set()

    def learned(self, message_ids: Sequence[int]) -> None:
        """Take over pages that another process has sent: those beyond the known ones are used, or removed."""
        if self._ids:
            beyond = message_ids[len(self._ids) :]
            self._ids.extend(beyond)
            self._shown.extend([None] * len(beyond))

    @property
    def message_ids(self) -> tuple[int | None, ...]:
        """The answer's messages, first page first."""
        return tuple(self._ids)

    def is_removing(self, message_id: int) -> bool:
        """Whether the bot itself is deleting this message."""
        return message_id in self._removing

    @property
    def is_current(self) -> bool:
        """Whether Discord shows the newest state and no call is in flight."""
        if not self._resting or self._wake.is_set():
            return False
        return following(self._source.render(), self._ids, self._shown, is_last=False) is None

    def changed(self) -> None:
        """Note that the source has changed."""
        if self._stale_since is None:
            self._stale_since = self._clock.monotonic()
        self._slot.reconsider(self)
        self._wake.set()

    def renew(self, token: str, expires_at: float) -> None:
        """Use the token of a press on the answer's only message; ``expires_at`` in epoch seconds.

        A delivery that had given up because the old token had expired starts again.
        """
        self.destination.renew_token(token, expires_at)
        self._slot.look()
        if self._task.done():
            self._start()

    async def finish(self) -> None:
        """Show the last state; return when it is shown.

        Raises :class:`MessageGone`, :class:`AccessLost`, :class:`TokenExpired` or :class:`DeliveryError`
        when it cannot be shown. Cancelling the wait does not stop the delivery.
        """
        if not self._finishing.is_set():
            # Failures while the answer was written do not reduce the attempts for the last state.
            self._repeats.begin()
            self._finishing.set()
            self._slot.reconsider(self)
            self.destination.outgoing.edits.reconsider(self, CallPriority.LAST)
        if self._task.done() and not self._done.cancelled() and self._done.exception() is None:
            # What was the last state then is not any more.
            self._start()
        self._wake.set()
        await asyncio.shield(self._done)

    async def aclose(self) -> None:
        """Stop; calls in flight end by themselves."""
        self._task.cancel()
        await asyncio.wait({self._task})
        await self.destination.drained()

    def _start(self) -> None:
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name=f"delivery-{self._request_id}")

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
            self.destination.shared_bucket(RouteKind.CHANNEL).uncover(self)
            if not self._done.done():
                self._done.cancel()

    def _fail(self, error: DeliveryError) -> None:
        if not self._done.done():
            self._done.set_exception(error)
            # Maybe nobody waits for it yet (or ever, when the answer is dropped): the error was logged above.
            self._done.exception()

    async def _pump(self) -> None:
        while True:
            self._resting = True
            await self._wake.wait()
            self._resting = False
            self._wake.clear()
            # Text that has grown is certainly new: it is rendered when it leaves, and not now too.
            if self._doubtful or self._source.grown <= self._grown:
                operation = await self._next()
                if self._doubtful and (
                    self._finishing.is_set() if operation is None else operation.message_id is None
                ):
                    await self._survey()
                    self._wake.set()
                    continue
                if operation is None:  # nothing visible changed, so no slot is used
                    if self._finishing.is_set() and not self._adopt([Found(0, one) for one in self._seen]):
                        return
                    continue
            if not await self._show() or self._finishing.is_set() or self._rest_of_pages() is not None:
                self._wake.set()

    async def _show(self) -> bool:
        """Wait for a slot and use it for the newest state; False when that failed and has to be tried again."""
        await self.destination.outgoing.edits.turn(self, self.priority)
        route, ticket = await self._slot.take(self)
        try:
            operation = await self._next()
            since, self._stale_since = self._stale_since, None
            words = self._source.has_text
            if operation is None:
                self.destination.shared_bucket(route).bucket.returned()
                return True
            with calls_for(ticket.priority, ticket):
                applied = await self._attempt(route, operation)
            self._worded = self._worded or (applied and words)
            if applied:
                streams = words and ticket.priority is not CallPriority.LAST
                outgoing = self.destination.outgoing
                outgoing.applied(route, ticket.priority, stale_since=since if streams else None)
            return applied
        finally:
            self.destination.outgoing.end(ticket)

    async def _next(self) -> Operation | None:
        await self._source.prepare()
        # What came until now is on these pages.
        self._wake.clear()
        self._grown = self._source.grown
        self._pages = self._source.render()
        return self._rest_of_pages()

    def _rest_of_pages(self) -> Operation | None:
        """The next operation for the pages as they were rendered last."""
        return following(self._pages, self._ids, self._shown, is_last=self._finishing.is_set())

    async def _survey(self) -> None:
        """Find the messages that are in Discord already; to be repeated while doubt is left. Raises
        :class:`DeliveryError`."""
        try:
            with calls_for(self.priority):
                seen = await survey(self.destination, self._request_id, first_unknown=self._ids[:1] == [None])
        except HeldBack:
            await self._repeats.rest()
            return
        except DeliveryError as error:
            # Without an answer nothing can be sent either, so waiting costs nothing.
            if isinstance(error, MessageGone | AccessLost) or not await self._repeats.may_repeat(error):
                raise
            return
        self._doubtful = False
        if seen.original is not None and self._ids[:1] == [None]:
            self._adopt([Found(0, seen.original)])
        elif seen.original not in (None, *self._ids[:1]) and self.destination.channel_route:
            # The token edits another message than the known one, which only the channel's route reaches.
            self.destination.drop_token()
            self._shown = [None] * len(self._ids)
        self._adopt([*seen.found, *(Found(0, message_id) for message_id in self._seen)])
        if self._ids[:1] == [None] and not self._replace_unknown():
            raise TokenExpired("the message that acknowledged the question is not known")

    def _adopt(self, found: Sequence[Found]) -> bool:
        """Take over messages of this answer that were not known; returns whether there were any."""
        placed = places(self._ids, found)
        for page, message_id in placed:
            if page == len(self._ids):
                self._ids.append(None)
                self._shown.append(None)
            self._ids[page] = message_id
            self._on_sent(page, message_id)
        if placed:
            self._wake.set()
        return bool(placed)

    @property
    def priority(self) -> CallPriority:
        """What the next edit is for."""
        if self._finishing.is_set():
            return CallPriority.LAST
        if self._source.is_waiting:
            return CallPriority.POSITION
        return CallPriority.FIRST if not self._worded and self._source.has_text else CallPriority.TEXT

    @property
    def stale_since(self) -> float | None:
        """Since when there is something to show that is not shown (monotonic seconds)."""
        return self._stale_since

    @property
    def knows_ids(self) -> bool:
        """Whether the ids of all messages are known."""
        return None not in self._ids

    async def _pause(self, seconds: float | None, *earlier: asyncio.Event) -> None:
        await first_of(self._clock, seconds, *earlier)

    async def _attempt(self, route: RouteKind, operation: Operation) -> bool:
        """Try an operation once; returns whether it was applied. Raises :class:`DeliveryError` when no attempt is
        left."""
        try:
            await self._perform(route, operation)
        except TokenExpired:
            self.destination.drop_token()
            if self.destination.primary is None or (None in self._ids and not self._replace_unknown()):
                raise
            return False
        except (MessageGone, AccessLost):
            raise
        except HeldBack:
            # No call was made: the next slot comes when the brake permits it.
            return False
        except DeliveryError as error:
            if not await self._repeats.may_repeat(error):
                await self._give_up(operation, error)
            return False
        self._repeats.begin()
        return True

    def _replace_unknown(self) -> bool:
        """Let the channel route send a new message: the id of the first one never arrived."""
        if self.destination.channel_route and self._ids[:1] == [None]:
            del self._ids[0], self._shown[0]
            return True
        return False

    async def _perform(self, route: RouteKind, operation: Operation) -> None:
        if operation.page is None:
            await self._remove(route, operation)
        elif operation.is_new:
            # Until its id is known, a message whose sending failed may exist all the same.
            self._doubtful = True
            message_id = await self.destination.send(route, operation.page, operation.index)
            self._doubtful = False
            if message_id not in self._ids:
                self._ids.append(message_id)
                self._shown.append(operation.page)
                self._on_sent(len(self._ids) - 1, message_id)
        else:
            await self.destination.edit(route, operation.message_id, operation.page, operation.index)
            self._shown[operation.index] = operation.page

    async def _remove(self, route: RouteKind, operation: Operation) -> None:
        if operation.message_id is not None:
            self._removing.add(operation.message_id)
            await self.destination.delete(route, operation.message_id)
        # Only after it was deleted: a crash in between would leave the message there for good.
        self._forget(operation.index)

    def _forget(self, page: int) -> None:
        if (message_id := self._ids[page]) is not None:
            self._on_sent(page, None)
            self._seen.discard(message_id)
        del self._ids[page], self._shown[page]

    async def _give_up(self, operation: Operation, error: DeliveryError) -> None:
        """Leave a message that takes no edit and no deletion any more: what it should show is sent anew. Raises
        ``error`` where that is impossible, else the error of the last attempt."""
        index, page, left = operation.index, operation.page, operation.message_id
        if page is None:
            self._log.warning("delivery.message_left", message=left, detail=str(error))
            self._forget(index)
            return
        if operation.is_new or not self.destination.channel_route:
            raise error
        message_id = await sent_anew(self.destination, page, index, self._clock)
        self._ids[index], self._shown[index] = message_id, page
        self._on_sent(index, message_id)
        # The original response is not the first page any more.
        self.destination.drop_token()
        self._repeats.begin()
        # Two messages must not offer the same: the old one is removed if Discord takes that.
        self._adopt([Found(index, one) for one in [left] if one is not None])
