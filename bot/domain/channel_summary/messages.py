"""A message of a channel, as far as a summary needs it, and the line that a model reads of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.conversation.window import speaker

MOST_MESSAGES = 2000
"""So many messages are read at most: 20 calls to Discord, and about half an hour of a small cluster."""
MOST_OF_A_MESSAGE = 600
"""Characters of a message that are read: what was said is in its beginning, and the rest is mostly pasted."""
MOST_TEXT = 400_000
"""Characters of all messages together, about 100,000 tokens."""

_EPOCH = 1_420_070_400_000
# What a model could take for the mark of a message.
_MARK = re.compile(r"[\[【]\s*([^\[\]【】\n]{0,12}?\d[\d\s,;–-]*)\s*[\]】]")  # dashes as people write them


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message that was read. ``author`` and ``text`` are untrusted; ``text`` has at most
    :data:`MOST_OF_A_MESSAGE` characters."""

    message_id: int
    author: str
    text: str

    def line(self, number: int) -> str:
        """What a model reads of it: one line with its mark, time (UTC), author and text. No text can bring a line
        of its own, or a mark."""
        at = datetime.fromtimestamp(time_of(self.message_id), UTC)
        text = _MARK.sub(r"(\1)", " ".join(self.text.split()))
        return f"[{number}] {at:%m-%d %H:%M} {speaker(self.author)}: {text}"


def time_of(snowflake: int) -> float:
    """When something with this id was made, in epoch seconds (Discord docs, reference, "Snowflakes")."""
    return ((snowflake >> 22) + _EPOCH) / 1000


def first_id_at(moment: float) -> int:
    """The smallest id of what is made at ``moment`` (epoch seconds) or later; 0 for what was before Discord."""
    return max(0, int(moment * 1000) - _EPOCH) << 22
