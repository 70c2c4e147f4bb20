"""Which steps of a switch are done by what is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.cluster.switch_steps import (
    HIDDEN_FOR,
    UNANSWERED_INIT,
    Step,
    Switch,
    SwitchObservation,
    SwitchState,
    advance,
    needs_init,
    trouble,
)
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Node, NodeState

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


NO_MODEL = ClusterStatus(ClusterState.WAITING, None, None, (), need_more_nodes=False, join=None, capacity=0)
SENT = replace(SWITCH, step=Step.START, claimed_at=10.0, initialised=True, step_since=11.0)


def test_p6_no_init_while_workers_may_come_back() -> None:
    """They ran before the scheduler was restarted, and would be stranded."""
    stopping = replace(SWITCH, step=Step.STOP)
    assert advance(stopping, SwitchObservation(NO_MODEL, 0, False, returning=2), 1.0).step is Step.STOP
    assert advance(stopping, SwitchObservation(NO_MODEL, 0, False), 1.0).step is Step.INIT


@pytest.mark.parametrize("step", [Step.START, Step.USABLE])
def test_p9_a_restart_after_the_init_leads_back_to_stopping(step: Step) -> None:
    """The workers that were started meanwhile come back by themselves; then the init is sent once more."""
    restarted = SwitchObservation(NO_MODEL, 0, False, returning=1, model_lost_at=20.0)
    back = advance(replace(SENT, step=step), restarted, 21.0)
    assert (back.step, back.initialised, back.workers, back.claimed_at) == (Step.STOP, None, 1, 10.0)
    again = advance(back, replace(restarted, returning=0), 30.0)
    assert again.step is Step.INIT
    assert needs_init(again, restarted, 30.0)


def test_p9_one_init_for_one_life_of_the_scheduler() -> None:
    """A report of before the init proves nothing, nor does a restart of before the claim."""
    early = SwitchObservation(NO_MODEL, 0, False, model_lost_at=9.0, connected_at=5.0)
    assert advance(SENT, early, 100.0).step is Step.START
    sending = replace(SENT, step=Step.INIT, initialised=None)
    assert not needs_init(sending, early, 100.0)
    assert not needs_init(sending, SwitchObservation(None, 0, False, model_lost_at=20.0), 100.0)
    assert not needs_init(sending, SwitchObservation(status(), 0, False, model_lost_at=20.0), 100.0)
    assert not needs_init(replace(sending, initialised=False), replace(early, model_lost_at=20.0), 100.0)


def test_p9_a_restart_that_nobody_saw_shows_in_the_connection() -> None:
    """It was opened after the claim, and tells of no model: at once after an accepted init, later after one that
    may still be on its way."""
    anew = SwitchObservation(NO_MODEL, 0, False, connected_at=12.0)
    assert advance(SENT, anew, 12.0).step is Step.START
    assert advance(SENT, anew, 17.0).step is not Step.START
    sending = replace(SENT, step=Step.INIT, initialised=None)
    assert not needs_init(sending, anew, 100.0)
    assert needs_init(sending, anew, 10.0 + UNANSWERED_INIT + 1)


def test_p8_a_refused_init_is_not_passed_although_the_status_names_the_model() -> None:
    """The answer decides; an init without an answer is passed only when the scheduler accepted the model."""
    named = replace(NO_MODEL, model="new", init_nodes=1)
    sent = replace(SWITCH, step=Step.INIT, claimed_at=1.0)
    refused = replace(sent, initialised=False)
    seen = SwitchObservation(named, 0, False)
    assert advance(refused, seen, 2.0).step is Step.INIT
    assert trouble(refused, seen, 2.0) == "switch.trouble_init"
    assert advance(sent, seen, 2.0).step is Step.INIT
    accepted = replace(named, join=JoinCommand("parallax join", public=False))
    assert advance(sent, SwitchObservation(accepted, 0, False), 2.0).step is Step.START


def test_p7_a_worker_that_stays_listed_may_be_dead() -> None:
    """The scheduler misses only active nodes: one that waits stays listed until its restart."""
    stopping = replace(SWITCH, step=Step.STOP)
    ghost = status(replace(NODE, state=NodeState.WAITING), available=False)
    assert trouble(stopping, SwitchObservation(ghost, 0, True), 50.0) is None
    assert trouble(stopping, SwitchObservation(ghost, 0, True), 100.0) == "switch.late_stop_dead"
    assert trouble(stopping, SwitchObservation(status(NODE), 0, False), 100.0) == "switch.late_stop"
    restarted = SwitchObservation(NO_MODEL, 0, False, returning=1)
    assert advance(stopping, restarted, 100.0).step is Step.STOP
    assert advance(stopping, replace(restarted, returning=0), 150.0).step is Step.INIT


def test_p16_people_get_time_to_stop_workers_that_are_not_listed() -> None:
    """They ran when somebody's init failed: an init at once would strand them."""
    failed = replace(NO_MODEL, model="no/such")
    seen = SwitchObservation(failed, 0, False, hidden=2)
    stopping = advance(SWITCH, seen, 100.0)
    assert (stopping.step, stopping.step_since) == (Step.STOP, 100.0)
    assert advance(stopping, seen, 100.0 + HIDDEN_FOR).step is Step.STOP
    assert advance(stopping, seen, 101.0 + HIDDEN_FOR).step is Step.INIT
    assert advance(stopping, replace(seen, hidden=0), 101.0).step is Step.INIT
