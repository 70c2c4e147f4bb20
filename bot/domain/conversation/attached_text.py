"""Text that is attached to a question: files and quoted messages."""

from __future__ import annotations


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
