"""Two deterministic tokenizers, so that a client's own estimate can be tested against a scheduler's count.

Both cut text into pieces whose concatenation is the text again, which is what a stream needs: a piece is one
delta. `coarse` is near 4 characters a token in English prose and joins two CJK characters, `fine` is near 3
and gives each CJK character a token.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["TOKENIZERS", "Tokenizer", "TokenizerName"]

_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"


class TokenizerName(StrEnum):
    """The tokenizers a double can be started with."""

    COARSE = "coarse"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Cuts text into tokens and counts the tokens of a prompt."""

    pattern: re.Pattern[str]
    per_message: int
    """What the chat template adds to each message: role and separators."""
    per_prompt: int
    """What the chat template adds once: the start of the answer."""

    def pieces(self, text: str) -> list[str]:
        """The tokens of `text`; joined they are `text` again."""
        return self.pattern.findall(text)

    def prompt_tokens(self, contents: Iterable[str]) -> int:
        """The prompt tokens of a conversation, template included."""
        counts: Sequence[int] = [len(self.pieces(content)) + self.per_message for content in contents]
        return sum(counts) + self.per_prompt


def _pattern(letters: int, digits: int, cjk: int, marks: int) -> re.Pattern[str]:
    return re.compile(
        rf"\n+| ?[{_CJK}]{{1,{cjk}}}| ?[^\W\d_{_CJK}]{{1,{letters}}}| ?\d{{1,{digits}}}"
        rf"| ?[^\w\s]{{1,{marks}}}|[^\S\n]+|.",
        re.DOTALL,
    )


TOKENIZERS: Final[dict[TokenizerName, Tokenizer]] = {
    TokenizerName.COARSE: Tokenizer(_pattern(7, 3, 2, 2), per_message=4, per_prompt=3),
    TokenizerName.FINE: Tokenizer(_pattern(4, 1, 1, 1), per_message=5, per_prompt=2),
}
