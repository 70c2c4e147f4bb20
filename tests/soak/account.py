"""What became of every question of a soak, from the database and from what people see."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sandbox.discord_api.model import Message
from tests.soak.world import RECOVERY, World, pause

ENDED = frozenset({"delivered", "cancelled", "failed", "expired"})
_CONTROL = re.compile(r"answer:([a-z]+):([0-9a-f]{16})")
_UNFINISHED = frozenset({"stop", "cancel"})
_NUMBER = re.compile(r"\bsoak(\d+),")
_MENTIONED = re.compile(r"\bsoak(\d+)\b")


@dataclass(frozen=True, slots=True)
class Row:
    """A question as it is stored. ``number`` is the soak's own, None for one that was asked in other words."""

    request_id: str
    root_id: str | None
    state: str
    number: int | None
    messages: tuple[int, ...]
    ended_at: float | None = None
    """Epoch seconds."""


def rows_of(database: Path) -> list[Row]:
    """All questions, oldest first."""
    with closing(sqlite3.connect(database, timeout=5.0)) as connection:
        pages: dict[str, list[int]] = defaultdict(list)
        for request_id, message_id in connection.execute(
            "SELECT request_id, message_id FROM request_messages ORDER BY request_id, page"
        ):
            pages[request_id].append(message_id)
        stored = connection.execute(
            "SELECT request_id, root_id, state, prompt, finished_at FROM requests ORDER BY sequence"
        )
        return [
            Row(request_id, root_id, state, _number(prompt), tuple(pages[request_id]), ended_at)
            for request_id, root_id, state, prompt, ended_at in stored
        ]


def _number(text: str) -> int | None:
    found = _NUMBER.search(text)
    return int(found[1]) if found else None


async def until_quiet(world: World, *, within: float) -> bool:
    """Wait until every stored question has ended; False when that takes longer than ``within`` seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if all(row.state in ENDED for row in rows_of(world.database)):
            return True
        await pause(0.5)
    return False


def out_of_reach(world: World, rows: Sequence[Row], messages: Sequence[Message]) -> frozenset[int]:
    """The private messages that no bot could have brought to their last form: only a token edits a private
    message, and all tokens were spent after the message came and before its question ended, or just after."""
    spent = [trouble.start for trouble in world.troubles if trouble.name == "tokens_expired"]
    epoch = time.time() - time.monotonic()
    ended = {message_id: row.ended_at - epoch for row in rows if row.ended_at for message_id in row.messages}
    return frozenset(
        message.id
        for message in messages
        if message.ephemeral and message.id in ended
        if any(message.history[0].applied_at <= at <= ended[message.id] + RECOVERY for at in spent)
    )


def complaints(
    rows: Sequence[Row], messages: Sequence[Message], unreachable: Container[int] = frozenset()
) -> Iterator[str]:
    """What is wrong with any question, given everything that was ever sent in Discord. Empty when nothing is.

    ``unreachable`` are the messages that :func:`out_of_reach` names: they may offer what is over. A press on one
    says so and takes its buttons away (``tests/e2e/test_late_ends.py``).
    """
    standing = {message.id: message for message in messages if not message.deleted}
    controlled = _by_control(rows, [message for message in standing.values() if message.id not in unreachable])
    known = {message.id for message in messages}
    told = {int(n) for message in messages if message.author.bot for n in _MENTIONED.findall(message.text)}
    for row in rows:
        name = f"question {row.number} ({row.request_id})"
        yield from (f"{name} {text}" for text in _wrong_with(row, standing, known, told))
        if (times := len(controlled.get(row.request_id, ()))) > 1:
            yield f"{name} has controls on {times} messages"
    yield from _still_open(controlled)
    yield from _lost_or_doubled(rows, standing.values())


def _wrong_with(
    row: Row, standing: Mapping[int, Message], known: Container[int], told: Container[int]
) -> Iterator[str]:
    """``known`` are the ids of all messages that ever were; ``told`` the questions of which any of them speaks: an
    answer whose message could not be reached comes as a direct message."""
    if row.state not in ENDED:
        yield f"is still {row.state}"
    is_shown = row.number in told or any(message_id in known for message_id in row.messages)
    if row.state == "delivered" and not is_shown:
        yield "counts as delivered, and no message shows it"
    if any(message_id in standing and standing[message_id].loading for message_id in row.messages):
        yield "still shows that the bot is thinking"


def _still_open(controlled: Mapping[str, Sequence[Message]]) -> Iterator[str]:
    for request_id, messages in controlled.items():
        for message in messages:
            if left := _actions(message, request_id) & _UNFINISHED:
                actions = ", ".join(sorted(left))
                private = "privately " if message.ephemeral else ""
                yield (
                    f"an ended question ({request_id}) still {private}offers {actions} in message {message.id},"
                    f" edited {len(message.history) - 1} times: {message.text[:120]!r}"
                )


def _lost_or_doubled(rows: Sequence[Row], standing: Iterable[Message]) -> Iterator[str]:
    """A question that a message of the bot quotes is stored; none is stored twice."""
    roots = [row for row in rows if row.root_id in (None, row.request_id)]
    stored = Counter(row.number for row in roots if row.number is not None)
    yield from (f"question {number} was stored {times} times" for number, times in stored.items() if times > 1)
    for message in standing:
        if message.author.bot and message.text.startswith("> "):
            number = _number(message.text.partition("\n")[0])
            if number is not None and number not in stored:
                yield f"question {number} was acknowledged and is not stored"


def _by_control(rows: Sequence[Row], messages: Iterable[Message]) -> dict[str, list[Message]]:
    """The messages with controls of each question. A private message counts when it belongs to the question:
    ``/queue`` shows controls of questions too, and stays as it was."""
    own = {row.request_id: frozenset(row.messages) for row in rows}
    found: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        for request_id in {match[2] for match in _controls(message)}:
            if not message.ephemeral or message.id in own.get(request_id, ()):
                found[request_id].append(message)
    return found


def _controls(message: Message) -> list[re.Match[str]]:
    ids = (str(button.custom_id) for button in message.buttons.values())
    return [match for custom_id in ids if (match := _CONTROL.fullmatch(custom_id))]


def _actions(message: Message, request_id: str) -> set[str]:
    return {match[1] for match in _controls(message) if match[2] == request_id}


def unacknowledged(world: World) -> tuple[int, list[str]]:
    """How many acts the bot did not answer in all, and those that no fault explains."""
    failed = [(at, name) for at, name, invocation in world.invocations if not invocation.is_acked]
    unexplained = [
        f"{name} at {at - world.begun:.1f} s was not acknowledged, without a fault near it"
        for at, name in failed
        if not world.is_troubled(at, at + 3.0)
    ]
    return len(failed), unexplained
