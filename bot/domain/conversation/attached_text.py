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
    return f"Attachment {name}:\n{fence}\n{text.rstrip()}\n{fence}"


def as_quotation(author: str, text: str) -> str:
    """A message that a question is about, as a quotation."""
    lines = "\n".join(f"> {line}" for line in text.splitlines())
    return f"A message by {' '.join(author.split())[:80]}:\n{lines}"
