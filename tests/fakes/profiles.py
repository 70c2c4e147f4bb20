"""Stores in which nothing is set and nothing was used, and a brake that is off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.conversation.profile import Chosen, ChosenScopes
from bot.domain.discord_calls.brake import Level
from bot.domain.queue.usage import UsageRow


class NoProfiles:
    """A :class:`bot.services.access.profiles.ProfileStore` without choices."""

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """Nothing."""
        return {}

    async def scopes(self) -> ChosenScopes:
        """None, and never any."""
        return ChosenScopes("", frozenset())

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Fail: no test with this store changes settings."""
        raise AssertionError((scope_id, changes, by, now))


class NoUsage:
    """A :class:`bot.domain.queue.usage.UsageStore` without usage."""

    async def of_user(self, user_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """Nothing."""
        return ()

    async def of_server(self, guild_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """Nothing."""
        return ()


class NoBrake:
    """A :class:`bot.services.ports.Brake` that is off."""

    def level(self) -> Level:
        """Everything may be sent."""
        return Level.OPEN
