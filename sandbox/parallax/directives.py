"""Tags in a question that control its answer: `[[n=400]]`, `[[fault:close@10]]`, `[[reasoning]]` …

The tags of the recordings, so that any client, even a person in a chat window, can bring about any case.
Only the last user message is read.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.parallax.script import Fault
from sandbox.parallax.wire import Json, JsonObject

__all__ = ["Directives", "as_messages", "content_of", "question_of"]

_TAG: Final = re.compile(r"\[\[(n|fault|style|speed|prefill|tool|reasoning|echo)(?:[=:]([^\]]*))?\]\]")


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise ValueError(text)
    return number


def _word(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


_FIELDS: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "n": ("tokens", lambda text: max(0, int(text))),
    "fault": ("fault", Fault.parse),
    "speed": ("speed", _positive),
    "prefill": ("prefill", _positive),
    "tool": ("tool", _word),
    "reasoning": ("reasoning", lambda _: True),
    "echo": ("echo", lambda _: True),
}
"""The field of `Directives` that each tag sets, and how its value is read."""


@dataclass(frozen=True, slots=True)
class Directives:
    """The tags of one question, and the question without them."""

    question: str
    tokens: int | None = None
    """`[[n=400]]`: the answer has exactly so many content tokens."""
    fault: Fault | None = None
    """`[[fault:stall@10]]`"""
    styles: tuple[str, ...] = ()
    """`[[style:crlf]]`, `[[style:think]]`, `[[style:split]]` …"""
    speed: float | None = None
    """`[[speed=5]]`: tokens per scheduler second for this answer."""
    prefill: float | None = None
    """`[[prefill=12]]`: scheduler seconds from the headers to the first token."""
    tool: str | None = None
    """`[[tool=get_weather]]`: call this tool; as text when the request offers no tools (recordings 104, 105)."""
    reasoning: bool = False
    """`[[reasoning]]`: think first, whatever the model."""
    echo: bool = False
    """`[[echo]]`: answer with the conversation that arrived, as a JSON code block."""

    @classmethod
    def read(cls, text: str) -> "Directives":
        """Read the tags of a question. An invalid tag stays in the question, as text."""
        found: dict[str, Any] = {}
        styles: list[str] = []
        unread: list[str] = []
        for tag in _TAG.finditer(text):
            name, value = tag.group(1), (tag.group(2) or "").strip()
            try:
                if name == "style":
                    styles.append(value)
                else:
                    field, read = _FIELDS[name]
                    found[field] = read(value)
            except ValueError:
                unread.append(tag.group())
        question = " ".join([_TAG.sub("", text).strip(), *unread]).strip()
        return cls(question, styles=tuple(styles), **found)


def content_of(message: JsonObject) -> str:
    """A message's text, also when its content is a list of parts (images and files count nothing)."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def question_of(messages: Sequence[JsonObject]) -> str:
    """The text of the last user message, empty without one."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return content_of(message)
    return ""


def as_messages(value: Json) -> list[JsonObject]:
    """The objects in the request's `messages`."""
    if not isinstance(value, list):
        return []
    return [message for message in value if isinstance(message, dict)]
