"""Versions of an answer, and their buttons."""

from __future__ import annotations

import pytest

from bot.domain.queue.request import (
    Answer,
    Asker,
    Destination,
    NewQuestion,
    RequestKind,
    RequestState,
    StoredRequest,
)
from bot.presentation.page import Control
from bot.services.answers.final_views import controls_of
from bot.services.answers.versions import CONTINUABLE, AnswerVersions


def answered(text: str, finish: str = "stop", reasoning: str = "") -> Answer:
    return Answer(
        text=text,
        reasoning=reasoning,
        finish=finish,
        model="m",
        prompt_tokens=3,
        completion_tokens=2,
        ttft=0.1,
        duration=1.0,
        tokens_per_second=2.0,
    )


def request(number: int, kind: RequestKind, answer: Answer | None) -> StoredRequest:
    question = NewQuestion(
        request_id=f"r{number}",
        asker=Asker(7, "Ada"),
        destination=Destination(application_id=1, channel_id=2, guild_id=3, private=False, channel_route=True),
        conversation_id=1,
        prompt="Why?",
        asked_at=float(number),
        cost=1.0,
        kind=kind,
        root_id=None if number == 0 else "r0",
    )
    return StoredRequest(
        question=question,
        state=RequestState.DELIVERED if answer is not None else RequestState.FAILED,
        sequence=number,
        enqueued_at=float(number),
        answer=answer,
    )


@pytest.fixture
def answer_versions() -> AnswerVersions:
    """An answer, its rest, a version that failed, and a version."""
    return AnswerVersions.of(
        [
            request(0, RequestKind.ASK, answered("One, ", "length", "hm")),
            request(1, RequestKind.CONTINUE, answered("two.", reasoning="aha")),
            request(2, RequestKind.REGENERATE, None),
            request(3, RequestKind.REGENERATE, answered("Three.")),
        ]
    )


def test_a_continuation_belongs_to_its_version(answer_versions: AnswerVersions) -> None:
    """A request that failed is no version; the newest version is shown in its place."""
    assert [version.text for version in answer_versions.versions] == ["One, two.", "Three."]
    assert answer_versions.versions[0].reasoning == "hm\n\naha"
    assert [answer_versions.index(f"r{number}") for number in range(5)] == [0, 0, 1, 1, None]


def test_a_continuation_after_a_cancelled_version_goes_on_with_what_is_shown() -> None:
    """That is the version before the cancelled one."""
    answer_versions = AnswerVersions.of(
        [
            request(0, RequestKind.ASK, answered("One, ", "stopped")),
            request(1, RequestKind.REGENERATE, None),
            request(2, RequestKind.CONTINUE, answered("two.")),
        ]
    )
    assert [version.text for version in answer_versions.versions] == ["One, two."]


def test_buttons_under_a_version_are_those_of_its_last_part(answer_versions: AnswerVersions) -> None:
    """The receipt is also that of the last part."""
    assert [version.shown.request_id for version in answer_versions.versions] == ["r1", "r3"]


def test_the_newest_version_is_the_turn_to_go_on_from(answer_versions: AnswerVersions) -> None:
    """The turn has the question and the asker."""
    turn = answer_versions.newest_turn()
    assert turn is not None
    assert (turn.request_id, turn.question, turn.answer, turn.asker_name) == ("r3", "Why?", "Three.", "Ada")


def test_a_question_without_an_answer_has_no_turn() -> None:
    """Nothing can be continued."""
    assert AnswerVersions.of([request(0, RequestKind.ASK, None)]).newest_turn() is None
    assert AnswerVersions.of([]).versions == ()


@pytest.mark.parametrize("finish", ["length", "stopped", "interrupted"])
def test_what_was_cut_short_can_be_continued(finish: str) -> None:
    """Continue is the first button."""
    assert controls_of(finish, 0, 1, has_text=True, has_thoughts=False)[0] is Control.CONTINUE


def test_only_the_newest_version_is_continued() -> None:
    """An older one has the button for the next version instead."""
    controls = controls_of("stopped", 0, 2, has_text=True, has_thoughts=False)
    assert Control.CONTINUE not in controls
    assert Control.NEXT in controls
    assert Control.PREVIOUS not in controls


def test_a_whole_answer_has_nothing_to_continue() -> None:
    """Reasoning is offered only where there was some."""
    plain = controls_of("stop", 1, 2, has_text=True, has_thoughts=False)
    assert plain == (
        Control.REGENERATE,
        Control.AS_FILE,
        Control.LIKE,
        Control.DISLIKE,
        Control.PREVIOUS,
    )
    assert Control.REASONING in controls_of("stop", 0, 1, has_text=True, has_thoughts=True)


def test_an_answer_without_a_word_can_only_be_asked_again() -> None:
    """There is no text to copy or to rate."""
    assert controls_of("stopped", 0, 1, has_text=False, has_thoughts=False) == (Control.REGENERATE,)


@pytest.mark.parametrize("finish", ["stop", *sorted(CONTINUABLE)])
def test_d8_a_deleted_question_cannot_be_asked_again(finish: str) -> None:
    """What only reads the answer stays."""
    controls = controls_of(finish, 1, 2, has_text=True, has_thoughts=True, has_question=False)
    assert {Control.REGENERATE, Control.CONTINUE}.isdisjoint(controls)
    assert {Control.REASONING, Control.AS_FILE, Control.PREVIOUS} <= set(controls)
