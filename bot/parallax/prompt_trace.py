"""Comparison of a text with the prompt that was sent, in the form that any chat template may give it.

All possible positions of the text in the prompt are followed in parallel: in template text before a message,
inside a message, or after the last one. A message is compared once for each position where it may begin, piece by
piece, so the cost grows with the length of the text and not with the number of its pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from bot.parallax.sent_prompt import Plan, SentPrompt, folded
from bot.parallax.template_text import (
    PREAMBLE_END,
    UNDECIDED,
    Match,
    Token,
    blank,
    inner_token,
    is_header,
    opening_blank,
    opening_token,
    opens_preamble,
    tail_token,
)

_NEVER = 1_000_000
_PREAMBLE = 2000
_POSITIONS = 200
_FIRST_BLOCK, _LARGEST_BLOCK = 16, 4096

CERTAIN = 16
"""The number of letters and digits above which a repetition is no coincidence."""


class Verdict(Enum):
    """What the text so far can be."""

    OPEN = auto()
    ORDINARY = auto()
    ECHO = auto()


@dataclass(frozen=True, slots=True)
class _Gap:
    """A position in template text before message ``step``. ``at``: characters read; ``words``: role names and
    special tokens so far; ``said``: letters and digits of the messages before; ``tried``: the message does not
    begin here."""

    plan: Plan
    step: int
    at: int
    tokens: int = 0
    words: int = 0
    said: int = 0
    tried: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for two ways to the same position."""
        return "gap", id(self.plan), self.step, self.at, min(self.words, 2), self.tried

    @property
    def opens(self) -> bool:
        """Whether nothing of the prompt was seen yet."""
        return self.step == 0 and self.words == 0


@dataclass(frozen=True, slots=True)
class _Inside:
    """A position inside a message, after ``done`` of its letters and digits."""

    gap: _Gap
    form: str
    at: int
    done: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for two ways to the same position."""
        return "inside", id(self.gap.plan), self.gap.step, self.gap.words > 0, self.form, self.at, self.done


@dataclass(frozen=True, slots=True)
class _Tail:
    """A position after the last message. ``done``: how much of its punctuation was seen; ``closed``: a special
    token or the assistant's header was seen; ``named``: the header was seen; ``cut``: where the white space before
    the answer begins."""

    gap: _Gap
    at: int
    cut: int
    done: int = 0
    closed: bool = False
    named: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for two ways to the same position."""
        return "tail", id(self.gap.plan), self.gap.words > 0, self.at, self.done, self.closed, self.named


_Position = _Gap | _Inside | _Tail


class PromptTrace:
    """Compares a text, in pieces cut anywhere, with a prompt. After ECHO, ``cut`` is where the answer begins."""

    def __init__(self, prompt: SentPrompt) -> None:
        self._prompt = prompt
        self._text = ""
        self._base = 0
        self._positions: list[_Position] = [_Gap(plan, 0, 0) for plan in prompt.plans]
        self._preamble: tuple[int, int] | None = None
        self._named = False
        self.cut: int | None = None

    def feed(self, piece: str) -> Verdict:
        """Take in a piece; returns what the text so far can be."""
        self._text += piece
        work, self._positions = self._positions, []
        seen: dict[tuple[object, ...], int] = {}
        while work or (work := self._after_preamble()):
            position = work.pop()
            if _tokens(position) < seen.get(position.key, _NEVER):
                seen[position.key] = _tokens(position)
                work.extend(self._advanced(position))
            if len(self._positions) > _POSITIONS:
                return Verdict.ORDINARY
        # Where more of the text may be the prompt, its end is not known yet.
        open_ended = self._preamble is not None and not self._named
        if self.cut is not None and not open_ended and not any(map(_has_begun, self._positions)):
            return Verdict.ECHO
        self._forget()
        return Verdict.OPEN if self._positions or self._preamble else Verdict.ORDINARY

    def is_echo_at_end(self) -> bool:
        """Whether the text, if it ends here, is the prompt or enough of it to be certain."""
        return any(map(self._convicts, self._positions))

    def _convicts(self, position: _Position) -> bool:
        if isinstance(position, _Inside):
            return position.gap.words > 0 and (position.gap.step > 0 or position.done >= CERTAIN)
        if isinstance(position, _Gap):
            return position.words > 0 and (position.step > 0 or (not position.plan.steps and position.words > 1))
        closed = position.closed or is_header(self._text[position.at - self._base :])
        if closed or position.gap.plan.lacking:
            return closed
        several = len(position.gap.plan.steps) > 1 or self._prompt.ends_wordless
        return position.gap.words > 0 or (several and position.gap.said >= CERTAIN)

    def _forget(self) -> None:
        """Drop the text that all positions have passed."""
        end = self._base + len(self._text)
        needed = [position.at for position in self._positions]
        if self._preamble:
            needed.append(self._preamble[0])
        least = min(needed, default=end)
        self._text, self._base = self._text[least - self._base :], least

    def _advanced(self, position: _Position) -> list[_Position]:
        """The positions that follow this one. A position that must wait for more text is kept."""
        if isinstance(position, _Inside):
            return self._in_message(position)
        if isinstance(position, _Tail):
            return self._in_tail(position)
        return self._in_gap(position)

    # Before a message

    def _in_gap(self, gap: _Gap) -> list[_Position]:
        if gap.plan.steps and gap.step == len(gap.plan.steps):
            return [_Tail(gap, gap.at, gap.at)]
        if gap.opens:
            return self._at_opening(gap)
        if gap.at - self._base == len(self._text):
            self._positions.append(gap)
            return []
        messages = self._messages(gap)
        at = blank(self._text, gap.at - self._base)
        return [*messages, *self._template(replace(gap, at=self._base + at, tried=True), at)]

    def _at_opening(self, gap: _Gap) -> list[_Position]:
        at = opening_blank(self._text, gap.at - self._base)
        gap = replace(gap, at=self._base + at)
        if at == len(self._text):
            self._positions.append(gap)
            return []
        first = self._text[at]
        if first not in "<[]" and not first.isalnum():
            return self._messages(gap) if first in gap.plan.openers else []
        return [*self._messages(gap), *self._template(gap, at)]

    def _messages(self, gap: _Gap) -> list[_Position]:
        if gap.tried or not gap.plan.steps or (gap.opens and gap.plan.lacking):
            return []
        return [_Inside(gap, form, gap.at) for form in gap.plan.steps[gap.step].forms]

    def _template(self, gap: _Gap, at: int) -> list[_Position]:
        if at == len(self._text):
            self._positions.append(gap)
            return []
        if gap.tokens >= self._prompt.tokens_in_a_gap:
            return []
        token = (opening_token if gap.opens else inner_token)(self._text, at)
        if token.match is Match.PARTIAL or self._undecided_header(gap, at, token):
            self._positions.append(replace(gap, tried=True))
            return []
        following = replace(gap, tokens=gap.tokens + 1, tried=False)
        if token.match is Match.NONE:
            # a bracket that belongs to no token: the message before ended with it
            loose = not gap.opens and self._text[at] in "<["
            return [replace(following, at=gap.at + 1)] if loose else []
        if gap.step == 0 and opens_preamble(self._text, at):
            self._preamble = self._preamble or (self._base + token.end, self._base + token.end + _PREAMBLE)
        words = gap.words + (token.match is Match.WORD)
        return [replace(following, at=self._base + token.end, words=words)]

    def _undecided_header(self, gap: _Gap, at: int, token: Token) -> bool:
        """Whether what follows the word ``system`` decides if a template's own words begin with it."""
        return (
            gap.step == 0 and token.match is Match.WORD and token.end == len(self._text) and self._text[at] == "s"
        )

    def _after_preamble(self) -> list[_Position]:
        """The positions where the first message may begin after a system prompt of the template's own."""
        if self._preamble is None:
            return []
        begin, until = self._preamble
        end = self._base + len(self._text)
        found = list(PREAMBLE_END.finditer(self._text, begin - self._base, until - self._base))
        for match in found:
            begin = self._base + match.end()
        begin = max(begin, end - UNDECIDED)
        self._preamble = (begin, until) if begin < until else None
        positions: list[_Position] = []
        for match in found:
            at = self._base + (match.end() if match[0].isspace() else match.start())
            positions.extend(_Gap(plan, 0, at, words=1) for plan in self._prompt.plans)
        return positions

    # Inside a message

    def _in_message(self, position: _Inside) -> list[_Position]:
        form, at, done, block = position.form, position.at - self._base, position.done, _FIRST_BLOCK
        while done < len(form) and at < len(self._text):
            raw = self._text[at : at + min(block, len(form) - done)]
            new = folded(raw)
            if not form.startswith(new, done):
                if len(raw) == 1:
                    return []
                block = len(raw) // 2  # one character may fold to several: the message may end inside the block
                continue
            done, block = done + len(new), min(4 * block, _LARGEST_BLOCK)
            at += len(raw) if done < len(form) else _last_word(raw)
        gap, here = position.gap, self._base + at
        if done < len(form):
            self._positions.append(replace(position, at=here, done=done))
            return []
        return [_Gap(gap.plan, gap.step + 1, here, words=gap.words, said=gap.said + len(form))]

    # Behind the last message

    def _in_tail(self, tail: _Tail) -> list[_Position]:
        tail = self._behind_ending(tail)
        at = tail.at - self._base
        if at == len(self._text):
            self._positions.append(tail)
            return []
        token = self._tail_token(tail, at)
        if token.match is Match.PARTIAL:
            self._positions.append(tail)
        elif token.match is Match.NONE:
            self._answered(tail)
        else:
            here = self._base + token.end
            word = token.match is Match.WORD
            named = tail.named or (word and self._text[at] not in "<[]")
            return [_Tail(tail.gap, here, here, len(self._prompt.ending), tail.closed or word, named)]
        return []

    def _tail_token(self, tail: _Tail, at: int) -> Token:
        token = tail_token(self._text, at, header=not (self._prompt.goes_on or tail.named))
        if token.match is Match.NONE and self._prompt.ends_wordless:
            end = blank(self._text, at)
            return Token(Match.NEUTRAL, end) if end > at else inner_token(self._text, at)
        return token

    def _behind_ending(self, tail: _Tail) -> _Tail:
        """The position after white space and the punctuation that the last message ends with."""
        ending, at, cut, done = self._prompt.ending, tail.at - self._base, tail.cut - self._base, tail.done
        for character in self._text[at:]:
            if done < len(ending) and character == ending[done]:
                done += 1
                cut = at + 1
            elif not character.isspace():
                break
            at += 1
        return replace(tail, at=self._base + at, cut=self._base + cut, done=done)

    def _answered(self, tail: _Tail) -> None:
        """Note that text follows which no template wrote: it is the answer, if the text before it is the
        prompt."""
        gap = tail.gap
        closed = tail.closed or (self._prompt.goes_on and gap.words > 0)
        system = gap.plan.with_system and (gap.words > 0 or gap.said >= CERTAIN)
        if (closed or system) and not gap.plan.lacking:
            self._named = self._named or tail.named
            self.cut = max(self.cut or 0, tail.cut if self._prompt.goes_on else tail.at)


def _tokens(position: _Position) -> int:
    """The number of template tokens that a position has used: of two ways to it, the one with fewer is kept."""
    return position.tokens if isinstance(position, _Gap) else 0


def _has_begun(position: _Position) -> bool:
    """Whether a message, or the beginning of one, lies before this position."""
    if isinstance(position, _Inside) and position.done:
        return True
    return (position if isinstance(position, _Gap) else position.gap).step > 0


def _last_word(text: str) -> int:
    """The index after the last letter or digit of ``text``."""
    end = len(text)
    while not folded(text[end - 1]):
        end -= 1
    return end
