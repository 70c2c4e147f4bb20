"""Profiles of places: what is in effect, who may ask, and changing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.conversation.profile import Chosen, Place, Profile, Scope, addressed, inherited
from bot.errors import NotAllowed
from bot.queueing.request import Manner
from bot.services.operators import Operators, Person

log = structlog.get_logger(__name__)


class ProfileStore(Protocol):
    """What was chosen for places. Raises only :class:`StorageError`."""

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """The choices of those scopes that have any."""
        ...

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Change some choices of a scope (None: inherit again) and record who did, together."""
        ...


class Profiles:
    """Reads profiles at every question, so that a change is in effect at the next one."""

    def __init__(self, store: ProfileStore, operators: Operators, clock: Clock, defaults: Profile) -> None:
        self._store = store
        self._operators = operators
        self._clock = clock
        self.defaults = defaults

    async def of(self, scope_ids: Sequence[int]) -> Profile:
        """What is in effect where these scopes apply, nearest first. Raises :class:`StorageError`."""
        chosen = await self._store.chosen(scope_ids)
        return inherited(self.defaults, [(one, chosen[one]) for one in scope_ids if one in chosen])

    async def chosen(self, scope: Scope) -> Mapping[str, object]:
        """What was chosen for this very scope."""
        return (await self._store.chosen([scope.scope_id])).get(scope.scope_id, {})

    async def choose(self, scope: Scope, changes: Mapping[str, Chosen | None], *, by: int) -> None:
        """Change what a scope chose. Who may do that is the caller's to check. Raises :class:`StorageError`."""
        await self._store.choose(scope.scope_id, changes, by=by, now=self._clock.now())
        log.info("profile.changed", scope=scope.scope_id, kind=scope.kind, by=by, fields=sorted(changes))

    def permit(self, profile: Profile, person: Person, place: Place) -> None:
        """Raise :class:`NotAllowed` when this person may not ask there. Operators always may."""
        if self._operators.is_operator(person):
            return
        if person.user_id in profile.blocked_users:
            raise NotAllowed(f"user {person.user_id} is blocked", key="error.ask_blocked")
        if profile.channels and profile.channels.isdisjoint(place.ids):
            raise NotAllowed("not a channel for questions", key="error.ask_elsewhere")
        if not self.may_ask(profile, person):
            raise NotAllowed(f"user {person.user_id} has no role that may ask", key="error.ask_not_allowed")

    def may_ask(self, profile: Profile, person: Person) -> bool:
        """Whether this person may ask under a profile, wherever that is."""
        if self._operators.is_operator(person):
            return True
        if person.user_id in profile.blocked_users:
            return False
        restricted = profile.allowed_roles or profile.allowed_users
        chosen = person.user_id in profile.allowed_users or not profile.allowed_roles.isdisjoint(person.role_ids)
        return chosen or not restricted

    def manner(self, profile: Profile, place: Place, user: str) -> Manner:
        """How a question of ``user`` is asked there now."""
        return Manner(
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
