"""Take questions: check them and put them into the queue durably. Does not wait for answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from bot.clock import Clock
from bot.domain.channel_summary.instructions import room_for, wish_of
from bot.domain.channel_summary.plan import ChannelMessages, planned
from bot.domain.conversation.profile import Profile, ScopeChain
from bot.domain.conversation.store import ConversationKey
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.conversation.window import build_window
from bot.domain.discord_calls.brake import Level
from bot.domain.queue.fairness import EXPECTED_ANSWER
from bot.domain.queue.request import (
    Asker,
    Destination,
    GenerationOptions,
    NewQuestion,
    RequestKind,
    RequestState,
)
from bot.domain.queue.store import Admission, Joined, QueueLimits, RequestStore
from bot.errors import BotError, DatabaseLocked, NotAllowed, NotTakenNow, UserError
from bot.presentation.page import Page
from bot.services.access.operators import Person
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access, Act
from bot.services.answers.live import LiveAnswers
from bot.services.ports import Brake
from bot.services.queue.gate import Gate
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.tasks.keyed_locks import KeyedLocks
from bot.tasks.pending import Pending
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

LOCKED_AT_MOST, LOCKED_AGAIN_AFTER = 60.0, 0.5
"""Seconds: how long a question waits for a database that somebody else holds, and between two tries."""


@dataclass(frozen=True, slots=True)
class AskContext:
    """Who asks and where, the profile in effect there, and the asker's share of the cluster (1 is usual)."""

    person: Person
    place: ScopeChain
    profile: Profile
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A question as somebody asks it, whichever way it came.

    ``heard_as`` is the id of the interaction or message it came as, or names the run of a schedule, whose words
    are ``schedule`` then. ``attached_text`` is the text of its files and
    of the message it is about. ``think`` None leaves that to the profile. ``source_message_id`` is the person's
    own message, when they wrote one; ``is_post``: it is a post of a help channel; ``follows`` the root id of the
    question whose branch this goes on with;
    ``mentions`` what its text mentions, by name; ``missed``: it was asked while the bot was away. ``messages`` are
    what a summary is asked of, None for a question.
    """

    prompt: str
    asker: Asker
    context: AskContext
    destination: Destination
    heard_as: int | str
    attached_text: str = ""
    think: bool | None = None
    source_message_id: int | None = None
    follows: str | None = None
    is_post: bool = False
    mentions: Mapping[str, str] = field(default_factory=dict)
    missed: bool = False
    messages: ChannelMessages | None = None
    schedule: str = ""

    @property
    def conversation(self) -> ConversationKey:
        """The conversation that the question belongs to: private questions have a memory of their own."""
        return ConversationKey(
            channel_id=self.destination.channel_id,
            guild_id=self.destination.guild_id,
            private_to=self.asker.user_id if self.destination.private else None,
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """A question that is in the queue. ``page`` is the message that acknowledges it and becomes the answer."""

    request_id: str
    page: Page
    locale: str


class AskService:
    """Takes questions into the queue, whichever way they came."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        positions: PositionUpdater,
        signal: QueueSignal,
        estimator: TokenEstimator,
        clock: Clock,
        queue_limits: QueueLimits,
        profiles: Profiles,
        access: Access,
        quotas: Quotas,
        brake: Brake,
        id_key: bytes,
        metrics: Metrics,
        most_context: Mapping[str, int | None] | None = None,
    ) -> None:
        """``id_key``: a secret of all processes, without which nobody can guess the ids of questions.
        ``most_context``: how many tokens each cluster takes at most, by name; None: as many as a profile says."""
        self._most_context = most_context or {}
        self._id_key = id_key
        self._metrics = metrics
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._positions = positions
        self._signal = signal
        self._estimator = estimator
        self._clock = clock
        self._queue_limits = queue_limits
        self._profiles = profiles
        self._access = access
        self._quotas = quotas
        self._brake = brake
        self._turns = KeyedLocks()
        self._unacknowledged = Pending()

    async def admit(self, context: AskContext) -> None:
        """Raise what :meth:`submit` would because of who asks where: :class:`NotAllowed`, :class:`QuotaUsed`."""
        with self._refusals():
            await self._admit(context)

    async def _admit(self, context: AskContext) -> None:
        await self._quotas.check(await self._allowed(context))

    async def _allowed(self, context: AskContext) -> Person:
        """The asker, with the roles that count. Raises :class:`NotAllowed`."""
        person, place, profile = context.person, context.place, context.profile
        try:
            return await self._access.require(Act.ASK, person, place, profile=profile)
        except NotAllowed:
            if profile.version is None:
                raise
            # Nobody is refused by a profile from memory, which another process may have changed.
            newest = await self._profiles.of(place.ids)
        return await self._access.require(Act.ASK, person, place, profile=newest)

    async def check(self, request: AskRequest) -> None:
        """Raise what :meth:`submit` would now; nothing is kept. For what is done before a question can be
        submitted, and could not be undone."""
        with self._refusals():
            self._require_taking(request)
            self._gate.require_open()
            await self._admit(request.context)
            self._cost(request, self._options(request))
            waiting = (await self._store.counts()).get(RequestState.QUEUED, 0)
            mine = await self._store.of_user(request.asker.user_id, (RequestState.QUEUED,))
            self._queue_limits.require_room(total=waiting, mine=len(mine))

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Count the question as refused when the block raises."""
        try:
            yield
        except BotError as error:
            self._metrics.refused(error)
            raise

    def require_fitting(self, request: AskRequest) -> None:
        """Raise :class:`UserError` when the question is empty or too long, as :meth:`submit` would."""
        if not request.prompt.strip():
            raise UserError("empty prompt", key="error.empty_prompt")
        self._cost(request, self._options(request))

    async def submit(self, request: AskRequest) -> Accepted | None:
        """Take a question into the queue; it is durable when this returns.

        None: another process has taken it, and acknowledges it. Discord tells every session of a token what
        happens, so during a rolling restart two hear of the same question.

        Raises :class:`UserError` (empty, too long, not allowed), :class:`AdmissionError` (queue full, nothing left
        for today, bot stopping, Discord about to ban it) or :class:`StorageError`; then nothing was kept.
        """
        with self._refusals():
            self._require_taking(request)
            entry = object()
            self._unacknowledged.begin(entry)
            try:
                # Fair queueing orders only what is in the queue. As each person's questions join one after the
                # other, everybody's first is in it before anybody's second.
                async with self._turns.of(request.asker.user_id):
                    self._gate.require_open()
                    accepted = await self._enqueued(request)
                if accepted is not None:
                    self._unacknowledged.begin(accepted.request_id)
                return accepted
            finally:
                self._unacknowledged.complete(entry)

    async def _enqueued(self, request: AskRequest) -> Accepted | None:
        """Enqueue a question; while somebody else holds the database, again and again for a minute."""
        until = self._clock.monotonic() + LOCKED_AT_MOST
        while True:
            try:
                return await self._enqueue(request)
            except DatabaseLocked as error:
                if self._clock.monotonic() >= until:
                    raise
                log.warning("question.waits_for_database", user=request.asker.user_id, detail=str(error))
                await self._clock.sleep(LOCKED_AGAIN_AFTER)

    def _require_taking(self, request: AskRequest) -> None:
        if not request.prompt.strip():
            raise UserError("empty prompt", key="error.empty_prompt")
        if self._brake.level() is not Level.OPEN:
            raise NotTakenNow

    async def _enqueue(self, request: AskRequest) -> Accepted | None:
        now = self._clock.now()
        joined = await self._joined(request, now)
        question, asker = joined.request.question, request.asker
        if joined.position is None and question.asked_at != now:
            log.info("question.taken_elsewhere", request_id=question.request_id, user=asker.user_id)
            return None
        live = self._live_answers.begin(question)
        self._signal.set()
        self._positions.show_joined(live, joined.position)
        log.info(
            "question.accepted",
            request_id=question.request_id,
            user=asker.user_id,
            channel=request.destination.channel_id,
            characters=len(request.prompt),
        )
        return Accepted(question.request_id, live.view.render()[0], asker.locale)

    async def _joined(self, request: AskRequest, now: float) -> Joined:
        """Let a question join the queue, by the profile that is in effect when it does."""
        place = request.context.place
        while True:
            context = request.context
            quota = self._quotas.of(await self._allowed(context))
            question = self._question(request, now)
            admission = Admission(self._queue_limits, quota, context.profile.version)
            joined = await self._store.join(question, request.conversation, place.ids, admission)
            if joined is not None:
                return joined
            self._profiles.forget()
            profile = await self._profiles.remembered(place.ids)
            request = replace(request, context=replace(context, profile=profile))

    def _question(self, request: AskRequest, now: float) -> NewQuestion:
        """The question as it is stored. Raises :class:`PromptTooLong`."""
        context, options = request.context, self._options(request)
        cost, attached_text, kind = self._cost(request, options), request.attached_text, RequestKind.ASK
        if request.messages is not None:
            measure = self._estimator.for_model(None)
            room = room_for(options, options.context_tokens, measure, wish_of(request.prompt, options))
            plan = planned(request.messages, room, measure)
            cost += measure(plan.unread[0])
            attached_text, kind = plan.stored(), RequestKind.SUMMARY
        return NewQuestion(
            request_id=_request_id(request.heard_as, self._id_key),
            asker=request.asker,
            destination=request.destination,
            conversation_id=0,  # the store finds it
            prompt=request.prompt,
            attached_text=attached_text,
            kind=kind,
            think=context.profile.think if request.think is None else request.think,
            weight=context.weight,
            cost=cost,
            asked_at=now,
            source_message_id=request.source_message_id,
            follows=request.follows,
            options=options,
            wanted_cluster=context.profile.cluster or None,
        )

    async def acknowledged(self, accepted: Accepted, message_id: int | None) -> None:
        """Note that the acknowledging message exists. ``message_id`` None: it could not be sent; the answer comes
        as a message of its own where the bot may write."""
        try:
            await self._live_answers.acknowledged(accepted.request_id, message_id, accepted.page)
        finally:
            self._unacknowledged.complete(accepted.request_id)

    def unannounced(self, accepted: Accepted) -> None:
        """Note that nothing acknowledges the question: the bot sends the message that becomes the answer."""
        self.refused(accepted)

    def refused(self, accepted: Accepted) -> None:
        """Note that Discord refused the acknowledging message because it came too late. The answer comes as a
        message of its own where the bot may write."""
        self._live_answers.refused(accepted.request_id)
        self._unacknowledged.complete(accepted.request_id)

    async def settled(self, timeout: float) -> bool:
        """Wait until every question that is being taken is acknowledged or refused, at most ``timeout`` seconds;
        returns whether that is so. For the end of the process, which closes the connection that acknowledges."""
        return await self._unacknowledged.settled(self._clock, timeout)

    def _options(self, request: AskRequest) -> GenerationOptions:
        context = request.context
        options = self._profiles.options(context.profile, context.place, request.asker.name)
        most = self._most_at(context.profile.cluster)
        if most is not None and most < options.context_tokens:
            options = replace(options, context_tokens=most)
        if context.profile.answer_posts:
            options = replace(options, **_in_help_channel(request))
        if request.mentions or request.missed or request.schedule:
            options = replace(options, mentions=request.mentions, missed=request.missed, schedule=request.schedule)
        return options

    def _most_at(self, wanted: str) -> int | None:
        """How many tokens the cluster takes that a question wants, or the one that takes most; None: any
        number."""
        if wanted in self._most_context:
            return self._most_context[wanted]
        known = list(self._most_context.values())
        return None if None in known else max((one for one in known if one is not None), default=None)

    def _cost(self, request: AskRequest, options: GenerationOptions) -> float:
        """The estimated work in tokens. Raises :class:`PromptTooLong`."""
        window = build_window(
            (),
            request.prompt,
            asker=request.asker.name,
            attached_text=request.attached_text,
            system_prompt=options.system_prompt,
            budget=options.context_tokens,
            estimate=self._estimator.for_model(None),
        )
        return float(window.tokens + EXPECTED_ANSWER)


def _in_help_channel(request: AskRequest) -> dict[str, Any]:
    """The options of an answer in a help channel: people are called into threads, and never where others cannot
    read what it is about."""
    profile = request.context.profile
    callable_here = not request.destination.private and any(
        scope.kind == "thread" for scope in request.context.place.scopes
    )
    return {
        "first_line": profile.first_line if request.is_post else "",
        "helper_role": min(profile.helper_roles, default=None) if callable_here else None,
    }


def _request_id(heard_as: int | str, key: bytes) -> str:
    """The question's id: the same in every process that receives the same interaction or message. Nobody without
    the key can compute it, although Discord's ids are known: an answer's buttons carry it."""
    keyed = hashlib.blake2b(key, digest_size=32).digest()
    return hashlib.blake2b(str(heard_as).encode(), key=keyed, digest_size=8, person=b"question id").hexdigest()
