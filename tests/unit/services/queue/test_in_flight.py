"""What is held by this process."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from bot.errors import StorageError
from bot.services.answers.attempt import Attempt, Stop, StopCause
from bot.services.queue.in_flight import HELD_AFTER, InFlight, Loss

STOP = Stop(StopCause.PERSON, 7)


@dataclass(eq=False)
class FakeRun:
    """The part of :class:`Attempt` that is used here."""

    request_id: str = "q"
    elapsed: float = 0.0
    withdrawable: bool = False
    stopped: Stop | None = None
    cluster: str = ""
    request: SimpleNamespace = field(init=False)

    def __post_init__(self) -> None:
        """Name the request."""
        self.request = SimpleNamespace(request_id=self.request_id)


def begun(in_flight: InFlight, attempt: FakeRun | None = None) -> Attempt:
    run = cast(Attempt, attempt or FakeRun())
    in_flight.begin(run)
    return run


def test_a_question_is_held_until_its_end_is_shown() -> None:
    """Its pipeline is free before that."""
    in_flight = InFlight()
    run = begun(in_flight)
    assert (in_flight.running, in_flight.get("q"), in_flight.goes_on("q")) == (1, run, True)
    in_flight.free_slot(run)
    assert (in_flight.running, in_flight.get("q"), in_flight.goes_on("q")) == (0, None, False)
    assert in_flight.held == {"q"}
    assert in_flight.to_reconcile(["q"]) == []
    in_flight.end(run)
    assert in_flight.to_reconcile(["q"]) == [Loss("q")]


def test_a_question_that_is_put_back_and_taken_again_is_held_twice() -> None:
    """The end of the first attempt does not end the second."""
    in_flight = InFlight()
    first = begun(in_flight)
    in_flight.free_slot(first)
    second = begun(in_flight)
    in_flight.end(first)
    assert in_flight.get("q") is second
    assert in_flight.held == {"q"}


def test_what_waits_at_the_scheduler() -> None:
    """A question counts as held there after a moment without headers."""
    in_flight = InFlight()
    for elapsed, withdrawable in ((2 * HELD_AFTER, False), (2 * HELD_AFTER, True), (HELD_AFTER / 2, False)):
        begun(in_flight, FakeRun(elapsed=elapsed, withdrawable=withdrawable))
    assert (in_flight.running, len(in_flight.at("")), in_flight.held_at_scheduler("")) == (3, 3, 1)


def test_what_runs_is_known_by_cluster() -> None:
    """Each has slots of its own."""
    in_flight = InFlight()
    first = begun(in_flight, FakeRun(cluster="studio", elapsed=1.0))
    begun(in_flight, FakeRun(cluster="office"))
    in_flight.free_slot(begun(in_flight, FakeRun(cluster="studio")))
    assert (in_flight.running, in_flight.at("studio")) == (2, (first,))
    assert (in_flight.held_at_scheduler("studio"), in_flight.held_at_scheduler("office")) == (1, 0)
    assert in_flight.at("attic") == ()


def test_giving_up_that_fails_loses_the_question_with_what_was_wanted() -> None:
    """The attempt may end first; the question is held until its commit has failed."""
    in_flight = InFlight()
    run = begun(in_flight, FakeRun(stopped=STOP))
    error = RuntimeError("a bug")
    with contextlib.suppress(RuntimeError), in_flight.give_up(run):
        assert in_flight.is_given_up(run)
        assert not in_flight.goes_on("q")
        in_flight.free_slot(run)
        in_flight.end(run)
        assert in_flight.held == {"q"}
        raise error
    assert in_flight.losses.is_set()
    assert in_flight.to_reconcile([]) == [Loss("q", error, STOP)]


def test_a_disk_that_fails_during_reconciliation_hides_no_bug() -> None:
    """The question must fail because of the bug, not be asked again."""
    in_flight = InFlight()
    loss = Loss("q", RuntimeError("a bug"))
    in_flight.lose(loss)
    with contextlib.suppress(StorageError), in_flight.reconciling(loss):
        raise StorageError("database or disk is full")
    assert in_flight.to_reconcile([]) == [loss]


def test_what_is_reconciled_is_not_lost_any_more() -> None:
    """Unless that fails, or the question is lost again meanwhile."""
    in_flight = InFlight()
    loss = Loss("q", stop=STOP)
    in_flight.lose(loss)
    error = RuntimeError("a bug")
    with contextlib.suppress(RuntimeError), in_flight.reconciling(loss):
        assert in_flight.held == {"q"}
        raise error
    (again,) = in_flight.to_reconcile([])
    assert again == Loss("q", error, STOP)
    anew = Loss("q")
    with in_flight.reconciling(again):
        in_flight.lose(anew)
    assert in_flight.to_reconcile([]) == [anew]
    with in_flight.reconciling(anew):
        pass
    assert in_flight.to_reconcile([]) == []
    assert in_flight.held == set()


@given(st.lists(st.tuples(st.sampled_from(["begin", "free", "end", "lose"]), st.sampled_from("abc")), max_size=30))
def test_what_is_to_be_reconciled_is_not_held(steps: list[tuple[str, str]]) -> None:
    """Everything stored or lost is either held or reconciled, never both."""
    in_flight = InFlight()
    runs: list[Attempt] = []
    lost: set[str] = set()
    for step, name in steps:
        mine = [run for run in runs if run.request.request_id == name]
        if step == "begin":
            runs.append(begun(in_flight, FakeRun(name)))
        elif step == "free" and mine:
            in_flight.free_slot(mine[0])
        elif step == "end" and mine:
            in_flight.end(mine[0])
            runs.remove(mine[0])
        elif step == "lose":
            in_flight.lose(Loss(name))
            lost.add(name)
    losses = {loss.request_id for loss in in_flight.to_reconcile(["a", "b"])}
    assert in_flight.held == {run.request.request_id for run in runs}
    assert losses == (lost | {"a", "b"}) - in_flight.held
