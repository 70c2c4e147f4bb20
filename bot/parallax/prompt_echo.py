"""Removal of the prompt from an answer that begins by repeating it.

A Parallax worker whose request ends without a visible token (the engine failed, it refused a parameter, the
model ended at once) sends the decoded prompt as the answer's first content: the system prompt and everybody's
turns, each behind its role's name, and the assistant's header; then the error or ``finish_reason: "stop"``
(recordings 131, 136, 137). The chat template's special tokens may be in it or not.

**What is compared.** The letters and digits of the messages (:func:`bot.parallax.sent_prompt.folded`), so that
trimmed and changed white space, lost punctuation and other compositions of a character make no difference.
Between the messages template text may stand: role names, special tokens of any name, punctuation; before the
first one also a system prompt of the template's own, if it has a header. The system prompt may stand where it
was sent, before the last question, or be left out.

**How long text is held.** As long as it may still be the prompt. An ordinary answer shows at its first piece
that it is not, unless it begins like the prompt.

**What is an echo.** The text must run through all messages, to the last one. Then it is one

* when the assistant's header or a special token follows;
* when the system prompt was among them and they have at least 16 letters and digits, or role names stood
  between them: templates whose special tokens are all lost show no header;
* when nothing follows, and there were several messages or role names between them. A sole question that comes
  back without any template text is not: "hi" may be answered with "hi";
* without the system prompt that was sent, only when the header follows and nothing after it: otherwise it is a
  copy of the conversation that somebody asked for.

What follows an echo is the answer. A text that ends before that is an echo when role names or special tokens
stand between the messages and it runs through one message, or 16 letters and digits of the first. When the
stream broke, the text still held is dropped: nothing is lost, because the question is sent again.

**Templates unknown here.** An engine sends a token or a few at a time. A first piece that by itself holds every
message in order, 64 letters and digits or more, is the prompt, whatever is between them. Such a prompt in several
pieces would be shown; none was ever observed.

A false alarm needs a model that repeats its system prompt and every message after it word for word. Only somebody
who wants to learn the system prompt asks for that; the text that the model adds is still shown.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.parallax.prompt_trace import PromptTrace, Verdict
from bot.parallax.sent_prompt import Plan, SentPrompt, folded

_TOO_MUCH_AT_ONCE = 64
_AROUND_MESSAGES = 2000


class Released(NamedTuple):
    """Text that may be passed on, and when its pieces arrived."""

    text: str = ""
    times: tuple[float, ...] = ()


_NOTHING = Released()


class EchoGuard:
    """Passes on a text, in pieces cut anywhere, without the prompt that it may begin with.

    Times are seconds of the caller's clock. ``whole``: the text comes as one piece although the model wrote it in
    many, so the size of the first piece proves nothing.
    """

    def __init__(self, prompt: SentPrompt, *, whole: bool = False) -> None:
        self._prompt = prompt
        self._trace: PromptTrace | None = PromptTrace(prompt)
        self._held: list[tuple[str, float]] = []
        self._size = 0
        self._whole = whole
        self.echoed = 0
        """The number of characters that were the prompt."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing is held, and everything is passed on from now on."""
        return self._trace is None

    def feed(self, piece: str, now: float) -> Released:
        """Take in a piece that arrived at ``now``; returns the text that may be passed on."""
        if self._trace is None:
            return Released(piece, (now,))
        self._held.append((piece, now))
        self._size += len(piece)
        verdict = self._trace.feed(piece)
        if verdict is Verdict.OPEN and self._size <= self._prompt.limit:
            return _NOTHING
        return self._pass(self._trace.cut or self._all_at_once())

    def close(self, *, broken: bool) -> Released:
        """End the text, ``broken`` or not; returns the held text that may be passed on."""
        if self._trace is None:
            return _NOTHING
        echo = self._size if self._trace.is_echo_at_end() else self._trace.cut or self._all_at_once()
        released = self._pass(echo)
        return _NOTHING if broken else released

    def _pass(self, cut: int) -> Released:
        """Drop ``cut`` characters, pass on the rest, and stop checking."""
        self._trace = None
        self.echoed = cut
        kept: list[str] = []
        times: list[float] = []
        for piece, time in self._held:
            if cut < len(piece):
                kept.append(piece[cut:])
                times.append(time)
            cut = max(0, cut - len(piece))
        self._held.clear()
        return Released("".join(kept), tuple(times))

    def _all_at_once(self) -> int:
        """The length of the first piece if it holds the whole prompt, else 0."""
        if self._whole or not self._held:
            return 0
        first = self._held[0][0]
        if len(first) < _TOO_MUCH_AT_ONCE or len(first) > self._prompt.limit:
            return 0
        text = folded(first)
        return len(first) if any(_holds(text, plan) for plan in self._prompt.plans if not plan.lacking) else 0


def _holds(text: str, plan: Plan) -> bool:
    """Whether ``text`` contains all messages, one after the other, and little else."""
    at = said = 0
    for step in plan.steps:
        found = [(start, form) for form in step.forms if (start := text.find(form, at)) >= 0]
        if not found:
            return False
        start, form = min(found)
        if start - at > _AROUND_MESSAGES:
            return False
        at, said = start + len(form), said + len(form)
    return said >= _TOO_MUCH_AT_ONCE and len(text) - at <= _TOO_MUCH_AT_ONCE
