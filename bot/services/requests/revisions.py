"""Asking a question again, for another version or the rest of its answer, and showing another version."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from bot.clock import Clock
from bot.domain.queue.request import (
    OPEN_STATES,
    Destination,
    NewQuestion,
    RequestKind,
    RequestState,
    StoredRequest,
)
from bot.domain.queue.store import QueueLimits, RequestStore
from bot.errors import DeliveryError, UserError
from bot.presentation.answer import Receipt
from bot.services.answers.final_views import FinalViews
from bot.services.answers.live import LAST_EDIT_WITHIN, LiveAnswers
from bot.services.answers.versions import CONTINUABLE, AnswerVersions
from bot.services.queue.gate import Gate
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.services.requests.ask import Accepted
from bot.tasks.keyed_locks import KeyedLocks

log = structlog.get_logger(__name__)


class Revisions:
    """Repeats and continues answers, in the messages that show them."""

    def __init__(
        self,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        positions: PositionUpdater,
        signal: QueueSignal,
        views: FinalViews,
        clock: Clock,
        queue_limits: QueueLimits,
    ) -> None:
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._positions = positions
        self._signal = signal
        self._views = views
        self._clock = clock
        self._queue_limits = queue_limits
        self._locks = KeyedLocks()

    async def repeat(
        self, origin: StoredRequest, kind: RequestKind, destination: Destination, *, in_place: bool
    ) -> Accepted:
        """Put the question into the queue again, as REGENERATE or CONTINUE.

        ``in_place`` lets the answer appear in ``origin``'s messages through ``destination``; otherwise the caller
        acknowledges with the returned page, as for a new question. Raises :class:`UserError` while the question
        is still being answered or cannot be continued, :class:`AdmissionError`, :class:`StorageError`.
        """
        self._gate.require_open()
        root_id = origin.question.root_id or origin.request_id
        async with self._alone(root_id):
            return await self._repeat(origin, kind, destination, root_id, in_place=in_place)

    async def _repeat(
        self, origin: StoredRequest, kind: RequestKind, destination: Destination, root_id: str, *, in_place: bool
    ) -> Accepted:
        requests = await self._settled(root_id)
        if not origin.question.prompt or origin.question.kind is RequestKind.SUMMARY:
            raise UserError(f"{root_id} was deleted", key="error.request_unknown")
        answer_versions = AnswerVersions.of(requests)
        origin = next((r for r in requests if r.request_id == origin.request_id), origin)
        if kind is RequestKind.CONTINUE and not _continuable(answer_versions, origin):
            raise UserError(f"{origin.request_id} cannot be continued", key="error.not_continuable")
        question = replace(
            origin.question,
            request_id=secrets.token_hex(8),
            destination=_reaching(origin.message_ids, destination) if in_place else destination,
            asked_at=self._clock.now(),
            kind=kind,
            root_id=root_id,
        )
        stored = await self._store.enqueue(question, self._queue_limits)
        message_ids = origin.message_ids if in_place else ()
        # Before anything else is waited for: a dispatcher that is awake takes the question at once, and would open
        # it without its messages.
        live = self._live_answers.begin(stored.question, message_ids)
        if kind is RequestKind.CONTINUE:
            live.view.begin_with(answer_versions.versions[-1].text)
        for page, message_id in enumerate(message_ids):
            await self._store.attach_message(question.request_id, page, message_id)
        self._signal.set()
        await self._positions.show_enqueued(live)
        if in_place:
            live.show()
        log.info("question.repeated", request_id=question.request_id, root=root_id, kind=kind.value)
        await live.view.prepare()
        return Accepted(question.request_id, live.view.render()[0], question.asker.locale)

    async def neighbour(self, origin: StoredRequest, step: int) -> StoredRequest:
        """The request with the version ``step`` places after ``origin``'s.

        Raises :class:`UserError` when there is none, or while a new one is being written.
        """
        root_id = origin.question.root_id or origin.request_id
        answer_versions = AnswerVersions.of(await self._settled(root_id))
        index = answer_versions.index(origin.request_id)
        if index is None or not 0 <= index + step < len(answer_versions.versions):
            raise UserError(f"{root_id} has no such version", key="error.no_version")
        return answer_versions.versions[index + step].shown

    async def turn(self, origin: StoredRequest, step: int, destination: Destination) -> None:
        """Show the version ``step`` places after the one shown now, in the same messages.

        Raises :class:`UserError` when there is none, or while a new one is being written.
        """
        root_id = origin.question.root_id or origin.request_id
        async with self._alone(root_id):
            version = await self.neighbour(origin, step)
            # Its messages may have changed since the press: an earlier version's surplus was being removed.
            origin = await self._store.get(origin.request_id) or origin
            for page, message_id in enumerate(origin.message_ids):
                await self._store.attach_message(version.request_id, page, message_id)
            await self._show(version, origin.message_ids, _reaching(origin.message_ids, destination))

    async def show_forgotten(self, request_ids: Sequence[str]) -> None:
        """Show the messages of these requests, which have ended, without the buttons that need their question,
        which was deleted. Raises :class:`StorageError`."""
        shown: dict[str, StoredRequest] = {}
        for request_id in request_ids:
            await self._live_answers.until_closed(request_id)
            request = await self._store.get(request_id)
            if request is not None and request.message_ids:
                # Messages that several versions share show the newest one.
                newest = await self._store.by_message(request.message_ids[0]) or request
                shown[newest.request_id] = newest
        for request in shown.values():
            # The token of a press has expired by now.
            destination = replace(request.question.destination, token=None, token_expires_at=None)
            if destination.channel_route and request.state not in OPEN_STATES:
                await self._show(request, request.message_ids, destination)

    @contextlib.asynccontextmanager
    async def _alone(self, root_id: str) -> AsyncIterator[None]:
        """Let one press at a time change a question's messages. The next one waits a short time, because what the
        one before shows can be seen before it is over. Raises :class:`UserError` when that takes longer."""
        lock = self._locks.of(root_id)
        try:
            await asyncio.wait_for(lock.acquire(), LAST_EDIT_WITHIN)
        except TimeoutError:
            raise UserError(f"{root_id} is being changed", key="error.still_running") from None
        try:
            yield
        finally:
            lock.release()

    async def _settled(self, root_id: str) -> Sequence[StoredRequest]:
        """All requests of a question, once the last edit of a finished one is out.

        Raises :class:`UserError` while one is still waiting or being written.
        """
        for request in await self._store.versions(root_id):
            if request.state is RequestState.ANSWERED:
                await self._live_answers.until_closed(request.request_id)
        requests = await self._store.versions(root_id)
        if any(request.state in OPEN_STATES for request in requests):
            raise UserError(f"{root_id} is still open", key="error.still_running")
        return requests

    async def _show(self, target: StoredRequest, message_ids: tuple[int, ...], destination: Destination) -> None:
        question: NewQuestion = replace(target.question, destination=destination)
        live = self._live_answers.open(question, message_ids)
        try:
            if target.answer is not None:
                await self._views.finish(live.view, target, target.answer)
            else:
                # Only a deleted question is shown without an answer.
                live.view.finish(Receipt(outcome="withdrawn"))
            await live.delivery.finish()
        except DeliveryError as error:
            log.info("version.not_shown", request_id=target.request_id, detail=str(error))
        finally:
            await self._live_answers.close(target.request_id)


def _reaching(message_ids: tuple[int, ...], destination: Destination) -> Destination:
    """``destination`` for these messages: without the press's token, which edits the pressed message alone, when
    there are more. Call it when all ids are stored: a press may come before the last one is."""
    if len(message_ids) == 1 or not destination.channel_route:
        return destination
    return replace(destination, token=None, token_expires_at=None)


def _continuable(answer_versions: AnswerVersions, origin: StoredRequest) -> bool:
    if answer_versions.index(origin.request_id) != len(answer_versions.versions) - 1:
        return False
    newest = answer_versions.versions[-1].shown
    return newest.answer is not None and newest.answer.finish in CONTINUABLE
