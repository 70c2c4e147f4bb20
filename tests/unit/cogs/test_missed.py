"""Questions that were missed are taken in turn, once, and wait for room; what fails is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import discord
import pytest

from bot.discord_io.command_tree import Guard
from bot.domain.interaction_rates import InteractionRates, RateLimit
from bot.domain.queue.missed import HeardPlace, Mark, first_id
from bot.errors import DeliveryError, Draining, QueueFull, QuotaUsed, StorageError, UserLimitReached
from bot.services.requests.catch_up import CatchUp
from bot.tasks.background import Background
from cogs.ui.missed import MOST_IN_A_CHANNEL, OUTAGE, PATIENCE, ROUNDS, MissedQuestions
from tests.fakes.clocks import HastyClock
from tests.unit.cogs.test_messages import ADA, ME, message

if TYPE_CHECKING:
    from bot.discord_io.client import ParallaxBot

BEN, TEAM, NOW = 22, 8, 1_700_000_000.0
ROOM = HeardPlace(71, TEAM)
DIRECT = HeardPlace(72, None)


def said(seconds: float, words: str, *, author: int = ADA, **more: Any) -> discord.Message:
    """Somebody's message, so many seconds from now."""
    return message(words, number=first_id(NOW + seconds), author=author, _thread=None, **more)


class Followed(Background):
    """Tells its tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.followed: list[asyncio.Task[None]] = []

    def follow(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """As the original."""
        self.followed.append(super().follow(work, name=name))
        return self.followed[-1]


@dataclass(eq=False)
class World:
    """What was written, what is stored, and a bot. ``errors`` are raised by the next questions that are taken."""

    written: dict[HeardPlace, list[discord.Message]] = field(default_factory=dict)
    errors: list[Exception | None] = field(default_factory=list)
    unread: list[Exception] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    marks_kept: list[Mark] = field(default_factory=lambda: [Mark(0, 1, NOW - 600)])
    closed: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    allowed: tuple[int, ...] = ()
    known: set[int] = field(default_factory=lambda: {TEAM})

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.clock = HastyClock(NOW)
        self.background = Followed()
        self.took = asyncio.Event()
        guard = Guard(
            InteractionRates(RateLimit(1000, 1000.0), self.clock), self.clock, allowed_guild_ids=self.allowed
        )
        catch_up = CatchUp(cast("Any", self), self.clock, lambda: {0: 1}, hours=12, days=7)
        self.bot = SimpleNamespace(
            services=SimpleNamespace(
                catch_up=catch_up, history=self, operations=SimpleNamespace(background=self.background)
            ),
            guard=guard,
            shard_count=1,
            user=SimpleNamespace(id=ME),
            intents=discord.Intents.none(),
        )
        self.missed = MissedQuestions(cast("ParallaxBot", self.bot), self)

    async def caught_up(self) -> None:
        """Let the bot catch up."""
        self.missed.begin(0)
        assert await self.background.settled(0.0)
        await asyncio.gather(*self.background.followed)

    # -- what is stored

    async def marks(self) -> Sequence[Mark]:
        """The marks."""
        return self.marks_kept

    async def note(self, marks: Sequence[Mark]) -> None:
        """Set them."""
        self.marks_kept = [*marks]

    async def heard_places(self, *, since: float, most: int) -> Sequence[HeardPlace]:
        """All."""
        return list(self.written)

    async def is_open(self, message_id: int, *, author_id: int, channel_id: int) -> bool:
        """What no test has closed."""
        return message_id not in self.closed

    # -- Discord

    def knows(self, place: HeardPlace) -> bool:
        """Whether Discord has told of the server."""
        return place.guild_id is None or place.guild_id in self.known

    def threads(self, place: HeardPlace) -> Sequence[HeardPlace]:
        """None."""
        return ()

    async def channel(self, place: HeardPlace) -> HeardPlace:
        """The place itself."""
        return place

    async def read(self, channel: HeardPlace, since: int) -> Sequence[discord.Message]:
        """What was written."""
        if self.unread:
            raise self.unread.pop(0)
        return [one for one in reversed(self.written[channel]) if one.id >= since]

    async def member(self, guild: Any, user_id: int) -> object | None:
        """Somebody who has not left."""
        return None if user_id in self.left else SimpleNamespace(id=user_id, bot=False)

    # -- questions

    async def asks(self, message: discord.Message) -> bool:
        """What ends so."""
        return message.content.endswith("?")

    async def take_missed(self, message: discord.Message) -> None:
        """Take it, or raise what a test has set."""
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.taken.append(message.content)
        self.took.set()

    async def refuse(self, message: discord.Message, error: Exception) -> None:
        """Note what its author reads."""
        self.refused.append((message.content, type(error).__name__))

    async def say(self, message: discord.Message, sentence: str) -> None:
        """Note a sentence."""
        self.told.append(sentence)


async def test_questions_of_all_channels_are_taken_in_turn() -> None:
    """Everybody's first; then the mark moves. What was heard, or is taken already, is left."""
    guild = SimpleNamespace(id=TEAM, get_thread=lambda _: None)
    room = [
        said(-500, "one?", guild=guild),
        said(-400, "two?", guild=guild),
        said(-300, "three?", author=BEN, guild=guild),
        said(-200, "talk"),
        said(-100, "heard?"),
        said(-90, "taken?"),
    ]
    world = World({ROOM: room, DIRECT: [said(-450, "four?", author=BEN)]})
    world.missed.heard(room[4].id)
    world.closed.add(room[5].id)
    await world.caught_up()
    assert world.taken == ["one?", "four?", "two?", "three?"]
    assert world.marks_kept == [Mark(0, 1, world.clock.now())]
    await world.caught_up()
    assert len(world.taken) == 4


async def test_what_discord_tells_late_is_taken_once() -> None:
    """Messages that were read, and then heard over the gateway; or heard while the others were taken."""
    world = World({DIRECT: [said(-5, "one?"), said(-4, "two?"), said(-3, "three?", author=BEN)]})
    one, two, three = world.written[DIRECT]
    world.errors = [UserLimitReached(count=5, limit=5)]
    world.missed.begin(0)
    await world.took.wait()
    assert not world.missed.heard(three.id)
    assert world.missed.heard(two.id)
    await asyncio.gather(*world.background.followed)
    assert world.taken == ["three?", "one?"]
    assert not world.missed.heard(one.id)


async def test_a_full_queue_is_waited_for() -> None:
    """Whose part is full waits in their order; the others do not."""
    world = World({DIRECT: [said(-5, "one?"), said(-4, "two?"), said(-3, "three?", author=BEN)]})
    world.errors = [UserLimitReached(count=5, limit=5), None, QueueFull(count=9, limit=9)]
    await world.caught_up()
    assert world.taken == ["three?", "one?", "two?"]
    assert world.refused == []


async def test_nobody_waits_for_room_for_ever() -> None:
    """After ten minutes people are told."""
    world = World({DIRECT: [said(-5, "one?")]})
    world.errors = [QueueFull(count=9, limit=9)] * 1000
    await world.caught_up()
    assert world.refused == [("one?", "QueueFull")]
    assert world.clock.now() - NOW == pytest.approx(PATIENCE)


async def test_what_is_refused_does_not_stop_the_others() -> None:
    """As for any question, its author is told."""
    world = World({DIRECT: [said(-5, "one?"), said(-4, "two?"), said(-3, "three?")]})
    world.errors = [QuotaUsed(), RuntimeError("a bug")]
    await world.caught_up()
    assert world.refused == [("one?", "QuotaUsed"), ("two?", "RuntimeError")]
    assert world.taken == ["three?"]


async def test_a_bot_that_stops_leaves_the_rest_to_the_next_start() -> None:
    """The mark stands still, and nobody is told anything."""
    world = World({DIRECT: [said(-5, "one?"), said(-4, "two?")]})
    world.errors = [None, Draining()]
    before = list(world.marks_kept)
    await world.caught_up()
    assert (world.taken, world.refused, world.marks_kept) == (["one?"], [], before)
    world.bot.guard.in_hand.leave()
    world.closed.add(world.written[DIRECT][0].id)
    await world.caught_up()
    assert (world.taken, world.marks_kept) == (["one?"], before)


@pytest.mark.parametrize("failure", [DeliveryError("502 0"), StorageError("locked")])
async def test_what_cannot_be_read_is_tried_again(failure: Exception) -> None:
    """The other channels are read meanwhile, and the mark waits."""
    world = World({ROOM: [said(-5, "one?")], DIRECT: [said(-6, "two?", author=BEN)]})
    world.unread = [failure] * 2
    await world.caught_up()
    assert world.taken == ["two?", "one?"]
    assert world.marks_kept[0].until > NOW


async def test_a_channel_that_is_never_read_does_not_hold_the_mark() -> None:
    """It is given up in the end."""
    world = World({DIRECT: [said(-5, "one?")]})
    world.unread = [DeliveryError("500 0")] * ROUNDS
    await world.caught_up()
    assert world.taken == []
    assert world.marks_kept[0].until > NOW


async def test_an_outage_of_discord_is_waited_for() -> None:
    """Nothing counts as read that was not, and the other channels are not tried."""
    places = [HeardPlace(number, None) for number in range(OUTAGE + 1)]
    world = World({place: [said(-5 - n, f"{n}?", author=n + 1)] for n, place in enumerate(places)})
    world.unread = [DeliveryError("503 0")] * (OUTAGE * (ROUNDS + 2))
    await world.caught_up()
    assert world.taken == ["3?", "2?", "1?", "0?"]
    assert world.clock.now() - NOW > 1800


async def test_who_has_left_gets_no_answer() -> None:
    """Nor does anybody in a server that is not allowed, or of which Discord tells nothing."""
    guild = SimpleNamespace(id=TEAM, get_thread=lambda _: None)
    world = World({ROOM: [said(-5, "one?", guild=guild), said(-4, "two?", author=BEN, guild=guild)]}, left={ADA})
    await world.caught_up()
    assert world.taken == ["two?"]
    written = {ROOM: [said(-5, "one?")]}
    for other in (World(written, allowed=(9,)), World(written, known=set())):
        await other.caught_up()
        assert other.taken == []
        assert other.marks_kept[0].until >= NOW


async def test_of_too_many_questions_the_number_left_out_is_told() -> None:
    """In the channel, once."""
    world = World({DIRECT: [said(number - 50, f"{number}?") for number in range(MOST_IN_A_CHANNEL + 1)]})
    await world.caught_up()
    assert world.taken == [f"{number}?" for number in range(1, MOST_IN_A_CHANNEL + 1)]
    assert world.told == [
        "1 older question that was written here while I was away is not answered: after an absence I take the "
        "newest 10 of a channel. If it still matters, please ask again."
    ]
