"""The counting of rate limits, apart from any network."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.discord_api import limits
from sandbox.discord_api.limits import Ask, Limits
from sandbox.discord_api.routes import ROUTER


class Hand(Clock):
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0

    def monotonic(self) -> float:  # type: ignore[override]  # the clock's own is static
        """The time the test has set."""
        return self.time


def ask(rule: limits.Rule = limits.PATCH_MESSAGE, key: str = "1") -> Ask:
    """A request under a rule."""
    return Ask("PATCH", "/x", rule, key)


def test_a_window_begins_with_its_first_request_and_does_not_slide() -> None:
    """Five at any moment of the window; the sixth only after its end."""
    clock = Hand()
    counted = Limits(clock)
    assert counted.check(ask()).refusal is None
    clock.time += 4.9
    assert [counted.check(ask()).refusal is None for _ in range(5)] == [True] * 4 + [False]
    clock.time += 0.1
    assert [counted.check(ask()).refusal is None for _ in range(6)] == [True] * 5 + [False]


def test_a_refusal_uses_nothing_up() -> None:
    """Whoever knocks during a full window does not prolong it."""
    clock = Hand()
    counted = Limits(clock)
    for _ in range(20):
        counted.check(ask())
    clock.time += 5
    assert counted.check(ask()).headers["X-RateLimit-Remaining"] == "4"
    assert len(counted.rejections) == 15


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=60))
def test_no_window_ever_holds_more_than_its_limit(gaps: list[float]) -> None:
    """Whatever the rhythm of the requests, five are granted per window at most."""
    clock = Hand()
    counted = Limits(clock)
    granted: list[float] = []
    for gap in gaps:
        clock.time += gap
        verdict = counted.check(ask())
        if verdict.refusal is None:
            granted.append(clock.time)
        else:
            assert 0 < float(verdict.refusal["retry_after"]) <= 5
    for first, sixth in zip(granted, granted[5:], strict=False):
        assert sixth > first
    assert sum(1 for at in granted if at < (granted[0] if granted else 0) + 5) <= 5


def test_interaction_endpoints_are_exempt_from_the_global_limit() -> None:
    """Source: developers/topics/rate-limits, "interaction endpoints"."""
    clock = Hand()
    counted = Limits(clock)
    for number in range(50):
        assert counted.check(ask(limits.OTHER, str(number))).refusal is None
    assert counted.check(ask(limits.OTHER, "another")).refusal is not None
    assert counted.check(ask(limits.WEBHOOK, "token")).refusal is None
    assert counted.check(ask(limits.CALLBACK, "token")).refusal is None


def test_shared_refusals_are_not_invalid_requests() -> None:
    """Source: developers/topics/rate-limits, "Invalid Request Limit"."""
    clock = Hand()
    counted = Limits(clock)
    counted.count_invalid(429, "shared")
    counted.count_invalid(404, None)
    assert not counted.invalid
    counted.count_invalid(429, "user")
    clock.time += 601
    assert not counted.banned
    assert not counted.invalid
    assert counted.invalid_total == 1


def test_first_responses_and_a_double_without_limits_tell_no_bucket() -> None:
    """No headers, whatever was asked before."""
    counted = Limits(Hand())
    assert counted.check(ask(limits.CALLBACK)).headers == {}
    counted.enabled = False
    assert counted.check(ask()).headers == {}


def test_each_route_has_a_bucket_of_its_own() -> None:
    """Two routes without a rule for both do not use up each other's."""
    plain = [route.rule for route in ROUTER.routes if route.template in ("/users/@me", "/guilds/{guild_id}")]
    assert len({rule.counter for rule in plain}) == len(plain) == 4
