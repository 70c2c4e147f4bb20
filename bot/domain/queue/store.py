"""The border to whatever keeps the line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.queue.request import Answer, NewQuestion, QueueEntry, RequestState, StoredRequest


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait. Counts ≥ 1."""

    per_user: int
    total: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a process took over: the ids of running questions that went back to the head of the line, and the
    answers that were complete but not shown."""

    requeued: tuple[str, ...]
    undelivered: tuple[StoredRequest, ...]


@dataclass(frozen=True, slots=True)
class QueuePause:
    """Operators hold the line. ``reason`` is their text (untrusted), ``by`` their user id."""

    reason: str
    by: int
    since: float


class RequestStore(Protocol):
    """Requests and their states. Every change is one transaction; raises only :class:`StorageError` and,
    from :meth:`enqueue`, :class:`AdmissionError`. Times are epoch seconds.

    A write may wait for minutes before it begins. What decides about leases therefore takes ``now`` as a function,
    which is read when the transaction runs, perhaps in another thread and more than once.
    """

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Take the question into the line; it is durable when this returns.

        Raises :class:`UserLimitReached` (params ``count``, ``limit``) or :class:`QueueFull` (``count``,
        ``limit``). Enqueueing an id that exists returns the existing row.
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
    ) -> StoredRequest | None:
        """Take the next question in fair order as ``running`` under a lease of ``lease`` seconds.

        Skips questions whose asker already has one running in the same conversation. Also skips those with an id
        in ``excluding``, and everything else that their askers asked in the same conversation. None when nothing
        may run, or when ``room`` or more questions run under other owners. Two processes never claim the same
        row.
        """
        ...

    async def renew(self, owner: str, running: Collection[str], *, now: Callable[[], float], lease: float) -> None:
        """Extend the leases of ``owner``: of those running questions whose ids are in ``running``, and of every
        answer that is not shown yet. The lease of a question that nothing answers any more runs out."""
        ...

    async def release(self, request_id: str, owner: str, *, now: float) -> bool:
        """Put a running question back at the head of its line. False when it was not ``owner``'s."""
        ...

    async def mark_answered(self, request_id: str, owner: str, answer: Answer, *, now: float) -> bool:
        """Commit the answer, its turn in the conversation, and the state, together. The asker's account is
        charged with the measured cost. False when the request was not running under ``owner``."""
        ...

    async def mark_delivered(self, request_id: str, *, now: float) -> bool:
        """``answered → delivered``; forgets the interaction token."""
        ...

    async def mark_failed(self, request_id: str, error_key: str, *, now: float) -> bool:
        """``queued | running | answered → failed``; forgets the interaction token."""
        ...

    async def mark_cancelled(self, request_id: str, *, now: float) -> bool:
        """``queued | running → cancelled``; forgets the interaction token."""
        ...

    async def clear(self, *, now: float) -> Sequence[StoredRequest]:
        """Everything ``queued → cancelled`` together; returned as it was, with the tokens now forgotten."""
        ...

    async def expire(self, *, before: float, now: float) -> Sequence[StoredRequest]:
        """Mark questions queued since before ``before`` as expired and return them."""
        ...

    async def recover(self, owner: str, *, now: Callable[[], float], is_alive: Callable[[str], bool]) -> Recovered:
        """Take back what owners other than ``owner`` do not hold any more: their leases that ran out, and all of
        those that ``is_alive`` denies. It may be called in another thread.

        What is ``owner``'s own stays, even past its lease: nobody else took it, and it may be running.
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
        """Page ``page`` of the answer is no message any more."""
        ...

    async def tokens_ending(self, *, after: float, before: float) -> Sequence[str]:
        """The ids of what waits and can be shown through its token alone, which ends between these moments."""
        ...

    async def queue(self) -> Sequence[QueueEntry]:
        """Everything waiting, in the order it will be taken."""
        ...

    async def waiting_ids(self) -> Sequence[str]:
        """The ids of everything waiting, in the order it will be taken: the line at its cheapest."""
        ...

    async def position(self, request_id: str) -> int | None:
        """The question's place in the line, from 1; None when it does not wait. Cheap however long the line."""
        ...

    async def running_ids(self, owner: str) -> Sequence[str]:
        """The ids of what runs under ``owner``, oldest first."""
        ...

    async def running(self) -> Sequence[StoredRequest]:
        """Everything running, oldest first."""
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

    async def pause(self, pause: QueuePause | None) -> None:
        """Hold the line, or release it with None."""
        ...

    async def paused(self) -> QueuePause | None:
        """Whether and why the line is held."""
        ...
