"""Pacing against a simulated Discord window server: never refused, evenly spread, the reserve kept."""

import heapq
import itertools
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.discord_io.delivery.edit_pacing import Bucket
from tests.fakes.windows import WindowServer


class Fate(Enum):
    """What becomes of a request: answered; counted by the server, but its answer is lost; lost on the way."""

    ANSWERED = auto()
    ANSWER_LOST = auto()
    REQUEST_LOST = auto()


@dataclass
class Run:
    """A discrete simulation: every streaming message has at most one edit under way, as delivery does it."""

    bucket: Bucket
    server: WindowServer
    latency: Callable[[], float]
    reserve: int = 0
    fate: Callable[[], Fate] = lambda: Fate.ANSWERED
    now: float = 0.0
    sent: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, action))

    def until(self, end: float) -> None:
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = end

    def request(self, done: Callable[[], None]) -> None:
        self.bucket.sent(self.now)
        self.sent.append(self.now)
        fate = self.fate()

        def breaks() -> None:
            self.bucket.lost(self.now)
            done()

        def arrives() -> None:
            if fate is Fate.REQUEST_LOST:
                self.at(self.now + self.latency(), breaks)
                return
            accepted, remaining, reset_after = self.server.answer(self.now)

            def returns() -> None:
                if fate is Fate.ANSWER_LOST:
                    breaks()
                    return
                if accepted:
                    self.bucket.observed(
                        self.now, limit=self.server.limit, remaining=remaining, reset_after=reset_after
                    )
                else:
                    self.bucket.rejected(self.now, retry_after=reset_after)
                done()

            self.at(self.now + self.latency(), returns)

        self.at(self.now + self.latency(), arrives)

    def stream(self) -> None:
        """Edit whenever the bucket allows, for ever."""
        at = self.bucket.next_edit(self.now, reserve=self.reserve)
        if at <= self.now:
            self.request(self.stream)
        else:
            self.at(at, self.stream)

    def final(self, asked: float | None = None) -> None:
        asked = self.now if asked is None else asked
        at = self.bucket.next_final(self.now)
        if at <= self.now:
            self.waits.append(self.now - asked)
            self.request(lambda: None)
        else:
            self.at(at, lambda: self.final(asked))

    def gaps(self, since: float) -> Sequence[float]:
        times = [at for at in self.sent if at >= since]
        return [after - before for before, after in itertools.pairwise(times)]


def interaction(latency: Callable[[], float], *, reserve: int = 0) -> Run:
    return Run(Bucket(limit=5, window=2.0), WindowServer(5, 2.0), latency, reserve=reserve)


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def test_first_edit_of_an_idle_bucket_leaves_at_once() -> None:
    """Neither a new bucket nor one that rested makes the first text wait."""
    run = interaction(lambda: 0.03)
    assert run.bucket.next_edit(7.0, reserve=1) == 7.0
    run.at(7.0, run.stream)
    run.until(9.0)
    rested = Bucket(limit=5, window=2.0)
    rested.sent(0.0)
    rested.observed(0.06, limit=5, remaining=4, reset_after=2.0)
    assert rested.next_edit(3.0, reserve=1) == 3.0


@pytest.mark.parametrize("round_trip", [0.002, 0.06])
def test_edits_are_spread_evenly_over_the_window(round_trip: float) -> None:
    """Five in two seconds means one each 0.4 s: p95 ≤ 0.43 s, no burst, no silence, no refusal."""
    run = interaction(lambda: round_trip / 2)
    run.at(0.0, run.stream)
    run.until(120.0)
    gaps = run.gaps(4.0)
    assert p95(gaps) <= 0.43
    assert min(gaps) >= 0.39
    assert max(gaps) <= 0.45
    assert run.server.refused == 0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    phase=st.floats(0, 5),
    reserve=st.integers(0, 2),
    worst=st.floats(0.001, 0.2),
)
def test_one_stream_is_never_refused(seed: int, phase: float, reserve: int, worst: float) -> None:
    """Whatever the jitter, the phase and the reserve: no 429, and about the even share is used."""
    dice = random.Random(seed)
    run = interaction(lambda: dice.uniform(0, worst), reserve=reserve)
    run.at(phase, run.stream)
    run.until(phase + 40)
    assert run.server.refused == 0
    assert min(run.gaps(0)) >= 0.39
    assert len(run.sent) >= 40 / (2.0 + 3 * worst + 0.4 * bool(reserve)) * (5 - max(0, reserve - 1)) * 0.9


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    streams=st.integers(2, 8),
    finals=st.lists(st.floats(0, 30), max_size=6),
    worst=st.floats(0.001, 0.2),
)
def test_streams_that_share_a_channel_are_never_refused(
    seed: int, streams: int, finals: list[float], worst: float
) -> None:
    """Several requests under way at once, answers out of order, finals in between: still no 429."""
    dice = random.Random(seed)
    run = Run(Bucket(limit=5, window=5.0), WindowServer(5, 5.0), lambda: dice.uniform(0, worst), reserve=1)
    for _ in range(streams):
        run.at(dice.uniform(0, 5), run.stream)
    for final in finals:
        run.at(final, run.final)
    run.until(60)
    assert run.server.refused == 0
    assert len(run.waits) == len(finals)
    assert len(run.sent) >= 35


@settings(max_examples=60, deadline=None)
@example(seed=15848, outages=[(0.0, 5.0), (31.0, 8.0)], last=6, worst=0.625)
@given(
    seed=st.integers(0, 2**32),
    outages=st.lists(st.tuples(st.floats(0, 40), st.floats(2, 8)), min_size=1, max_size=4),
    last=st.integers(1, 8),
    worst=st.floats(0.1, 1.0),
)
def test_nothing_is_refused_during_and_after_an_outage(
    seed: int, outages: list[tuple[float, float]], last: int, worst: float
) -> None:
    """Many last edits at once, requests and answers that get lost: all that the server counts is counted here."""
    dice = random.Random(seed)
    run = Run(Bucket(limit=5, window=5.0), WindowServer(5, 5.0), lambda: dice.uniform(0, worst), reserve=1)

    def fate() -> Fate:
        out = any(begins <= run.now < begins + lasts for begins, lasts in outages)
        return dice.choice(list(Fate)) if out else Fate.ANSWERED

    run.fate = fate
    for _ in range(2):
        run.at(dice.uniform(0, 5), run.stream)
    moments = [at for begins, lasts in outages for at in (begins + lasts, begins + lasts + 4.9, begins + 4.9)]
    for at in moments:
        for _ in range(last):
            run.at(at, run.final)
    run.until(200)
    assert run.server.refused == 0
    assert len(run.waits) == last * len(moments)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    used=st.lists(st.floats(-5, 0), max_size=5),
    finals=st.integers(0, 8),
    began=st.floats(0, 5),
)
def test_what_an_earlier_process_used_is_not_used_again(
    seed: int, used: list[float], finals: int, began: float
) -> None:
    """However full its last window was, and however soon the next process begins."""
    dice = random.Random(seed)
    server = WindowServer(5, 5.0)
    for at in sorted(used):
        server.answer(at)
    bucket = Bucket(limit=5, window=5.0)
    bucket.assume_used(5.0)
    run = Run(bucket, server, lambda: dice.uniform(0, 0.1), reserve=1)
    run.at(began, run.stream)
    for _ in range(finals):
        run.at(began, run.final)
    run.until(30)
    assert server.refused == 0
    assert len(run.waits) == finals
    assert min(run.sent) <= 5.0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    length=st.floats(0.5, 12),
    worst=st.floats(0.001, 0.05),
)
def test_reserve_lets_the_final_edit_leave_at_once(seed: int, length: float, worst: float) -> None:
    """With one slot kept back the last edit waits at most for the reset that is 30 ms away."""
    dice = random.Random(seed)
    run = interaction(lambda: dice.uniform(0, worst), reserve=1)
    run.at(0.0, run.stream)
    run.at(length, run.final)
    run.until(length + 3)
    assert run.server.refused == 0
    assert run.waits[0] <= 0.0601


def test_headers_replace_the_assumption() -> None:
    """A bucket assumed to be 5 in 5 s that turns out to be 10 in 1 s is used at that pace."""
    run = Run(Bucket(limit=5, window=5.0), WindowServer(10, 1.0), lambda: 0.01)
    run.at(0.0, run.stream)
    run.until(30)
    assert p95(run.gaps(3.0)) <= 0.11
    assert run.server.refused == 0


def test_a_stricter_limit_is_learned_without_a_refusal() -> None:
    """Assumed 5 in 2 s, really 3 in 6 s: the first answer tells."""
    run = Run(Bucket(limit=5, window=2.0), WindowServer(3, 6.0), lambda: 0.03)
    run.at(0.0, run.stream)
    run.until(60)
    assert run.server.refused == 0
    assert p95(run.gaps(8.0)) <= 2.2


def test_spacing_widens_after_a_refusal_and_narrows_slowly() -> None:
    """A hidden limit refuses once; edits stay rarer for a while, and the pace comes back step by step."""
    run = interaction(lambda: 0.03)
    run.at(0.0, run.stream)
    run.until(10.0)
    before = run.now
    run.bucket.rejected(before, retry_after=1.5)
    assert run.bucket.next_final(before) >= before + 1.5
    run.until(before + 8)
    just_after = statistics.mean(run.gaps(before + 2.0))
    assert just_after >= 0.55
    assert min(at for at in run.sent if at > before) >= before + 1.5
    run.until(before + 60)
    assert p95(run.gaps(before + 45)) <= 0.43


def test_a_request_without_an_answer_counts_as_used() -> None:
    """Five requests whose connections broke fill the window until its assumed end."""
    bucket = Bucket(limit=5, window=2.0)
    for _ in range(5):
        bucket.sent(0.0)
        bucket.lost(0.0)
    assert bucket.next_final(0.0) == 2.0
    assert bucket.next_final(2.0) == 2.0


def test_a_lost_request_counts_until_the_window_that_it_may_have_opened_is_over() -> None:
    """It may have reached the server just before its connection broke."""
    bucket = Bucket(limit=5, window=2.0)
    for _ in range(5):
        bucket.sent(0.0)
        bucket.lost(1.5)
    assert bucket.next_final(2.0) == 3.5
    assert bucket.next_final(3.5) == 3.5


def test_requests_lost_after_their_window_do_not_block_for_ever() -> None:
    """All five were under way when the window ended, and none of them came back."""
    bucket = Bucket(limit=5, window=2.0)
    bucket.sent(0.0)
    bucket.observed(0.1, limit=5, remaining=4, reset_after=2.0)
    for _ in range(4):
        bucket.sent(2.0)
    bucket.sent(2.05)
    for _ in range(5):
        bucket.lost(2.5)
    assert bucket.next_final(2.5) == 4.5
    assert bucket.next_final(4.5) == 4.5


def test_an_answer_to_a_later_request_tells_what_became_of_a_lost_one() -> None:
    """Its headers include what the server counted before; the guess is not needed any more."""
    bucket = Bucket(limit=5, window=2.0)
    bucket.sent(0.0)
    bucket.lost(0.2)
    assert bucket.free(0.2) == 4
    bucket.sent(0.3)
    bucket.observed(0.4, limit=5, remaining=4, reset_after=1.9)
    assert bucket.free(0.4) == 4


def test_an_answer_from_the_next_window_is_not_taken_for_one_of_this() -> None:
    """The known end is later than the true one by the way of an answer, and the next window may open meanwhile."""
    bucket = Bucket(limit=5, window=2.0)
    bucket.sent(0.0)
    bucket.observed(0.4, limit=5, remaining=4, reset_after=2.0)  # the server's window ended at 2.2
    bucket.sent(2.2)
    bucket.observed(2.35, limit=5, remaining=4, reset_after=2.0)
    assert bucket.free(2.5) == 4
    assert bucket.free(4.4) == 5


def test_a_refusal_tells_how_many_slots_are_left() -> None:
    """Of a limit beside this bucket's: the request was counted here all the same."""
    bucket = Bucket(limit=5, window=2.0)
    bucket.sent(0.0)
    bucket.observed(0.1, limit=5, remaining=3, reset_after=1.9)
    bucket.block(0.1, retry_after=1.0)
    assert bucket.free(0.1) == 3
    assert bucket.next_final(0.1) == pytest.approx(1.105)


def test_what_this_process_has_seen_is_not_assumed_away() -> None:
    """A window is open, or an answer is due: the headers tell more."""
    bucket = Bucket(limit=5, window=2.0)
    bucket.sent(0.0)
    bucket.assume_used(2.0)
    assert bucket.free(0.0) == 4


def test_an_unknown_end_is_not_trusted_while_answers_are_due() -> None:
    """All slots under way for longer than the window: nothing leaves before an answer (or its time-out)."""
    bucket = Bucket(limit=2, window=1.0)
    bucket.sent(0.0)
    bucket.sent(0.0)
    assert 5.0 < bucket.next_final(5.0) <= 5.1
    assert bucket.next_final(20.0) == 20.0


def test_headers_say_how_many_slots_are_left_and_until_when() -> None:
    """Somebody else used three of five; all are free again after the reset."""
    bucket = Bucket(limit=5, window=2.0)
    bucket.sent(0.0)
    assert bucket.free(0.0) == 4
    bucket.observed(0.1, limit=5, remaining=1, reset_after=2.0)
    assert (bucket.free(0.1), bucket.free(2.0), bucket.free(2.11)) == (1, 1, 5)


def test_a_bucket_needs_a_limit_and_a_window() -> None:
    with pytest.raises(ValueError, match="limit"):
        Bucket(limit=0, window=1.0)


def test_a_request_that_was_not_made_uses_no_slot() -> None:
    """It opens no window either; the spacing after it stays, so that nobody asks without a pause."""
    bucket = Bucket(limit=5, window=2.0)
    for number in range(20):
        bucket.sent(number / 100)
        bucket.returned()
    assert bucket.free(1.0) == 5
    bucket.sent(1.0)
    assert bucket.free(1.0) == 4
    assert bucket.next_edit(1.0, reserve=0) > 1.3
    bucket.observed(1.06, limit=5, remaining=4, reset_after=1.97)
    bucket.sent(1.5)
    bucket.returned()
    assert bucket.free(1.5) == 4
    assert bucket.free(3.1) == 5
