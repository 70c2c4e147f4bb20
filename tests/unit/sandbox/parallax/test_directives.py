"""Tags in a question, as the recordings use them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.parallax.directives import Directives, content_of, question_of
from sandbox.parallax.script import Delta, Fault, FaultKind, ReasoningStyle, Script, WireStyle, deltas_of
from sandbox.parallax.wire import JsonObject


def test_all_tags_are_read_and_taken_out() -> None:
    """The question that is left is what the answer is about."""
    read = Directives.read("hi [[n=40]] there [[fault:close@10]][[reasoning]] [[echo]][[style:think]][[speed=5]]")
    assert read.question.split() == ["hi", "there"]
    assert (read.tokens, read.fault) == (40, Fault(FaultKind.CLOSE, 10))
    assert (read.reasoning, read.echo, read.styles, read.speed) == (True, True, ("think",), 5.0)


@pytest.mark.parametrize("tag", ["[[n=many]]", "[[fault:unheard]]", "[[fault:close@x]]", "[[speed=0]]"])
def test_a_tag_without_sense_stays_in_the_question(tag: str) -> None:
    """A typing mistake is seen in the answer instead of being swallowed."""
    assert Directives.read(f"hi {tag}").question == f"hi {tag}"


@given(st.text(max_size=200))
def test_no_question_is_too_strange(text: str) -> None:
    """People type anything."""
    Directives.read(text)


def test_the_question_is_the_last_user_message() -> None:
    """Tags of earlier turns do not count again."""
    messages = [
        {"role": "user", "content": "old [[n=1]]"},
        {"role": "user", "content": "new"},
        {"role": "assistant", "content": "x"},
    ]
    assert question_of(messages) == "new"
    assert question_of([]) == ""


def test_content_may_be_a_list_of_parts() -> None:
    """As OpenAI's format allows."""
    parts: JsonObject = {
        "role": "user",
        "content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"text": "b"}],
    }
    assert content_of(parts) == "a\nb"
    assert content_of({"role": "user", "content": None}) == ""


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_can_be_written_in_a_tag(kind: FaultKind) -> None:
    """With and without its place."""
    assert Fault.parse(kind.value) == Fault(kind)
    assert Fault.parse(f"{kind.value}@7") == Fault(kind, 7)


def test_think_tags_turn_reasoning_into_content() -> None:
    """Only when there is reasoning."""
    script = Script((Delta("why", reasoning=True), Delta("so")))
    tagged = deltas_of(script, ReasoningStyle.SPLIT_TAGS)
    assert not any(delta.reasoning for delta in tagged)
    assert "".join(delta.text for delta in tagged) == "<think>\nwhy\n</think>\n\nso"
    assert deltas_of(Script((Delta("so"),)), ReasoningStyle.TAGS) == [Delta("so")]


def test_an_unknown_style_is_refused() -> None:
    """And the known ones add up."""
    assert WireStyle().with_option("crlf").with_option("think").reasoning is ReasoningStyle.TAGS
    with pytest.raises(ValueError, match="baroque"):
        WireStyle().with_option("baroque")
