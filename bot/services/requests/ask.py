"""Taking a question: checked, durable in the queue, on its way; never waits for the answer."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.domain.conversation.attached_text import with_attached_text
from bot.domain.conversation.profile import Profile, ScopeChain
from bot.domain.conversation.store import ConversationKey, ConversationStore
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.conversation.window import build_window
from bot.domain.discord_calls.brake import Level
from bot.domain.queue.request import Asker, Destination, GenerationOptions, NewQuestion
from bot.domain.queue.store import QueueLimits, RequestStore
from bot.errors import NotTakenNow, UserError
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
from bot.services.requests.fair_semaphore import FairSemaphore
from bot.tasks.pending import Pending

log = structlog.get_logger(__name__)

# Of a burst of questions so many are taken at the same time: the first ones are on their way to the cluster while
# the last ones are still being read, instead of all being ready together at the end.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class AskContext:
    """Who asks, where, and what is in effect there."""

    person: Person
    place: ScopeChain
    profile: Profile


@dataclass(frozen=True, slots=True)
class Question:
    """What a cog made of somebody's words.

    ``attached_text`` is the text of attachments. ``context`` None: no profile, token limit or right applies.
    ``source_message_id`` is the person's own message, when they wrote one; ``follows`` the root id of the
    question whose branch this goes on with. ``heard_as`` is the id of the interaction or the message it came as.
    """

    asker: Asker
    destination: Destination
    prompt: str
    attached_text: str = ""
    think: bool | None = None
    weight: float = 1.0
    context: AskContext | None = None
    source_message_id: int | None = None
    follows: str | None = None
    heard_as: int | None = None

    @property
    def conversation(self) -> ConversationKey:
        """Private questions have a memory of their own."""
        return ConversationKey(
            channel_id=self.destination.channel_id,
            guild_id=self.destination.guild_id,
            private_to=self.asker.user_id if self.destination.private else None,
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """The question is in the queue; ``page`` is the message that acknowledges it and becomes the answer."""

    request_id: str
    page: Page
    locale: str


@dataclass(frozen=True, slots=True)
class AskLimits:
    """What a question may cost. Tokens; ``expected_answer`` is the usual length of an answer."""

    context_tokens: int
    expected_answer: int = 400


class AskService:
    """Takes questions into the queue, however they came."""

    def __init__(
        self,
        *,
        store: RequestStore,
        conversations: ConversationStore,
        live_answers: LiveAnswers,
        gate: Gate,
        positions: PositionUpdater,
        signal: QueueSignal,
        estimator: TokenEstimator,
        clock: Clock,
        queue_limits: QueueLimits,
        ask_limits: AskLimits,
        system_prompt: str,
        profiles: Profiles | None = None,
        access: Access | None = None,
        quotas: Quotas | None = None,
        brake: Brake | None = None,
        id_key: bytes = b"",
    ) -> None:
        """``profiles``, ``access`` and ``quotas`` apply to questions that have a setting. Without a ``brake``
        nothing is held back. ``id_key`` is a secret that makes the ids of questions hard to guess; processes that
        share a database have the same one."""
        self._id_key = id_key
        self._brake = brake
        self._profiles = profiles
        self._access = access
        self._quotas = quotas
        self._store = store
        self._conversations = conversations
        self._live_answers = live_answers
        self._gate = gate
        self._positions = positions
        self._signal = signal
        self._estimator = estimator
        self._clock = clock
        self._queue_limits = queue_limits
        self._ask_limits = ask_limits
        self._system_prompt = system_prompt
        self._semaphore = FairSemaphore(AT_ONCE)
        self._unacknowledged = Pending()

    async def admit(self, context: AskContext) -> None:
        """Raise what :meth:`submit` would because of who asks where: :class:`NotAllowed`, :class:`QuotaUsed`."""
        person = context.person
        if self._access is not None:
            person = await self._access.require(Act.ASK, person, context.place, profile=context.profile)
        if self._quotas is not None:
            await self._quotas.check(person)

    async def submit(self, question: Question) -> Accepted | None:
        """Take a question into the queue; it is durable when this returns.

        None: another process has taken it, and acknowledges it. Discord tells every session of a token what
        happens, so during a rolling restart two hear of the same question.

        Raises :class:`UserError` (empty, too long, not allowed), :class:`AdmissionError` (queue full, nothing left
        for today, bot stopping, Discord about to ban it) or :class:`StorageError`; then nothing was kept.
        """
        if not question.prompt.strip():
            raise UserError("empty prompt", key="error.empty_prompt")
        if self._brake is not None and self._brake.level() is not Level.OPEN:
            raise NotTakenNow
        entry = object()
        self._unacknowledged.begin(entry)
        try:
            async with self._semaphore.passing(question.asker.user_id):
                self._gate.require_open()
                accepted = await self._taken(question)
            if accepted is not None:
                self._unacknowledged.begin(accepted.request_id)
            return accepted
        finally:
            self._unacknowledged.complete(entry)

    async def _taken(self, question: Question) -> Accepted | None:
        context = question.context
        options = None
        think = question.think
        if context is not None and self._profiles is not None:
            await self.admit(context)
            options = self._profiles.options(context.profile, context.place, question.asker.name)
            think = context.profile.think if think is None else think
        cost = self._check_size(question, options)
        conversation_id = await self._conversations.conversation(
            question.conversation, () if context is None else context.place.ids
        )
        now = self._clock.now()
        stored = await self._store.enqueue(
            NewQuestion(
                request_id=_request_id(question.heard_as, self._id_key),
                asker=question.asker,
                destination=question.destination,
                conversation_id=conversation_id,
                prompt=question.prompt,
                attached_text=question.attached_text,
                think=think,
                weight=question.weight,
                cost=cost,
                asked_at=now,
                source_message_id=question.source_message_id,
                follows=question.follows,
                options=options,
            ),
            self._queue_limits,
        )
        if stored.question.asked_at != now:
            log.info("question.taken_elsewhere", request_id=stored.request_id, user=question.asker.user_id)
            return None
        live = self._live_answers.open(stored.question)
        self._signal.set()
        await self._positions.show_enqueued(live)
        log.info(
            "question.accepted",
            request_id=stored.request_id,
            user=question.asker.user_id,
            channel=question.destination.channel_id,
            characters=len(question.prompt),
        )
        return Accepted(stored.request_id, live.view.render()[0], question.asker.locale)

    async def acknowledged(self, accepted: Accepted, message_id: int | None) -> None:
        """The acknowledging message exists. ``message_id`` None: it could not be sent, and the answer will
        come as a message of its own where the bot may write."""
        try:
            await self._live_answers.acknowledged(accepted.request_id, message_id, accepted.page)
        finally:
            self._unacknowledged.complete(accepted.request_id)

    def refused(self, accepted: Accepted) -> None:
        """Discord has refused the acknowledging message: it was too late. The answer comes as a message of its own
        where the bot may write."""
        self._live_answers.refused(accepted.request_id)
        self._unacknowledged.complete(accepted.request_id)

    async def settled(self, timeout: float) -> bool:
        """Wait until every question that is being taken is acknowledged or refused, at most ``timeout`` seconds;
        returns whether that is so. For the end of the process, which closes the connection that acknowledges."""
        return await self._unacknowledged.settled(self._clock, timeout)

    def _check_size(self, question: Question, options: GenerationOptions | None) -> float:
        window = build_window(
            (),
            with_attached_text(question.prompt, question.attached_text),
            asker=question.asker.name,
            system_prompt=options.system_prompt if options else self._system_prompt,
            budget=options.context_tokens if options else self._ask_limits.context_tokens,
            estimate=self._estimator.estimate,
        )
        return float(window.tokens + self._ask_limits.expected_answer)


def _request_id(heard_as: int | None, key: bytes) -> str:
    """The question's id: the same in every process that receives the same interaction or message. Nobody without
    the key can compute it, although Discord's ids are known: an answer's buttons carry it."""
    if heard_as is None:
        return secrets.token_hex(8)
    keyed = hashlib.blake2b(key, digest_size=32).digest()
    return hashlib.blake2b(str(heard_as).encode(), key=keyed, digest_size=8, person=b"question id").hexdigest()
