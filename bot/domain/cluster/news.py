"""News for operators that are no problems: new nodes, another capacity, a usable cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bot.domain.cluster.events import ClusterEvent, Detail, EventKind
from bot.domain.status import ClusterStatus, NodeState

# A change that is undone within this many seconds is no news.
SETTLES_AFTER = 3.0
# A node is listed about ten seconds before it works (docs/parallax-api.md): one line reports both.
READY_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class News:
    """A piece of news to send at ``due`` about something that happened ``at`` (epoch seconds). ``joined``: the
    node was not there before; with ``kind`` NODE_READY it works already."""

    kind: EventKind
    at: float
    due: float
    subject: str = ""
    detail: Detail = field(default_factory=dict)
    joined: bool = False


class NewsBuffer:
    """Turns events into news: related events become one piece of news, changes that were undone become none.

    What is not true any more when it is due is not sent: :meth:`pending` compares everything with the newest
    report.
    """

    def __init__(self) -> None:
        self._pending: dict[tuple[EventKind, str], News] = {}
        # New nodes that were announced before they worked.
        self._joining: set[str] = set()

    def add(self, event: ClusterEvent, *, returning: bool, switching: bool, waited: bool) -> None:
        """Take in one more event. ``returning``: the node was reported as lost before. ``switching``: a model
        switch makes workers leave and join. ``waited``: it was announced as a problem that the cluster is not
        usable, so its end is announced there."""
        match event.kind:
            case EventKind.NODE_JOINED if not (returning or switching):
                news = _news(event, due=event.at + READY_WITHIN, joined=True)
                self._pending[EventKind.NODE_READY, event.subject] = news
            case EventKind.NODE_READY:
                self._add_ready(event)
            case EventKind.NODE_LOST:
                self._pending.pop((EventKind.NODE_READY, event.subject), None)
                self._joining.discard(event.subject)
            case EventKind.CAPACITY_CHANGED:
                self._add_capacity(event, switching=switching)
            case EventKind.USABLE if not waited:
                self._put(event)
            case EventKind.WAITING:
                self._pending = {
                    key: news for key, news in self._pending.items() if key[0] is not EventKind.USABLE
                }

    def add_model_change(self, event: ClusterEvent) -> None:
        """Take in a change of the model, with ``ours`` in the detail; each change is announced."""
        self._pending[event.kind, f"{event.subject} {event.at}"] = _news(event, due=event.at)

    def pending(self, status: ClusterStatus | None) -> Iterator[News]:
        """The news that is true by the newest report ``status``, due now or later.

        News that is not true any more is dropped. News that cannot be judged now waits: all of it without a
        report, a changed capacity while the cluster is not usable.
        """
        if status is None:
            return
        for key, news in list(self._pending.items()):
            current = _as_it_is(news, status)
            if current is None:
                del self._pending[key]
                continue
            self._pending[key] = current
            if status.usable or news.kind is not EventKind.CAPACITY_CHANGED:
                yield current

    def remove(self, news: News) -> None:
        """Remove news that was sent."""
        self._pending = {key: one for key, one in self._pending.items() if one is not news}
        if news.kind is EventKind.NODE_JOINED:
            self._joining.add(news.subject)

    def clear(self) -> None:
        """Drop all news: no channel receives it."""
        self._pending.clear()
        self._joining.clear()

    def _add_ready(self, event: ClusterEvent) -> None:
        newcomer = self._pending.get((EventKind.NODE_READY, event.subject))
        if newcomer is not None or event.subject in self._joining:
            self._joining.discard(event.subject)
            self._put(event, joined=newcomer is not None)

    def _add_capacity(self, event: ClusterEvent, *, switching: bool) -> None:
        pending = self._pending.pop((event.kind, ""), None)
        before = event.detail["before"] if pending is None else pending.detail["before"]
        # The capacity during a model switch is no news, and what it was before is no comparison for another model.
        if not switching and before != event.detail["after"]:
            detail = {"before": before, "after": event.detail["after"]}
            self._put(replace(event, detail=detail))

    def _put(self, event: ClusterEvent, *, joined: bool = False) -> None:
        self._pending[event.kind, event.subject] = _news(event, due=event.at + SETTLES_AFTER, joined=joined)


def _news(event: ClusterEvent, *, due: float, joined: bool = False) -> News:
    return News(event.kind, event.at, due, event.subject, event.detail, joined)


def _as_it_is(news: News, status: ClusterStatus) -> News | None:
    """The news as this report shows it; None when it is not true any more."""
    match news.kind:
        case EventKind.CAPACITY_CHANGED:
            return _with_capacity(news, status)
        case EventKind.USABLE:
            return news if status.usable and (status.model or "") == news.subject else None
        case EventKind.MODEL_CHANGED:
            return news if status.model == news.subject else None
    states = {node.node_id: node.state for node in status.nodes}
    if news.subject not in states:
        return None
    if news.kind is EventKind.NODE_READY and states[news.subject] is NodeState.WAITING:
        return replace(news, kind=EventKind.NODE_JOINED, due=news.at + READY_WITHIN) if news.joined else None
    return news


def _with_capacity(news: News, status: ClusterStatus) -> News | None:
    if not status.usable or status.capacity in {None, news.detail["after"]}:
        return news
    if status.capacity == news.detail["before"]:
        return None
    return replace(news, detail={"before": news.detail["before"], "after": status.capacity})
