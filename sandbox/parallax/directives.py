"""Tags in a question that control its answer: `[[n=400]]`, `[[fault:close@10]]`, `[[reasoning]]` …

The tags of the recordings, so that any client, even a person in a chat window, can bring about any case.
Only the last user message is read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.parallax.script import Fault
from sandbox.parallax.wire import Json, JsonObject

__all__ = ["Directives", "as_messages", "content_of", "question_of"]

_TAG: Final = re.compile(r"\[\[(n|fault|style|speed|reasoning|echo)(?:[=:]([^\]]*))?\]\]")


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
    reasoning: bool = False
    """`[[reasoning]]`: think first, whatever the model."""
    echo: bool = False
    """`[[echo]]`: answer with the conversation that arrived, as a JSON code block."""

    @classmethod
    def read(cls, text: str) -> "Directives":
        """Read the tags of a question. An invalid tag stays in the question, as text."""
        tokens: int | None = None
        fault: Fault | None = None
        speed: float | None = None
        styles: list[str] = []
        flags: set[str] = set()
        unread: list[str] = []
        for tag in _TAG.finditer(text):
            name, value = tag.group(1), (tag.group(2) or "").strip()
            try:
                if name == "n":
                    tokens = max(0, int(value))
                elif name == "fault":
                    fault = Fault.parse(value)
                elif name == "speed":
                    speed = _positive(value)
                elif name == "style":
                    styles.append(value)
                else:
                    flags.add(name)
            except ValueError:
                unread.append(tag.group())
        question = " ".join([_TAG.sub("", text).strip(), *unread]).strip()
        return cls(question, tokens, fault, tuple(styles), speed, "reasoning" in flags, "echo" in flags)


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


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise ValueError(text)
    return number


def as_messages(value: Json) -> list[JsonObject]:
    """The objects in the request's `messages`."""
    if not isinstance(value, list):
        return []
    return [message for message in value if isinstance(message, dict)]
