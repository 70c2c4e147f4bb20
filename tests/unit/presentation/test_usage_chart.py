"""Whom and which days the chart of a server's usage shows."""

from __future__ import annotations

from bot.domain.queue.usage import UsageRow
from bot.presentation.usage_chart import PEOPLE_SHOWN, usage_chart

TODAY = 20_001


def row(user: int, *, day: int = TODAY, tokens: int = 10, name: str | None = None) -> UsageRow:
    """A day of somebody's."""
    return UsageRow(day, user, f"user {user}" if name is None else name, 1, tokens, 2.0)


def names(rows: list[UsageRow]) -> list[str]:
    """The legend: whose questions are shown."""
    chart = usage_chart(rows, last_day=TODAY, days=3, locale="en")
    return [series["name"]["plain"] for series in chart["panels"][0]["series"]]


def test_days_before_the_first_one_are_not_counted() -> None:
    """They stand in the table for a while longer."""
    chart = usage_chart([row(1), row(1, day=TODAY - 3)], last_day=TODAY, days=3, locale="en")
    questions, tokens, waits = (panel["series"][0]["values"] for panel in chart["panels"])
    assert (questions, tokens, waits) == ([0.0, 0.0, 1.0], [0.0, 0.0, 10.0], [0.0, 0.0, 2.0])
    assert len(chart["labels"]) == 3


def test_those_who_used_most_are_named_and_all_others_are_one() -> None:
    """Also those who had everything erased and have no name any more."""
    crowd = [row(user, tokens=100 - user) for user in range(1, PEOPLE_SHOWN + 1)]
    assert names(crowd) == [f"user {user}" for user in range(1, PEOPLE_SHOWN + 1)]
    named = names([*crowd, row(50, tokens=1)])
    assert named[:-1] == names(crowd)
    assert len(named) == PEOPLE_SHOWN + 1
    erased = names([row(1), row(2, tokens=999, name="")])
    assert erased[0] == "user 1"
    assert len(erased) == 2
