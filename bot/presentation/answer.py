"""The messages of one answer, in each of its phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from bot.clock import Clock
from bot.domain.channel_summary.plan import Progress
from bot.domain.pace import Pace
from bot.i18n.catalogue import fill, say
from bot.markdown.document import AnswerDocument
from bot.markdown.files import File
from bot.presentation.mentions import with_mentions
from bot.presentation.page import Control, Page, compact_duration, escape_inline, quote_question
from bot.tasks.demand import Demand

# Discord allows 4000 characters over all text of a Components V2 message (docs, components/reference,
# "Text Display"); the library does not check it. The rest is room for the footer, the cursor and a margin.
MESSAGE_LIMIT = 4000
FOOTER_ROOM = 350
CURSOR = " ▍"
KEPT_NAMES = 64


class Phase(Enum):
    """The phase of an answer, as its reader sees it."""

    WAITING = auto()
    HELD = auto()
    ASKED = auto()
    READING = auto()
    THINKING = auto()
    STREAMING = auto()
    RECONNECTING = auto()
    DONE = auto()
    """What has ended stays ended, whatever is told of it too late."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The small text under a finished answer. Times in seconds; None is left out.

    ``version`` is the number of this version and how many there are; a single version is not mentioned.
    ``outcome`` is a catalogue key under ``outcome.``, with ``params``, for an answer that did not end normally.
    ``recalled`` is how many earlier turns the model was shown when there were more; ``summarised``: it read a
    summary of the others. ``notice`` is a sentence about a later request that failed. ``cluster`` is the name of
    the cluster that answered, empty where that need not be told.
    """

    model: str | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    ttft: float | None = None
    waited: float | None = None
    outcome: str | None = None
    version: tuple[int, int] | None = None
    params: tuple[tuple[str, object], ...] = ()
    recalled: int | None = None
    summarised: bool = False
    notice: str = ""
    cluster: str = ""


@lru_cache(KEPT_NAMES)
def short_model(name: str | None) -> str:
    """The model's name without its owner, safe for a footer: ``Qwen/Qwen3-8B`` → ``Qwen3-8B``. Empty when there is
    no name."""
    return escape_inline((name or "").rstrip("/").rpartition("/")[2][:60])


class AnswerView:
    """The state of an answer's messages, which services change and the delivery renders as pages.

    ``asker`` is text that is safe to show (a mention or an escaped name). An empty ``question`` is not quoted: the
    answer is then a reply to it. ``first_line`` is small text above the answer, ``heading`` a line above that.
    ``mentions`` are shown in place of their names. ``missed``: it was asked while the bot was away; ``brought``:
    where its asker brought the bot along, and a long answer ends in a file. Both is said.
    """

    def __init__(
        self,
        *,
        question: str,
        asker: str,
        locale: str,
        clock: Clock,
        max_pages: int,
        mentions: Mapping[str, str] | None = None,
        first_line: str = "",
        missed: bool = False,
        heading: str = "",
        brought: bool = False,
    ) -> None:
        self._origin = f"{say(locale, 'missed.note')} · " if missed else ""
        self._bound = f" · {say(locale, 'brought.note')}" if brought else ""
        self._mentions = mentions or {}
        self._quote = _above(heading, question, first_line)
        self._base = ""
        self._asker = asker
        self._locale, self._clock = locale, clock
        self._max_pages = max_pages
        self._phase = Phase.ASKED
        self._phase_since = clock.monotonic()
        self._note = self._notice = ""
        self.part: Progress | None = None
        self._model: str | None = None
        self._receipt: Receipt | None = None
        self._controls: tuple[Control, ...] = (Control.STOP,)
        self._goes_on = False
        self._asked_since: float | None = None
        self._thinking_since: float | None = None
        self._pace = Pace()
        self._grown = 0
        self.demand = Demand()
        """Asked before the pages are made: what has arrived of the answer is wanted on them."""
        self.document = self._new_document()

    def _new_document(self) -> AnswerDocument:
        room = MESSAGE_LIMIT - FOOTER_ROOM
        document = AnswerDocument(limit=room, first_limit=room - len(self._quote) - 1, max_pages=self._max_pages)
        if self._base:
            document.feed(self._base)
        return document

    @property
    def is_waiting(self) -> bool:
        """Whether it shows a position, or why the queue does not move."""
        return self._phase is Phase.WAITING or self._phase is Phase.HELD

    @property
    def is_asked(self) -> bool:
        """Whether it shows that the question was sent, as also a new question does that need not wait."""
        return self._phase is Phase.ASKED

    @property
    def grown(self) -> int:
        """The number of pieces of text so far, as long as there is room on the pages."""
        return self._grown

    @property
    def has_text(self) -> bool:
        """Whether any text of the answer is there."""
        return self.document.has_text

    def _enter(self, phase: Phase) -> None:
        if self._phase not in (phase, Phase.DONE):
            self._phase, self._phase_since = phase, self._clock.monotonic()

    def _wait(self, phase: Phase, note: str) -> None:
        self._enter(phase)
        if self._phase is phase:
            self._note, self._controls = note, (Control.CANCEL,)

    def show_position(self, position: int, seconds: float | None) -> None:
        """Show the ``position`` in the queue (from 1) and the estimated wait in ``seconds``, None when unknown."""
        note = say(self._locale, "footer.position", position=_ordinal(self._locale, position))
        if seconds is not None:
            about = compact_duration(max(1.0, seconds), self._locale)
            note += " · " + say(self._locale, "footer.about", duration=about)
        self._wait(Phase.WAITING, note)

    def show_hold(self, key: str, *, cluster: str = "", **params: object) -> None:
        """Show why the queue does not move; ``key`` is the reason's catalogue key, ``cluster`` the name of the
        only cluster that it is about."""
        named = f"{escape_inline(cluster)} · " if cluster else ""
        self._wait(Phase.HELD, f"{named}{fill(self._locale, key, params)}")

    def show_asked(self, model: str | None) -> None:
        """Show that the question was sent to the cluster; text of an earlier attempt is dropped. The time until a
        pipeline takes it counts from the first call, because a refused question is sent again."""
        if self._phase is Phase.DONE:
            return
        self._model = model
        self._note = ""
        self._controls = (Control.STOP,)
        self._thinking_since = None
        self._pace = Pace()
        self.document = self._new_document()
        if self._asked_since is None:
            self._asked_since = self._clock.monotonic()
        self._enter(Phase.ASKED)

    def show_taken(self) -> None:
        """Show that a pipeline has taken the question and the model reads it."""
        self._asked_since = None
        if self._phase is Phase.ASKED:
            self._enter(Phase.READING)

    def begin_with(self, text: str) -> None:
        """Show ``text``, which the answer continues (Continue)."""
        if text != self._base:
            self._base = text
            self.document = self._new_document()

    def restore(self, text: str) -> None:
        """Replace the text written so far by ``text``; the text that the answer continues stays in front."""
        self.document = self._new_document()
        self.document.feed(text)

    def show_thinking(self) -> None:
        """Show that a piece of the model's reasoning came."""
        self._pace.came(self._clock.monotonic())
        if self._thinking_since is None:
            self._thinking_since = self._clock.monotonic()
        if self._phase is not Phase.STREAMING:
            self._enter(Phase.THINKING)

    def text(self, piece: str, tokens: int = 1) -> None:
        """Add a piece of the answer, of about so many ``tokens``."""
        if self._phase is Phase.DONE:
            return
        if self._phase is Phase.RECONNECTING and not self._goes_on:
            # The text of the broken stream stays until the new one brings text.
            self.document = self._new_document()
            self._pace = Pace()
        self._pace.came(self._clock.monotonic(), tokens)
        self._enter(Phase.STREAMING)
        self.document.feed(piece)
        if not self.document.is_full:
            self._grown += 1

    def show_reconnecting(self, held: str | None = None, *, goes_on: bool = False, **params: object) -> None:
        """Show that the stream broke and the request is repeated, with ``goes_on`` only for the rest of the
        answer. ``held`` is the catalogue key of the reason why it is not repeated yet."""
        self._goes_on = goes_on
        self._note = fill(self._locale, held, params) if held is not None else ""
        self._enter(Phase.RECONNECTING)

    def finish(self, receipt: Receipt, controls: tuple[Control, ...] = ()) -> None:
        """Show the end of the answer, of any kind; ``controls`` are the buttons to offer now."""
        self.document.close()
        self._receipt = receipt
        self._controls = controls
        self._enter(Phase.DONE)

    def notify(self, key: str) -> bool:
        """Add a notice to the small text until the answer is done; False when there is one already."""
        if self._notice:
            return False
        self._notice = f" · {say(self._locale, key)}"
        return True

    async def prepare(self) -> None:
        """Have read what has arrived, and process a long text in small steps, with a turn for other tasks after
        each; `render` is quick then."""
        if self.demand.ask():
            await self._clock.sleep(0)
        await _worked(self.document, self._clock)

    def render(self) -> tuple[Page, ...]:
        """The pages as they should be now."""
        bodies = list(self.document.pages())
        if self._phase is Phase.STREAMING:
            bodies[-1] = _with_cursor(bodies[-1])
        bodies[0] = "\n".join(part for part in (self._quote, bodies[0]) if part)
        bodies = [with_mentions(body, self._mentions, limit=MESSAGE_LIMIT - FOOTER_ROOM) for body in bodies]
        last = len(bodies) - 1
        files: tuple[File, ...] = ()
        if self._phase is Phase.DONE and (overflow := self.document.overflow()) is not None:
            files = overflow.files()
        return tuple(
            Page(body, self.footer(), self._controls, files) if index == last else Page(body)
            for index, body in enumerate(bodies)
        )

    def footer(self) -> str:
        """The small text under the answer now."""
        notice = "" if self._phase is Phase.DONE else f"{self._bound}{self._notice}"
        part = _part_text(self.part, self._phase, self._locale)
        return f"-# {self._origin}{part}{self._footer_text()}{notice}"[: FOOTER_ROOM - 20]

    def _footer_text(self) -> str:
        match self._phase:
            case Phase.WAITING | Phase.HELD:
                return f"{self._asker} · {self._note}"
            case Phase.ASKED:
                return f"{self._asker} · {self._asked_text()}"
            case Phase.READING:
                return f"{self._asker} · {self._reading_text()}"
            case Phase.THINKING:
                since = self._thinking_since or self._phase_since
                thinking = say(
                    self._locale, "footer.thinking", model=self._model_name(), duration=self._time_since(since)
                )
                return " · ".join(part for part in (thinking, self._silence()) if part)
            case Phase.STREAMING:
                return " · ".join(part for part in (self._model_name(), self._silence() or self._speed()) if part)
            case Phase.RECONNECTING:
                again = say(self._locale, "footer.reconnecting", model=self._model_name())
                return " · ".join(part for part in (again, self._note) if part)
            case Phase.DONE:
                return _receipt_text(self._receipt or Receipt(), self._locale)

    def _asked_text(self) -> str:
        since = self._phase_since if self._asked_since is None else self._asked_since
        if self._clock.monotonic() - since < WAIT_FOR_CLUSTER_SHOWN_AFTER:
            return say(self._locale, "footer.asked", model=self._model_name())
        return say(self._locale, "footer.pipeline", duration=self._time_since(since))

    def _reading_text(self) -> str:
        if self._clock.monotonic() - self._phase_since < WAIT_FOR_CLUSTER_SHOWN_AFTER:
            return say(self._locale, "footer.asked", model=self._model_name())
        return say(self._locale, "footer.reading", duration=self._time_since(self._phase_since))

    def _silence(self) -> str:
        silent = self._pace.silent_for(self._clock.monotonic())
        return "" if silent is None else say(self._locale, "footer.silent", duration=_calm(silent, self._locale))

    def _speed(self) -> str:
        speed = self._pace.speed
        # In the first second the speed is too inaccurate to show.
        if speed is None or self._pace.seconds < SPEED_SHOWN_AFTER:
            return ""
        return say(self._locale, "footer.speed", rate=round(speed)) if round(speed) else ""

    def _time_since(self, moment: float) -> str:
        return _calm(self._clock.monotonic() - moment, self._locale)

    def _model_name(self) -> str:
        return short_model(self._model) or say(self._locale, "footer.the_cluster")


def _above(heading: str, question: str, first_line: str) -> str:
    """What stands above the answer: heading, quoted question and small first line, as far as there are any."""
    line = f"-# {escape_inline(first_line)}" if first_line else ""
    return "\n".join(filter(None, (heading, quote_question(question) if question else "", line)))


WAIT_FOR_CLUSTER_SHOWN_AFTER = 1.5
SPEED_SHOWN_AFTER = 1.0
WAIT_SHOWN_FROM = 1.0


async def pages_of(text: str, *, limit: int, clock: Clock) -> tuple[str, ...]:
    """The pages of a whole text, each of at most ``limit`` characters, made in small steps as
    :meth:`AnswerView.prepare` does."""
    document = AnswerDocument(limit=limit)
    document.feed(text)
    await _worked(document, clock)
    document.close()
    return document.pages()


async def _worked(document: AnswerDocument, clock: Clock) -> None:
    while document.work():
        await clock.sleep(0)


def _part_text(progress: Progress | None, phase: Phase, locale: str) -> str:
    if progress is None or progress.of == 1 or phase is Phase.DONE:
        return ""
    return f"{say(locale, 'footer.part', part=progress.part, of=progress.of)} · "


def _calm(seconds: float, locale: str) -> str:
    """A duration, rounded so that a footer changes every second at first, and every five seconds from 15 s on."""
    step = 1 if seconds < 15 else 5
    return compact_duration(max(1.0, seconds // step * step), locale)


def _with_cursor(body: str) -> str:
    return body if not body or body.endswith("```") else body + CURSOR


def _receipt_text(receipt: Receipt, locale: str) -> str:
    parts: list[str] = [receipt.notice] if receipt.notice else []
    if receipt.version is not None and receipt.version[1] > 1:
        number, of = receipt.version
        parts.append(say(locale, "receipt.version", number=number, of=of))
    if receipt.outcome is not None:
        parts.append(fill(locale, f"outcome.{receipt.outcome}", dict(receipt.params)))
    parts += [name for name in (short_model(receipt.model), escape_inline(receipt.cluster)) if name]
    if receipt.tokens:
        parts.append(say(locale, "receipt.tokens", count=receipt.tokens, tokens=receipt.tokens))
    if receipt.tokens_per_second is not None:
        parts.append(say(locale, "footer.speed", rate=f"{receipt.tokens_per_second:.0f}"))
    if receipt.ttft is not None:
        parts.append(say(locale, "receipt.ttft", duration=compact_duration(receipt.ttft, locale)))
    if receipt.waited is not None and receipt.waited >= WAIT_SHOWN_FROM:
        parts.append(say(locale, "receipt.waited", duration=compact_duration(receipt.waited, locale)))
    if receipt.recalled is not None:
        parts.append(say(locale, "receipt.recalled", count=receipt.recalled))
    if receipt.summarised:
        parts.append(say(locale, "receipt.summarised"))
    return " · ".join(parts)


def _ordinal(locale: str, position: int) -> str:
    key = f"ordinal.{position}" if position <= 3 else "ordinal.n"
    if position > 20 and position % 10 in {1, 2, 3} and position % 100 not in {11, 12, 13}:
        key = f"ordinal.n{position % 10}"
    return say(locale, key, n=position)
