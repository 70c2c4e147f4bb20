"""What a model is told to do with a conversation."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.channel_summary.instructions import ANSWER, SUMMARY, room_for, system_prompt, take_notes, wish_of
from bot.domain.channel_summary.plan import Plan
from bot.domain.queue.request import GenerationOptions

WISH = "Who wants cake?"
OPTIONS = GenerationOptions("You are kind.", 4000, 400)


def test_the_question_of_a_schedule_is_a_wish_and_a_title_is_none() -> None:
    assert wish_of(WISH, OPTIONS) == ""
    assert wish_of(WISH, replace(OPTIONS, schedule="every day 9:00")) == WISH


def test_a_wish_replaces_the_usual_form_and_is_known_while_notes_are_made() -> None:
    plan = Plan(1, 2, (3,), ("Ben: cake!",))
    usual, wished = system_prompt(plan, "Be kind.", "de"), system_prompt(plan, "Be kind.", "de", WISH)
    assert SUMMARY in usual
    assert "code de" in usual
    assert wished.startswith(f"Be kind.\n\n{ANSWER}")
    assert SUMMARY not in wished
    assert WISH in take_notes(WISH)
    assert WISH not in take_notes("")


def test_a_long_wish_leaves_less_room() -> None:
    assert room_for(OPTIONS, 4000, len, "cake " * 20) <= room_for(OPTIONS, 4000, len) - 100
