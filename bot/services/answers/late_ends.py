"""Showing how questions ended when their messages could not show it at once.

A process is killed between the commit of an end and the last edit, Discord is out for minutes, a message turns up
whose sending had failed: the question has ended, and a message still offers to cancel or stop it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import structlog

from bot.clock import Clock, woken
from bot.domain.queue.request import OPEN_STATES, RequestState, StoredRequest
from bot.domain.queue.store import RequestStore, UnshownEnds
from bot.errors import DeliveryError, MessageGone, StorageError
from bot.services.answers.completion import Completion
from bot.services.answers.final_views import FinalViews
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.answers.unshown import Unshown

log = structlog.get_logger(__name__)

AT_ONCE = 8
LOOK_EVERY = 15.0
"""Seconds between two looks for what other processes have left."""
LEFT_ALONE = 30.0
"""Seconds from the end of a question in which the process that ended it shows that."""
STORED_AFTER = (0.25, 1.0, 3.75)
"""Seconds until it is looked whether the id of a message that was sent is stored, and from each look to the next.
It is after a few milliseconds, or seconds while the database is held. The end of the process waits for these
looks."""
GIVEN_UP_AFTER = 86_400.0
"""Seconds from the end of a question. Then a press on its message is the only way to mend it."""


class LateEnds:
    """Shows ends that an earlier process, or an earlier attempt here, did not show."""

    def __init__(
        self,
        *,
        store: RequestStore,
        ends: UnshownEnds,
        unshown: Unshown,
        live_answers: LiveAnswers,
        views: FinalViews,
        completion: Completion,
        clock: Clock,
        leads: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """``leads`` tells whether this process shows what others have left; None: there are no others."""
        self._leads = leads
        self._store = store
        self._ends = ends
        self._unshown = unshown
        self._live_answers = live_answers
        self._views = views
        self._completion = completion
        self._clock = clock
        self._begun = False

    async def run(self) -> None:
        """Show what earlier processes left, then what fails here, until cancelled. Raises
        :class:`StorageError`."""
        if self._leads is None and not self._begun:
            for request in await self._ends.oldest():
                self._unshown.found(request.request_id)
            # From now on the same rows are ends that are being shown here.
            self._begun = True
        while True:
            await self._find()
            await self.show()
            wait = self._unshown.due_in()
            if self._leads is not None:
                wait = LOOK_EVERY if wait is None else min(wait, LOOK_EVERY)
            if wait is None:
                await self._unshown.changed.wait()
                self._unshown.changed.clear()
            else:
                await woken(self._unshown.changed, self._clock, wait)

    async def _find(self) -> None:
        """Find what another process has not shown in time: it was killed, or gave up."""
        if self._leads is None or not await self._leads():
            return
        before = self._clock.now() - LEFT_ALONE
        for request in await self._ends.oldest():
            if (request.finished_at or 0.0) < before and not self._unshown.knows(request.request_id):
                self._unshown.found(request.request_id)

    async def show(self) -> None:
        """Try to show what is due. Raises :class:`StorageError`."""
        if not (due := self._unshown.due()):
            return
        kept = {request.request_id: request for request in await self._ends.oldest()}
        remaining = iter([(request_id, kept.get(request_id)) for request_id in due])
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._show_each(remaining), name="late-ends")

    async def seen(self, request_id: str, message_id: int) -> None:
        """Discord has a message of this question that offers to end it. Usually its delivery has just sent it;
        when there is none, the sending had failed, and it came all the same. Raises :class:`StorageError`."""
        request = await self._not_stored(request_id, message_id)
        if request is not None:
            log.warning("end.message_found", request_id=request_id, message=message_id, state=request.state.value)
            await self._store.attach_message(request_id, len(request.message_ids), message_id)
            if request.state not in OPEN_STATES:
                await self._unshown.left(request_id)

    async def _not_stored(self, request_id: str, message_id: int) -> StoredRequest | None:
        """The question to whose messages this one does not belong; None when a delivery has it, here or in another
        process."""
        request = None
        for pause in STORED_AFTER:
            if self._is_delivered(request_id, message_id):
                return None
            await self._clock.sleep(pause)
            request = await self._store.get(request_id)
            if request is None or message_id in request.message_ids:
                return None
        return None if self._is_delivered(request_id, message_id) else request

    def _is_delivered(self, request_id: str, message_id: int) -> bool:
        live = self._live_answers.get(request_id)
        return live is not None and live.delivery.seen(message_id)

    async def _show_each(self, remaining: Iterator[tuple[str, StoredRequest | None]]) -> None:
        for request_id, kept in remaining:
            try:
                await self._try(request_id, kept)
            except StorageError as error:
                log.info("end.late_and_not_shown", request_id=request_id, detail=str(error))
                self._unshown.failed(request_id)

    async def _try(self, request_id: str, kept: StoredRequest | None) -> None:
        request = kept or await self._store.get(request_id)
        if request is None or request.state in (RequestState.QUEUED, RequestState.RUNNING):
            await self._unshown.shown(request_id)
        elif self._live_answers.get(request_id) is not None:
            # It is being shown at this moment.
            self._unshown.failed(request_id)
        elif await self._is_replaced(request):
            await self._unshown.shown(request_id)
        elif self._clock.now() - (request.finished_at or 0.0) > GIVEN_UP_AFTER:
            log.warning("end.given_up", request_id=request_id, state=request.state.value)
            await self._unshown.shown(request_id)
        else:
            await self._show(request)

    async def _is_replaced(self, request: StoredRequest) -> bool:
        """Whether its messages show a later request now: another version of the answer."""
        if not request.message_ids:
            return False
        newest = await self._store.by_message(request.message_ids[0])
        return newest is not None and newest.request_id != request.request_id

    async def _show(self, request: StoredRequest) -> None:
        """Show the end in the first of its messages that still exists; further ones are removed."""
        while True:
            live = self._live_answers.reopen(request, may_be_more=True)
            try:
                await self._show_in(request, live)
            except MessageGone:
                left = request.message_ids[1:]
            else:
                return
            finally:
                await self._live_answers.close(request.request_id)
            if not left:
                await self._unshown.shown(request.request_id)
                return
            for page, message_id in enumerate(left):
                await self._store.attach_message(request.request_id, page, message_id)
            await self._store.detach_message(request.request_id, len(left))
            request = replace(request, message_ids=left)

    async def _show_in(self, request: StoredRequest, live: LiveAnswer) -> None:
        """Show the end, from what is stored. Raises :class:`MessageGone` when the first message was deleted."""
        if request.state is RequestState.ANSWERED:
            # Where no message can show it, it is kept for /queue, and not tried again.
            self._unshown.forget(request.request_id)
            await self._completion.deliver(request, live)
            return
        await self._views.end(request, live)
        try:
            await live.delivery.finish()
        except MessageGone:
            raise
        except DeliveryError as error:
            log.info("end.late_and_not_shown", request_id=request.request_id, detail=str(error))
        # Who asked is told of these ends, and what comes next depends on the error.
        is_news = request.state in (RequestState.FAILED, RequestState.EXPIRED)
        await self._completion.show_end(request, live, request.state.value, is_news=is_news)
