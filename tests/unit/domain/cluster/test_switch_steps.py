"""Which steps of a switch are done by what is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.cluster.switch_steps import Step, Switch, SwitchObservation, SwitchState, advance, trouble
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState

NODE = Node("a", NodeState.AVAILABLE, "GPU", 1, 24.0)
SWITCH = Switch("0a", "new", 1, True, "old", 1, 7, 0.0)


def status(*nodes: Node, model: str = "old", available: bool = True, more: bool = False) -> ClusterStatus:
    """A report."""
    state = ClusterState.AVAILABLE if available else ClusterState.WAITING
    return ClusterStatus(state, model, 1, nodes, more, None, 4)


def test_nothing_is_stopped_while_an_answer_runs() -> None:
    """A worker that is stopped with a stream open hangs the scheduler."""
    assert advance(SWITCH, SwitchObservation(status(), 1, False), 1.0).step is Step.DRAIN
    assert advance(SWITCH, SwitchObservation(status(NODE), 0, False), 1.0).step is Step.STOP


def test_no_init_before_every_worker_has_gone() -> None:
    """A connected worker would be stranded; without a report it is not known whether one is connected."""
    stopping = replace(SWITCH, step=Step.STOP)
    for seen in (status(NODE), None):
        assert advance(stopping, SwitchObservation(seen, 0, False), 1.0).step is Step.STOP
    assert advance(stopping, SwitchObservation(status(), 0, False), 1.0).step is Step.INIT


def test_only_an_accepted_init_is_passed() -> None:
    """An init without an answer counts when the status shows the new model."""
    sent = replace(SWITCH, step=Step.INIT, claimed_at=1.0)
    assert advance(sent, SwitchObservation(status(), 0, False), 1.0).step is Step.INIT
    assert advance(sent, SwitchObservation(status(model="new"), 0, False), 1.0).step is Step.START
    assert advance(replace(sent, initialised=True), SwitchObservation(status(), 0, False), 1.0).step is Step.START


def test_done_when_a_node_itself_works() -> None:
    """The cluster calls itself available ten seconds too early."""
    starting = replace(SWITCH, step=Step.START, claimed_at=1.0, initialised=True)
    joining = replace(NODE, state=NodeState.WAITING)
    assert advance(starting, SwitchObservation(status(joining, model="new"), 0, False), 1.0).step is Step.USABLE
    done = advance(starting, SwitchObservation(status(NODE, model="new"), 0, False), 2.0)
    assert (done.state, done.finished_at) == (SwitchState.DONE, 2.0)


@pytest.mark.parametrize(
    ("switch", "observation", "key"),
    [
        (SWITCH, SwitchObservation(None, 0, False), "switch.trouble_unreachable"),
        (
            replace(SWITCH, step=Step.INIT, initialised=False),
            SwitchObservation(status(), 0, False),
            "switch.trouble_init",
        ),
        (
            replace(SWITCH, step=Step.START, initialised=True),
            SwitchObservation(status(NODE, model="new", available=False, more=True), 0, True),
            "switch.trouble_stranded",
        ),
        (
            replace(SWITCH, step=Step.START, initialised=True),
            SwitchObservation(status(NODE, model="new", available=False, more=True), 0, False),
            "switch.trouble_memory",
        ),
        (
            replace(SWITCH, step=Step.USABLE),
            SwitchObservation(status(NODE, model="third"), 0, False),
            "switch.trouble_model",
        ),
        (replace(SWITCH, step=Step.STOP), SwitchObservation(status(NODE), 0, False), None),
    ],
)
def test_each_failure_has_its_remedy(switch: Switch, observation: SwitchObservation, key: str | None) -> None:
    """Stated as a key of the catalogue."""
    assert trouble(switch, observation, 1.0) == key


def test_a_step_that_takes_long_says_what_to_do() -> None:
    """A step that takes long has its own remedy."""
    assert (
        trouble(replace(SWITCH, step=Step.STOP), SwitchObservation(status(NODE), 0, False), 100.0)
        == "switch.late_stop"
    )
