"""The content of one message as data: body, small text, controls and files.

Delivery turns a `Page` into a message. The text functions here make untrusted text safe inside the bot's own text,
and numbers readable."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.i18n.catalogue import say
from bot.markdown.characters import clean, cut
from bot.markdown.files import File
from bot.markdown.live_forms import inert


class Control(StrEnum):
    """A button under a message. The value is part of the button's custom id, so it never changes."""

    STOP = "stop"
    CANCEL = "cancel"
    REGENERATE = "regenerate"
    CONTINUE = "continue"
    REASONING = "reasoning"
    AS_FILE = "file"
    LIKE = "like"
    DISLIKE = "dislike"
    PREVIOUS = "previous"
    NEXT = "next"
    RETRY = "retry"
    SHOW = "show"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Page:
    """One message: the body in Discord Markdown, one line of small text, controls in order, attachments."""

    body: str
    footer: str = ""
    controls: tuple[Control, ...] = ()
    files: tuple[File, ...] = ()


class PageSource(Protocol):
    """A source of pages. It is rendered when an edit may leave, not when something changed."""

    def render(self) -> Sequence[Page]:
        """The answer's messages as they should be now, first message first; at least one."""
        ...

    async def prepare(self) -> None:
        """Do the work for `render` in small steps, with a turn for other tasks after each."""
        ...

    @property
    def is_waiting(self) -> bool:
        """Whether the pages only show the question's position in the queue, or why the queue does not move."""
        ...

    @property
    def grown(self) -> int:
        """A number that rises whenever the text grows, as far as the pages have room: then a further edit shows
        more, which is known without rendering."""
        ...

    @property
    def has_text(self) -> bool:
        """Whether the pages contain text of the answer."""
        ...


_MARKUP = re.compile(r"([\\*_~`|>\[\]()#<])")
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*):(?=//)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LINES_OF_A_QUOTE = 2
_LONGEST_CUT_WORD = 20  # characters given up so that no word is cut


def escape_inline(text: str) -> str:
    """Untrusted text (a name, a title) for the middle of a line: one line, no markup, no mention, no link."""
    one_line = _SPACE.sub(" ", clean(text)).strip()
    return inert(_URL.sub("\\1:\u200b", _MARKUP.sub(r"\\\1", one_line)))


def quote_question(prompt: str, *, max_chars: int = 240) -> str:
    """The question as at most two `> ` lines, ending in … when something was left out.

    `max_chars` (at least 20) bounds the whole result, markup included. Nothing in the prompt can end the
    quote, open a block, mention anyone or link anywhere. A prompt without visible text gives `> …`.
    """
    if max_chars < 20:
        raise ValueError("a quote needs at least 20 characters")
    lines = [line for raw in clean(prompt).split("\n") if (line := escape_inline(raw))]
    if not lines:
        return "> …"
    shown, more = lines[:_LINES_OF_A_QUOTE], len(lines) > _LINES_OF_A_QUOTE
    body = "\n".join(f"> {_guard_start(line)}" for line in shown)
    if len(body) + 2 * more <= max_chars:
        return f"{body} …" if more else body
    short = cut(body, max_chars - 2)
    at = short.rfind(" ", max(3, len(short) - _LONGEST_CUT_WORD))
    return f"{(short[:at] if at > 0 else _without_half_escape(short)).rstrip()} …"


def _guard_start(line: str) -> str:
    """The line, changed so that it does not open a list or small text; `_MARKUP` does not cover these
    characters."""
    guarded = re.sub(r"^(\d+)\.(?=\s|$)", r"\1\\.", line)
    return re.sub(r"^([-+])", r"\\\1", guarded)


def _without_half_escape(text: str) -> str:
    backslashes = len(text) - len(text.rstrip("\\"))
    return text[:-1] if backslashes % 2 else text


def compact_duration(seconds: float, locale: str | None = None) -> str:
    """`0.3 s` below ten seconds, `12 s`, `2 min 5 s`, `1 h 4 min`, as `locale` says it. Negative is zero."""
    seconds = max(0.0, seconds)
    tenths = round(seconds, 1)
    whole = round(seconds)
    if whole < 60:
        return say(locale, "duration.seconds", seconds=tenths if tenths < 10 else whole)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        if rest:
            return say(locale, "duration.minutes_seconds", minutes=minutes, seconds=rest)
        return say(locale, "duration.minutes", minutes=minutes)
    hours, minutes = divmod(round(whole / 60), 60)
    if minutes:
        return say(locale, "duration.hours_minutes", hours=hours, minutes=minutes)
    return say(locale, "duration.hours", hours=hours)


REQUEST_ID = r"[0-9a-f]{16}"
"""A pattern of what :func:`control_id` ends in."""


def control_id(control: Control, request_id: str) -> str:
    """The custom id of a control; at most 100 characters (Discord docs, components/reference, "Custom ID")."""
    return f"answer:{control.value}:{request_id}"
