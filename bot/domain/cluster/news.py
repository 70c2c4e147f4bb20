"""News for operators that are no problems: new nodes, another capacity, a usable cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bot.domain.cluster.events import ClusterEvent, Detail, EventKind

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
    """Turns events into news: related events become one piece of news, changes that were undone become none."""

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
            case EventKind.CAPACITY_CHANGED if not switching:
                self._add_capacity(event)
            case EventKind.USABLE if not waited:
                self._put(event)
            case EventKind.WAITING:
                self._pending = {
                    key: news for key, news in self._pending.items() if key[0] is not EventKind.USABLE
                }

    def add_model_change(self, event: ClusterEvent) -> None:
        """Take in a change of the model, with ``ours`` in the detail; each change is announced."""
        self._pending[event.kind, f"{event.subject} {event.at}"] = _news(event, due=event.at)

    def pending(self, *, usable: bool) -> Iterator[News]:
        """All news that is not sent yet, due now or later. Changes of capacity are left out while the cluster is
        not ``usable``."""
        yield from (one for one in self._pending.values() if usable or one.kind is not EventKind.CAPACITY_CHANGED)

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

    def _add_capacity(self, event: ClusterEvent) -> None:
        pending = self._pending.pop((event.kind, ""), None)
        before = event.detail["before"] if pending is None else pending.detail["before"]
        if before != event.detail["after"]:
            detail = {"before": before, "after": event.detail["after"]}
            self._put(replace(event, detail=detail))

    def _put(self, event: ClusterEvent, *, joined: bool = False) -> None:
        self._pending[event.kind, event.subject] = _news(event, due=event.at + SETTLES_AFTER, joined=joined)


def _news(event: ClusterEvent, *, due: float, joined: bool = False) -> News:
    return News(event.kind, event.at, due, event.subject, event.detail, joined)
