"""The chart of a server's usage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from bot.clock import utc
from bot.domain.queue.usage import DAY, UsageRow
from bot.presentation.chart_data import BarChart, BarPanel, Series, label, verbatim

PEOPLE_SHOWN = 8


def usage_chart(rows: Sequence[UsageRow], *, last_day: int, days: int, locale: str) -> BarChart:
    """The chart of questions, tokens and mean wait for each of the ``days`` up to ``last_day``.

    Questions and tokens are shown by person: the eight who used most, and all others together.
    """
    span = range(last_day - days + 1, last_day + 1)
    by_tokens: Counter[int] = Counter()
    names: dict[int, str] = {}
    for row in rows:
        by_tokens[row.user_id] += row.tokens
        names[row.user_id] = row.user_name[:24]
    # People who had everything erased have no name: their amounts count among the others.
    shown = [user_id for user_id, _ in by_tokens.most_common() if names[user_id]][:PEOPLE_SHOWN]
    others = [row for row in rows if row.user_id not in shown]

    def by_person(key: str, measure: Callable[[UsageRow], float]) -> BarPanel:
        series: list[Series] = [
            {
                "name": verbatim(names[user_id]),
                "values": _per_day([row for row in rows if row.user_id == user_id], span, measure),
            }
            for user_id in shown
        ]
        if others:
            series.append({"name": label(locale, "usage.others"), "values": _per_day(others, span, measure)})
        return {"title": label(locale, key), "series": series}

    questions = _per_day(rows, span, lambda row: row.questions)
    waited = _per_day(rows, span, lambda row: row.waited)
    mean = [seconds / count if count else 0.0 for seconds, count in zip(waited, questions, strict=True)]
    waits = label(locale, "usage.waits")
    return {
        "kind": "bars",
        "locale": locale,
        "title": label(locale, "usage.server_title", days=days),
        "labels": [utc(day * DAY).strftime("%m-%d") for day in span],
        "panels": [
            by_person("usage.questions", lambda row: row.questions),
            by_person("usage.tokens", lambda row: row.tokens),
            {"title": waits, "series": [{"name": waits, "values": mean}]},
        ],
    }


def _per_day(rows: Sequence[UsageRow], span: range, measure: Callable[[UsageRow], float]) -> list[float]:
    values = dict.fromkeys(span, 0.0)
    for row in rows:
        if row.day in values:
            values[row.day] += measure(row)
    return [values[day] for day in span]
