"""Forty questions at once: ten people, of whom one asks twenty; how long each waited, and how long they should."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.discord_api import Message
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.log import ChatRecord
from sandbox.parallax.script import Delta, Script
from tests.e2e.bot_process import Stage
from tests.e2e.reading import is_over

HEAVY = "heavy"
QUESTIONS = 40
OF_ONE = 20
LIGHT = 9
SERVICE = 1.0
CAPACITY = 4
TOKENS = 10
IDEAL = QUESTIONS * SERVICE / CAPACITY
"""Seconds that the cluster needs for all questions when it never idles."""

SETTINGS = {"QUEUE_MAX_PER_USER": "100", "ANNOUNCE_AFTER": "3600", "LOG_LEVEL": "WARNING"}


def everyone() -> dict[str, int]:
    """How many questions each person asks."""
    each, more = divmod(QUESTIONS - OF_ONE, LIGHT)
    return {HEAVY: OF_ONE, **{f"light{n}": each + (n < more) for n in range(LIGHT)}}


def tag(person: str, number: int) -> str:
    """A word in the question by which it is known again."""
    return f"{person}-{number:02d}"


def script_of(seconds: float) -> Script:
    """An answer that takes a pipeline for ``seconds`` of the scheduler's time."""
    step = seconds / TOKENS
    return Script(tuple(Delta(f"word{n} ", delay=step) for n in range(TOKENS)), delay=0.0)


def by_turns() -> list[tuple[str, int]]:
    """All questions as (person, number): every other one is the heavy person's, the rest go round."""
    counts = everyone()
    light = {name: count for name, count in counts.items() if name != HEAVY}
    others = [(name, n) for n in range(OF_ONE) for name, count in light.items() if n < count]
    return [one for n, other in enumerate(others) for one in ((HEAVY, n), other)]


@dataclass(frozen=True, slots=True)
class Served:
    """An answered question. Real seconds since all were asked: ``sent`` to the scheduler, its ``first`` token and
    ``done`` there."""

    person: str
    sent: float
    first: float
    done: float

    def scaled(self, scale: float) -> Served:
        """The same in the seconds of a scheduler that runs ``scale`` times as fast."""
        return Served(self.person, self.sent * scale, self.first * scale, self.done * scale)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All questions with what they met. ``repeated`` counts answers beyond one per question, at the scheduler or
    in Discord; ``missing`` those without; times in real seconds."""

    served: tuple[Served, ...]
    missing: int
    repeated: int
    longest_hold: float

    @property
    def makespan(self) -> float:
        """From the first question to the last token of the last answer."""
        return max(one.done for one in self.served)

    def mean_waits(self, service: float) -> dict[str, float]:
        """Each person's mean time from the question to the last token, less ``service`` seconds."""
        by_person: dict[str, list[float]] = defaultdict(list)
        for one in self.served:
            by_person[one.person].append(one.done - service)
        return {person: statistics.fmean(waits) for person, waits in by_person.items()}


async def ask_all(stage: Stage, *, service: float, timeout: float) -> Outcome:
    """Everybody asks at once, the heavy one and the others by turns; returns when all is answered.

    ``service`` is how long a pipeline works on each, in the scheduler's seconds.
    """
    rooms = _rooms(stage)
    people = {name: _person(stage, name) for name in everyone()}
    questions = by_turns()
    for name, number in questions:
        stage.parallax.script(script_of(service), match=tag(name, number))
    began = time.monotonic()
    messages = await asyncio.gather(
        *(
            _ask(people[name], room, f"Please {tag(name, number)}")
            for room, (name, number) in zip(rooms, questions, strict=True)
        )
    )
    await stage.discord.wait_until(lambda: all(map(is_over, messages)), timeout)
    return _outcome(stage, questions, began)


def _person(stage: Stage, name: str) -> Person:
    return stage.discord.new_person(name, "Team")


async def _ask(person: Person, room: Channel, prompt: str) -> Message:
    return await (await person.slash(room, "ask", prompt=prompt)).response()


def _rooms(stage: Stage) -> list[Channel]:
    """One for each question: in one channel a person's questions would wait for each other, and each would cost
    more than the one before, whose answer it is asked with."""
    world, beside = stage.discord.world, stage.discord.channel("general")
    return [
        world.add_channel(Channel(world.ids.next(), beside.type, f"room-{number}", beside.guild_id))
        for number in range(QUESTIONS)
    ]


def _outcome(stage: Stage, questions: Sequence[tuple[str, int]], began: float) -> Outcome:
    served: list[Served] = []
    missing = repeated = 0
    shown = Counter(
        question
        for message in stage.discord.world.messages.values()
        if message.author.bot and "word9" in message.text
        for question in questions
        if tag(*question) in message.text
    )
    records = stage.parallax.requests
    for question in questions:
        done = [r for r in records if r.outcome == "completed" and tag(*question) in _question(r)]
        missing += not done or not shown[question]
        repeated += max(0, len(done) - 1) + max(0, shown[question] - 1)
        served += [_served(question[0], record, began) for record in done[:1]]
    return Outcome(tuple(served), missing, repeated, longest_hold(records))


def _served(person: str, record: ChatRecord, began: float) -> Served:
    first, last = record.first_token_at or 0.0, record.last_token_at or 0.0
    return Served(person, record.arrived_at - began, first - began, last - began)


def longest_hold(records: Sequence[ChatRecord]) -> float:
    """The longest time from a request to its headers, in real seconds."""
    return max(record.headers_at - record.arrived_at for record in records if record.headers_at is not None)


def _question(record: ChatRecord) -> str:
    return str(record.messages[-1]["content"])


def fair_waits(rate: float, *, service: float = SERVICE) -> Mapping[str, float]:
    """Each person's mean wait under perfect sharing.

    A fluid that serves ``rate`` questions a second in all, split evenly among those who have any left, no question
    faster than in ``service`` seconds; a person's questions one after the other.
    """
    counts = everyone()
    left = {person: float(count) for person, count in counts.items()}
    ended: dict[str, list[float]] = {person: [] for person in counts}
    now = 0.0
    while any(left.values()):
        shares = _shares({person: _whole(rest) / service for person, rest in left.items() if rest}, rate)
        # To the next end of any question: shares are constant until then.
        step = min((left[person] - _whole(left[person]) + 1) / share for person, share in shares.items())
        now += step
        for person, share in shares.items():
            left[person] = round(left[person] - share * step, 9)
            while len(ended[person]) < counts[person] - _whole(left[person]):
                ended[person].append(now)
    return {person: statistics.fmean(times) - service for person, times in ended.items()}


def _whole(rest: float) -> int:
    """How many questions ``rest`` of them still are, the begun one included."""
    return -int(-rest // 1)


def _shares(most: Mapping[str, float], rate: float) -> dict[str, float]:
    """``rate`` split evenly, nobody getting more than their ``most``."""
    shares: dict[str, float] = {}
    rest = rate
    for done, (person, limit) in enumerate(sorted(most.items(), key=lambda item: item[1])):
        shares[person] = min(limit, rest / (len(most) - done))
        rest -= shares[person]
    return shares


def unfairness(outcome: Outcome, ideal: Mapping[str, float], service: float) -> float:
    """The worst ratio, over everybody but the heavy one, of the mean wait to the ideal one."""
    waits = outcome.mean_waits(service)
    return max(waits[person] / ideal[person] for person in waits if person != HEAVY)


def print_waits(title: str, outcome: Outcome, ideal: Mapping[str, float], service: float) -> None:
    """Everybody's mean wait beside the ideal one."""
    print(f"\n{title}: mean wait in s, measured (perfect sharing)")
    for person, wait in sorted(outcome.mean_waits(service).items()):
        print(f"  {person:8} {wait:6.2f} ({ideal[person]:.2f})")


def requires_capacity(parallax: ParallaxDouble) -> None:
    """Raises RuntimeError when the cluster is not the one the figures are about."""
    if parallax.capacity != CAPACITY:
        raise RuntimeError(f"the cluster runs {parallax.capacity} at once, not {CAPACITY}")
