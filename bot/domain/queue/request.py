"""A question from the moment it is accepted until its answer is in Discord.

::

    queued ──claim──▶ running ──turn + state in one transaction──▶ answered ──last edit──▶ delivered
      │  ▲               │
      │  └───release─────┤ (429, 503, a crash: back to the head of the queue)
      ▼                  ▼
    cancelled | expired  cancelled | failed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RequestState(StrEnum):
    """The state of a request. The last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN_STATES = (RequestState.QUEUED, RequestState.RUNNING, RequestState.ANSWERED)


class RequestKind(StrEnum):
    """The purpose of a request: a new question, another version of an answer, the rest of one, what a program
    asked through the API, or a summary of a channel, whose attached text is its plan."""

    ASK = "ask"
    REGENERATE = "regenerate"
    CONTINUE = "continue"
    API = "api"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked. ``name`` is the name shown in the channel: untrusted text."""

    user_id: int
    name: str
    locale: str = "en-US"


NO_CHANNEL = 0
"""The channel of what a program asked: the answer goes over its connection. No channel of Discord has this id."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the answer is shown.

    ``token`` is the interaction's token (a secret; it expires after 15 minutes, at ``token_expires_at`` in epoch
    seconds), or None when the answer is a plain channel message. ``channel_route`` is true when the bot token may
    edit messages there too: never for private answers, nor where the bot is not a member.
    """

    application_id: int
    channel_id: int
    guild_id: int | None
    private: bool
    channel_route: bool
    token: str | None = field(default=None, repr=False)
    token_expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """Options for generating an answer, copied from the channel's profile at the moment of the question.

    Limits in tokens; ``temperature`` 0–2, ``top_k`` ≥ 1, None for the cluster's own. ``system_prompt`` is ready to
    send. ``mentions`` are what the question mentions, by the names that the model reads in their place.
    ``first_line`` is shown above the answer, and ``helper_role`` can be called below it, in a help channel.
    ``missed``: it was asked while the bot was away, which its answer says.
    ``schedule`` are the words that say when a schedule asks it (untrusted text); empty when a person does.
    """

    system_prompt: str
    context_tokens: int
    max_tokens: int
    temperature: float | None = None
    top_k: int | None = None
    mentions: Mapping[str, str] = field(default_factory=dict)
    first_line: str = ""
    helper_role: int | None = None
    missed: bool = False
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question before it joins the queue.

    ``cost`` is the estimated work in tokens (> 0), ``weight`` the asker's share (> 0; 1 is usual).
    ``attached_text`` is text that came with the prompt (attachments), shown to the model but not quoted.
    ``source_message_id`` is the person's own message, when they wrote one. ``follows`` is the root id of the
    question whose branch this one continues, None for the newest. ``options`` None means the defaults.
    ``wanted_cluster`` is the name of the only cluster that may answer it, None for any.
    ``held_by`` names the process that has the connection of the program that asks: no other one can answer it.
    """

    request_id: str
    asker: Asker
    destination: Destination
    conversation_id: int
    prompt: str
    asked_at: float
    cost: float
    attached_text: str = ""
    think: bool | None = None
    weight: float = 1.0
    kind: RequestKind = RequestKind.ASK
    root_id: str | None = None
    source_message_id: int | None = None
    follows: str | None = None
    options: GenerationOptions | None = None
    wanted_cluster: str | None = None
    held_by: str | None = field(default=None, compare=False)

    @property
    def is_brought_along(self) -> bool:
        """Whether it was asked where its asker had brought the bot along: their id stands for the place, of which
        nothing is kept."""
        return self.destination.channel_id == self.asker.user_id

    @property
    def door(self) -> str:
        """How it was asked: ``command`` (typed, or from a message's menu), ``message``, or the kind of a request
        that is no new question."""
        if self.kind is not RequestKind.ASK:
            return self.kind.value
        return "command" if self.source_message_id is None else "message"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. ``finish`` is a value of :class:`FinishReason`, or stopped, interrupted or
    node_failed. All times in seconds.

    ``recalled`` is how many earlier turns the model was shown, None when it was shown all of them;
    ``summarised`` is true when a summary replaced the others.
    """

    text: str
    reasoning: str
    finish: str
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int
    ttft: float | None
    duration: float
    tokens_per_second: float | None
    counted: bool = True
    recalled: int | None = None
    summarised: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """What an answer that is not kept has cost the cluster, in tokens; those of the prompt are estimated."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request as last committed. ``message_ids`` are the pages already sent, first page first. ``cluster`` is
    which one runs it, or ran it last, by name; None while it waits."""

    question: NewQuestion
    state: RequestState
    sequence: int
    enqueued_at: float
    attempts: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    message_ids: tuple[int, ...] = ()
    answer: Answer | None = None
    error_key: str | None = None
    lease_owner: str | None = None
    lease_until: float | None = None
    cluster: str | None = None

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.question.request_id


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A waiting question and its position in the queue, from 1."""

    request_id: str
    position: int
    asker: Asker
    conversation_id: int
    channel_id: int
    prompt: str
    enqueued_at: float
    cost: float
