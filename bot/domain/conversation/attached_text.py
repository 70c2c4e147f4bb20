"""Text that is attached to a question: files and quoted messages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Doubt:
    """A text file that was not plain UTF-8: its ``name`` as it may be shown, the ``encoding`` that it was read as
    (empty: UTF-8), and how many bytes were ``replaced`` by U+FFFD."""

    name: str
    encoding: str
    replaced: int


@dataclass(frozen=True, slots=True)
class AttachedFiles:
    """The texts of all attachments of a question, one below the other, and what the asker should check."""

    text: str = ""
    doubts: tuple[Doubt, ...] = ()


def with_attached_text(prompt: str, attached_text: str) -> str:
    """The prompt with the text of its attachments below it."""
    return f"{prompt}\n\n{attached_text}" if attached_text else prompt


def as_attached_text(name: str, text: str) -> str:
    """An attachment's text, framed so that a model sees where it begins and ends."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"Attachment {_one_line(name)}:\n{fence}\n{text.rstrip()}\n{fence}"


def as_quotation(author: str, text: str) -> str:
    """A message that a question is about, as a quotation."""
    return f"A message by {_one_line(author)}:\n{_quote(text)}"


def as_forward(text: str) -> str:
    """A message that was forwarded, as a quotation; Discord does not tell whose it is."""
    return f"A forwarded message:\n{_quote(text)}"


def as_unreadable(author: str) -> str:
    """A message that a question is about, and that has no text the bot can read."""
    return f"A message by {_one_line(author)}, whose text cannot be read."


def as_left_out(name: str) -> str:
    """A file of that message that is left out because it cannot be read."""
    return f"Its file {_one_line(name)} cannot be read."


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _one_line(text: str) -> str:
    return " ".join(text.split())[:80]
