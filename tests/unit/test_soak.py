"""The checks of ``python -m tests.soak`` find what they are there to find, and nothing else."""

from __future__ import annotations

import json

import pytest

from sandbox.discord_api.model import Message, User
from sandbox.discord_api.wire import JSON
from tests.soak.__main__ import shortened
from tests.soak.account import Row, complaints
from tests.soak.watch import Life, log_complaints

BOT = User(1, "bot", bot=True)
ID = "0123456789abcdef"


def said(number: int, text: str, *actions: str) -> Message:
    """A message of the bot with answer buttons."""
    buttons: list[JSON] = [
        {"type": 2, "style": 2, "label": action, "custom_id": f"answer:{action}:{ID}"} for action in actions
    ]
    components: list[JSON] = [{"type": 10, "content": text}]
    if buttons:
        components.append({"type": 1, "components": buttons})
    return Message(number, 5, BOT, 0.0, components=components)


def row(state: str = "delivered", *, number: int = 7, messages: tuple[int, ...] = (10,)) -> Row:
    return Row(ID, ID, state, number, messages)


def test_an_answered_question_is_right() -> None:
    assert list(complaints([row()], [said(10, "> soak7, tell me\nAn answer", "regenerate", "file")])) == []


def test_a_deleted_answer_is_right() -> None:
    message = said(10, "> soak7, tell me", "regenerate")
    message.deleted = True
    assert list(complaints([row()], [message])) == []


@pytest.mark.parametrize(
    ("rows", "messages", "words"),
    [
        ([row("running")], [said(10, "> soak7, tell me")], "still running"),
        ([row()], [], "no message shows it"),
        ([row("cancelled")], [said(10, "> soak7, tell me", "stop")], "still offers stop"),
        ([row()], [said(10, "One", "regenerate"), said(11, "Two", "regenerate")], "controls on 2 messages"),
        ([row(), row()], [said(10, "> soak7, tell me")], "stored 2 times"),
        ([row()], [said(10, "An answer"), said(12, "> soak8, tell me\n…")], "question 8 was acknowledged"),
    ],
)
def test_a_wrong_outcome_is_found(rows: list[Row], messages: list[Message], words: str) -> None:
    found = list(complaints(rows, messages))
    assert any(words in text for text in found), found


def test_the_log_may_not_tell_of_a_bug() -> None:
    """Each kind of line is told once; an entry without a traceback is an outcome, not a bug."""
    lines = [
        json.dumps({"level": "info", "event": "question.answered"}),
        json.dumps({"level": "warning", "event": "scheduler.lost"}),
        json.dumps({"level": "error", "event": "question.failed", "error": "UpstreamFailed"}),
        json.dumps({"level": "error", "event": "board.failed", "exception": "Traceback\nKeyError: 1"}),
        json.dumps({"level": "error", "event": "board.failed", "exception": "Traceback\nKeyError: 1"}),
        json.dumps({"level": "warning", "event": "x", "exception": "Traceback\nValueError: no"}),
        "Task exception was never retrieved",
    ]
    assert list(log_complaints("\n".join(lines))) == [
        "log, 2 times: board.failed: KeyError: 1",
        "log, 1 times: x: ValueError: no",
        "log, 1 times: a line that is no entry: Task exception was never retrieved",
    ]


def test_growth_is_judged_after_the_start_and_over_a_minute() -> None:
    """What is loaded at the start is no leak; a short life tells nothing."""
    steady = Life(1, 0.0, [(float(at), 50.0 if at < 20 else 90.0) for at in range(120)])
    leaking = Life(2, 0.0, [(float(at), 90.0 + at) for at in range(120)])
    assert steady.growth() == 0
    assert leaking.growth() is not None
    assert (leaking.growth() or 0) > 30
    assert Life(3, 0.0, [(float(at), 90.0 + at) for at in range(50)]).growth() is None


def test_a_short_report_is_one_line_with_every_violation() -> None:
    """What CI prints: enough to repeat it, and what was wrong."""
    counts = {"questions": 90, "act:ask": 60, "act:look": 40, "fault:killed": 2, "fault:stopped": 1, "switched": 1}
    report = {"seed": 7, "seconds": 190.5, "counts": counts, "maxima": {"in flight": 4}, "violations": ["x"]}
    line = shortened(report)
    assert "\n" not in line
    assert json.loads(line) == {
        "seed": 7,
        "seconds": 190.5,
        "maxima": {"in flight": 4},
        "violations": ["x"],
        "questions": 90,
        "acts": 100,
        "faults": 3,
    }
