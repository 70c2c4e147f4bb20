"""Profiles of scopes: what is in effect, and changing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.domain.conversation.profile import Chosen, Profile, Scope, ScopeChain, addressed, inherited
from bot.domain.queue.request import GenerationOptions

log = structlog.get_logger(__name__)


class ProfileStore(Protocol):
    """What was chosen for scopes. Raises only :class:`StorageError`."""

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """The choices of each scope that has any."""
        ...

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Change some choices of a scope (None: inherit again) and record who did it, in one transaction."""
        ...


class Profiles:
    """Reads the profile anew for every question, so that a change is in effect at once."""

    def __init__(self, store: ProfileStore, clock: Clock, defaults: Profile) -> None:
        self._store = store
        self._clock = clock
        self.defaults = defaults

    async def of(self, scope_ids: Sequence[int]) -> Profile:
        """The profile in effect in these scopes, the narrowest first. Raises :class:`StorageError`."""
        chosen = await self._store.chosen(scope_ids)
        return inherited(self.defaults, [(one, chosen[one]) for one in scope_ids if one in chosen])

    async def chosen(self, scope: Scope) -> Mapping[str, object]:
        """What was chosen for this scope itself. Raises :class:`StorageError`."""
        return (await self._store.chosen([scope.scope_id])).get(scope.scope_id, {})

    async def choose(self, scope: Scope, changes: Mapping[str, Chosen | None], *, by: int) -> None:
        """Change the choices of a scope; the caller checks the right to do it. Raises :class:`StorageError`."""
        await self._store.choose(scope.scope_id, changes, by=by, now=self._clock.now())
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
