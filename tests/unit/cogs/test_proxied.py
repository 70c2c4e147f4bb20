"""Which webhook's message repeats which question."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import cast

import discord
import pytest

from cogs.ui.proxied import KEPT, WITHIN, ProxiedQuestions

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def message(number: int, *, channel: int = 71, at: float = 0.0) -> discord.Message:
    """A message in a channel, ``at`` seconds after the first."""
    created = EPOCH + dt.timedelta(seconds=at)
    made = SimpleNamespace(id=number, channel=SimpleNamespace(id=channel), created_at=created)
    return cast("discord.Message", made)


@pytest.mark.parametrize(
    ("words", "channel", "at", "pairs"),
    [
        ("who are you?", 71, 1.0, True),
        ("who  are\nyou?", 71, WITHIN, True),
        ("who is it?", 71, 1.0, False),
        ("", 71, 1.0, False),
        ("who are you?", 72, 1.0, False),
        ("who are you?", 71, WITHIN + 1, False),
    ],
    ids=["same words", "other blanks", "other words", "no words", "elsewhere", "too late"],
)
def test_d9_a_repetition_has_the_words_in_the_same_channel_soon(
    words: str, channel: int, at: float, pairs: bool
) -> None:
    """A proxy leaves out its own marks, and nothing else."""
    proxied = ProxiedQuestions()
    proxied.asked(message(1), "A: who are you?")
    repetition = message(2, channel=channel, at=at)
    assert proxied.repeated(repetition, words) is None
    pair = proxied.deleted(1)
    assert (pair is not None) is pairs
    assert pair is None or (pair.original.id, pair.repetition.id) == (1, 2)


def test_d9_a_question_is_repeated_once() -> None:
    """In either order, and no second webhook's message takes it again."""
    proxied = ProxiedQuestions()
    proxied.asked(message(1), "who?")
    assert proxied.deleted(1) is None
    pair = proxied.repeated(message(2), "who?")
    assert pair is not None
    assert proxied.repeated(message(3), "who?") is None
    assert proxied.deleted(1) is None


@pytest.mark.parametrize("deleted_first", [False, True])
def test_d9_a_question_that_is_known_late_is_paired_too(*, deleted_first: bool) -> None:
    """Whether a message is a question may be looked up in the database, and takes that long."""
    proxied = ProxiedQuestions()
    if deleted_first:
        assert proxied.deleted(1) is None
    assert proxied.repeated(message(2), "who?") is None
    if not deleted_first:
        assert proxied.deleted(1) is None
    pair = proxied.asked(message(1), "A: who?")
    assert pair is not None
    assert (pair.original.id, pair.repetition.id) == (1, 2)
    assert proxied.asked(message(3), "A: who?") is None
    assert proxied.deleted(3) is None


def test_d9_a_question_that_is_known_after_its_repetition_waits_for_its_deletion() -> None:
    proxied = ProxiedQuestions()
    assert proxied.repeated(message(2), "who?") is None
    assert proxied.asked(message(1), "A: who?") is None
    assert proxied.deleted(1) is not None


def test_d9_only_the_newest_questions_are_remembered() -> None:
    """However many come, memory is bounded."""
    proxied = ProxiedQuestions()
    for number in range(2 * KEPT):
        proxied.asked(message(number), f"question {number}")
        proxied.repeated(message(10_000 + number), f"question {number}")
    assert proxied.deleted(0) is None
    assert proxied.deleted(2 * KEPT - 1) is not None
