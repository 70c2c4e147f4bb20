"""What this process is answering, and which questions it lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.errors import StorageError
from bot.services.answers.attempt import Attempt, Stop

# A free pipeline takes a question within 0.1 s (measured at Parallax's scheduler). After so many seconds it is
# held there.
HELD_AFTER = 0.5


@dataclass(frozen=True, slots=True)
class Loss:
    """A question whose end could not be committed or shown here. ``error`` is the cause, None when it is unknown;
    ``stop`` is set when somebody had ended the answer."""

    request_id: str
    error: BaseException | None = None
    stop: Stop | None = None


@dataclass(slots=True)
class _Attempt:
    """``has_slot``: it counts against the cluster's capacity. Afterwards its end is being committed and shown."""

    run: Attempt
    has_slot: bool = True
    given_up: bool = False


class InFlight:
    """Attempts from their claim until their end is committed and shown.

    A question is *held* here while it is answered or its end is being committed. One that is stored as running
    under this process and not held here was lost: :mod:`bot.services.queue.reconciliation` ends it or puts it
    back.
    """

    def __init__(self) -> None:
        self.claiming = asyncio.Lock()
        """Locked from a claim until its question is held here, and while stored and held questions are
        compared."""
        self.losses = asyncio.Event()
        """Set when something was lost."""
        self._attempts: list[_Attempt] = []
        self._ending: Counter[str] = Counter()
        self._lost: dict[str, Loss] = {}

    @property
    def running(self) -> int:
        """How many use a pipeline, including those withdrawn that the scheduler still holds."""
        return len(self._with_slot)

    @property
    def runs(self) -> tuple[Attempt, ...]:
        """What is being asked, oldest first."""
        return tuple(one.run for one in self._with_slot)

    def at(self, cluster: str) -> tuple[Attempt, ...]:
        """What is being asked at this cluster, oldest first."""
        return tuple(run for run in self.runs if run.cluster == cluster)

    def held_at_scheduler(self, cluster: str) -> int:
        """How many have waited at this cluster's scheduler for so long that no pipeline is free."""
        return sum(not run.withdrawable and run.elapsed > HELD_AFTER for run in self.at(cluster))

    @property
    def held(self) -> frozenset[str]:
        """The ids of what is being answered, committed, shown or reconciled here."""
        return frozenset(one.run.request.request_id for one in self._attempts) | self._ending.keys()

    @property
    def _with_slot(self) -> list[_Attempt]:
        return [one for one in self._attempts if one.has_slot]

    def get(self, request_id: str) -> Attempt | None:
        """The attempt that asks the cluster this question, if one does."""
        found = [run for run in self.runs if run.request.request_id == request_id]
        return found[-1] if found else None

    def goes_on(self, request_id: str) -> bool:
        """Whether an attempt at this question will answer it, and was not ended."""
        return any(
            one.run.request.request_id == request_id and not one.given_up and one.run.stopped is None
            for one in self._with_slot
        )

    def stop_ending(self, request_id: str, stop: Stop) -> bool:
        """Note that this question must not be asked again if the commit of its end, which runs now, fails. False
        when no such commit runs."""
        without_slot = [one.run for one in self._attempts if not one.has_slot]
        ending = [run for run in without_slot if run.request.request_id == request_id]
        for run in ending:
            run.stop(stop)
        return bool(ending)

    def begin(self, run: Attempt) -> None:
        """Add the attempt at a question that was just claimed."""
        self._attempts.append(_Attempt(run))

    def free_slot(self, run: Attempt) -> None:
        """Stop counting this attempt against the capacity: its connection is closed."""
        self._of(run).has_slot = False

    def end(self, run: Attempt) -> None:
        """Remove an attempt that is done."""
        self._attempts.remove(self._of(run))

    def is_given_up(self, run: Attempt) -> bool:
        """Whether its question ended, or was put back, before the attempt did."""
        return self._of(run).given_up

    @contextmanager
    def give_up(self, run: Attempt) -> Iterator[None]:
        """Hold the question while it is ended inside this block, before its attempt ends. If that fails, it is
        lost."""
        request_id = run.request.request_id
        self._of(run).given_up = True
        self._ending[request_id] += 1
        try:
            yield
        except BaseException as error:
            self.lose(Loss(request_id, error, run.stopped))
            raise
        finally:
            self._ended(request_id)

    def is_ending(self, request_id: str) -> bool:
        """Whether somebody ends this question at the moment, and shows it. Two may do so at once: it is pressed on
        Stop and deleted, or its deletion is heard of in two ways."""
        return request_id in self._ending

    def lose(self, loss: Loss) -> None:
        """Note that the end of a question failed here."""
        self._lost[loss.request_id] = loss
        self.losses.set()

    def to_reconcile(self, stored: Sequence[str]) -> list[Loss]:
        """The losses to reconcile: those noted, and of the ids ``stored`` as running here those not held here."""
        held = self.held
        losses = {request_id: Loss(request_id) for request_id in stored} | self._lost
        return [loss for request_id, loss in losses.items() if request_id not in held]

    def not_stored(self, stored: Sequence[str]) -> list[Attempt]:
        """The attempts that nobody ended, at questions that are not among those ``stored`` as running here."""
        known = set(stored)
        return [
            one.run
            for one in self._with_slot
            if not one.given_up and one.run.stopped is None and one.run.request.request_id not in known
        ]

    @contextmanager
    def reconciling(self, loss: Loss) -> Iterator[None]:
        """Hold a question while it is reconciled inside this block. If that fails, it stays lost until the next
        comparison."""
        self._ending[loss.request_id] += 1
        try:
            yield
        except BaseException as error:
            # The first error stays the cause when now only the disk fails.
            is_known = loss.error is not None and isinstance(error, StorageError)
            self._lost[loss.request_id] = loss if is_known else replace(loss, error=error)
            raise
        else:
            if self._lost.get(loss.request_id) is loss:
                del self._lost[loss.request_id]
        finally:
            self._ended(loss.request_id)

    def _ended(self, request_id: str) -> None:
        self._ending[request_id] -= 1
        if not self._ending[request_id]:
            del self._ending[request_id]

    def _of(self, run: Attempt) -> _Attempt:
        return next(one for one in self._attempts if one.run is run)
