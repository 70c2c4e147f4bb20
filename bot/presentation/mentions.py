"""Names in an answer, shown as the mentions that the question had in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.presentation.page import escape_inline

_CODE = re.compile(r"(```.*?(?:```|\Z)|``.*?``|`[^`\n]*`)", re.DOTALL)


def with_mentions(body: str, mentions: Mapping[str, str], *, limit: int) -> str:
    """A page's text with ``mentions`` in place of their names, outside of code, as far as ``limit`` characters
    hold.

    A message with them must be sent so that it pings nobody.
    """
    written = {form: mention for name, mention in mentions.items() for form in (name, escape_inline(name)) if form}
    if not written or not any(form in body for form in written):
        return body
    longest_first = sorted(written, key=len, reverse=True)
    names = re.compile(rf"(?<![\w@#&<])(?:{'|'.join(map(re.escape, longest_first))})(?!\w|[.@-]\w)")
    room = limit - len(body)

    def mentioned(found: re.Match[str]) -> str:
        nonlocal room
        more = len(written[found[0]]) - len(found[0])
        if more > room:
            return found[0]
        room -= more
        return written[found[0]]

    parts = _CODE.split(body)
    # Every second part is code.
    return "".join(part if index % 2 else names.sub(mentioned, part) for index, part in enumerate(parts))
