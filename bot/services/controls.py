"""What the buttons under an answer do, and who may press them."""

from __future__ import annotations

import structlog

from bot.clock import Clock
from bot.errors import NotAllowed, UserError
from bot.queueing.ports import RequestStore
from bot.queueing.request import RequestState, StoredRequest
from bot.rendering import Page
from bot.services.closing import Closing
from bot.services.dispatcher import Dispatcher
from bot.services.lineage import Lineage, Version
from bot.services.operators import Operators, Person
from bot.services.ports import Feedback

log = structlog.get_logger(__name__)


class AnswerControls:
    """Acts on an answer for a person; authorisation is checked at every press, against what is stored."""

    def __init__(
        self,
        store: RequestStore,
        dispatcher: Dispatcher,
        closing: Closing,
        operators: Operators,
        feedback: Feedback,
        clock: Clock,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._closing = closing
        self._operators = operators
        self._feedback = feedback
        self._clock = clock

    async def request(self, request_id: str) -> StoredRequest:
        """The request behind a button. Raises :class:`UserError` when it is not known any more."""
        found = await self._store.get(request_id)
        if found is None:
            raise UserError(f"request {request_id} is unknown", key="error.request_unknown")
        return found

    async def permit_stop(self, request_id: str, person: Person) -> None:
        """Raise :class:`NotAllowed` for anybody but the asker and operators."""
        await self._owned(request_id, person)

    async def stop(self, request_id: str, person: Person) -> None:
        """Stop the answer, or take the question out of the line; pressed again, or too late, does nothing.

        Raises :class:`NotAllowed` for anybody but the asker and operators.
        """
        await self._owned(request_id, person)
        if await self._dispatcher.stop(request_id, by=person.user_id):
            log.info("answer.stop", request_id=request_id, by=person.user_id)

    async def _owned(self, request_id: str, person: Person) -> StoredRequest:
        request = await self.request(request_id)
        if person.user_id != request.question.asker.user_id and not self._operators.is_operator(person):
            raise NotAllowed(f"user {person.user_id} did not ask {request_id}", key="error.not_yours")
        return request

    async def kept(self, request_id: str, person: Person) -> StoredRequest:
        """An answer that could not be shown where it was asked, for its asker alone."""
        request = await self.request(request_id)
        if person.user_id != request.question.asker.user_id:
            raise NotAllowed(f"user {person.user_id} did not ask {request_id}", key="error.not_yours")
        if request.answer is None:
            raise UserError(f"request {request_id} has no answer", key="error.request_unknown")
        return request

    async def pages(self, request: StoredRequest) -> tuple[Page, ...]:
        """The messages of a stored answer, as it was or would have been shown."""
        return await self._closing.stored_pages(request)

    async def repeatable(self, request_id: str, person: Person) -> StoredRequest:
        """The request, for asking it again or going on with it. Raises :class:`NotAllowed` for anybody but the
        asker and operators."""
        return await self._owned(request_id, person)

    async def version(self, request_id: str) -> Version:
        """The whole answer this request is part of. Raises :class:`UserError` when there is none."""
        request = await self.request(request_id)
        lineage = Lineage.of(await self._store.versions(request.question.root_id or request_id))
        index = lineage.index(request_id)
        if index is None:
            raise UserError(f"request {request_id} has no answer", key="error.request_unknown")
        return lineage.versions[index]

    async def rate(self, request_id: str, person: Person, *, good: bool) -> None:
        """Keep somebody's thumb with the request; a later one replaces it."""
        await self.request(request_id)
        await self._feedback.give(request_id, person.user_id, 1 if good else -1, now=self._clock.now())
        log.info("answer.rated", request_id=request_id, good=good)

    async def fetched(self, request: StoredRequest) -> None:
        """The asker has seen a kept answer: nothing has to be shown any more."""
        if request.state is RequestState.ANSWERED:
            await self._store.delivered(request.request_id, now=self._clock.now())
