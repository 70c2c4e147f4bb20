"""The next operation that brings the messages of an answer closer to its pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.presentation.page import Page

# The content of a page from before a crash until it is needed again, or is deleted.
EMPTIED = Page("…")


@dataclass(frozen=True, slots=True)
class Operation:
    """Edit, send (``is_new``) or delete (``page`` None) the page at ``index``."""

    index: int
    page: Page | None
    message_id: int | None
    is_new: bool = False


def following(
    pages: Sequence[Page], ids: Sequence[int | None], shown: Sequence[Page | None], *, is_last: bool
) -> Operation | None:
    """The next operation; None when everything is shown.

    ``ids`` and ``shown`` are the existing messages and what they show (None: not known); ``is_last``: ``pages``
    are the answer's last state.
    """
    for index, page in enumerate(pages):
        if index >= len(shown):
            return Operation(index, page, None, is_new=True)
        if shown[index] != page:
            return Operation(index, page, ids[index])
    return _surplus(len(pages), ids, shown, is_last=is_last)


def _surplus(
    wanted: int, ids: Sequence[int | None], shown: Sequence[Page | None], *, is_last: bool
) -> Operation | None:
    """The operation for a message beyond the last page, of an earlier version or of an attempt before a crash. A
    message of such an attempt is emptied but kept until the end, because it may be needed."""
    last = len(ids) - 1
    if last < wanted:
        return None
    kept = not is_last and shown[last] in (None, EMPTIED)
    if not kept:
        return Operation(last, None, ids[last])
    for index in range(wanted, len(ids)):
        if shown[index] is None:
            return Operation(index, EMPTIED, ids[index])
    return None
