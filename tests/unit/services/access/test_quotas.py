"""Tokens of a day: what is counted, who has a limit, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from bot.domain.queue.usage import DAY, UsageRow
from bot.errors import QuotaUsed
from bot.services.access.operators import Operators, Person
from bot.services.access.quotas import Quotas
from tests.fakes.clocks import HandClock

TODAY = 20_000


class Used:
    """A :class:`bot.domain.queue.usage.UsageStore`: person 1 and server 8 use 60 tokens a day."""

    def __init__(self, each: int = 60) -> None:
        self._each = each
        self.asked = 0

    async def of_user(self, user_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """One row for each day."""
        self.asked += 1
        return self._rows(since_day) if user_id == 1 else []

    async def of_server(self, guild_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """One row for each day."""
        return self._rows(since_day) if guild_id == 8 else []

    def _rows(self, since_day: int) -> list[UsageRow]:
        return [UsageRow(day, 1, "Ada", 1, self._each, 0.0) for day in range(since_day, TODAY + 1)]


def quotas(store: Used, per_user: int = 100, roles: Mapping[int, int] | None = None) -> Quotas:
    """An hour after the beginning of today."""
    operators = Operators(user_ids=[99], role_ids=[], guild_ids=[])
    return Quotas(store, operators, HandClock(TODAY * DAY + 3600.0), per_user=per_user, roles=roles or {})


async def test_an_allowance_is_of_today() -> None:
    """What was used yesterday is forgotten at midnight (UTC)."""
    allowance = await quotas(Used()).allowance(Person(1, 8))
    assert (allowance.limit, allowance.used, allowance.resets_at) == (100, 60, (TODAY + 1) * DAY)
    assert isinstance(allowance.resets_at, float)


@pytest.mark.parametrize(
    ("person", "limit"),
    [
        (Person(1, 8), 100),
        (Person(1, 8, frozenset({3})), 100),
        (Person(1, 8, frozenset({4})), 500),
        (Person(1, 8, frozenset({4, 5})), 900),
        (Person(1, 8, frozenset({6})), 100),
        (Person(1, 8, frozenset({4, 7})), None),
        (Person(99, None), None),
    ],
)
async def test_the_largest_of_the_limits_counts(person: Person, limit: int | None) -> None:
    """A role gives more, never less; 0 stands for no limit, and operators have none."""
    one = quotas(Used(), roles={4: 500, 5: 900, 6: 10, 7: 0})
    assert (await one.allowance(person)).limit == limit


async def test_without_a_limit_for_people_roles_do_not_set_one() -> None:
    """0 tokens a day: no limit."""
    assert (await quotas(Used(), per_user=0, roles={4: 500}).allowance(Person(1, 8, frozenset({4})))).limit is None


@pytest.mark.parametrize("used", [0, 99])
async def test_the_answer_that_crosses_the_limit_is_given(used: int) -> None:
    """What is left may be less than it needs."""
    await quotas(Used(used)).check(Person(1, 8))


@pytest.mark.parametrize("used", [100, 101])
async def test_nothing_left_is_said_with_the_time_when_it_resets(used: int) -> None:
    """The time in the form that Discord shows to everybody in their own zone."""
    with pytest.raises(QuotaUsed, match=f"user 1 used {used} of 100") as raised:
        await quotas(Used(used)).check(Person(1, 8))
    assert raised.value.params == {"used": used, "limit": 100, "resets": f"<t:{(TODAY + 1) * DAY}:R>"}


async def test_who_has_no_limit_costs_no_look_into_the_database() -> None:
    """And is never refused."""
    store = Used(10**9)
    await quotas(store).check(Person(99, 8))
    await quotas(store, per_user=0).check(Person(1, 8))
    assert store.asked == 0


@pytest.mark.parametrize("days", [1, 7])
async def test_the_last_days_include_today(days: int) -> None:
    """One day is today alone; for a person and for a server."""
    one = quotas(Used())
    assert one.today == TODAY
    expected = list(range(TODAY - days + 1, TODAY + 1))
    assert [row.day for row in await one.history(1, days)] == expected
    assert [row.day for row in await one.server(8, days)] == expected
