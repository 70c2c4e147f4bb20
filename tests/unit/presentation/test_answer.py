"""The messages of one answer in each of its phases."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.domain.pace import SILENT_AFTER
from bot.markdown.document import SLICE, AnswerDocument
from bot.presentation.answer import CURSOR, MESSAGE_LIMIT, AnswerView, Receipt, pages_of, short_model
from bot.presentation.page import Control, Page
from tests.fakes.clocks import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def view(clock: HandClock) -> AnswerView:
    return AnswerView(question="Why?", asker="<@7>", locale="en-US", clock=clock, max_pages=3)


def only(view: AnswerView) -> Page:
    pages = view.render()
    assert len(pages) == 1
    return pages[0]


def test_a_waiting_question_shows_its_place_and_the_way_out(view: AnswerView) -> None:
    """With an estimate where there is one, and Cancel."""
    view.show_position(3, 40.0)
    assert only(view) == Page("> Why?", "-# <@7> · 3rd in the queue · about 40 s", (Control.CANCEL,))
    view.show_position(1, 0.04)
    assert only(view).footer == "-# <@7> · next in the queue · about 1 s"
    view.show_position(1, None)
    assert only(view).footer == "-# <@7> · next in the queue"


@pytest.mark.parametrize(
    ("position", "words"), [(2, "2nd"), (4, "4th"), (11, "11th"), (13, "13th"), (21, "21st"), (112, "112th")]
)
def test_places_are_ordinals(view: AnswerView, position: int, words: str) -> None:
    """In English: 1st, 2nd, 3rd, 11th, 21st."""
    view.show_position(position, None)
    assert f"· {words} in the queue" in only(view).footer


def test_a_request_held_by_the_scheduler_says_so_after_a_moment(view: AnswerView, clock: HandClock) -> None:
    """Late headers are normal: the wait is named, second by second at first."""
    view.show_asked("Qwen/Qwen3-8B")
    assert only(view) == Page("> Why?", "-# <@7> · asking Qwen3-8B", (Control.STOP,))
    clock.at += 4.2
    assert only(view).footer == "-# <@7> · waiting for a free pipeline · 4 s"


def test_p11_a_question_that_was_taken_is_being_read(view: AnswerView, clock: HandClock) -> None:
    """The seconds of reading count from the taking; a short reading is not worth a word."""
    view.show_asked("Qwen/Qwen3-8B")
    clock.at += 40.0
    view.show_taken()
    assert only(view).footer == "-# <@7> · asking Qwen3-8B"
    clock.at += 7.3
    assert only(view).footer == "-# <@7> · reading the question · 7 s"
    view.text("Because")
    view.show_taken()
    assert only(view).footer == "-# Qwen3-8B"


def test_p11_the_wait_for_a_pipeline_counts_on_after_a_refusal(view: AnswerView, clock: HandClock) -> None:
    """96 s, 429, 2 s of back-off, and it is sent again."""
    view.show_asked("m")
    clock.at += 96.0
    view.show_hold("held.busy")
    assert only(view).footer == "-# <@7> · kept: all pipelines are busy"
    clock.at += 2.0
    view.show_asked("m")
    clock.at += 2.0
    assert only(view).footer == "-# <@7> · waiting for a free pipeline · 1 min 40 s"


def test_p11_the_wait_begins_anew_after_a_pipeline_took_the_question(view: AnswerView, clock: HandClock) -> None:
    """It failed there, and waits for another one."""
    view.show_asked("m")
    clock.at += 60.0
    view.show_taken()
    view.show_hold("held.node_failed")
    view.show_asked("m")
    clock.at += 3.0
    assert only(view).footer == "-# <@7> · waiting for a free pipeline · 3 s"


def test_thinking_counts_the_seconds_and_ends_with_the_first_word(view: AnswerView, clock: HandClock) -> None:
    """The thoughts themselves are not shown."""
    view.show_asked("Qwen/Qwen3-8B")
    for _ in range(4):
        view.show_thinking()
        clock.at += 3.1
    assert only(view).footer == "-# Qwen3-8B is thinking · 12 s"
    view.text("Because")
    view.show_thinking()
    assert only(view).body == f"> Why?\nBecause{CURSOR}"


def test_speed_is_told_once_it_means_something(view: AnswerView, clock: HandClock) -> None:
    """The first second's figures would jump."""
    view.show_asked("m")
    view.text("one ")
    assert only(view).footer == "-# m"
    for _ in range(40):
        clock.at += 0.05
        view.text("more ")
    assert only(view).footer == "-# m · 20 tok/s"


def test_p13_a_silent_stream_says_for_how_long(view: AnswerView, clock: HandClock) -> None:
    """In place of a speed, which comes back with the next words and does not count the silence."""
    view.show_asked("m")
    for _ in range(41):
        view.text("more ")
        clock.at += 0.05
    clock.at += SILENT_AFTER
    assert only(view).footer == "-# m · silent for 5 s"
    clock.at += 7.0
    assert only(view).footer == "-# m · silent for 12 s"
    view.text("more ")
    assert only(view).footer == "-# m · 20 tok/s"


def test_p13_a_model_that_falls_silent_while_it_thinks(view: AnswerView, clock: HandClock) -> None:
    """The seconds of thinking go on beside it."""
    view.show_asked("m")
    view.show_thinking()
    clock.at += 4.0
    view.show_thinking()
    assert only(view).footer == "-# m is thinking · 4 s"
    clock.at += 8.0
    assert only(view).footer == "-# m is thinking · 12 s · silent for 8 s"


def test_p13_a_pause_between_two_words_is_no_silence(view: AnswerView, clock: HandClock) -> None:
    """It counts for the speed."""
    view.show_asked("m")
    view.text("one ")
    clock.at += 4.0
    assert only(view).footer == "-# m"
    for _ in range(4):
        view.text("two ")
    assert only(view).footer == "-# m · 1 tok/s"


def test_the_cursor_never_stands_inside_a_code_block(view: AnswerView) -> None:
    """Code blocks are closed while they stream, and a cursor after the fence would break them."""
    view.show_asked("m")
    view.text("```python\nprint(1)\n")
    assert only(view).body.endswith("```")


def test_the_receipt_tells_what_is_known_and_nothing_else(view: AnswerView) -> None:
    """A short wait is left out."""
    view.show_asked("m")
    view.text("Because.")
    view.finish(Receipt(model="org/m", tokens=1812, tokens_per_second=41.4, ttft=0.31, waited=0.2))
    assert only(view) == Page("> Why?\nBecause.", "-# m · 1,812 tokens · 41 tok/s · first token 0.3 s")
    view.finish(Receipt(model="m", tokens=1, waited=12.0, version=(2, 3)), (Control.REGENERATE,))
    assert only(view).footer == "-# version 2 of 3 · m · 1 token · waited 12 s"
    assert only(view).controls == (Control.REGENERATE,)


def test_an_end_that_is_not_normal_is_said_first(view: AnswerView) -> None:
    """Stopped, cut short, failed: before the figures."""
    view.show_asked("m")
    view.text("Half")
    view.finish(Receipt(model="m", outcome="length", params=(("limit", 1024),)))
    assert only(view).footer == "-# length limit (1,024 tokens) · m"


def test_a_repeated_stream_replaces_what_broke_with_its_first_word(view: AnswerView) -> None:
    """Until then the broken text stays, and it can be restored."""
    view.show_asked("m")
    view.text("Broken ")
    view.show_reconnecting()
    assert only(view).footer == "-# reconnecting to m"
    assert "Broken" in only(view).body
    view.text("Whole")
    assert "Broken" not in only(view).body
    view.restore("Broken ")
    assert "Broken" in only(view).body


def test_a_continued_answer_starts_with_what_there_is(view: AnswerView) -> None:
    """Also when the question is asked again after a failure."""
    view.begin_with("One, two")
    view.show_asked("m")
    view.text(", three")
    view.show_asked("m")
    assert only(view).body == "> Why?\nOne, two"
    view.text(", three")
    view.finish(Receipt())
    assert only(view).body == "> Why?\nOne, two, three"


def test_controls_and_small_print_stand_under_the_last_page_alone(view: AnswerView) -> None:
    """And every message is within Discord's limit."""
    view.show_asked("m")
    for number in range(1200):
        view.text(f"word{number} ")
    pages = view.render()
    assert len(pages) > 1
    assert all(not page.footer and not page.controls for page in pages[:-1])
    assert pages[-1].controls == (Control.STOP,)
    assert all(len(page.body) + len(page.footer) <= MESSAGE_LIMIT for page in pages)


def test_what_does_not_fit_is_attached_at_the_end(view: AnswerView) -> None:
    """The rest beyond the last message, and the whole answer, are files."""
    view.show_asked("m")
    words = " ".join(f"word{number}" for number in range(3000))
    view.text(words)
    assert view.render()[-1].files == ()
    view.finish(Receipt())
    files = {file.name: file.data.decode() for file in view.render()[-1].files}
    assert files["answer.md"] == words
    assert "word2999" in files["answer-rest.md"]


def test_a_notice_stays_until_the_end_and_is_given_once(view: AnswerView) -> None:
    """It says where a private answer will be shown."""
    view.show_position(2, None)
    assert view.notify("notice.to_dm")
    assert not view.notify("notice.to_dm")
    assert "direct message" in only(view).footer
    view.show_asked("m")
    view.text("Done.")
    view.finish(Receipt())
    assert "direct message" not in only(view).footer


@pytest.mark.parametrize(
    ("name", "short"),
    [("Qwen/Qwen3-8B", "Qwen3-8B"), ("plain", "plain"), (None, ""), ("a/*b*", "\\*b\\*")],
)
def test_models_are_named_by_their_last_part(name: str | None, short: str) -> None:
    """The names are untrusted text."""
    assert short_model(name) == short


@dataclass(eq=False)
class TurnClock(HandClock):
    """A clock that counts the turns given to other tasks."""

    turns: int = 0

    async def sleep(self, seconds: float) -> None:
        """Count it."""
        assert seconds == 0
        self.turns += 1


@pytest.mark.parametrize(
    "text", ["plain " * 2000, "*" * 5000, "# a\n- b\n" * 500], ids=["plain", "marks", "blocks"]
)
async def test_a_long_text_is_laid_out_in_turns_with_other_tasks(text: str) -> None:
    """The pages are those of a finished answer, and no step is longer than a slice of it."""
    clock = TurnClock()
    pages = await pages_of(text, limit=1000, clock=clock)
    document = AnswerDocument(limit=1000)
    document.feed(text)
    document.close()
    assert pages == document.pages()
    assert clock.turns >= len(text) // SLICE - 1


def test_what_has_ended_stays_ended(view: AnswerView) -> None:
    """Whatever is told of it too late: a position read a moment before, a hold, a piece of text."""
    view.text("Half an answer")
    view.finish(Receipt(outcome="cancelled", params=(("by", "<@7>"),)), (Control.RETRY,))
    ended = only(view)
    view.show_position(3, 40.0)
    view.show_hold("held.restarting")
    view.show_asked("Qwen/Qwen3-8B")
    view.show_taken()
    view.show_thinking()
    view.show_reconnecting()
    view.text(" and more")
    assert only(view) == ended
    assert not view.is_waiting


def test_a_growing_answer_says_so_until_its_last_page_is_full(clock: HandClock) -> None:
    """Then further text shows nothing, and only rendering can tell whether anything else has changed."""
    view = AnswerView(question="", asker="<@7>", locale="en-US", clock=clock, max_pages=1)
    view.show_asked("m")
    before = view.grown
    view.text("one ")
    assert view.grown > before
    view.text("many " * 2000)
    view.render()
    full = view.grown
    view.text("more")
    assert view.grown == full
