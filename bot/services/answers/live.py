"""The answers this process is showing right now."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial

import structlog

from bot.clock import Clock
from bot.domain.channel_summary.plan import progress_in
from bot.domain.queue.hold import Hold
from bot.domain.queue.request import NewQuestion, RequestKind, StoredRequest
from bot.domain.queue.store import RequestStore
from bot.i18n.catalogue import say
from bot.presentation.answer import AnswerView
from bot.presentation.page import Page, escape_inline
from bot.services.ports import AnswerDelivery, Deliveries
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

CARRIED_PAGES = 3
"""Messages of an answer where a person brought the bot along: Discord takes five follow-ups of an interaction
there (docs, interactions/receiving-and-responding, "Followup Messages"), and the sentences that it takes longer or
how a file was read need some. What is left comes as a file on the last one."""

LAST_EDIT_WITHIN = 2.0
"""Seconds for a last edit: who presses right after it, or meanwhile, meets a request that is still being shown."""


@dataclass(slots=True, eq=False)
class LiveAnswer:
    """One answer with its view and the delivery that shows it."""

    question: NewQuestion
    view: AnswerView
    delivery: AnswerDelivery
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    is_ending: bool = False
    """Something here has begun to end the question, and shows that."""
    writes: set[asyncio.Task[None]] = field(default_factory=set)
    """What is being stored about its messages."""

    def show(self) -> None:
        """Ask the delivery to show the newest state; returns at once."""
        self.delivery.changed()

    def show_hold(self, hold: Hold) -> None:
        """Show that the question waits and why the queue does not move."""
        self.view.show_hold(hold.key, cluster=hold.cluster, **dict(hold.params))
        self.show()

    def show_position(self, position: int, wait: float | None) -> None:
        """Show the position in the queue (from 1) and the estimated ``wait`` in seconds, None when unknown."""
        self.view.show_position(position, wait)
        self.show()

    def show_asked(self, model: str | None) -> None:
        """Show that the question was sent to the cluster, which is known to serve ``model``; text of an earlier
        attempt is dropped."""
        self.view.show_asked(model)
        self.show()


@dataclass(frozen=True, slots=True)
class MessageGone:
    """Discord says that a message of this answer does not exist any more."""

    request_id: str


@dataclass(frozen=True, slots=True)
class MessageAttached:
    """The id of a message of this answer is stored from now on."""

    request_id: str
    message_id: int


class LiveAnswers:
    """Opens, finds and closes live answers."""

    def __init__(
        self,
        deliveries: Deliveries,
        store: RequestStore,
        background: Background,
        clock: Clock,
        *,
        max_pages: int,
    ) -> None:
        self._deliveries = deliveries
        self._store = store
        self._background = background
        self._clock = clock
        self._max_pages = max_pages
        self._began = clock.now()
        self._live: dict[str, LiveAnswer] = {}
        self._beginning: set[str] = set()
        self.events: asyncio.Queue[MessageGone | MessageAttached] = asyncio.Queue()
        """What happened to the messages, in order; for one consumer."""

    @property
    def beginning(self) -> frozenset[str]:
        """The questions that joined the queue here, and of which no message may be stored yet."""
        return frozenset(self._beginning)

    def begin(self, question: NewQuestion, message_ids: tuple[int, ...] = ()) -> LiveAnswer:
        """As :meth:`open`, of a question that has just joined the queue here."""
        self._beginning.add(question.request_id)
        return self.open(question, message_ids)

    def open(
        self, question: NewQuestion, message_ids: tuple[int, ...] = (), *, may_be_more: bool = False
    ) -> LiveAnswer:
        """Open the live answer of a question, or return the one that is open. ``may_be_more``: Discord may have
        messages of it besides these."""
        request_id = question.request_id
        if (live := self._live.get(request_id)) is not None:
            return live
        view = self.view(question)
        delivery = self._deliveries.open(
            request_id,
            question.destination,
            view,
            locale=question.asker.locale,
            asked_at=question.asked_at,
            message_ids=tuple(dict.fromkeys(message_ids)),
            may_be_more=may_be_more,
            on_sent=partial(self._sent, request_id),
            on_gone=partial(self.events.put_nowait, MessageGone(request_id)),
        )
        live = self._live[request_id] = LiveAnswer(question, view, delivery)
        return live

    def view(self, question: NewQuestion) -> AnswerView:
        """A view of a question that is not shown by a delivery."""
        options = question.options
        view = AnswerView(
            # An answer to somebody's own message is a reply to it, which shows the question.
            question=question.prompt if question.source_message_id is None else "",
            asker=f"<@{question.asker.user_id}>",
            locale=question.asker.locale,
            clock=self._clock,
            max_pages=min(self._max_pages, CARRIED_PAGES) if question.is_brought_along else self._max_pages,
            mentions=options.mentions if options is not None else None,
            first_line=options.first_line if options is not None else "",
            missed=options is not None and options.missed,
            heading=_heading(question),
            brought=question.is_brought_along,
        )
        if question.kind is RequestKind.SUMMARY:
            view.part = progress_in(question.attached_text)
        return view

    def reopen(self, request: StoredRequest, *, may_be_more: bool = False) -> LiveAnswer:
        """The live answer of a stored request, opened from what is stored when it is not open. ``may_be_more`` as
        in :meth:`open`; it is so for what an earlier process began."""
        if (live := self._live.get(request.request_id)) is not None:
            return live
        # The process that began it may have ended before it stored what it had sent.
        may_be_more = may_be_more or request.enqueued_at < self._began
        live = self.open(request.question, request.message_ids, may_be_more=may_be_more)
        if not request.message_ids:
            # No message of it is stored: the delivery looks for one.
            live.delivery.acknowledged(None)
        return live

    def get(self, request_id: str) -> LiveAnswer | None:
        """The live answer of a request, if it is open here."""
        return self._live.get(request_id)

    async def until_closed(self, request_id: str) -> bool:
        """Wait a short time until the last edit of a request that has ended is out; False when it is not by
        then."""
        if (live := self._live.get(request_id)) is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(live.closed.wait(), LAST_EDIT_WITHIN)
        return request_id not in self._live

    def all(self) -> tuple[LiveAnswer, ...]:
        """All live answers of this process."""
        return tuple(self._live.values())

    def showing(self, message_id: int) -> LiveAnswer | None:
        """The live answer that this message is a part of, if it is open here."""
        return next((live for live in self.all() if message_id in live.delivery.message_ids), None)

    async def acknowledged(self, request_id: str, message_id: int | None, page: Page | None) -> None:
        """Note that the first message exists and store its id, so that a restart finds it. Raises
        :class:`StorageError`."""
        if (live := self._live.get(request_id)) is not None:
            live.delivery.acknowledged(message_id, page)
        if message_id is not None:
            await self._attach(request_id, 0, message_id)

    def refused(self, request_id: str) -> None:
        """Note that Discord refused the first message for good: there is none."""
        if (live := self._live.get(request_id)) is not None:
            live.delivery.refused()

    async def _attach(self, request_id: str, page: int, message_id: int) -> None:
        await self._store.attach_message(request_id, page, message_id)
        self._beginning.discard(request_id)
        self.events.put_nowait(MessageAttached(request_id, message_id))

    async def settled(self, timeout: float) -> None:
        """Show the present state of every waiting question a last time; wait at most ``timeout`` seconds."""
        finishing = {
            asyncio.create_task(live.delivery.finish(), name=f"settle-{live.question.request_id}")
            for live in self.all()
            if live.view.is_waiting
        }
        if not finishing:
            return
        shown, late = await asyncio.wait(finishing, timeout=timeout)
        for task in late:
            task.cancel()
        for task in shown:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.info("settle.not_shown", task=task.get_name(), detail=str(error))

    async def close(self, request_id: str) -> None:
        """Close the live answer of this request and its delivery; no-op when none is open."""
        self._beginning.discard(request_id)
        if (live := self._live.pop(request_id, None)) is not None:
            await self._deliveries.close(request_id)
            # Whoever changes these messages next reads from the store which they are.
            if live.writes:
                await asyncio.wait(live.writes)
            live.closed.set()

    def _sent(self, request_id: str, page: int, message_id: int | None) -> None:
        if message_id is None:
            work = self._store.detach_message(request_id, page)
        else:
            work = self._attach(request_id, page, message_id)
        task = self._background.spawn(work, name=f"page-{request_id}-{page}")
        if (live := self._live.get(request_id)) is not None:
            live.writes.add(task)
            task.add_done_callback(live.writes.discard)


def _heading(question: NewQuestion) -> str:
    """What tells that a schedule asks the question, and whose it is; empty when a person does."""
    words = question.options.schedule if question.options is not None else ""
    if not words:
        return ""
    asker = question.asker
    return f"-# {say(asker.locale, 'schedule.heading', when=escape_inline(words), owner=f'<@{asker.user_id}>')}"
