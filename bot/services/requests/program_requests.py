"""Takes what programs ask into the queue, tells them their place in it, and ends what they no longer wait for."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.domain.conversation.store import ConversationKey
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.queue.fairness import EXPECTED_ANSWER
from bot.domain.queue.hold import Hold
from bot.domain.queue.request import (
    NO_CHANNEL,
    Asker,
    Destination,
    NewQuestion,
    RequestKind,
    RequestState,
)
from bot.domain.queue.store import Admission, Joined, QueueLimits, RequestStore
from bot.errors import BotError, Draining, Ended, SchedulerNotReady, StorageError
from bot.services.access.keys import Owner
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Allowance, Quotas
from bot.services.answers.live import LiveAnswers
from bot.services.answers.programs import Recipient, WaitingProgram, WaitingPrograms
from bot.services.cluster.clusters import Clusters
from bot.services.queue.dispatcher import Dispatcher
from bot.services.queue.gate import Gate
from bot.services.queue.slots import AllSlots
from bot.services.requests.cancellation import Cancellation
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

PLACES_FRESH = 1.0
"""Seconds for which the order of the queue is used again: all programs that wait ask for it."""
_REFUSED = frozenset(
    {"held.unreachable", "held.wants_key", "held.no_model", "held.model_unlisted", "held.model_failed"}
)
"""Why nothing will be answered until somebody does something: programs are told at once, people wait."""


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """``weight`` is the share of what programs ask, where the same person's questions in Discord have 1;
    ``keeps_text``: prompts and answers are stored; ``owner`` names this process."""

    limits: QueueLimits
    weight: float
    keeps_text: bool
    owner: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is: ``position`` from 1, None when it does not wait; ``wait`` in seconds, None when unknown;
    ``hold`` is why the queue does not move."""

    position: int | None
    wait: float | None
    hold: Hold | None


class ProgramRequests:
    """The requests of programs, from their admission to their end."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        programs: WaitingPrograms,
        gate: Gate,
        slots: AllSlots,
        clusters: Clusters,
        dispatcher: Dispatcher,
        cancellation: Cancellation,
        quotas: Quotas,
        operators: Operators,
        profiles: Profiles,
        estimator: TokenEstimator,
        background: Background,
        clock: Clock,
        options: ProgramOptions,
    ) -> None:
        self._store = store
        self._live_answers = live_answers
        self._programs = programs
        self._gate = gate
        self._slots = slots
        self._clusters = clusters
        self._dispatcher = dispatcher
        self._cancellation = cancellation
        self._quotas = quotas
        self._operators = operators
        self._profiles = profiles
        self._estimator = estimator
        self._background = background
        self._clock = clock
        self._options = options
        self._is_ending = False
        self._cut: set[str] = set()
        self._order: tuple[float, Mapping[str, int]] = (float("-inf"), {})
        self._reading = asyncio.Lock()

    @property
    def limit(self) -> int:
        """How many requests one person's programs may have waiting."""
        return self._options.limits.per_user

    def waiting_of(self, user_id: int) -> int:
        """How many requests of this person's programs wait here."""
        return sum(one.user_id == user_id and one.started_at is None for one in self._programs.all())

    async def allowance(self, owner: Owner) -> Allowance | None:
        """What the key's owner may use today, and has used; None for no limit. Raises :class:`StorageError`."""
        return await self._quotas.allowance(owner.person) if self._quotas.of(owner.person) is not None else None

    def program(self, owner: Owner, body: Mapping[str, object], recipient: Recipient) -> WaitingProgram:
        """A program's request, which is to be answered to ``recipient``; ``body`` as of :class:`WaitingProgram`.
        Nothing of it is kept before :meth:`submit`."""
        return WaitingProgram(
            request_id=secrets.token_hex(8),
            user_id=owner.person.user_id,
            body=body,
            prompt_tokens=self._estimator.for_model(None)(_text_of(body)),
            recipient=recipient,
            asked_at=self._clock.now(),
            keeps_text=self._options.keeps_text,
            wanted_cluster=self._wanted(body.get("model"), owner.profile.cluster or None),
        )

    async def submit(self, owner: Owner, program: WaitingProgram) -> None:
        """Take a program's request into the queue; it is durable when this returns, and may be on its way to the
        cluster before.

        Raises :class:`AdmissionError` (queue full, nothing left for today, bot stopping),
        :class:`SchedulerNotReady` when nothing can be answered until somebody acts, or :class:`StorageError`.
        When it is cancelled, nothing of the request is left.
        """
        self._require_open()
        # Before it joins: it may be claimed as soon as it has.
        self._programs.enter(program)
        joining = asyncio.create_task(self._join(owner, program), name=f"join-{program.request_id}")
        try:
            await asyncio.shield(joining)
        except asyncio.CancelledError:
            self._background.spawn(self._end_joined(joining, program), name=f"gone-{program.request_id}")
            raise
        except BaseException:
            await self._forget(program)
            raise
        log.info("program.accepted", request_id=program.request_id, user=program.user_id, key=owner.key.prefix)

    def left(self, program: WaitingProgram) -> None:
        """Note that the connection of a program has ended; begins to end its request, unless that has ended, and
        returns at once."""
        program.is_gone = True
        self._programs.leave(program)
        program.ended.set()
        if program.answer is not None:
            return
        if self._is_ending:
            self._cut.add(program.request_id)
        if not program.is_finished:
            self._cancellation.message_gone(program.request_id)

    async def place(self, program: WaitingProgram) -> Place:
        """Where a request of a program is now, or was when the database last answered."""
        at, order = self._order
        if self._clock.monotonic() - at >= PLACES_FRESH:
            async with self._reading:
                at, order = self._order
                if self._clock.monotonic() - at >= PLACES_FRESH:
                    order = await self._order_now(order)
                    self._order = (self._clock.monotonic(), order)
        position = order.get(program.request_id)
        wait = None if position is None else self._slots.wait_for(position, program.wanted_cluster)
        return Place(position, wait, self._gate.hold(program.wanted_cluster))

    async def _order_now(self, before: Mapping[str, int]) -> Mapping[str, int]:
        try:
            ids: Sequence[str] = await self._store.waiting_ids()
        except StorageError as error:
            log.info("program.place_unknown", detail=str(error))
            return before
        return {one: index for index, one in enumerate(ids, start=1)}

    async def has_ended(self, program: WaitingProgram) -> bool:
        """Whether the request has ended without its program being told, because another process ended it; then
        it is told. False also while the database does not answer: the request is in it."""
        try:
            holder = (await self._store.holders([program.request_id])).get(program.request_id)
        except StorageError as error:
            log.info("program.state_unknown", request_id=program.request_id, detail=str(error))
            return False
        if holder is not None and holder.state in {RequestState.QUEUED, RequestState.RUNNING}:
            return False
        program.end()
        return True

    async def why(self, program: WaitingProgram) -> BotError | None:
        """Why a program's request has ended without an answer; None when it has one."""
        if program.answer is not None:
            return None
        if program.error is not None:
            return program.error
        try:
            request = await self._store.get(program.request_id)
        except StorageError as error:
            return error
        state = "removed" if request is None else request.state.value
        return Ended(state)

    def end_waiting(self) -> None:
        """Take nothing more, and end what no pipeline has taken yet, because this process is about to end: an
        HTTP request lives as long as its connection."""
        self._is_ending = True
        for program in self._programs.all():
            if program.started_at is None and not program.ended.is_set():
                program.end(Draining("the process ends"))
                self._cancellation.message_gone(program.request_id)

    async def end_all(self) -> None:
        """End also what was still being answered, after the queue has put it back."""
        for program in self._programs.all():
            program.end(Draining("the process ends"))
            # What waits is shown a last time at the end of the process, and seems to be finished then.
            if program.answer is None:
                self._cut.add(program.request_id)
        while self._cut:
            request_id = self._cut.pop()
            try:
                await self._store.mark_cancelled(request_id, now=self._clock.now())
            except StorageError as error:
                # The next process cancels it, since this one does not live any more.
                log.warning("program.not_ended", request_id=request_id, detail=str(error))

    def _require_open(self) -> None:
        if self._is_ending:
            raise Draining
        self._gate.require_open()
        hold = self._gate.hold()
        if hold is not None and hold.key in _REFUSED:
            raise SchedulerNotReady(hold.key, key="error.scheduler_not_ready")

    def _wanted(self, model: object, preferred: str | None) -> str | None:
        """The cluster that a request for ``model`` needs: the ``preferred`` one if it runs that, or else the one
        with most room. Where all run it, or none is known to, the preferred one; None: any."""
        running = self._clusters.models.get(model, ()) if isinstance(model, str) else ()
        if preferred in running or len(running) in {0, len(self._clusters.names)}:
            return preferred
        return max(running, key=self._slots.free)

    async def _join(self, owner: Owner, program: WaitingProgram) -> Joined:
        person, profile, place = owner.person, owner.profile, owner.place
        question = NewQuestion(
            request_id=program.request_id,
            asker=Asker(person.user_id, owner.key.user_name),
            destination=Destination(
                application_id=0,
                channel_id=NO_CHANNEL,
                guild_id=person.guild_id,
                private=True,
                channel_route=False,
            ),
            conversation_id=0,  # the store finds it
            prompt=_text_of(program.body) if self._options.keeps_text else "",
            asked_at=program.asked_at,
            cost=float(program.prompt_tokens + EXPECTED_ANSWER),
            weight=self._operators.weight_of(person) * self._options.weight,
            kind=RequestKind.API,
            held_by=self._options.owner,
            wanted_cluster=program.wanted_cluster,
        )
        self._live_answers.begin(question)
        key = ConversationKey(channel_id=NO_CHANNEL, guild_id=None, private_to=person.user_id)
        while True:
            admission = Admission(self._options.limits, self._quotas.of(person), profile.version)
            joined = await self._dispatcher.join(question, key, place.ids, admission)
            if joined is not None:
                return joined
            # The rights were checked a moment ago, by settings that have changed since.
            self._profiles.forget()
            profile = await self._profiles.remembered(place.ids)

    async def _end_joined(self, joining: asyncio.Task[Joined], program: WaitingProgram) -> None:
        """End a request whose connection ended while it joined the queue."""
        try:
            await joining
        except BotError as error:
            log.info("program.gone", request_id=program.request_id, detail=str(error))
            await self._forget(program)
            return
        self.left(program)

    async def _forget(self, program: WaitingProgram) -> None:
        self._programs.leave(program)
        await self._live_answers.close(program.request_id)


def _text_of(body: Mapping[str, object]) -> str:
    """What the model reads of a request."""
    return json.dumps([body.get("messages"), body.get("tools")], ensure_ascii=False)
