"""News is true when it is sent, whatever happened since the event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cluster.events import ClusterObservation, EventKind, EventReader
from bot.domain.cluster.news import News, NewsBuffer
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState

A, B = Node("a", NodeState.AVAILABLE), Node("b", NodeState.AVAILABLE)
LOADING = replace(B, state=NodeState.WAITING)


def report(*nodes: Node, model: str | None = "m", capacity: int | None = None) -> ClusterStatus:
    """A report of a cluster whose nodes take four questions each, unless something else is said."""
    told = 4 * len(nodes) if capacity is None else capacity
    state = ClusterState.AVAILABLE if told else ClusterState.WAITING
    return ClusterStatus(state, model, 1, nodes, need_more_nodes=False, join=None, capacity=told)


def news_of(*reports: ClusterStatus, switching: Sequence[int] = (), waited: bool = False) -> list[News]:
    """The news after these reports, one a second. ``switching``: numbers of reports that came during a switch."""
    reader, buffer = EventReader(), NewsBuffer()
    for number, status in enumerate(reports):
        for event in reader.observe(ClusterObservation(status, attempts=True), float(number)):
            during = number in switching
            if event.kind is EventKind.MODEL_CHANGED and event.subject:
                buffer.add_model_change(event)
            buffer.add(event, returning=False, switching=during, waited=waited)
    return list(buffer.pending(reports[-1]))


def told(news: Sequence[News]) -> list[tuple[EventKind, str]]:
    """Kind and subject of each piece of news."""
    return [(one.kind, one.subject) for one in news]


def test_p15_a_capacity_that_comes_back_during_a_switch_is_no_news() -> None:
    """It fell before the switch, and the switch's own reports are no news."""
    up, down = report(A, B), report(A, B, capacity=0)
    assert news_of(up, down, up, switching=[2], waited=True) == []
    assert news_of(up, down, down, up, switching=[1, 2, 3], waited=True) == []


def test_p15_a_capacity_is_told_as_it_is_when_it_is_sent() -> None:
    """Not as it was in between; and from what people knew before."""
    (news,) = news_of(report(A), report(A, capacity=8), report(A, capacity=12))
    assert news.detail == {"before": 4, "after": 12}
    buffer = NewsBuffer()
    reader = EventReader()
    for at, status in enumerate((report(A), report(A, capacity=8))):
        for event in reader.observe(ClusterObservation(status, attempts=True), float(at)):
            buffer.add(event, returning=False, switching=False, waited=False)
    (current,) = buffer.pending(report(A, capacity=6))
    assert current.detail == {"before": 4, "after": 6}
    assert list(buffer.pending(report(A))) == []
    assert list(buffer.pending(report(A, capacity=8))) == []


def test_p15_usable_is_not_told_of_a_cluster_that_is_not() -> None:
    """Also when no event of its own says so, and of no other model."""
    ready, waiting = report(A), report(A, capacity=0)
    assert (EventKind.USABLE, "m") in told(news_of(waiting, ready))
    buffer, reader = NewsBuffer(), EventReader()
    for status in (waiting, ready):
        for event in reader.observe(ClusterObservation(status, attempts=True), 1.0):
            buffer.add(event, returning=False, switching=False, waited=False)
    assert (EventKind.USABLE, "m") not in told(list(buffer.pending(report(A, model="other"))))


def test_p15_a_new_node_is_told_as_it_is() -> None:
    """One that loads again is not ready, one that left is not told, and nothing is told while nobody reports."""
    assert told(news_of(report(A), report(A, B))) == [
        (EventKind.NODE_READY, "b"),
        (EventKind.CAPACITY_CHANGED, ""),
    ]
    buffer, reader = NewsBuffer(), EventReader()
    for status in (report(A), report(A, B, capacity=4)):
        for event in reader.observe(ClusterObservation(status, attempts=True), 1.0):
            buffer.add(event, returning=False, switching=False, waited=False)
    assert list(buffer.pending(None)) == []
    assert told(list(buffer.pending(report(A, LOADING, capacity=4)))) == [(EventKind.NODE_JOINED, "b")]
    assert list(buffer.pending(report(A))) == []


def test_p15_a_model_that_was_replaced_meanwhile_is_not_told() -> None:
    """Only the newest is what "the model is now" says."""
    news = news_of(report(A, model="m"), report(A, model="n"), report(A, model="o"))
    assert [one.subject for one in news if one.kind is EventKind.MODEL_CHANGED] == ["o"]


NODES = st.lists(st.sampled_from([A, B, LOADING]), max_size=2, unique_by=lambda node: node.node_id).map(tuple)


@given(st.lists(st.tuples(NODES, st.sampled_from(["m", "n", None]), st.integers(0, 3)), min_size=1, max_size=8))
def test_whatever_happened_the_news_is_true(steps: list[tuple[tuple[Node, ...], str | None, int]]) -> None:
    """Of the newest report, and with a change to tell."""
    reports = [report(*nodes, model=model, capacity=4 * capacity) for nodes, model, capacity in steps]
    last = reports[-1]
    for news in news_of(*reports):
        states = {node.node_id: node.state for node in last.nodes}
        match news.kind:
            case EventKind.USABLE:
                assert last.usable
            case EventKind.MODEL_CHANGED:
                assert last.model == news.subject
            case EventKind.CAPACITY_CHANGED:
                assert news.detail["after"] == last.capacity != news.detail["before"]
            case EventKind.NODE_READY:
                assert states[news.subject] is NodeState.AVAILABLE
            case _:
                assert news.subject in states
