"""Events derived from reports, in the recorded ways a cluster goes wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.cluster.events import ClusterObservation, EventKind, EventReader
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState

A, B = Node("a", NodeState.AVAILABLE, "GPU", 1, 24.0), Node("b", NodeState.AVAILABLE, "GPU", 1, 24.0)


def report(*nodes: Node, model: str | None = "m", waiting: bool = False, more: bool = False) -> ClusterStatus:
    """A report of a cluster with these nodes."""
    state = ClusterState.WAITING if waiting else ClusterState.AVAILABLE
    return ClusterStatus(state, model, 1, nodes, more, None, 0 if waiting else 4 * len(nodes))


def kinds(reader: EventReader, *reports: ClusterStatus) -> list[EventKind]:
    """What happened over these reports."""
    return [
        event.kind
        for status in reports
        for event in reader.observe(ClusterObservation(status, attempts=True), 1.0)
    ]


def test_the_first_report_is_the_baseline() -> None:
    """A bot that starts tells nobody that nodes joined."""
    assert kinds(EventReader(), report(A, B)) == []


def test_a_node_joins_gets_ready_and_is_lost() -> None:
    """Listed is not working: each is an event of its own."""
    reader = EventReader()
    joining = replace(B, state=NodeState.WAITING)
    happened = kinds(reader, report(A), report(A, joining), report(A, B), report(A))
    nodes = [kind for kind in happened if kind is not EventKind.CAPACITY_CHANGED]
    assert nodes == [EventKind.NODE_JOINED, EventKind.NODE_READY, EventKind.NODE_LOST]


def test_available_is_not_usable_before_a_node_works() -> None:
    """The cluster calls itself available ten seconds too early (recording 42)."""
    reader = EventReader()
    joining = replace(A, state=NodeState.WAITING)
    assert EventKind.USABLE not in kinds(reader, report(waiting=True), report(joining))
    assert EventKind.USABLE in kinds(reader, report(A))


def test_a_usable_cluster_that_has_to_wait_and_is_usable_again() -> None:
    """Waiting is reported once, for any duration, and with the model that waits."""
    reader = EventReader()
    reader.observe(ClusterObservation(report(A), attempts=True), 1.0)
    (event,) = (
        one
        for one in reader.observe(ClusterObservation(report(A, waiting=True), attempts=True), 2.0)
        if one.detail == {}
    )
    assert (event.kind, event.at, event.subject) == (EventKind.WAITING, 2.0, "m")
    assert kinds(reader, report(A, waiting=True)) == []
    assert EventKind.USABLE in kinds(reader, report(A))


def test_another_capacity_is_told_with_the_one_before() -> None:
    """As often as it changes; a dialect that does not tell it changes nothing."""
    reader = EventReader()
    seen = [replace(report(A), capacity=capacity) for capacity in (4, 4, 8, None, 8)]
    happened = [
        event for status in seen for event in reader.observe(ClusterObservation(status, attempts=True), 3.0)
    ]
    assert [(event.kind, event.detail) for event in happened] == [
        (EventKind.CAPACITY_CHANGED, {"before": 4, "after": 8})
    ]


def test_an_init_with_workers_connected_strands_the_cluster() -> None:
    """The same nodes are listed again and the cluster waits for more (recordings 72 to 78)."""
    reader = EventReader()
    stranded = report(A, B, model="other", waiting=True, more=True)
    happened = kinds(reader, report(A, B), report(model="other", waiting=True), stranded)
    assert EventKind.STRANDED in happened
    assert EventKind.NEEDS_NODES not in happened
    assert reader.stranded
    kinds(reader, report(model="other", waiting=True))
    assert not reader.stranded


def test_an_init_with_the_same_model_strands_as_well() -> None:
    """Nothing but the state differs: these nodes were enough before."""
    reader = EventReader()
    assert EventKind.STRANDED in kinds(
        reader, report(A, B), report(waiting=True), report(A, B, waiting=True, more=True)
    )


def test_a_model_too_large_needs_nodes_and_is_not_stranded() -> None:
    """New nodes that are too small are another trouble with another remedy."""
    reader = EventReader()
    happened = kinds(
        reader, report(model="large", waiting=True), report(A, model="large", waiting=True, more=True)
    )
    assert EventKind.NEEDS_NODES in happened
    assert EventKind.STRANDED not in happened


@pytest.mark.parametrize("frozen", [False, True])
def test_silence_and_its_end(frozen: bool) -> None:
    """Frozen and gone have different remedies, so they are different events."""
    reader = EventReader()
    reader.observe(ClusterObservation(report(A), attempts=True), 1.0)
    silent = ClusterObservation(report(A), attempts=False, frozen=frozen)
    (event,) = reader.observe(silent, 2.0)
    assert event.kind is (EventKind.FROZEN if frozen else EventKind.NOT_ANSWERING)
    assert reader.observe(silent, 3.0) == ()
    assert [event.kind for event in reader.observe(ClusterObservation(report(A), attempts=True), 4.0)] == [
        EventKind.ANSWERING
    ]


def test_a_changed_model_names_both() -> None:
    """The event contains both values."""
    reader = EventReader()
    reader.observe(ClusterObservation(report(A), attempts=True), 1.0)
    changed = reader.observe(ClusterObservation(report(A, model="other"), attempts=True), 2.0)
    assert [(event.subject, event.detail) for event in changed if event.kind is EventKind.MODEL_CHANGED] == [
        ("other", {"before": "m"})
    ]


def test_failing_although_available() -> None:
    """Reported once when it begins and once when it ends."""
    reader = EventReader()
    fine, failing = (
        ClusterObservation(report(A), attempts=True),
        ClusterObservation(report(A), attempts=True, failing=True),
    )
    reader.observe(fine, 1.0)
    assert [event.kind for event in reader.observe(failing, 2.0)] == [EventKind.FAILING]
    assert reader.observe(failing, 3.0) == ()
    assert [event.kind for event in reader.observe(fine, 4.0)] == [EventKind.WORKING]
