"""The text and the times of an answer, from one stream or two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import AnswerStats, Finish, FinishReason
from bot.services.answers.stream_buffer import StreamBuffer
from tests.fakes.clocks import HandClock

SPACE = st.text(" \n", max_size=4)


def finish(tokens: int) -> Finish:
    """The end of a stream of ``tokens`` tokens."""
    return Finish(FinishReason.STOP, AnswerStats("m", 0.5, 4.0, 20, tokens, 10.0, counted=True))


def test_an_answer_from_one_stream_has_the_clusters_own_figures() -> None:
    """Its tokens and times are those that the scheduler reported."""
    said = StreamBuffer(HandClock())
    said.sent()
    said.add_text("Hello")
    answer = said.complete(finish(2))
    assert (answer.text, answer.ttft, answer.duration, answer.completion_tokens) == ("Hello", 0.5, 4.0, 2)
    assert answer.counted


def test_an_answer_from_two_streams_is_timed_from_the_first() -> None:
    """People waited for the first word once. Tokens of the broken stream are counted by its pieces."""
    clock = HandClock()
    said = StreamBuffer(clock)
    said.sent()
    clock.at += 1.0
    said.add_text("one")
    said.add_text(" two")
    clock.at += 10.0
    said.sent("one two", keep=True)
    assert not said.fresh
    clock.at += 2.0
    said.add_text(" three")
    assert said.fresh
    answer = said.complete(finish(1))
    assert (answer.text, answer.ttft, answer.duration) == ("one two three", 1.0, 13.0)
    assert (answer.completion_tokens, answer.counted) == (3, False)


def test_asked_anew_nothing_of_the_first_stream_is_left() -> None:
    """Neither its text nor its times."""
    clock = HandClock()
    said = StreamBuffer(clock)
    said.sent()
    said.add_text("one")
    said.add_reasoning("hm")
    clock.at += 5.0
    said.sent()
    assert said.partial("stopped") is None
    clock.at += 2.0
    said.add_text("1")
    answer = said.partial("stopped")
    assert answer is not None
    assert (answer.text, answer.reasoning, answer.ttft) == ("1", "", 2.0)


@given(words=st.lists(st.text("ab", min_size=1, max_size=5), min_size=2, max_size=8), data=st.data())
def test_white_space_that_a_template_cuts_off_is_not_doubled(words: list[str], data: st.DataObject) -> None:
    """An engine that continues exactly makes the whole text, at whatever character the stream broke."""
    whole = words[0] + "".join(data.draw(SPACE) + word for word in words[1:])
    broken_at = data.draw(st.integers(1, len(whole)))
    beginning = whole[:broken_at]
    said = StreamBuffer(HandClock())
    said.sent()
    said.add_text(beginning)
    said.sent(beginning, keep=True)
    rest = whole[len(beginning.rstrip()) :]
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        said.add_text(rest[:size])
        rest = rest[size:]
    assert said.text == whole


def test_p11_the_first_token_counts_from_the_taking() -> None:
    """The scheduler held the question for 56 s, of which the cluster's figure knows nothing."""
    said = StreamBuffer(HandClock())
    said.sent()
    said.taken(0.2)
    said.add_text("Hello")
    answer = said.complete(finish(2))
    assert answer.ttft == 0.3


def test_p11_a_stopped_answer_counts_from_the_taking_too() -> None:
    """And so does one that continues after a break, which is not held for its first token again."""
    clock = HandClock()
    said = StreamBuffer(clock)
    said.sent()
    clock.at += 56.0
    said.taken(56.0)
    clock.at += 1.5
    said.add_text("one")
    said.sent("one", keep=True)
    said.taken(30.0)
    answer = said.partial("stopped")
    assert answer is not None
    assert (answer.ttft, answer.duration) == (1.5, 57.5)


def test_p19_a_stopped_answers_speed_leaves_silence_out() -> None:
    """Eleven tokens in a second, then a minute of a frozen scheduler until somebody stopped it."""
    clock = HandClock()
    said = StreamBuffer(clock)
    said.sent()
    for _ in range(11):
        said.add_text("word ")
        clock.at += 0.125
    clock.at += 60.0
    answer = said.partial("stopped")
    assert answer is not None
    assert answer.tokens_per_second == 8.0


def test_p19_a_whole_answers_speed_leaves_silence_out() -> None:
    """The cluster's figure spreads the tokens over the silence: 21 in 4 s and 36 s of nothing are 5 a second."""
    clock = HandClock()
    said = StreamBuffer(clock)
    said.sent()
    said.add_text("one")
    clock.at += 36.0
    said.add_text("two")
    stats = AnswerStats("m", 0.5, 40.5, 20, 21, 20 / 40.0, counted=True)
    assert said.complete(Finish(FinishReason.STOP, stats)).tokens_per_second == 5.0
    assert said.complete(finish(21)).tokens_per_second is None, "all of it came at two moments"


def test_p19_without_silence_the_clusters_figure_stands() -> None:
    """It was measured closer to the wire."""
    clock = HandClock()
    said = StreamBuffer(clock)
    said.sent()
    said.add_text("one")
    clock.at += 4.0
    said.add_text("two")
    assert said.complete(finish(2)).tokens_per_second == 10.0


def test_q8_reasoning_is_used_too() -> None:
    """A model that thought for 40 tokens and was stopped at its first word has used 41."""
    said = StreamBuffer(HandClock())
    said.sent()
    for _ in range(40):
        said.add_reasoning("hm")
    said.add_text("one")
    answer = said.partial("stopped")
    assert answer is not None
    assert (said.tokens, answer.completion_tokens) == (41, 41)


def test_an_engine_that_goes_on_with_other_white_space_keeps_its_own() -> None:
    """What it repeats of the cut-off white space is left out; from the first difference on everything is new."""
    said = StreamBuffer(HandClock())
    said.sent()
    said.add_text("one\n\n")
    said.sent("one\n\n", keep=True)
    assert said.add_text("\n") == ""
    assert said.add_text("two") == "two"
    assert said.add_text("\n") == "\n"
    assert said.text == "one\n\ntwo\n"
