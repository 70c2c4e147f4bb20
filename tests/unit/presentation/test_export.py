"""The files with a person's data."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.domain.conversation.personal_data import KeptQuestion
from bot.domain.conversation.summary import KeptSummary
from bot.domain.schedules.schedule import Schedule
from bot.presentation.export import as_json, as_markdown
from tests.fakes.schedules import new_schedule

# 2 January 2026, 03:04:05 UTC.
WHEN = 1_767_323_045.0
ANSWERED = KeptQuestion(
    asked_at=WHEN,
    channel_id=9_007_199_254_740_993,
    guild_id=8,
    private=False,
    question="Why?\nAnd how?",
    attached_text="notes.txt: some notes",
    answer="Because.",
    reasoning="Hm.",
    model="Qwen3",
    prompt_tokens=3,
    completion_tokens=2,
    state="delivered",
)
SUMMARY = KeptSummary(channel_id=7, guild_id=None, text="They asked why.", written_at=WHEN)


def test_everything_of_a_question_is_in_the_markdown() -> None:
    """Every line of the question is quoted, so that it does not look like the answer."""
    text = as_markdown([ANSWERED], [SUMMARY]).decode()

    assert text == (
        "# Questions and answers (1)\n\n"
        "## 2026-01-02T03:04:05+00:00 · channel 9007199254740993\n\n"
        "> Why?\n> And how?\n\n"
        "Attached:\n\nnotes.txt: some notes\n\n"
        "Because.\n\n"
        "## Summary of earlier turns · 2026-01-02T03:04:05+00:00 · channel 7\n\n"
        "They asked why.\n"
    )


def test_a_question_without_words_or_answer_says_so() -> None:
    """Its words were deleted, it was cancelled; nothing was attached."""
    one = replace(ANSWERED, question="", attached_text="", answer=None, state="cancelled", private=True)
    text = as_markdown([one], []).decode()

    assert "channel 9007199254740993 (private)\n\n> (deleted)\n\n(cancelled)\n" in text
    assert "Attached" not in text


def test_ids_are_text_in_the_json() -> None:
    """A program that reads numbers as floats would change them; a direct message has no server."""
    rows = json.loads(as_json([ANSWERED, replace(ANSWERED, guild_id=None)], [SUMMARY]))

    assert [row["channel_id"] for row in rows] == ["9007199254740993", "9007199254740993", "7"]
    assert [row["guild_id"] for row in rows] == ["8", None, None]
    assert {row.get("asked_at") or row["written_at"] for row in rows} == {"2026-01-02T03:04:05+00:00"}
    assert (rows[0]["question"], rows[0]["answer"], rows[2]["summary"]) == (
        "Why?\nAnd how?",
        "Because.",
        "They asked why.",
    )


def test_letters_of_any_language_stay_readable() -> None:
    """The file is UTF-8, without escapes."""
    one = replace(ANSWERED, question="为什么？")
    assert "为什么？".encode() in as_json([one], [])
    assert "> 为什么？".encode() in as_markdown([one], [])


def test_schedules_are_in_both() -> None:
    """With what they ask, and when."""
    kept = Schedule(1, new_schedule("every 2 hours", question="What is new?"), 2.0, 2.0, last_at=WHEN)
    text = as_markdown([], [], schedules=[kept]).decode()
    assert "## Schedule: every 2 hours\n\nzone: UTC\n\nchannel_id: 7" in text
    assert "question: What is new?" in text
    (row,) = json.loads(as_json([], [], schedules=[kept]))
    assert row["schedule"] == "every 2 hours"
    assert row["last_at"] == "2026-01-02T03:04:05+00:00"
