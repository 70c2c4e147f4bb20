"""The capacity of what is ready, where the scheduler counts nodes that still load."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cluster.ready_capacity import ReadyCapacity
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState

STATES = {"r": NodeState.AVAILABLE, "w": NodeState.WAITING, "?": NodeState.UNKNOWN}


def report(states: str, capacity: int | None, *, wanted: int | None = 1, model: str = "m") -> ClusterStatus:
    """A report with one node for each letter: ready, waiting, or in a state we do not know. Node n is n-th."""
    nodes = tuple(Node(f"node-{number}", STATES[letter]) for number, letter in enumerate(states))
    return ClusterStatus(
        ClusterState.AVAILABLE, model, wanted, nodes, need_more_nodes=False, join=None, capacity=capacity
    )


def seen(*reports: ClusterStatus) -> list[int | None]:
    """The capacity after each report."""
    capacity = ReadyCapacity()
    return [capacity.observe(one) for one in reports]


def test_p5_a_second_node_that_loads_adds_nothing() -> None:
    """The scheduler says 8, then even 12; four is the truth until the second node is ready."""
    assert seen(report("r", 4), report("rw", 8), report("rw", 12), report("rr", 8)) == [4, 4, 4, 8]


def test_p5_a_bot_that_starts_meanwhile_counts_the_ready_ones() -> None:
    """Nothing was proven in this process: each waiting node is taken to stop a pipeline."""
    assert seen(report("rw", 16)) == [8]
    assert seen(report("rrw", 12)) == [8]
    assert seen(report("rrrw", 8, wanted=2)) == [4]
    assert seen(report("rrww", 8, wanted=2)) == [4]


def test_p5_a_node_that_loads_again_takes_its_share_away() -> None:
    """And gives it back when it is ready."""
    assert seen(report("rr", 8), report("rw", 8), report("rr", 8)) == [8, 4, 8]
    assert seen(report("rrrr", 8, wanted=2), report("rrrw", 8, wanted=2)) == [8, 4]


def test_p5_of_two_new_nodes_the_one_that_is_ready_counts() -> None:
    """The other one may load for minutes, or for ever."""
    assert seen(report("r", 4), report("rww", 12), report("rrw", 12)) == [4, 4, 8]


def test_a_node_that_returns_without_its_slots_takes_nothing_away() -> None:
    """A node that rejoins after a lost heartbeat does not always bring its capacity back."""
    assert seen(report("r", 4), report("rw", 4)) == [4, 4]


@pytest.mark.parametrize("told", [None, 0])
def test_what_is_not_told_is_not_invented(told: int | None) -> None:
    """The documented dialect reports no capacity; none is none."""
    assert seen(report("r", 4), report("rw", told)) == [4, told]


def test_another_model_proves_nothing() -> None:
    """The same node may take less with it."""
    assert seen(report("r", 16), report("rw", 8, model="larger")) == [16, 4]


@given(
    st.lists(
        st.builds(
            report,
            st.text("rw?", max_size=6),
            st.none() | st.integers(0, 64),
            wanted=st.none() | st.integers(0, 4),
            model=st.sampled_from(["m", "n"]),
        ),
        max_size=8,
    )
)
def test_never_more_than_the_scheduler_says_and_never_less_than_one(reports: list[ClusterStatus]) -> None:
    """And exactly what it says once no node waits."""
    for told, capacity in zip(reports, seen(*reports), strict=True):
        if not told.capacity:
            assert capacity == told.capacity
            continue
        assert capacity is not None
        assert 1 <= capacity <= told.capacity
        if all(node.state is not NodeState.WAITING for node in told.nodes):
            assert capacity == told.capacity
        assert ReadyCapacity().observe(replace(told, nodes=())) == told.capacity
