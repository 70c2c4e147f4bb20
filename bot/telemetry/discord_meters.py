"""What is measured of the calls to Discord."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_AGES = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30)

_SCOPES = frozenset({"user", "global", "shared"})
"""What Discord's 429s name (docs, topics/rate-limits, "Header Format")."""


class EditMeter:
    """Edits, sends and removals of the messages of answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._edits = Counter(
            "discord_edits_total",
            "Edits, sends and removals of answers' messages that Discord applied, by route (interaction or "
            "channel) and purpose (first: the first words, text, position, last: the final form).",
            ("route", "purpose"),
            registry=registry,
        )
        self._age = Histogram(
            "discord_text_age_seconds",
            "How old the oldest new text was when the edit that shows it was applied; without final forms.",
            buckets=_AGES,
            registry=registry,
        )
        self._by: dict[tuple[str, str], Counter] = {}

    def applied(self, route: str, purpose: str, *, text_age: float | None) -> None:
        """Note that Discord applied an edit. ``text_age`` in seconds; None: it shows no streamed text."""
        if (counter := self._by.get((route, purpose))) is None:
            counter = self._by[route, purpose] = self._edits.labels(route, purpose)
        counter.inc()
        if text_age is not None:
            self._age.observe(text_age)


class LimitMeter:
    """Discord's limits, as the bot meets them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refused = Counter(
            "discord_rate_limited_total",
            "Requests that Discord refused with 429, by the scope that it names (none: what stands before it).",
            ("scope",),
            registry=registry,
        )
        # From 0 on, or Prometheus would not see the first as an increase.
        for scope in ("none", *_SCOPES):
            self._refused.labels(scope)
        self._waiting = Gauge(
            "discord_calls_waiting",
            "Calls that wait for a slot in the budget of the bot's token.",
            registry=registry,
        )

    def refused(self, scope: str) -> None:
        """Note a 429 with the ``scope`` of its header."""
        self._refused.labels(scope if scope in _SCOPES else "none").inc()

    def waiting_are(self, count: Callable[[], int]) -> None:
        """Ask ``count`` how many calls wait, whenever somebody reads the metrics."""
        self._waiting.set_function(count)
