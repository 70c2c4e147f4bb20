"""Write answers that look like a model's: Markdown of every kind, about the question, repeatable by seed."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Final

from sandbox.parallax import phrases
from sandbox.parallax.tokenizer import Tokenizer

__all__ = ["Writer"]

_USUAL_TOKENS: Final = (80, 400)
_STOP_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        a about all an and any are as at be but by can could describe did do does explain for from give has
        have how i in into is it its list make me my of on or our please should show some tell than that the
        their them there these they this to us use was we what when where which who why will with would
        write you your
        """,
    )
)
_WORD: Final = re.compile(r"[^\W_][\w'’+#.-]*[\w+#]|[^\W_]")


class Writer:
    """Writes one answer. Two writers with the same seed, question and tokenizer write the same."""

    def __init__(self, *, seed: int, question: str, tokenizer: Tokenizer) -> None:
        self._rng = random.Random(f"{seed}:{question}")
        self._tokenizer = tokenizer
        self._topic = _topic(question)

    def answer(self, tokens: int | None = None) -> list[str]:
        """The answer's tokens: exactly `tokens` of them, or else between 80 and 400 and a proper end."""
        if tokens is not None:
            return self._exactly(tokens)
        lowest, highest = _USUAL_TOKENS
        wanted = self._rng.randint(lowest, highest - 40)
        pieces: list[str] = []
        for block in self._blocks():
            more = self._tokenizer.pieces(block)
            if pieces and len(pieces) + len(more) > highest - 30:
                break
            pieces.extend(more)
            if len(pieces) >= wanted:
                break
        return [*pieces, *self._tokenizer.pieces(self._pick(phrases.CLOSINGS))]

    def thoughts(self) -> list[str]:
        """The tokens of a short reasoning, 15 to 80 of them."""
        first, *others = phrases.THOUGHTS
        chosen = sorted(self._rng.sample(range(len(others)), self._rng.randint(1, 4)))
        sentences = [first, *(others[index] for index in chosen)]
        return self._tokenizer.pieces(" ".join(self._about(sentence) for sentence in sentences))

    def _exactly(self, tokens: int) -> list[str]:
        pieces: list[str] = []
        for block in self._blocks():
            if len(pieces) >= tokens:
                break
            pieces.extend(self._tokenizer.pieces(block))
        return pieces[:tokens]

    def _blocks(self) -> Iterator[str]:
        """Blocks without end, each with the empty line that follows it."""
        yield self._pick(phrases.OPENINGS) + " " + self._sentences(1, 2) + "\n\n"
        kinds: tuple[Callable[[], str], ...] = (
            self._paragraph,
            self._list,
            self._steps,
            self._code,
            self._table,
            self._quote,
            self._extra,
        )
        while True:
            for index, kind in enumerate(self._rng.sample(kinds, len(kinds))):
                if index % 3 == 0 and self._rng.random() < 0.5:
                    yield f"## {self._pick(phrases.HEADINGS)}\n\n"
                yield kind() + "\n\n"

    def _paragraph(self) -> str:
        return self._sentences(2, 5)

    def _list(self) -> str:
        items = self._rng.sample(phrases.ITEMS, self._rng.randint(2, 5))
        return self._sentences(1, 1) + "\n\n" + "\n".join(f"- {self._about(item)}" for item in items)

    def _steps(self) -> str:
        steps = self._rng.sample(phrases.STEPS, self._rng.randint(3, 5))
        return "\n".join(f"{number}. {self._about(step)}" for number, step in enumerate(steps, 1))

    def _code(self) -> str:
        language, source = self._rng.choice(phrases.CODE)
        return f"```{language}\n{source}```"

    def _table(self) -> str:
        header, rows = self._rng.choice(phrases.TABLES)
        lines = [header, tuple("---" for _ in header), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def _quote(self) -> str:
        return "\n".join(f"> {line}" for line in self._pick(phrases.QUOTES).split("\n"))

    def _extra(self) -> str:
        material = self._rng.choice((phrases.LINKS, phrases.FORMULAS, phrases.EMOJI, phrases.CJK))
        return self._pick(material)

    def _sentences(self, fewest: int, most: int) -> str:
        chosen = self._rng.sample(phrases.SENTENCES, self._rng.randint(fewest, most))
        return " ".join(self._about(sentence) for sentence in chosen)

    def _pick(self, material: tuple[str, ...]) -> str:
        return self._about(self._rng.choice(material))

    def _about(self, sentence: str) -> str:
        return sentence.replace("{topic}", self._topic)


_SPEAKER = re.compile(r"\A[^\n:]{1,40}: ")
"""A team's bot puts the asker's name before the question; the answer is not about the asker."""


def _topic(question: str) -> str:
    """Up to three neighbouring words of the question that carry its meaning."""
    words = _WORD.findall(_SPEAKER.sub("", question)[:400])
    kept: list[str] = []
    for word in words:
        if word.lower() in _STOP_WORDS:
            if kept:
                break
        else:
            kept.append(word[:24])
        if len(kept) == 3:
            break
    return " ".join(kept) or "your question"
