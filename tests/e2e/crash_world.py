"""A world in which the bot is killed again and again while people ask, and an account of every question.

Everything that happens up to a kill is drawn from its seed; what the machine's scheduling adds to it is the point.
"""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation, Person
from sandbox.discord_api.world import WorldEvent
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.script import Delta, Script
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import is_over

LATENCY = 0.06
"""Seconds of a round trip to Discord: long enough for a kill to hit a call on its way."""
SPEED = 250.0
"""Tokens per second and stream: a page takes about a quarter of a second."""
PATIENCE = 60.0
LINES_OF_A_PAGE = 45
REFUSALS = ("Not asked: the bot is restarting.", "The bot is restarting, so this was not done.")
_MARK = re.compile(r"\bq(\d+)n(\d{4})\b")

SETTINGS = {
    "QUEUE_MAX_PER_USER": "100",
    "CONTEXT_MAX_TOKENS": "256",
    "SHUTDOWN_GRACE": "0.3",
    "ANNOUNCE_AFTER": "3600",
}


@dataclass(eq=False)
class Asked:
    """A question on its way through the crashes. ``lines`` is how long its answer is each further time."""

    number: int
    invocation: Invocation
    room: Channel
    private: bool
    lines: int

    @property
    def prompt(self) -> str:
        """What was asked."""
        return prompt_of(self.number)

    @property
    def is_refused(self) -> bool:
        """Whether the asker was told that it is not taken, because it came when the bot was ending."""
        message = self.invocation.message
        return message is not None and message.ephemeral and message.text.startswith(REFUSALS)


def prompt_of(number: int) -> str:
    """The question with this number; no other contains it."""
    return f"Question <{number}>, please?"


def script_of(number: int, lines: int) -> Script:
    """An answer whose every line tells the question and its own number."""
    return Script(tuple(Delta(f"q{number}n{line:04d} {'so it goes. ' * 5}\n\n") for line in range(1, lines + 1)))


def marks_in(text: str) -> list[tuple[int, int]]:
    """The (question, line) pairs that a text shows, in its order."""
    return [(int(question), int(line)) for question, line in _MARK.findall(text)]


@dataclass(eq=False)
class CrashWorld:
    """Questions, kills, and what became of them."""

    stage: Stage
    rng: random.Random
    people: list[Person]
    rooms: list[Channel]
    repeats: int
    asked: list[Asked] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    async def burst(self) -> list[Asked]:
        """Several people ask at once; returns without waiting for the bot."""
        return [await self._ask() for _ in range(self.rng.randint(2, 5))]

    async def _ask(self) -> Asked:
        rng = self.rng
        number, person, room = next(self.numbers), rng.choice(self.people), rng.choice(self.rooms)
        private = rng.random() < 0.25
        # A private page whose id was lost cannot be found again (nothing lists ephemeral messages): one page.
        pages = 0.2 if private else rng.choice((0.2, 0.5, 1.4, 2.3))
        lines = int(pages * LINES_OF_A_PAGE)
        if not private and rng.random() < 0.2:
            # The first attempt writes more than the attempt after a crash will.
            self.stage.parallax.script(script_of(number, lines + LINES_OF_A_PAGE), match=prompt_of(number))
        for _ in range(self.repeats):
            self.stage.parallax.script(script_of(number, lines), match=prompt_of(number))
        options = {"private": True} if private else {}
        invocation = await person.slash(room, "ask", prompt=prompt_of(number), **options)
        asked = Asked(number, invocation, room, private, lines)
        self.asked.append(asked)
        return asked

    async def killed_once(self, seed: int) -> None:
        """One burst, one kill at a moment of some kind, one restart, all drawn from ``seed``."""
        self.rng.seed(seed)
        moments: dict[str, Callable[[], Awaitable[None]]] = {
            "any time": self._any_time,
            "before the acknowledgement": self._before_acknowledged,
            "acknowledgement under way": lambda: self._on_event("MESSAGE_CREATE", self._is_first),
            "sent to the cluster": self._on_arrival,
            "streaming": lambda: self._on_event("MESSAGE_UPDATE", self._is_streaming),
            "last byte": self._on_last_byte,
            "committed, not shown": self._after_last_byte,
            "further page under way": lambda: self._on_event("MESSAGE_CREATE", self._is_further),
            "last edit under way": lambda: self._on_event("MESSAGE_UPDATE", _is_receipt),
            "shutting down": self._while_shutting_down,
            "starting": self._while_starting,
        }
        name = self.rng.choice(list(moments))
        await moments[name]()
        await self.stage.bot.kill()
        self.kills[name] += 1
        if self.rng.random() < 0.25:
            self._expire_tokens()
        await self._start()

    def _expire_tokens(self) -> None:
        # As if it had taken a quarter of an hour; private answers have no other route and are left alone.
        for one in self.asked:
            if not one.private:
                one.invocation.interaction.revoked = True

    async def _start(self) -> None:
        await self.stage.discord.wait_until(lambda: not self.stage.discord.gateway.online, PATIENCE)
        await self.stage.bot.start()
        await self.stage.discord.bot_ready(timeout=PATIENCE)

    # -- moments -------------------------------------------------------------------------------------------

    async def _any_time(self) -> None:
        await self.burst()
        await asyncio.sleep(self.rng.uniform(0.0, 1.5))

    async def _before_acknowledged(self) -> None:
        await self.burst()
        await asyncio.sleep(self.rng.uniform(0.03, 0.07))

    async def _on_arrival(self) -> None:
        before = len(self.stage.parallax.requests)
        await self.burst()
        await self._cluster_until(lambda: len(self.stage.parallax.requests) > before)

    async def _on_last_byte(self) -> None:
        before = self._completed()
        await self.burst()
        await self._cluster_until(lambda: self._completed() > before)

    async def _after_last_byte(self) -> None:
        await self._on_last_byte()
        await asyncio.sleep(self.rng.uniform(0.0, 0.05))

    async def _while_shutting_down(self) -> None:
        await self.burst()
        await asyncio.sleep(self.rng.uniform(0.05, 0.8))
        process = self.stage.bot.process
        assert process is not None
        process.terminate()
        await asyncio.sleep(self.rng.uniform(0.0, 0.8))

    async def _while_starting(self) -> None:
        await self._any_time()
        await self.stage.bot.kill()
        await self.stage.discord.wait_until(lambda: not self.stage.discord.gateway.online, PATIENCE)
        await self.stage.bot.start()
        await asyncio.sleep(self.rng.uniform(0.3, 2.0))

    async def _on_event(self, name: str, wanted: Callable[[Message], bool]) -> None:
        """Kill while Discord's answer to the call that caused the event is still on its way."""
        process = self.stage.bot.process
        assert process is not None
        struck = asyncio.Event()
        skip = self.rng.choice((0, 0, 1, 2))

        def look(event: WorldEvent) -> None:
            nonlocal skip
            message = event.message
            if struck.is_set() or event.name != name or message is None or not message.author.bot:
                return
            if wanted(message):
                if skip:
                    skip -= 1
                    return
                struck.set()
                if process.returncode is None:
                    process.kill()

        self.stage.discord.world.listen(look)
        await self.burst()
        try:
            async with asyncio.timeout(2.5):
                await struck.wait()
        except TimeoutError:
            struck.set()

    async def _cluster_until(self, happened: Callable[[], bool]) -> None:
        # What is waited for may have been forestalled by a burst that needs no cluster any more.
        try:
            await self.stage.parallax.wait_until(happened, timeout=2.5)
        except TimeoutError:
            return

    def _completed(self) -> int:
        return sum(record.outcome == "completed" for record in self.stage.parallax.requests)

    def _is_first(self, message: Message) -> bool:
        return "Question <" in message.text

    def _is_further(self, message: Message) -> bool:
        return bool(marks_in(message.text)) and not self._is_first(message)

    def _is_streaming(self, message: Message) -> bool:
        return bool(marks_in(message.text)) and not _is_receipt(message)

    # -- the account ---------------------------------------------------------------------------------------

    async def settled(self, database: Path) -> None:
        """Wait until every acknowledged question is answered, and the bot has nothing left to do."""

        def done() -> bool:
            acked = [one for one in self.asked if one.invocation.is_acked]
            return all(one.is_refused or self._is_shown(one) for one in acked)

        await self.stage.discord.wait_until(done, PATIENCE)
        # What was kept but never acknowledged, and the commit after the last edit: only the database tells.
        async with asyncio.timeout(PATIENCE):
            while self._unfinished(database):  # noqa: ASYNC110  # another process raises no event here
                await asyncio.sleep(0.1)

    def _unfinished(self, database: Path) -> bool:
        records = _records(database)
        return any(
            record is not None and record.state in ("queued", "running", "answered")
            for one in self.asked
            for record in (records.get(one.prompt),)
            if one.invocation.is_acked or not one.private
        )

    def _is_shown(self, one: Asked) -> bool:
        return len(self.shown_of(one)) >= one.lines and is_over(self.messages_of(one)[-1])

    def messages_of(self, one: Asked) -> list[Message]:
        """The messages that belong to a question, oldest first."""
        return [
            message
            for message in self.stage.discord.messages(one.room)
            if one.prompt in message.text or any(number == one.number for number, _ in marks_in(message.text))
        ]

    def shown_of(self, one: Asked) -> list[int]:
        """The lines of a question's answer that stand in the channel, in the order of the messages."""
        return [line for message in self.messages_of(one) for _, line in marks_in(message.text)]

    def complaints(self, database: Path) -> list[str]:
        """What is wrong with any question, after the bot has ended; empty when nothing is."""
        records = _records(database)
        wrong: list[str] = []
        for one in self.asked:
            judged = self._wrong_with_refused if one.is_refused else self._wrong_with
            wrong += [f"question {one.number}: {text}" for text in judged(one, records.get(one.prompt))]
        for room in self.rooms:
            wrong += self._foreign_in(room)
        return wrong

    def _wrong_with_refused(self, _one: Asked, record: _Record | None) -> Iterator[str]:
        if record is not None:
            yield "refused, and kept all the same"

    def _wrong_with(self, one: Asked, record: _Record | None) -> Iterator[str]:
        if record is None:
            if one.invocation.is_acked:
                yield "acknowledged and lost"
            if self.messages_of(one):
                yield "shown, not in the database"
            return
        if record.turns != 1:
            yield f"{record.turns} turns"
        if not one.invocation.is_acked and one.private:
            return  # its asker was told that it failed, and no route leads to them
        if record.state != "delivered":
            yield f"state {record.state}"
        shown = self.shown_of(one)
        if shown not in (list(range(1, one.lines + 1)), list(range(1, one.lines + LINES_OF_A_PAGE + 1))):
            yield f"shows {_runs(shown)} of {one.lines} lines"
        messages = self.messages_of(one)
        if [message.id for message in messages] != record.message_ids:
            yield f"messages {[m.id for m in messages]}, stored {record.message_ids}"
        original = one.invocation.message
        if one.invocation.is_acked and (original is None or not messages or messages[0] is not original):
            yield "not in the message that acknowledged it"

    def _foreign_in(self, room: Channel) -> Iterator[str]:
        known = {message.id for one in self.asked for message in self.messages_of(one)}
        known |= {one.invocation.message.id for one in self.asked if one.is_refused and one.invocation.message}
        for message in self.stage.discord.messages(room):
            if message.author.bot and message.id not in known:
                yield f"a message of no question: {message.text!r}"


@dataclass(frozen=True)
class _Record:
    state: str
    turns: int
    message_ids: list[int]


def _records(database: Path) -> dict[str, _Record]:
    with closing(sqlite3.connect(database)) as connection:
        pages: dict[str, list[int]] = defaultdict(list)
        for request_id, message_id in connection.execute(
            "SELECT request_id, message_id FROM request_messages ORDER BY request_id, page"
        ):
            pages[request_id].append(message_id)
        found = connection.execute(
            "SELECT prompt, request_id, state,"
            " (SELECT count(*) FROM turns WHERE turns.root_id = requests.request_id) FROM requests"
        ).fetchall()
    return {prompt: _Record(state, turns, pages[request_id]) for prompt, request_id, state, turns in found}


def _is_receipt(message: Message) -> bool:
    return "first token" in message.text


def _runs(numbers: list[int]) -> str:
    """``1-45 20-60``: where a sequence breaks."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{first}-{last}" for first, last in runs) or "nothing"


@dataclass(frozen=True)
class Account:
    """What came of one world."""

    questions: int
    unacknowledged: int
    kills: dict[str, int]
    complaints: list[str]


async def crash_world(seeds: Sequence[int], folder: Path) -> Account:
    """Kill the bot once for each of ``seeds`` (at least one), in a world of its own in ``folder``; returns the
    account of every question."""
    async with staged(
        folder,
        discord=DiscordDouble(latency=LATENCY),
        parallax=ParallaxDouble(tokens_per_second=SPEED, slots=4, lag=False, seed=seeds[0]),
        **SETTINGS,
    ) as stage:
        people = [stage.discord.person(name) for name in ("ada", "ben", "chloe", "grace", "olga")]
        world = CrashWorld(stage, random.Random(), people, _rooms(stage), repeats=len(seeds) + 1)
        for seed in seeds:
            await world.killed_once(seed)
        await world.settled(folder / "bot.db")
    unacknowledged = sum(not one.invocation.is_acked for one in world.asked)
    return Account(len(world.asked), unacknowledged, dict(world.kills), world.complaints(folder / "bot.db"))


def _rooms(stage: Stage) -> list[Channel]:
    """Enough channels that Discord's limits per channel are not what is waited for."""
    world, beside = stage.discord.world, stage.discord.channel("general")
    return [
        world.add_channel(Channel(world.ids.next(), beside.type, f"room-{number}", beside.guild_id))
        for number in range(6)
    ]
