"""When a cluster is usable: one table for everything that depends on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.cluster.events import ClusterObservation, EventKind, EventReader
from bot.domain.cluster.problems import WAITING, Situation, Verdict, verdict
from bot.domain.cluster.switch_steps import Step, Switch, SwitchObservation, SwitchState, advance
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState
from bot.services.cluster.monitor import Availability, availability_of

A, B, C = (Node(name, NodeState.AVAILABLE) for name in "abc")
JOINING = Node("j", NodeState.WAITING)
STRANGE = Node("s", NodeState.UNKNOWN)
READY = ClusterStatus(ClusterState.AVAILABLE, "m", 1, (A,), need_more_nodes=False, join=None, capacity=4)
NOT_READY = replace(READY, state=ClusterState.WAITING, nodes=(), capacity=0)

TABLE = [
    ("one node, one wanted", READY, True),
    ("all nodes still join (recording 42)", replace(READY, nodes=(JOINING,), capacity=8), False),
    ("one stage ready, one waiting", replace(READY, init_nodes=2, nodes=(A, JOINING), capacity=2), False),
    ("two of three ready", replace(READY, init_nodes=3, nodes=(A, B, JOINING)), False),
    ("a second node joins one that works", replace(READY, nodes=(A, JOINING)), True),
    ("a third node joins two that work", replace(READY, init_nodes=2, nodes=(A, B, JOINING)), True),
    ("one of two left, none waits", replace(READY, init_nodes=2), True),
    ("more nodes than wanted", replace(READY, nodes=(A, B, C)), True),
    ("how many are wanted is not told", replace(READY, init_nodes=None, nodes=(A, JOINING)), True),
    ("none are wanted, none is ready", replace(READY, init_nodes=0, nodes=(JOINING,)), False),
    ("asks for more nodes", replace(READY, need_more_nodes=True), False),
    ("no slot", replace(READY, capacity=0), False),
    ("capacity is not told", replace(READY, capacity=None), True),
    ("nodes are not listed", replace(READY, nodes=()), True),
    ("a node of a state we do not know", replace(READY, nodes=(STRANGE,)), True),
    ("that node and one that joins", replace(READY, nodes=(STRANGE, JOINING)), True),
    ("the model is not named", replace(READY, model=None), True),
    ("waits", replace(READY, state=ClusterState.WAITING), False),
    ("rebalances", replace(READY, state=ClusterState.REBALANCING), False),
    ("has failed", replace(READY, state=ClusterState.FAILED), False),
    ("a word we do not know", replace(READY, state=ClusterState.UNKNOWN), False),
    ("no model", replace(NOT_READY, model=None), False),
]


@pytest.mark.parametrize(("status", "usable"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_when_a_cluster_is_usable(status: ClusterStatus, usable: bool) -> None:
    """The report itself, what questions wait for, the events, the alerts and a switch's last step agree."""
    assert status.usable is usable
    assert (availability_of(status) is Availability.USABLE) is usable

    reader = EventReader()
    reader.observe(ClusterObservation(replace(NOT_READY, model=status.model), attempts=True), 1.0)
    happened = {event.kind for event in reader.observe(ClusterObservation(status, attempts=True), 2.0)}
    assert (EventKind.USABLE in happened) is usable

    judged = verdict(WAITING, Situation(status, silent=False, was_usable=True))
    assert judged is (Verdict.RIGHT if usable else Verdict.WRONG)

    switch = Switch("s", status.model or "", 1, True, None, None, by=1, started_at=0.0, step=Step.USABLE)
    after = advance(switch, SwitchObservation(status, running=0, stranded=False), now=2.0)
    assert (after.state is SwitchState.DONE) is (usable and status.model is not None)


@pytest.mark.parametrize(
    ("status", "availability"),
    [
        (replace(NOT_READY, model=None), Availability.NO_MODEL),
        (NOT_READY, Availability.STARTING),
        (replace(READY, model=None, nodes=(JOINING,)), Availability.STARTING),
        (replace(READY, need_more_nodes=True), Availability.STARTING),
    ],
)
def test_what_is_missing(status: ClusterStatus, availability: Availability) -> None:
    """Without a model an operator has to act; everything else needs time or nodes."""
    assert availability_of(status) is availability
