"""Restarts of the scheduler, and the workers that outlive them."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.cluster.events import ClusterObservation
from bot.domain.cluster.scheduler_life import RETURN_WITHIN, SchedulerLife
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Node, NodeState

A, B = Node("a", NodeState.AVAILABLE), Node("b", NodeState.AVAILABLE)
JOIN = JoinCommand("parallax join", public=False)
RUNS = ClusterStatus(ClusterState.AVAILABLE, "m", 1, (A, B), need_more_nodes=False, join=JOIN, capacity=8)
NO_MODEL = ClusterStatus(ClusterState.WAITING, None, None, (), need_more_nodes=False, join=None, capacity=0)
DOWN = ClusterObservation(RUNS, attempts=False)
FROZEN = ClusterObservation(RUNS, attempts=False, frozen=True)


def life(*seen: ClusterObservation | ClusterStatus) -> SchedulerLife:
    """What these observations show, one a second from second 0."""
    shown = SchedulerLife()
    for at, one in enumerate(seen):
        shown.observe(one if isinstance(one, ClusterObservation) else ClusterObservation(one, attempts=True), at)
    return shown


def test_p6_workers_that_ran_before_a_restart_may_come_back() -> None:
    """Until each was seen, or until none has come for so long."""
    restarted = life(RUNS, DOWN, NO_MODEL)
    assert restarted.model_lost_at == 2
    assert restarted.returning(3) == 2
    restarted.observe(ClusterObservation(replace(NO_MODEL, nodes=(A,)), attempts=True), 15)
    assert restarted.returning(16) == 1
    restarted.observe(ClusterObservation(NO_MODEL, attempts=True), 17)
    assert restarted.returning(18) == 1
    assert restarted.returning(2 + RETURN_WITHIN) == 0


def test_p6_workers_that_were_stopped_do_not_come_back() -> None:
    """Neither those that left before the restart, nor any of a scheduler that was never seen with a worker."""
    assert life(RUNS, replace(RUNS, nodes=(), state=ClusterState.WAITING), DOWN, NO_MODEL).returning(4) == 0
    assert life(NO_MODEL, DOWN, NO_MODEL).returning(3) == 0


def test_p6_a_second_restart_without_a_model() -> None:
    """Workers that had come back are listed without a model, and come back once more."""
    came = replace(NO_MODEL, nodes=(A, B))
    assert life(RUNS, NO_MODEL, came, DOWN, NO_MODEL).returning(5) == 2


def test_p9_only_a_restart_takes_the_model_away() -> None:
    """Not an init, not a freeze, and not a model that is not named while the cluster works."""
    other = replace(RUNS, model="n", state=ClusterState.WAITING)
    assert life(RUNS, other).model_lost_at is None
    assert life(RUNS, FROZEN, RUNS).model_lost_at is None
    assert life(NO_MODEL, FROZEN, NO_MODEL).model_lost_at is None
    assert life(RUNS, replace(RUNS, model=None)).model_lost_at is None
    assert life(NO_MODEL, DOWN, NO_MODEL).model_lost_at == 2


def test_p16_workers_that_ran_when_an_init_failed_are_hidden() -> None:
    """The scheduler lists them no more, and only the next init shows whether they still run: it strands them."""
    failed = replace(NO_MODEL, model="no/such", init_nodes=1)
    assert life(RUNS, failed, failed).hidden == 2
    assert life(RUNS, replace(RUNS, nodes=(), state=ClusterState.WAITING), failed).hidden == 0
    assert life(RUNS, failed, replace(failed, join=JOIN)).hidden == 0
    restarted = life(RUNS, failed, DOWN, NO_MODEL)
    assert (restarted.hidden, restarted.returning(4)) == (0, 2)


def test_p16_a_scheduler_first_seen_with_a_failed_init_hides_nobody_that_is_known() -> None:
    """Who ran before was never seen."""
    failed = replace(RUNS, state=ClusterState.WAITING, nodes=(), join=None)
    assert failed.has_failed_init
    assert life(failed).hidden == 0
    assert life(RUNS, failed).hidden == 2
