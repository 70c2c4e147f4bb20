"""What to do while the cluster fails the questions it takes, although it calls itself usable. Pure.

A worker whose front is down or reloading stays listed as available and fails every question within 0.1 s
(recordings 84, 139). If the bot went on sending, everybody who waits would get a failure. A failure does not say
whether the cluster or the question is at fault, so the bot finds out: if the cluster fails, nothing succeeds; if
one question makes it fail, other questions succeed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from bot.domain.queue.back_off import BackOff

STRIKES = 2
"""After this many failures, each preceded by a success of another question, the question is at fault. The first
failure never counts, so the question was sent at least three times."""

SUSPECT_SECONDS = 3.0
"""A question that failed while others succeeded lets the others go first for this many seconds times its strikes.
The scheduler keeps sending to a failing node until it updates its list of nodes, within 10 s."""

TURNS = 3
"""After every third failure in a row the probe is a question that has not failed yet."""

REMEMBERED = 1000
"""Questions that are remembered; the oldest are forgotten first."""


class Failure(Enum):
    """The cause of a failure before the first word."""

    CLUSTER = auto()
    """The cluster's: the question is kept."""
    SUSPECT = auto()
    """Perhaps the question's: it is kept, and waits while others go on."""
    QUESTION = auto()
    """The question's: asking again would fail again."""


@dataclass(frozen=True, slots=True)
class _Record:
    strikes: int
    successes: int
    """How many successes there had been at its last failure."""
    not_before: float


class Breaker:
    """A circuit breaker over the questions of one process.

    *Closed*, every question may be sent. A failure that is the cluster's fault *opens* it: after a pause, which
    grows with every failure, one question (the probe) may be sent at a time. Any success closes it at once. The
    head of the queue is the probe, except for every third time, when it is a question that has not failed yet: a
    question that always fails must not hold up the others for ever.

    Times are seconds of one clock.
    """

    def __init__(self, pause: BackOff) -> None:
        """``pause`` is how long to wait before each probe."""
        self._pause = pause
        self._is_open = False
        self._probe: str | None = None
        # The failure of a probe is reported only after it has left flight (and `_probe` is None again).
        self._last_probe: str | None = None
        self._in_a_row = 0
        self._tried: set[str] = set()
        self._successes = 0
        self._records: dict[str, _Record] = {}

    @property
    def is_open(self) -> bool:
        """Whether questions are held because the cluster fails."""
        return self._is_open

    @property
    def is_probing(self) -> bool:
        """Whether a probe is on its way."""
        return self._probe is not None

    def remaining(self, now: float, *, room: bool = False) -> float:
        """Seconds until a probe may leave if none is on its way, 0 while it is closed; ``room`` as in
        :meth:`BackOff.remaining`."""
        return self._pause.remaining(now, room=room) if self._is_open else 0.0

    def sent(self, request_id: str) -> None:
        """Note that this question is sent; while the breaker is open, it is the probe."""
        if self._is_open and self._probe is None:
            self._probe = self._last_probe = request_id

    def left(self, request_id: str) -> None:
        """Note that this question is not in flight any more, however it ended. Idempotent."""
        if self._probe == request_id:
            self._probe = None

    def succeeded(self, request_id: str) -> bool:
        """Note that the cluster answers this question; returns whether that closed the breaker."""
        self._successes += 1
        self._records.pop(request_id, None)
        was_open, self._is_open = self._is_open, False
        self._probe, self._last_probe, self._in_a_row = None, None, 0
        self._tried.clear()
        self._pause.succeeded()
        return was_open

    def failed(
        self, request_id: str, now: float, *, retry_after: float | None, jitter: float, blames: bool
    ) -> Failure:
        """Note that this question failed before its first word; returns the cause.

        ``blames``: the question itself may have caused this kind of failure. ``retry_after`` and ``jitter`` as in
        :meth:`BackOff.refused`.
        """
        was_probe, record = self._last_probe == request_id, self._records.pop(request_id, None)
        self.left(request_id)
        is_own = blames and record is not None and record.successes < self._successes
        strikes = (record.strikes if record is not None else 0) + is_own
        if strikes >= STRIKES:
            return Failure.QUESTION
        is_suspect = is_own and not self._is_open
        not_before = now + SUSPECT_SECONDS * strikes * (0.5 + 0.5 * jitter) if is_suspect else now
        self._remember(request_id, _Record(strikes, self._successes, not_before))
        if is_suspect:
            return Failure.SUSPECT
        # A question that was sent before the breaker opened and fails during a probe is no new failure.
        if was_probe or not self._is_open:
            self._in_a_row += 1
            self._pause.refused(now, retry_after=retry_after, jitter=jitter)
        self._is_open = True
        if blames:
            self._tried.add(request_id)
        return Failure.CLUSTER

    def cluster_changed(self) -> None:
        """Let the probe leave early: the cluster reports something new, so it may work again."""
        self._pause.status_changed()

    def resumed(self) -> None:
        """Let the probe leave now: an operator asked for it."""
        self._pause.resumed()

    def set_aside(self, now: float) -> Collection[str]:
        """The ids of the questions that must not be sent now."""
        if self._is_open:
            return frozenset(self._tried) if self._in_a_row % TURNS == TURNS - 1 else frozenset()
        return frozenset(one for one, record in self._records.items() if record.not_before > now)

    def nothing_else(self) -> bool:
        """Release the questions set aside while open, when there is no other one to send; returns whether there
        were any."""
        if not self._is_open or not self._tried:
            return False
        self._tried.clear()
        return True

    def next_due(self, now: float) -> float | None:
        """Seconds until the next question that was set aside may be sent; None when there is none."""
        waits = [record.not_before - now for record in self._records.values() if record.not_before > now]
        return min(waits) if waits and not self._is_open else None

    def _remember(self, request_id: str, record: _Record) -> None:
        self._records[request_id] = record
        while len(self._records) > REMEMBERED:
            del self._records[next(iter(self._records))]
