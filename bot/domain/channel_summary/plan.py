"""In which parts a model reads the messages of a channel, and what is left to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from bot.domain.channel_summary.messages import ReadMessage

MOST_PARTS = 40
"""So many parts are read at most; with more, the oldest messages are left out. Each is a turn in the queue."""

Measure = Callable[[str], int]
"""The tokens of a text, ≥ 0; a beginning of a text has no more than all of it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Which ``part`` of how many (``of``) is next, from 1."""

    part: int
    of: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A summary that is being made. The last step reads the only text that is left, and writes the summary; each
    step before reads one and makes notes of it, of which further texts are made.

    ``ids`` are the messages: the mark 1 stands for the first of them. ``unread`` are texts of messages, or of
    notes from ``level`` 1 on; ``notes`` what was noted of the texts before them.
    """

    server: int
    channel: int
    ids: tuple[int, ...]
    unread: tuple[str, ...]
    notes: tuple[str, ...] = ()
    done: int = 0
    level: int = 0

    @property
    def is_last(self) -> bool:
        """Whether the next step writes the summary."""
        return len(self.unread) == 1 and not self.notes

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self.done + 1, self.done + len(self.unread) + (0 if self.is_last else 1))

    def noted(self, note: str, room: int, measure: Measure) -> Plan:
        """The plan after ``note`` was made of the next text. Texts of notes have at most ``room`` tokens, and at
        least two notes fit into one, so that each level has fewer texts."""
        notes = (*self.notes, cut(note.strip() or "-", max(1, room // 2 - 1), measure))
        unread = self.unread[1:]
        if unread:
            return replace(self, unread=unread, notes=notes, done=self.done + 1)
        return replace(
            self, unread=packed(notes, room, measure), notes=(), done=self.done + 1, level=self.level + 1
        )

    def halved(self) -> Plan:
        """The plan with the next text as two, because it was too long after all. A text of one line is cut."""
        text, rest = self.unread[0], self.unread[1:]
        lines = text.split("\n")
        if len(lines) == 1:
            return replace(self, unread=(text[: max(1, len(text) // 2)], *rest))
        middle = len(lines) // 2
        return replace(self, unread=("\n".join(lines[:middle]), "\n".join(lines[middle:]), *rest))

    def stored(self) -> str:
        """The plan as text, which begins with its progress."""
        return f"{self.progress.part} {self.progress.of}\n{json.dumps(asdict(self), ensure_ascii=False)}"

    @classmethod
    def read(cls, text: str) -> Plan:
        """The plan that was stored as ``text``."""
        kept = json.loads(text.partition("\n")[2])
        ids, unread, notes = (tuple(kept.pop(name)) for name in ("ids", "unread", "notes"))
        return cls(ids=ids, unread=unread, notes=notes, **kept)


def progress_in(text: str) -> Progress | None:
    """The progress of a stored plan; None when there is no plan any more."""
    head = text.partition("\n")[0].split()
    return Progress(int(head[0]), int(head[1])) if len(head) == 2 and all(map(str.isdigit, head)) else None


@dataclass(frozen=True, slots=True)
class ChannelMessages:
    """What is summarised: messages of one channel, oldest first, at least one."""

    server: int
    channel: int
    messages: Sequence[ReadMessage]


def planned(what: ChannelMessages, room: int, measure: Measure) -> Plan:
    """The plan for these messages, in parts of at most ``room`` tokens; beyond :data:`MOST_PARTS` the oldest are
    left out."""
    lines = [message.line(number) for number, message in enumerate(what.messages, 1)]
    ids = tuple(message.message_id for message in what.messages)
    return Plan(what.server, what.channel, ids, packed(lines, room, measure)[-MOST_PARTS:])


def packed(items: Sequence[str], room: int, measure: Measure) -> tuple[str, ...]:
    """The items in order, in as few texts as a walk through them makes, each of at most ``room`` tokens (> 1). An
    item that is too long for a text of its own is cut."""
    texts: list[str] = []
    held: list[str] = []
    used = 0
    for item in items:
        short = cut(item, room - 1, measure)
        # One more for the end of the line.
        price = measure(short) + 1
        if held and used + price > room:
            texts.append("\n".join(held))
            held, used = [], 0
        held.append(short)
        used += price
    if held:
        texts.append("\n".join(held))
    return tuple(texts)


def cut(text: str, room: int, measure: Measure) -> str:
    """The beginning of ``text`` that has at most ``room`` tokens; at least one character of it."""
    while (tokens := measure(text)) > room and len(text) > 1:
        text = text[: max(1, min(len(text) - 1, len(text) * room // tokens))]
    return text
