"""Estimates of the tokens of a text."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.conversation.tokens import MESSAGE_TOKENS, TokenEstimator

WORDS = ("the", "scheduler", "splits", "layers", "over", "nodes", "and", "streams", "tokens", "back", "a")


def prose(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


@pytest.mark.parametrize("characters_per_token", [2.6, 3.0, 3.5, 4.0, 4.4])
@pytest.mark.parametrize("extra_per_message", [0, 4, 7])
def test_after_20_answers_the_estimate_is_within_5_percent(
    characters_per_token: float, extra_per_message: int
) -> None:
    rng = random.Random(7)
    estimator = TokenEstimator()

    def reported(messages: list[str]) -> int:
        return sum(math.ceil(len(text) / characters_per_token) + extra_per_message for text in messages)

    def estimated(messages: list[str]) -> int:
        estimate = estimator.for_model("m")
        return sum(estimate(text) + MESSAGE_TOKENS for text in messages)

    def prompt() -> list[str]:
        return [prose(rng, rng.randint(30, 400)) for _ in range(rng.randint(2, 9))]

    for _ in range(20):
        messages = prompt()
        ratio = estimator.for_model("m").ratio
        estimator.observe("m", estimated(messages), reported(messages), ratio=ratio)
    for _ in range(20):
        messages = prompt()
        assert estimated(messages) == pytest.approx(reported(messages), rel=0.05)


def test_answers_that_ran_at_the_same_time_do_not_overshoot() -> None:
    estimator = TokenEstimator()
    before = estimator.for_model("m")
    for _ in range(16):
        estimator.observe("m", before("word " * 400), 1000, ratio=before.ratio)
    assert estimator.for_model("m")("word " * 400) == pytest.approx(1000, rel=0.02)


def test_models_are_learnt_apart() -> None:
    estimator = TokenEstimator()
    for _ in range(20):
        estimator.observe("fine", 100, 200, ratio=1.0)
    assert estimator.for_model("fine")("a" * 400) > 190
    assert estimator.for_model("other")("a" * 400) == 100
    assert estimator.for_model(None)("a" * 400) == estimator.for_model("fine")("a" * 400), (
        "the model observed last"
    )


@pytest.mark.parametrize(("estimated", "reported"), [(0, 100), (-1, 100), (100, 0), (100, -1)])
def test_a_report_of_nothing_is_ignored(estimated: int, reported: int) -> None:
    """It says nothing about the tokenizer, and does not make its model the one observed last."""
    estimator = TokenEstimator()
    estimator.observe("known", 100, 200, ratio=1.0)
    estimator.observe("m", estimated, reported, ratio=1.0)
    assert estimator.for_model("m").ratio == 1.0
    assert estimator.for_model(None) == estimator.for_model("known") != estimator.for_model("m")


@pytest.mark.parametrize(("estimated", "reported"), [(1, 100), (100, 1)])
def test_a_report_of_one_token_counts(estimated: int, reported: int) -> None:
    """However far it is from the estimate."""
    estimator = TokenEstimator()
    estimator.observe("m", estimated, reported, ratio=1.0)
    assert (estimator.for_model("m").ratio > 1.0) is (reported > estimated)
    assert estimator.for_model(None) == estimator.for_model("m") != estimator.for_model("other")


def test_a_model_whose_tokenizer_changes_is_learnt_anew() -> None:
    estimator = TokenEstimator()
    for _ in range(30):
        estimator.observe("m", 500, 1000, ratio=1.0)
    for _ in range(60):
        estimator.observe("m", 500, 250, ratio=1.0)
    assert estimator.for_model("m").ratio == pytest.approx(0.5, rel=0.05)


def test_scripts_weigh_differently() -> None:
    estimate = TokenEstimator().for_model(None)
    assert estimate("") == 0
    assert estimate("a") == 1
    assert estimate("a" * 400) == 100
    assert 300 <= estimate("語" * 400) <= 400
    assert 100 < estimate("ж" * 400) < 300
    assert estimate("naïve" * 80) == 100


@given(st.lists(st.tuples(st.integers(-5, 10_000), st.integers(-5, 10**9))), st.text(max_size=200))
def test_no_report_can_break_the_estimate(reports: list[tuple[int, int]], text: str) -> None:
    estimator = TokenEstimator()
    for estimated, reported in reports:
        estimator.observe("m", estimated, reported, ratio=estimator.for_model("m").ratio)
    ratio = estimator.for_model("m").ratio
    assert 0.2 <= ratio <= 5
    assert (estimator.for_model("m")(text) == 0) is (text == "")
