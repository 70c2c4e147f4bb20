"""What the buttons under an answer do, and who may press them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from bot.clock import Clock
from bot.domain.cluster.audit import AuditEntry, AuditLog
from bot.domain.queue.request import RequestState, StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import UserError
from bot.presentation.answer import pages_of
from bot.presentation.page import Page
from bot.services.access.operators import Operators, Person
from bot.services.access.rules import Act, Standing, require
from bot.services.answers.final_views import FinalViews
from bot.services.answers.live import LiveAnswers
from bot.services.answers.versions import AnswerVersions, Version
from bot.services.ports import Feedback
from bot.services.requests.cancellation import Cancellation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PressedMessage:
    """Where a button was pressed, and the token that edits that message until ``expires_at`` (epoch seconds)."""

    message_id: int
    token: str
    expires_at: float


class AnswerActions:
    """Acts on an answer for a person; authorisation is checked at every press, against what is stored."""

    def __init__(
        self,
        store: RequestStore,
        live_answers: LiveAnswers,
        cancellation: Cancellation,
        views: FinalViews,
        operators: Operators,
        feedback: Feedback,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._store = store
        self._live_answers = live_answers
        self._cancellation = cancellation
        self._views = views
        self._operators = operators
        self._feedback = feedback
        self._audit = audit
        self._clock = clock

    async def request(self, request_id: str) -> StoredRequest:
        """The request behind a button. Raises :class:`UserError` when it is not known any more."""
        found = await self._store.get(request_id)
        if found is None:
            raise UserError(f"request {request_id} is unknown", key="error.request_unknown")
        return found

    async def shown_in(self, message_id: int) -> StoredRequest | None:
        """The newest request shown in this message, or None. Raises :class:`StorageError`."""
        found = await self._store.by_message(message_id)
        if found is None and (live := self._live_answers.showing(message_id)) is not None:
            # People may react to a message before its id is committed.
            found = await self._store.get(live.question.request_id)
        return found

    async def permitted(
        self,
        act: Act,
        request_id: str,
        person: Person,
        *,
        channel_id: int | None = None,
        writer: bool = True,
    ) -> StoredRequest:
        """The request, for a person who may do this with its answer; ``writer``: they may write there. Raises
        :class:`NotAllowed`."""
        request = await self.request(request_id)
        shown = request.question.destination
        standing = Standing(
            operator=self._operators.is_operator(person),
            asker=person.user_id == request.question.asker.user_id,
            private=shown.private,
            shown_here=channel_id == shown.channel_id,
            writer=writer,
        )
        require(act, person, standing)
        return request

    async def stop(self, request_id: str, person: Person, press: PressedMessage | None) -> bool:
        """Stop the answer, or take the question out of the queue; False when pressed again, or too late.

        Raises :class:`NotAllowed` for anybody but the asker and operators.
        """
        request = await self.permitted(Act.STOP, request_id, person)
        if press is not None:
            self._reached(request, press)
        ended = await self._cancellation.stop(request_id, by=person.user_id)
        if ended:
            log.info("answer.stop", request_id=request_id, by=person.user_id)
            asker_id, by = request.question.asker.user_id, person.user_id
            if by != asker_id:
                entry = AuditEntry(self._clock.now(), by, "answer.stop", {"asker": f"<@{asker_id}>"})
                await self._audit.record(entry)
        return ended

    async def last_form(self, request_id: str, message_id: int) -> tuple[Page, ...]:
        """What a message that still offers to end a question shows once that has ended: its last form if the
        message is the answer's own, and else how it ended, without buttons. Further pages are for messages of
        their own. Empty when the question is open, or something still brings its messages to their last form after
        a short time."""
        request = await self._store.get(request_id)
        if request is None or request.state in (RequestState.QUEUED, RequestState.RUNNING):
            return ()
        if not await self._live_answers.until_closed(request_id):
            return ()
        if request.answer is None:
            (page,) = self._views.ended_pages(request)
            return (page if message_id in request.message_ids else replace(page, controls=()),)
        if message_id not in request.message_ids:
            return self._views.elsewhere(request)
        pages = await self.pages(request)
        if len(request.message_ids) == 1:
            return pages
        at = request.message_ids.index(message_id)
        return pages[at : at + 1] or self._views.elsewhere(request)

    async def shown(self, request_id: str, message_id: int) -> None:
        """Note that this message shows its :meth:`last_form`."""
        request = await self._store.get(request_id)
        if request is not None and request.message_ids == (message_id,):
            await self.fetched(request)

    def _reached(self, request: StoredRequest, press: PressedMessage) -> None:
        """Show the last form of a message that only a token can edit through the token of the press: the first one
        may have expired."""
        # Right after the acknowledgement its message may not be kept yet.
        others = set(request.message_ids) - {press.message_id}
        if request.question.destination.channel_route or others:
            return
        live = self._live_answers.get(request.request_id)
        if live is None and request.state is RequestState.QUEUED:
            live = self._live_answers.reopen(request)
        if live is not None:
            live.delivery.renew(press.token, press.expires_at)

    async def kept(self, request_id: str, person: Person) -> StoredRequest:
        """An answer that could not be shown where it was asked, for its asker alone."""
        request = await self.permitted(Act.FETCH, request_id, person)
        if request.answer is None:
            raise UserError(f"request {request_id} has no answer", key="error.request_unknown")
        return request

    async def pages(self, request: StoredRequest) -> tuple[Page, ...]:
        """The messages of a stored answer."""
        return await self._views.stored_pages(request)

    async def version(self, request_id: str, person: Person, *, channel_id: int | None) -> Version:
        """The whole answer that this request is a part of, for somebody in this channel.

        Raises :class:`NotAllowed` where they cannot see it, :class:`UserError` when there is none.
        """
        request = await self.permitted(Act.READ, request_id, person, channel_id=channel_id)
        answer_versions = AnswerVersions.of(await self._store.versions(request.question.root_id or request_id))
        index = answer_versions.index(request_id)
        if index is None:
            raise UserError(f"request {request_id} has no answer", key="error.request_unknown")
        return answer_versions.versions[index]

    async def reasoning(
        self, request_id: str, person: Person, *, channel_id: int | None, limit: int
    ) -> tuple[str, tuple[str, ...]]:
        """What the model thought for the answer, and that as pages of at most ``limit`` characters; both empty
        without any. Other tasks get turns while it is laid out. Raises as :meth:`version`."""
        thought = (await self.version(request_id, person, channel_id=channel_id)).reasoning
        return thought, await pages_of(thought, limit=limit, clock=self._clock) if thought else ()

    async def rate(self, request_id: str, person: Person, *, channel_id: int | None, good: bool) -> StoredRequest:
        """Store somebody's thumb for the answer, which it returns; a later one replaces it. Raises as
        :meth:`version`."""
        shown = (await self.version(request_id, person, channel_id=channel_id)).shown
        await self._feedback.give(shown.request_id, person.user_id, 1 if good else -1, now=self._clock.now())
        log.info("answer.rated", request_id=request_id, good=good)
        return shown

    async def fetched(self, request: StoredRequest) -> None:
        """Note that the asker has seen a kept answer, so that it is not shown again."""
        if request.state is RequestState.ANSWERED:
            await self._store.mark_delivered(request.request_id, now=self._clock.now())
