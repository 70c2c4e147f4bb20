"""Profiles of scopes: what is in effect, and changing it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.domain.conversation.profile import Chosen, ChosenScopes, Profile, Scope, ScopeChain, addressed, inherited
from bot.domain.queue.request import GenerationOptions

log = structlog.get_logger(__name__)


MOST_REMEMBERED = 1000
"""Profiles in memory. Channels in which nothing was chosen share that of their category or server."""


class ProfileStore(Protocol):
    """What was chosen for scopes. Raises only :class:`StorageError`."""

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """The choices of each scope that has any."""
        ...

    async def scopes(self) -> ChosenScopes:
        """The scopes that have any choices, and the version of all choices."""
        ...

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Change some choices of a scope (None: inherit again) and record who did it, in one transaction."""
        ...


class Profiles:
    """Tells the profile in effect, and changes it. A change is in effect at once.

    What :meth:`remembered` tells comes from memory. Changes that are made here are forgotten there; one that
    another process makes is noticed when a question joins the queue, by the profile's version.
    """

    def __init__(self, store: ProfileStore, clock: Clock, defaults: Profile) -> None:
        self._store = store
        self._clock = clock
        self.defaults = defaults
        self._scopes: ChosenScopes | None = None
        self._remembered: dict[tuple[int, ...], Profile] = {}
        self._reading = asyncio.Lock()
        self._forgotten = 0

    async def of(self, scope_ids: Sequence[int]) -> Profile:
        """The profile in effect in these scopes, the narrowest first. Raises :class:`StorageError`."""
        chosen = await self._store.chosen(scope_ids)
        return inherited(self.defaults, [(one, chosen[one]) for one in scope_ids if one in chosen])

    async def remembered(self, scope_ids: Sequence[int]) -> Profile:
        """As :meth:`of`, from memory where it is known, with its version. Raises :class:`StorageError`."""
        profile = self._recalled(scope_ids)
        while profile is None:
            # One reads for all who ask in the same moment.
            async with self._reading:
                profile = self._recalled(scope_ids) or await self._read(scope_ids)
        return profile

    def forget(self) -> None:
        """Read everything anew: a profile was changed."""
        self._scopes = None
        self._remembered.clear()
        self._forgotten += 1

    def _recalled(self, scope_ids: Sequence[int]) -> Profile | None:
        if self._scopes is None:
            return None
        return self._remembered.get(tuple(one for one in scope_ids if one in self._scopes.scope_ids))

    async def _read(self, scope_ids: Sequence[int]) -> Profile | None:
        """Read a profile and remember it; None when it was changed meanwhile."""
        forgotten = self._forgotten
        # First, so that a change between the two reads makes the version too old, not the profile.
        scopes = self._scopes or await self._store.scopes()
        chosen = tuple(one for one in scope_ids if one in scopes.scope_ids)
        profile = replace(await self.of(chosen) if chosen else self.defaults, version=scopes.version)
        if forgotten != self._forgotten:
            return None
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._scopes, self._remembered[chosen] = scopes, profile
        return profile

    async def chosen(self, scope: Scope) -> Mapping[str, object]:
        """What was chosen for this scope itself. Raises :class:`StorageError`."""
        return (await self._store.chosen([scope.scope_id])).get(scope.scope_id, {})

    async def choose(self, scope: Scope, changes: Mapping[str, Chosen | None], *, by: int) -> None:
        """Change the choices of a scope; the caller checks the right to do it. Raises :class:`StorageError`."""
        try:
            await self._store.choose(scope.scope_id, changes, by=by, now=self._clock.now())
        finally:
            # Also when the wait was cancelled: the change may be made all the same.
            self.forget()
        log.info("profile.changed", scope=scope.scope_id, kind=scope.kind, by=by, fields=sorted(changes))

    def options(self, profile: Profile, place: ScopeChain, user: str) -> GenerationOptions:
        """The options of a question that ``user`` asks there now."""
        return GenerationOptions(
            system_prompt=addressed(
                profile.persona,
                date=datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%d"),
                server=place.name("server"),
                channel=place.name("thread", "channel"),
                user=user,
            ),
            context_tokens=profile.context_tokens,
            max_tokens=profile.answer_tokens,
            temperature=profile.temperature,
            top_k=profile.top_k,
        )
