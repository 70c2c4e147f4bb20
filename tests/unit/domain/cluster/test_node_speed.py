"""The speed of single nodes, where it can be measured."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.cluster.events import ClusterObservation
from bot.domain.cluster.node_speed import REMEMBERED, SingleNodePeriods, Speed
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState

A, B = Node("a", NodeState.AVAILABLE), Node("b", NodeState.AVAILABLE)
JOINING = replace(B, state=NodeState.WAITING)


def seen(*nodes: Node, attempts: bool = True) -> ClusterObservation:
    """A cluster of these nodes."""
    return ClusterObservation(ClusterStatus(ClusterState.AVAILABLE, "m", 1, nodes, False, None, 4), attempts)


def work(*moments: tuple[float, ClusterObservation]) -> SingleNodePeriods:
    """The periods after these observations."""
    lone = SingleNodePeriods()
    for at, state in moments:
        lone.observe(state, at)
    return lone


def test_an_answer_of_one_node_is_its_own() -> None:
    """A node that only joins takes no part; the median of several answers counts."""
    lone = work((0.0, seen(A)), (5.0, seen(A, JOINING)))
    answers = [Speed(1.0, 2.0, 10.0), Speed(6.0, 9.0, 30.0), Speed(7.0, 9.0, 20.0)]
    assert lone.speeds(answers) == {"a": 20.0}


def test_an_answer_that_two_may_have_given_is_nobodys() -> None:
    """Whenever it was under way while both worked, even for a part of its time."""
    lone = work((0.0, seen(A)), (10.0, seen(A, B)), (20.0, seen(B)))
    answers = [Speed(9.0, 11.0, 1.0), Speed(12.0, 13.0, 2.0), Speed(19.0, 21.0, 3.0), Speed(20.0, 25.0, 4.0)]
    assert lone.speeds(answers) == {"b": 4.0}
    assert lone.speeds([*answers, Speed(1.0, 2.0, 5.0)]) == {"a": 5.0, "b": 4.0}


def test_what_was_not_seen_proves_nothing() -> None:
    """Before the first report, while the scheduler did not answer, and with a node in a state unknown to us."""
    unknown = replace(B, state=NodeState.UNKNOWN)
    lone = work((10.0, seen(A)), (20.0, seen(A, attempts=False)), (30.0, seen(A)), (40.0, seen(A, unknown)))
    answers = [Speed(8.0, 12.0, 1.0), Speed(21.0, 22.0, 2.0), Speed(19.0, 31.0, 3.0), Speed(41.0, 42.0, 4.0)]
    assert lone.speeds(answers) == {}
    assert lone.speeds([Speed(30.0, 39.0, 5.0)]) == {"a": 5.0}


def test_the_past_is_forgotten() -> None:
    """Periods that ended long ago are removed."""
    lone = work((0.0, seen(A)), (10.0, seen(A, B)), (10.0 + REMEMBERED, seen(B)))
    assert lone.speeds([Speed(1.0, 2.0, 5.0)]) == {}
