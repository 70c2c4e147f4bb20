"""Profiles in effect, and the options of a question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from bot.domain.conversation.profile import Chosen, ChosenScopes, Profile, Scope, ScopeChain
from bot.domain.queue.request import GenerationOptions
from bot.services.access.profiles import MOST_REMEMBERED, Profiles
from tests.fakes.clocks import HandClock

THREAD, CHANNEL, SERVER = (
    Scope("thread", 72, "A question"),
    Scope("channel", 71, "general"),
    Scope("server", 8, "Team"),
)
DEFAULTS = Profile(persona="", context_tokens=6000, answer_tokens=2000)
NEW_YEAR = 1_767_225_599.0
"""The last second of 2025 (UTC)."""


@dataclass
class Choices:
    """A :class:`bot.services.access.profiles.ProfileStore` in memory, and the changes with who and when."""

    kept: dict[int, dict[str, object]] = field(default_factory=dict)
    changed: list[tuple[int, Mapping[str, Chosen | None], int, float]] = field(default_factory=list)
    reads: int = 0
    version: int = 0
    held: asyncio.Event | None = None

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """Those of these scopes that have any, the widest first."""
        self.reads += 1
        if self.held is not None:
            await self.held.wait()
        return {one: self.kept[one] for one in reversed(scope_ids) if one in self.kept}

    async def scopes(self) -> ChosenScopes:
        """Those that have any choices."""
        self.reads += 1
        return ChosenScopes(str(self.version), frozenset(self.kept))

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Take over the changes."""
        self.version += 1
        kept = self.kept.setdefault(scope_id, {})
        kept.update({name: value for name, value in changes.items() if value is not None})
        self.changed.append((scope_id, changes, by, now))


def profiles(store: Choices) -> Profiles:
    return Profiles(store, HandClock(NEW_YEAR), DEFAULTS)


async def test_the_narrowest_scope_counts_in_whatever_order_the_store_tells_them() -> None:
    """A scope that chose nothing leaves it to the wider one."""
    one = profiles(Choices({71: {"persona": "You joke."}, 8: {"persona": "You advise.", "top_k": 5}}))
    profile = await one.of((72, 71, 8))
    assert (profile.persona, profile.top_k, profile.context_tokens) == ("You joke.", 5, 6000)
    assert (await one.of((8,))).persona == "You advise."
    assert one.defaults is DEFAULTS


async def test_what_a_scope_chose_itself_is_told_without_what_it_inherits() -> None:
    """Nothing where it chose nothing."""
    one = profiles(Choices({8: {"top_k": 5}}))
    assert await one.chosen(SERVER) == {"top_k": 5}
    assert await one.chosen(CHANNEL) == {}


async def test_a_change_is_recorded_with_its_author_and_its_time() -> None:
    """The audit tells it to operators."""
    store = Choices()
    await profiles(store).choose(CHANNEL, {"top_k": 5, "persona": None}, by=99)
    assert store.changed == [(71, {"top_k": 5, "persona": None}, 99, NEW_YEAR)]


async def test_what_was_read_once_is_remembered_until_it_is_changed() -> None:
    """Channels in which nothing was chosen need no reading of their own."""
    store = Choices({8: {"top_k": 5}})
    one = profiles(store)
    first = await one.remembered((71, 8))
    assert (first.top_k, first.version) == (5, "0")
    assert first == await one.of((71, 8))
    reads = store.reads
    assert await one.remembered((72, 8)) is first
    assert (await one.remembered((73,))).top_k is None
    assert store.reads == reads

    await one.choose(SERVER, {"top_k": 6}, by=99)
    again = await one.remembered((71, 8))
    assert (again.top_k, again.version) == (6, "1")
    await one.choose(CHANNEL, {"top_k": 7}, by=99)
    assert [(await one.remembered(ids)).top_k for ids in ((71, 8), (72, 8))] == [7, 6]


async def test_a_change_elsewhere_counts_once_it_is_known_of() -> None:
    """The question that notices it lets everything be read anew."""
    store = Choices({8: {"top_k": 5}})
    one = profiles(store)
    await one.remembered((8,))
    await store.choose(8, {"top_k": 6}, by=99, now=0.0)
    assert (await one.remembered((8,))).version == "0"
    one.forget()
    assert ((await one.remembered((8,))).top_k, (await one.of((8,))).version) == (6, None)


async def test_a_change_during_the_reading_is_read() -> None:
    """What was read before it is not remembered."""
    store = Choices({8: {"top_k": 5}}, held=asyncio.Event())
    one = profiles(store)
    reading = asyncio.create_task(one.remembered((8,)))
    await asyncio.wait({reading}, timeout=0.001)
    await one.choose(SERVER, {"top_k": 6}, by=99)
    assert store.held is not None
    store.held.set()
    assert (await reading).version == "1"
    assert (await one.remembered((8,))).top_k == 6


async def test_a_burst_reads_once() -> None:
    """Everybody who asks in that moment waits for the same reading."""
    store = Choices({8: {"top_k": 5}})
    one = profiles(store)
    found = await asyncio.gather(*(one.remembered((number, 8)) for number in range(100, 120)))
    assert {profile.top_k for profile in found} == {5}
    assert store.reads == 2


async def test_what_is_remembered_is_bounded() -> None:
    """However many channels have settings of their own."""
    one = profiles(Choices({number: {"top_k": 5} for number in range(MOST_REMEMBERED + 1)}))
    for number in range(MOST_REMEMBERED + 1):
        await one.remembered((number,))
    assert 0 < len(one._remembered) <= MOST_REMEMBERED


async def test_a_question_takes_what_is_in_effect_where_and_when_it_is_asked() -> None:
    """The day is that of UTC; a thread stands for its channel."""
    profile = Profile(
        persona="{user} {channel} {server} {date}", context_tokens=500, answer_tokens=90, temperature=0.5, top_k=3
    )
    options = profiles(Choices()).options(profile, ScopeChain((THREAD, CHANNEL, SERVER)), "Ada")
    assert options == GenerationOptions("Ada A question Team 2025-12-31", 500, 90, 0.5, 3)
    assert (
        profiles(Choices()).options(profile, ScopeChain((CHANNEL,)), "Bo").system_prompt
        == "Bo general  2025-12-31"
    )


@pytest.fixture
def in_tokyo() -> Iterator[None]:
    """The machine's zone is nine hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_the_day_does_not_depend_on_the_machine() -> None:
    """In Tokyo 2026 has begun already."""
    profile = Profile(persona="{date}", context_tokens=500, answer_tokens=90)
    assert profiles(Choices()).options(profile, ScopeChain((CHANNEL,)), "Ada").system_prompt == "2025-12-31"
