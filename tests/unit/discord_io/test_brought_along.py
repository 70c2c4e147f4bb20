"""Where somebody brought the bot along, and who may use it there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.discord_io.brought_along import KEPT, REMEMBERED, Guests, is_brought_along
from bot.errors import DeliveryError
from tests.fakes.clocks import HandClock

NOT_ALLOWED = "brought.not_allowed"


class Told:
    """What Discord tells of members."""

    def __init__(self, members: set[tuple[int, int]]) -> None:
        self.members = members
        self.asked = 0
        self.silent: set[int] = set()

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """No roles, or no member."""
        self.asked += 1
        if guild_id in self.silent:
            raise DeliveryError("no answer")
        return frozenset() if (guild_id, user_id) in self.members else None


def place(*, guild_id: int | None, installed: bool = False, between_people: bool = False, user_id: int = 1) -> Any:
    """An interaction, as far as it is looked at."""
    return SimpleNamespace(
        guild_id=guild_id,
        user=SimpleNamespace(id=user_id),
        client=None,
        context=SimpleNamespace(private_channel=between_people),
        is_guild_integration=lambda: installed,
    )


@pytest.mark.parametrize(
    ("interaction", "expected"),
    [
        (place(guild_id=5, installed=True), False),
        (place(guild_id=5), True),
        (place(guild_id=None), False),
        (place(guild_id=None, between_people=True), True),
    ],
    ids=["a server that has it", "a server that does not", "its own direct messages", "between other people"],
)
def test_places_are_told_apart(interaction: Any, expected: bool) -> None:
    """By what Discord says of the installation, not by which servers are known."""
    assert is_brought_along(interaction) is expected


def guests(monkeypatch: pytest.MonkeyPatch, told: Told, *homes: int) -> tuple[Guests, HandClock]:
    clock = HandClock()
    monkeypatch.setattr("bot.discord_io.brought_along.GuildMembers", lambda _client, _clock: told)
    return Guests(clock, allowed_users={9}, homes=homes), clock


async def test_named_people_and_members_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """A membership is known for a minute; then it is asked for again."""
    told = Told({(8, 1)})
    who, clock = guests(monkeypatch, told, 7, 8)
    assert await who.refusal(place(guild_id=5, user_id=9)) is None
    assert told.asked == 0
    assert await who.refusal(place(guild_id=5)) is None
    told.members.clear()
    assert await who.refusal(place(guild_id=5)) is None
    clock.at += KEPT + 1
    assert await who.refusal(place(guild_id=5)) == NOT_ALLOWED


async def test_without_homes_only_named_people_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlike in direct messages: an install link travels."""
    who, _ = guests(monkeypatch, Told(set()))
    assert await who.refusal(place(guild_id=5)) == NOT_ALLOWED
    assert await who.refusal(place(guild_id=5, user_id=9)) is None


async def test_nobody_is_let_in_while_discord_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is not kept: the next press asks again."""
    told = Told({(8, 1)})
    told.silent = {8}
    who, _ = guests(monkeypatch, told, 8)
    assert await who.refusal(place(guild_id=5)) == "error.roles_unknown"
    told.silent = set()
    assert await who.refusal(place(guild_id=5)) is None


async def test_few_people_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is asked for again when there are too many."""
    told = Told(set())
    who, _ = guests(monkeypatch, told, 8)
    for user_id in range(100, 100 + REMEMBERED + 1):
        await who.refusal(place(guild_id=5, user_id=user_id))
    before = told.asked
    await who.refusal(place(guild_id=5, user_id=100 + REMEMBERED))
    assert told.asked == before
    await who.refusal(place(guild_id=5, user_id=100))
    assert told.asked == before + 1
