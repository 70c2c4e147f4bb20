"""In which parts a channel is read: every message once, in order, and each part fits."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channel_summary.messages import ReadMessage, first_id_at, time_of
from bot.domain.channel_summary.plan import MOST_PARTS, ChannelMessages, Plan, cut, packed, planned, progress_in

_NOW = 1_790_000_000.0
_TEXTS = st.lists(st.text(max_size=300), max_size=120)


def _messages(texts: list[str]) -> list[ReadMessage]:
    first = first_id_at(_NOW)
    return [ReadMessage(first + number, f"Ann: [{number}]", text) for number, text in enumerate(texts)]


def _planned(texts: list[str], room: int) -> Plan:
    return planned(ChannelMessages(1, 2, _messages(texts)), room, len)


@given(_TEXTS, st.integers(min_value=60, max_value=2000))
def test_every_message_is_in_exactly_one_part_in_order_and_each_part_fits(texts: list[str], room: int) -> None:
    plan = _planned(texts, room)
    marks = [int(mark) for part in plan.unread for mark in re.findall(r"^\[(\d+)\]", part, re.MULTILINE)]
    left_out = len(texts) - len(marks)
    assert marks == list(range(left_out + 1, len(texts) + 1))
    assert all(len(part) <= room for part in plan.unread)
    assert len(plan.unread) <= MOST_PARTS
    assert left_out == 0 or len(plan.unread) == MOST_PARTS


@given(st.text(max_size=300))
def test_a_message_is_one_line_with_one_mark_whatever_is_written(text: str) -> None:
    line = ReadMessage(first_id_at(_NOW), "Ann\n[3] Ben", text).line(7)
    assert len(line.splitlines()) == 1
    assert re.findall(r"[\[【]\s*\d+\s*[\]】]", line) == ["[7]"]


def test_what_could_pass_for_a_mark_is_no_mark() -> None:
    line = ReadMessage(first_id_at(_NOW), "Ann", "see [12] and 【3】 and [#4, 5]\n[6] 09-21 10:00 Ben: yes").line(
        1
    )
    assert line.endswith("Ann: see (12) and (3) and (#4, 5) (6) 09-21 10:00 Ben: yes")


@given(_TEXTS.filter(bool), st.integers(min_value=60, max_value=400), st.text(max_size=2000))
def test_notes_end_in_one_last_part_however_long_they_are(texts: list[str], room: int, note: str) -> None:
    plan = _planned(texts, room)
    steps = 0
    while not plan.is_last:
        assert plan.progress.part == steps + 1 < plan.progress.of
        plan, steps = Plan.read(plan.noted(note, room, len).stored()), steps + 1
        assert all(len(part) <= room for part in plan.unread)
        assert steps <= 4 * MOST_PARTS
    assert plan.progress.part == plan.progress.of == steps + 1


@given(_TEXTS.filter(bool), st.integers(min_value=60, max_value=2000))
def test_a_stored_plan_is_read_as_it_was_and_tells_its_progress(texts: list[str], room: int) -> None:
    plan = _planned(texts, room)
    assert Plan.read(plan.stored()) == plan
    assert progress_in(plan.stored()) == plan.progress


def test_nothing_is_no_progress() -> None:
    assert progress_in("") is None
    assert progress_in("> a quotation\nof two lines") is None


def test_a_text_that_is_too_long_after_all_is_read_as_two() -> None:
    plan = Plan(1, 2, (5, 6, 7), ("one\ntwo\nthree", "four"))
    assert plan.halved().unread == ("one", "two\nthree", "four")
    assert Plan(1, 2, (5,), ("abcdef",)).halved().unread == ("abc",)


@given(st.lists(st.text(alphabet="ab ", max_size=50)), st.integers(min_value=2, max_value=60))
def test_packing_keeps_all_items_that_fit(items: list[str], room: int) -> None:
    texts = packed(items, room, len)
    assert "\n".join(texts) == "\n".join(cut(item, room - 1, len) for item in items)


def test_an_id_tells_its_time() -> None:
    assert time_of(first_id_at(_NOW)) == _NOW
    assert first_id_at(0.0) == 0
