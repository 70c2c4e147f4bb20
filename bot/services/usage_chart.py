"""A server's usage as a chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from bot.catalogue import say
from bot.clock import utc
from bot.queueing.usage import DAY, UsageRow
from bot.rendering.chart import Chart, Panel

PEOPLE_SHOWN = 8


def usage_chart(rows: Sequence[UsageRow], *, last_day: int, days: int, locale: str) -> Chart:
    """Questions, tokens and the mean wait of each of the ``days`` up to ``last_day``.

    Questions and tokens are by person: the eight who used most, and the others together.
    """
    span = range(last_day - days + 1, last_day + 1)
    by_tokens: Counter[int] = Counter()
    names: dict[int, str] = {}
    for row in rows:
        by_tokens[row.user_id] += row.tokens
        names[row.user_id] = row.user_name[:24]
    shown = [user_id for user_id, _ in by_tokens.most_common(PEOPLE_SHOWN)]
    others = say(locale, "usage.others") if len(by_tokens) > len(shown) else ""

    def by_person(measure: Callable[[UsageRow], float]) -> tuple[tuple[str, tuple[float, ...]], ...]:
        series = [
            (names[user_id], _per_day([row for row in rows if row.user_id == user_id], span, measure))
            for user_id in shown
        ]
        if others:
            rest = [row for row in rows if row.user_id not in shown]
            series.append((others, _per_day(rest, span, measure)))
        return tuple(series)

    questions = _per_day(rows, span, lambda row: row.questions)
    waited = _per_day(rows, span, lambda row: row.waited)
    mean = tuple(seconds / count if count else 0.0 for seconds, count in zip(waited, questions, strict=True))
    return Chart(
        title=say(locale, "usage.server_title", days=days),
        labels=tuple(utc(day * DAY).strftime("%m-%d") for day in span),
        panels=(
            Panel(say(locale, "usage.questions"), by_person(lambda row: row.questions)),
            Panel(say(locale, "usage.tokens"), by_person(lambda row: row.tokens)),
            Panel(say(locale, "usage.waits"), ((say(locale, "usage.waits"), mean),)),
        ),
    )


def _per_day(rows: Sequence[UsageRow], span: range, measure: Callable[[UsageRow], float]) -> tuple[float, ...]:
    values = dict.fromkeys(span, 0.0)
    for row in rows:
        if row.day in values:
            values[row.day] += measure(row)
    return tuple(values[day] for day in span)
