"""Whose fault a failure is, and which questions may leave while the cluster fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.queue.back_off import MOST_ASKED_SECONDS, BackOff
from bot.domain.queue.breaker import REMEMBERED, STRIKES, SUSPECT_SECONDS, TURNS, Breaker, Failure


def breaker() -> Breaker:
    return Breaker(BackOff(first=1.0, most=30.0))


def fail(under_test: Breaker, request_id: str, now: float = 0.0, *, blames: bool = True) -> Failure:
    return under_test.failed(request_id, now, retry_after=None, jitter=0.0, blames=blames)


def probe(under_test: Breaker, request_id: str, now: float = 0.0) -> Failure:
    under_test.sent(request_id)
    under_test.left(request_id)
    return fail(under_test, request_id, now)


def test_a_failure_opens_it_and_a_success_closes_it() -> None:
    """Any success closes it: of the probe, or of a question sent before."""
    under_test = breaker()
    assert under_test.is_open is False
    assert fail(under_test, "a") is Failure.CLUSTER
    assert under_test.is_open
    assert under_test.remaining(0.0) == 0.5
    under_test.sent("b")
    assert under_test.is_probing
    assert under_test.succeeded("b")
    assert not under_test.is_open
    assert not under_test.is_probing
    assert not under_test.succeeded("c")


def test_closed_it_holds_nothing_back() -> None:
    """Also while the wait that the cluster asked for still runs; and no question is a probe."""
    under_test = breaker()
    under_test.sent("a")
    assert not under_test.is_probing
    under_test.failed("a", 0.0, retry_after=20.0, jitter=0.0, blames=True)
    assert under_test.remaining(0.0) == 20
    under_test.succeeded("b")
    assert under_test.remaining(0.0) == 0


def test_only_one_question_is_the_probe() -> None:
    """One that leaves at the same time is not, and may end before it."""
    under_test = breaker()
    fail(under_test, "a")
    under_test.sent("b")
    under_test.sent("c")
    under_test.left("c")
    assert under_test.is_probing
    under_test.left("b")
    assert not under_test.is_probing


def test_pauses_grow_with_the_probes_and_not_with_stragglers() -> None:
    """Four questions in flight that fail together are one episode."""
    under_test = breaker()
    for request_id in "abcd":
        fail(under_test, request_id)
    waits = [under_test.remaining(0.0)]
    now = 0.0
    for _ in range(7):
        now += 40.0
        probe(under_test, "a", now)
        fail(under_test, "straggler", now + 20.0)
        waits.append(under_test.remaining(now))
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


def test_the_head_probes_and_every_third_time_another() -> None:
    """A question that always fails must not hold up the others; otherwise the longest waiting goes first."""
    under_test = breaker()
    probe(under_test, "a")
    aside = []
    for turn in range(1, 2 * TURNS):
        aside.append(set(under_test.set_aside(0.0)))
        probe(under_test, "a" if not aside[-1] else f"other {turn}")
    assert aside == [set(), {"a"}, set(), set(), {"a", "other 2"}]


def test_the_head_probes_always_where_no_question_is_to_blame() -> None:
    """No pipeline is ready, so another question would get the same answer."""
    under_test = breaker()
    for _ in range(2 * TURNS):
        under_test.sent("a")
        fail(under_test, "a", blames=False)
        assert not under_test.set_aside(0.0)


def test_all_of_the_queue_was_tried() -> None:
    """Then it begins with the head of the queue again."""
    under_test = breaker()
    probe(under_test, "a")
    probe(under_test, "a")
    assert under_test.set_aside(0.0)
    assert under_test.nothing_else()
    assert not under_test.set_aside(0.0)
    assert not under_test.nothing_else()


def test_a_question_that_fails_between_successes_is_to_blame() -> None:
    """Not at once: a node that fails one question of four is not the questions' fault."""
    under_test = breaker()
    assert fail(under_test, "bad") is Failure.CLUSTER
    under_test.succeeded("good")
    for strike in range(1, STRIKES):
        assert fail(under_test, "bad", 10.0) is Failure.SUSPECT
        assert not under_test.is_open
        assert set(under_test.set_aside(10.0)) == {"bad"}
        assert under_test.next_due(10.0) == SUSPECT_SECONDS * strike / 2
        assert under_test.set_aside(10.0 + SUSPECT_SECONDS * strike) == frozenset()
        under_test.succeeded("good")
    assert fail(under_test, "bad", 20.0) is Failure.QUESTION
    assert fail(under_test, "bad", 21.0) is Failure.CLUSTER


def test_a_suspect_may_be_sent_when_its_time_has_come() -> None:
    """At that very moment; before it, the next one that is due is told, unless the breaker holds everything."""
    under_test = breaker()
    assert under_test.next_due(0.0) is None
    for request_id, now in (("late", 11.0), ("early", 10.0)):
        fail(under_test, request_id)
        under_test.succeeded("good")
        assert fail(under_test, request_id, now) is Failure.SUSPECT
    due = 10.0 + SUSPECT_SECONDS / 2
    assert under_test.next_due(10.0) == SUSPECT_SECONDS / 2
    assert set(under_test.set_aside(due - 0.1)) == {"early", "late"}
    assert set(under_test.set_aside(due)) == {"late"}
    assert under_test.next_due(due) == 1.0
    assert under_test.next_due(due + 1.0) is None
    fail(under_test, "other", 10.0)
    assert under_test.is_open
    assert under_test.next_due(10.0) is None


def test_a_suspect_waits_longer_by_chance() -> None:
    """Half of its time is drawn, so that suspects of several processes do not come back together."""
    under_test = breaker()
    fail(under_test, "bad")
    under_test.succeeded("good")
    under_test.failed("bad", 10.0, retry_after=None, jitter=0.5, blames=True)
    assert under_test.next_due(10.0) == SUSPECT_SECONDS * 0.75


def test_nobody_is_a_suspect_while_the_cluster_fails() -> None:
    """The strike counts, but once something succeeds the question may go at once."""
    under_test = breaker()
    fail(under_test, "bad")
    under_test.succeeded("good")
    fail(under_test, "other")
    assert fail(under_test, "bad", 10.0) is Failure.CLUSTER
    under_test.succeeded("good")
    assert under_test.set_aside(10.0) == frozenset()
    assert fail(under_test, "bad", 11.0) is Failure.QUESTION


def test_a_probe_that_fails_makes_way_and_a_success_begins_the_count_anew() -> None:
    """Whether or not it was said before that the probe left; the head of the queue probes first."""
    under_test = breaker()
    fail(under_test, "a")
    under_test.sent("a")
    fail(under_test, "a")
    assert not under_test.is_probing
    under_test.succeeded("b")
    fail(under_test, "c")
    assert under_test.set_aside(0.0) == frozenset()


def test_failures_that_no_question_causes_never_count() -> None:
    """No pipeline is ready, however often that happens between successes."""
    under_test = breaker()
    for _ in range(10):
        assert fail(under_test, "a", blames=False) is Failure.CLUSTER
        under_test.succeeded("b")


def test_an_answered_question_begins_anew() -> None:
    """Earlier failures say nothing about another attempt at it."""
    under_test = breaker()
    fail(under_test, "a")
    under_test.succeeded("b")
    assert fail(under_test, "a") is Failure.SUSPECT
    under_test.succeeded("a")
    assert fail(under_test, "a") is Failure.CLUSTER


def test_a_probe_that_ends_otherwise_makes_way() -> None:
    """Its asker stopped it; the pause stays the same."""
    under_test = breaker()
    fail(under_test, "a")
    under_test.sent("b")
    under_test.left("somebody else")
    assert under_test.is_probing
    under_test.left("b")
    assert not under_test.is_probing
    assert under_test.remaining(0.0) == 0.5


def test_what_the_cluster_or_an_operator_says() -> None:
    """A changed report and a resume let the probe leave at once; a requested wait is obeyed within its bound."""
    under_test = breaker()
    fail(under_test, "a")
    under_test.cluster_changed()
    assert under_test.remaining(0.0) == 0
    under_test.sent("a")
    under_test.failed("a", 1.0, retry_after=3600.0, jitter=0.0, blames=False)
    assert under_test.remaining(1.0) == MOST_ASKED_SECONDS
    assert under_test.remaining(1.0, room=True) < MOST_ASKED_SECONDS
    under_test.resumed()
    assert under_test.remaining(1.0) == 0
    assert under_test.is_open


def test_it_does_not_grow_for_ever() -> None:
    """The breaker is not told of questions that are withdrawn while they wait."""
    under_test = breaker()
    for number in range(2 * REMEMBERED):
        fail(under_test, str(number))
        under_test.succeeded("other")
    assert len(under_test._records) == REMEMBERED


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_nobody_is_blamed_while_nothing_succeeds(history: list[tuple[str, bool]]) -> None:
    """A question at fault has failed more often than it has strikes, with a success of another before each."""
    under_test = breaker()
    failures = dict.fromkeys("abc", 0)
    since: dict[str, int] = dict.fromkeys("abc", 0)
    for request_id, succeeds in history:
        if succeeds:
            under_test.succeeded(request_id)
            failures[request_id] = since[request_id] = 0
            for other in since:
                since[other] += 1 if failures[other] else 0
            continue
        failures[request_id] += 1
        if fail(under_test, request_id) is Failure.QUESTION:
            assert failures[request_id] > STRIKES
            assert since[request_id] >= STRIKES
            failures[request_id] = since[request_id] = 0
