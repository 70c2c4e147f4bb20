"""The port to the store of requests: the waiting queue and what became of each question."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Answer, NewQuestion, QueueEntry, RequestState, StoredRequest, Used
from bot.domain.queue.usage import Quota
from bot.errors import QueueFull, UserLimitReached


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait. Counts ≥ 1. What people ask in Discord and what their programs ask have a limit
    ``per_user`` of their own each."""

    per_user: int
    total: int

    def require_room(self, *, total: int, mine: int) -> None:
        """Raise when a person with ``mine`` waiting questions may not add one to a queue of ``total``:
        :class:`UserLimitReached` first, because they can do something about that, or :class:`QueueFull`."""
        if mine >= self.per_user:
            raise UserLimitReached(count=mine, limit=self.per_user)
        if total >= self.total:
            raise QueueFull(count=total, limit=self.total)


@dataclass(frozen=True, slots=True)
class Admission:
    """What has to be true in the transaction in which a question joins the queue.

    ``quota`` is what its asker may use today, None for no limit. ``profiles`` is the version of the profiles by
    which it was admitted, None when that need not be the newest.
    """

    limits: QueueLimits
    quota: Quota | None = None
    profiles: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A question in the queue, and its position there, from 1; None when it had joined before. ``claimed`` is what
    was claimed in the same transaction, which need not be this question."""

    request: StoredRequest
    position: int | None
    claimed: StoredRequest | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a process took over: the ids of running questions that went back to the head of the queue, and the
    answers that were complete but not shown."""

    requeued: tuple[str, ...]
    undelivered: tuple[StoredRequest, ...]


@dataclass(frozen=True, slots=True)
class QueuePause:
    """A pause of the queue by an operator. ``reason`` is the operator's text (untrusted), ``by`` their user id."""

    reason: str
    by: int
    since: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where questions are claimed for: a ``cluster``, by its name, of all those that are ``configured``. The only
    cluster may have no name; then it takes every question.

    ``most_cost``: a question that costs more is left to other clusters, unless it wants this one: its text alone
    may be too long here. Infinite for at least one of them.
    """

    cluster: str = ""
    configured: tuple[str, ...] = ()
    most_cost: float = math.inf


THE_ONLY_ONE = Place()


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """By what a question is claimed; each as of :meth:`RequestStore.claim`."""

    owner: str
    now: Callable[[], float]
    lease: float
    room: int
    beginning: Collection[str] | None
    place: Place


class WishKind(enum.Enum):
    """How a question is to be ended."""

    STOP = "stop"
    WITHDRAW = "withdraw"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Wish:
    """That a question is to be ended which another process answers: stopped by the person ``by``, withdrawn
    because its asker deleted it, or ended because its message is gone (``by`` 0)."""

    request_id: str
    kind: WishKind
    by: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The state of a request, and the owner that holds it, None when nobody does."""

    state: RequestState
    owner: str | None


LEFT_TO_OTHERS = 10.0
"""Seconds since it joined for which a question without a message is left to the process where it did: before its
first message exists, nobody else can show anything."""


class RequestStore(Protocol):
    """Requests and their states. Every change is one transaction; raises only :class:`StorageError` and,
    from :meth:`enqueue`, :class:`AdmissionError`. Times are epoch seconds.

    A write may wait for minutes before it begins. Methods that decide about leases therefore take ``now`` as a
    function, which is called when the transaction runs, perhaps in another thread and more than once.
    """

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Add the question to the queue; it is durable when this returns.

        Raises :class:`UserLimitReached` (params ``count``, ``limit``) or :class:`QueueFull` (``count``,
        ``limit``). Enqueueing an id that exists returns the existing row.
        """
        ...

    async def join(
        self,
        question: NewQuestion,
        key: ConversationKey,
        scopes: Sequence[int],
        admission: Admission,
        claim: ClaimTerms | None = None,
    ) -> Joined | None:
        """Add the question to the queue and to the conversation for ``key``, in one transaction; it is durable
        when this returns.

        ``question.conversation_id`` is not used. ``scopes`` are those of
        :meth:`ConversationStore.conversation`. None: the profiles were changed since ``admission.profiles``, and
        nothing was kept. Raises what :meth:`enqueue` does, and :class:`QuotaUsed`. Joining with an id that exists
        returns the existing row.

        With ``claim``, the next question in fair order is claimed in the same transaction, as :meth:`claim` does,
        once this one has joined.
        """
        ...

    async def claim(
        self,
        owner: str,
        *,
        now: Callable[[], float],
        lease: float,
        room: int | None = None,
        excluding: Collection[str] = (),
        beginning: Collection[str] | None = None,
        place: Place = THE_ONLY_ONE,
    ) -> StoredRequest | None:
        """Take the next question in fair order that may go to ``place`` as ``running`` under a lease of ``lease``
        seconds.

        Of several clusters, one that is paused takes nothing, and one takes no question that wants another of
        those configured, nor one whose asker waits for another's answer in the same conversation.

        ``beginning`` are questions that joined the queue here and whose first message is on its way. With it,
        those that begin in other processes are left to them for :data:`LEFT_TO_OTHERS`; None: there are no others.

        Skips questions whose asker already has one running in the same conversation, unless a program asked it,
        and what the programs of other processes asked. Also skips those with an id in ``excluding``, and
        everything else that their askers asked in the same conversation. None when nothing may run, or when
        ``room`` or more questions run at the place under other owners whose leases last. Two processes never
        claim the same row, and never more than ``room`` allows, however many claim at once.
        """
        ...

    async def renew(self, owner: str, running: Collection[str], *, now: Callable[[], float], lease: float) -> None:
        """Extend the leases of ``owner``: on the running questions whose ids are in ``running``, and on every
        answer that is not shown yet. The lease of a question that nobody works on any more runs out."""
        ...

    async def release(self, request_id: str, owner: str, *, now: float) -> bool:
        """Put a running question back at the head of the queue; False when ``owner`` does not hold it."""
        ...

    async def mark_answered(
        self, request_id: str, owner: str, answer: Answer, *, now: float, started_at: float | None = None
    ) -> bool:
        """Commit the answer, its turn in the conversation, and the state, together. The asker's account is charged
        with the measured cost. ``started_at`` is when a pipeline took the question, None for when it was claimed.
        A question from before its conversation was cleared becomes no turn. False when the request was not running
        under ``owner``."""
        ...

    async def mark_delivered(self, request_id: str, *, now: float) -> bool:
        """Change the state ``answered → delivered`` and forget the interaction token; False in any other state."""
        ...

    async def mark_failed(self, request_id: str, error_key: str, *, now: float, owner: str | None = None) -> bool:
        """Change the state ``queued | running | answered → failed`` and forget the interaction token; False in any
        other state. With ``owner``, what another owner holds is left alone (False)."""
        ...

    async def mark_cancelled(
        self, request_id: str, *, now: float, used: Used | None = None, owner: str | None = None
    ) -> bool:
        """Change the state ``queued | running → cancelled`` and forget the interaction token; False in any other
        state. What a running question has ``used`` is counted for its asker. With ``owner``, what another owner
        holds is left alone (False)."""
        ...

    async def clear(self, *, now: float) -> Sequence[StoredRequest]:
        """Cancel everything that waits, in one step. The rows returned still carry the interaction tokens, which
        the store has forgotten."""
        ...

    async def expire(self, *, before: float, now: float) -> Sequence[StoredRequest]:
        """Mark questions queued since before ``before`` as expired and return them."""
        ...

    async def recover(self, owner: str, *, now: Callable[[], float], is_alive: Callable[[str], bool]) -> Recovered:
        """Take over what other owners do not hold any more: requests whose lease ran out, and all requests of an
        owner for whom ``is_alive`` is false, and of whom the database itself knows nothing better. ``is_alive``
        may be called in another thread. What the programs of such an owner asked is cancelled: their connections
        are gone.

        Requests of ``owner`` itself stay as they are, even past their lease: nobody else took them, and they may
        be running.
        """
        ...

    async def get(self, request_id: str) -> StoredRequest | None:
        """The request, or None."""
        ...

    async def by_message(self, message_id: int) -> StoredRequest | None:
        """The newest request shown in this message, or None."""
        ...

    async def attach_message(self, request_id: str, page: int, message_id: int) -> None:
        """Remember that page ``page`` (from 0) of the answer is this message."""
        ...

    async def detach_message(self, request_id: str, page: int) -> None:
        """Forget which message page ``page`` of the answer is."""
        ...

    async def tokens_ending(self, *, after: float, before: float) -> Sequence[str]:
        """The ids of waiting requests that only their interaction token can show, where the token expires between
        ``after`` and ``before``."""
        ...

    async def queue(self) -> Sequence[QueueEntry]:
        """Everything waiting, in the order it will be taken."""
        ...

    async def waiting_ids(self) -> Sequence[str]:
        """The ids of everything waiting, in the order it will be taken. Cheaper than :meth:`queue`."""
        ...

    async def oldest_waiting(self) -> tuple[str, float] | None:
        """The id of the question that waits for longest, and when it was asked (epoch seconds); None when none
        waits."""
        ...

    async def position(self, request_id: str) -> int | None:
        """The question's position in the queue, from 1; None when it does not wait. The cost does not depend on
        the length of the queue."""
        ...

    async def running_ids(self, owner: str) -> Sequence[str]:
        """The ids of what runs under ``owner``, oldest first."""
        ...

    async def running(self) -> Sequence[StoredRequest]:
        """Everything running, oldest first."""
        ...

    async def holders(self, request_ids: Collection[str]) -> Mapping[str, Holder]:
        """In which state each of these requests is, and who holds it. One that is not known is left out."""
        ...

    async def of_user(self, user_id: int, states: Sequence[RequestState]) -> Sequence[StoredRequest]:
        """A person's requests in these states, oldest first."""
        ...

    async def versions(self, root_id: str) -> Sequence[StoredRequest]:
        """The request with this id and all later versions of it, oldest first."""
        ...

    async def counts(self) -> dict[RequestState, int]:
        """How many requests are queued, running and answered (only these states)."""
        ...

    async def running_at(self, cluster: str) -> int:
        """How many requests run at this cluster, in any process."""
        ...

    async def wanted(self) -> Mapping[str, str]:
        """Which cluster each waiting request is for, by its id; without those that any may answer."""
        ...

    async def pause(self, pause: QueuePause | None, cluster: str = "") -> None:
        """Pause the queue, or resume it with None; with a name, only that ``cluster`` of several."""
        ...

    async def pauses(self) -> Mapping[str, QueuePause]:
        """The current pauses by cluster, that of the whole queue under the empty name."""
        ...

    async def paused(self) -> QueuePause | None:
        """The pause of the whole queue; None when it moves."""
        ...


class Wishes(Protocol):
    """What one process wants of another. Raises only :class:`StorageError`."""

    async def leave(self, wish: Wish, *, now: float) -> None:
        """Leave a wish for the process that answers this question, in place of an earlier one."""
        ...

    async def to(self, owner: str) -> Sequence[Wish]:
        """The wishes for ``owner``, and those on questions that wait: their process has ended."""
        ...

    async def fulfilled(self, request_id: str) -> None:
        """Remove the wish on this question; no-op when there is none."""
        ...


class QueueChanges(Protocol):
    """What other processes do to the queue."""

    async def wait(self) -> None:
        """Return when another process has changed the queue since the last call returned, or may have: a question
        joined or left it, an answer ended, it was paused or goes on."""
        ...


class UnshownEnds(Protocol):
    """The questions that have ended without an answer, from the commit of that until their messages show it.
    Raises only :class:`StorageError`.

    A transaction of :class:`RequestStore` that cancels, fails or expires a request adds it here.
    """

    async def oldest(self) -> Sequence[StoredRequest]:
        """They, oldest first, at most 1,000, with the interaction tokens, which may have expired."""
        ...

    async def add(self, request_id: str, *, now: float) -> None:
        """Add a question that has ended in any way: it has messages that may not show that."""
        ...

    async def remove(self, request_id: str) -> None:
        """Remove a question, and its token: its end is shown, or can never be."""
        ...
