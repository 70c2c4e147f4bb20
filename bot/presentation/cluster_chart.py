"""The chart of the cluster's last day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.cluster.history import Sample
from bot.i18n.catalogue import say
from bot.presentation.chart_data import LineChart, LinePanel, label
from bot.presentation.page import compact_duration

# A phone's screen is narrower than this many points.
POINTS = 360


def cluster_chart(samples: Sequence[Sample], locale: str) -> LineChart:
    """The chart of speed, time to first token, waiting questions and nodes. Needs at least one sample."""
    shown = thinned(samples, POINTS)
    return {
        "kind": "lines",
        "locale": locale,
        "title": {"text": chart_title(samples, locale), "plain": chart_title(samples, None)},
        "none": label(locale, "chart.none"),
        "times": [one.at for one in shown],
        "panels": [
            _panel(locale, "speed", [one.tokens_per_second for one in shown]),
            _panel(locale, "ttft", [one.ttft for one in shown]),
            _panel(locale, "queue", [one.waiting for one in shown], step=True),
            _panel(locale, "nodes", [one.nodes_ready for one in shown], step=True),
        ],
    }


def _panel(locale: str, name: str, values: list[float | None], *, step: bool = False) -> LinePanel:
    return {"title": label(locale, f"chart.{name}"), "values": values, "step": step}


def thinned(samples: Sequence[Sample], most: int) -> list[Sample]:
    """At most ``most`` samples over the same time: neighbours are merged, peaks of the queue's length are kept."""
    size = -(-len(samples) // most) if samples else 1
    return [_together(samples[start : start + size]) for start in range(0, len(samples), size)]


def _together(samples: Sequence[Sample]) -> Sample:
    return replace(
        samples[0],
        span=sum(one.span for one in samples),
        waiting=max(one.waiting for one in samples),
        nodes_ready=min(one.nodes_ready for one in samples),
        ttft=_mean([one.ttft for one in samples]),
        tokens_per_second=_mean([one.tokens_per_second for one in samples]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


# A period of this length is called a day: its first sample may cover an hour, or be the first after a restart.
ALMOST_A_DAY, A_DAY_AT_MOST = 23.5 * 3600.0, 24.5 * 3600.0


def chart_title(samples: Sequence[Sample], locale: str | None) -> str:
    """The time that the samples cover, in words."""
    covered = samples[-1].at + samples[-1].span - samples[0].at
    if ALMOST_A_DAY < covered < A_DAY_AT_MOST:
        return say(locale, "chart.title")
    # Under a minute every second counts, later only minutes do.
    rounded = covered if covered < 60 else 60.0 * round(covered / 60)
    return say(locale, "chart.title_part", duration=compact_duration(max(1.0, rounded), locale))
