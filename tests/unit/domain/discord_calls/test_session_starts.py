"""When a session may be started, and which shards a process has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.discord_calls.session_starts import (
    KEPT_BACK,
    LONGEST_AFTER_REFUSAL,
    LONGEST_PAUSE,
    MOST_SHARDS,
    SessionStartLimit,
    SessionStarts,
    pause_after,
)
from bot.domain.discord_calls.shard_plan import ShardPlan, ranges
from bot.settings import types as settings

DAY = 86_400.0


def test_shards_of_different_buckets_may_identify_at_once() -> None:
    """``shard_id % max_concurrency``."""
    limit = SessionStartLimit(1000, 60.0, max_concurrency=16)
    assert [limit.bucket(shard_id) for shard_id in (0, 15, 16, 33)] == [0, 15, 0, 1]


@given(remaining=st.integers(0, 50), taken=st.integers(0, 60), passed=st.floats(0, 59))
def test_some_starts_of_a_day_are_never_used(remaining: int, taken: int, passed: float) -> None:
    """Beyond them one has to wait until Discord gives new ones."""
    starts = SessionStarts(SessionStartLimit(remaining, 60.0), now=100.0)
    waits = [starts.take(100.0 + passed) for _ in range(taken)]
    assert waits.count(0.0) == min(taken, max(0, remaining - KEPT_BACK))
    assert all(wait == 0.0 or wait == pytest.approx(60.0 - passed) for wait in waits)


def test_a_start_that_did_not_reach_discord_is_not_lost() -> None:
    """An outage of hours must not use up what is known to be left."""
    starts = SessionStarts(SessionStartLimit(KEPT_BACK + 1, 60.0), now=0.0)
    assert starts.take(0.0) == 0.0
    starts.give_back()
    assert [starts.take(0.0), starts.take(0.0)] == [0.0, 60.0]


def test_what_discord_tells_later_counts() -> None:
    """Other processes start sessions too, and a new day begins."""
    starts = SessionStarts(SessionStartLimit(KEPT_BACK, 1.0), now=0.0)
    assert starts.take(10.0) == 1.0
    starts.renew(SessionStartLimit(KEPT_BACK + 1, 60.0), 10.0)
    assert [starts.take(10.0), starts.take(10.0)] == [0.0, 60.0]


@pytest.mark.parametrize(("refused", "most"), [(True, 800), (False, 6_000)])
def test_a_shard_that_gets_no_session_does_not_use_up_the_day(refused: bool, most: int) -> None:
    """1,000 are allowed; attempts to connect use none. The first attempt is at once."""
    assert pause_after(0, 0.0, refused=refused) == 0.0
    passed, attempts = 0.0, 0
    while passed < DAY:
        attempts += 1
        passed += pause_after(attempts, 0.0, refused=refused)
    assert attempts < most


@given(failures=st.integers(1, 100), jitter=st.floats(0, 1, exclude_max=True), refused=st.booleans())
def test_pauses_grow_to_their_bound(failures: int, jitter: float, refused: bool) -> None:
    """Half of each is drawn."""
    pause = pause_after(failures, jitter, refused=refused)
    assert 0.5 <= pause <= (LONGEST_AFTER_REFUSAL if refused else LONGEST_PAUSE)
    assert pause <= pause_after(failures + 1, jitter, refused=refused)


@pytest.mark.parametrize(
    ("count", "ids", "recommended", "planned", "said"),
    [
        (0, (), 1, (0,), "1"),
        (0, (), 3, (0, 1, 2), "all 3"),
        (0, (), 0, (0,), "1"),
        (2, (), 5, (0, 1), "all 2"),
        (8, (7, 0, 1, 2, 3), 1, (0, 1, 2, 3, 7), "0-3,7 of 8"),
        (2, (0, 1), 1, (0, 1), "all 2"),
    ],
)
def test_the_settings_decide_which_shards_a_process_has(
    count: int, ids: tuple[int, ...], recommended: int, planned: tuple[int, ...], said: str
) -> None:
    """Without them it has all that Discord recommends."""
    plan = ShardPlan.of(count, ids, recommended)
    assert (plan.ids, str(plan)) == (planned, said)
    assert plan.is_whole == (len(planned) == plan.count)


def test_a_recommendation_is_bounded() -> None:
    """A wrong number must not fill the memory. The setting has the same bound."""
    assert ShardPlan.of(0, (), 10**9).count == MOST_SHARDS == settings.MOST_SHARDS


@given(st.sets(st.integers(0, 40), min_size=1))
def test_ids_read_as_the_setting_is_written(ids: set[int]) -> None:
    """Reading them gives the same ids."""
    assert settings._ids_in_ranges(ranges(sorted(ids))) == tuple(sorted(ids))
