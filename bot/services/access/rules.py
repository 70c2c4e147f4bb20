"""Who may do what: the one place where a role, a permission or a block decides.

Running the cluster is the operators' alone (:mod:`bot.services.access.operators`); everything else is a row of
:data:`RULES`, read at every command, press and submitted dialogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

import structlog

from bot.domain.conversation.profile import Profile, ScopeChain
from bot.errors import DeliveryError, NotAllowed
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles

log = structlog.get_logger(__name__)


class Act(Enum):
    """What somebody wants to do."""

    ASK = "ask"
    """A question, however it comes: Regenerate, Continue and Try again ask too."""
    RATE = "rate an answer"
    JOIN = "add a node"
    USE_CHANNEL_MEMORY = "show or clear the memory of a channel"
    """Not what is the person's own: private answers, direct messages, export and erasure are never refused."""
    MANAGE = "manage the place"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of somebody in the place where they act.

    ``manager``: they may change the settings there. ``outsider``: they act outside of the bot's servers, and are
    no member of DM_GUILD_ID. ``blocked`` and ``chosen`` (by role or by name, or because nobody is) come from the
    settings that count there. ``right_channel``: questions are asked there. ``roles_seen``: the roles of some
    server count there. ``join_role``: they have one of JOIN_ROLES; None where there are none.
    """

    operator: bool = False
    manager: bool = False
    outsider: bool = False
    blocked: bool = False
    chosen: bool = True
    right_channel: bool = True
    roles_seen: bool = True
    join_role: bool | None = None


Rule = tuple[Callable[[Standing], bool], str]
"""What has to be true, and the key of the sentence for people of whom it is not."""


def _may_ask_somewhere(standing: Standing) -> bool:
    return standing.chosen and not standing.blocked


_MEMBER: Rule = (lambda standing: not standing.outsider, "error.not_member")

RULES: Mapping[Act, tuple[Rule, ...]] = {
    Act.ASK: (
        _MEMBER,
        (lambda standing: not standing.blocked, "error.ask_blocked"),
        (lambda standing: standing.right_channel, "error.ask_elsewhere"),
        (lambda standing: standing.chosen, "error.ask_not_allowed"),
    ),
    Act.RATE: (_MEMBER, (_may_ask_somewhere, "error.rate_not_allowed")),
    Act.JOIN: (
        _MEMBER,
        (lambda standing: not standing.blocked, "error.join_not_allowed"),
        (lambda standing: standing.roles_seen or standing.join_role is not False, "error.join_elsewhere"),
        (
            lambda standing: standing.chosen if standing.join_role is None else standing.join_role,
            "error.join_not_allowed",
        ),
    ),
    Act.USE_CHANNEL_MEMORY: (
        _MEMBER,
        (lambda standing: standing.manager or _may_ask_somewhere(standing), "error.memory_not_allowed"),
    ),
    Act.MANAGE: ((lambda standing: standing.manager, "error.not_manager"),),
}
"""For each act its rules, in the order in which they are applied."""


def refusal(act: Act, standing: Standing) -> str | None:
    """The key of the sentence why somebody may not do this; None when they may. Operators always may."""
    if standing.operator:
        return None
    return next((key for holds, key in RULES[act] if not holds(standing)), None)


class Members(Protocol):
    """Looks people up in a server."""

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """The roles of a server's member; None for somebody who is none. Raises :class:`DeliveryError`."""
        ...


class Access:
    """Applies :data:`RULES` to a person in a place, as both are at this moment."""

    def __init__(
        self,
        profiles: Profiles,
        operators: Operators,
        members: Members,
        *,
        join_roles: Iterable[int] = (),
        dm_guild_id: int = 0,
    ) -> None:
        """``dm_guild_id`` is the server whose roles and settings count outside of the bot's servers; 0: none."""
        self._profiles = profiles
        self._operators = operators
        self._members = members
        self._join_roles = frozenset(join_roles)
        self._dm_guild_id = dm_guild_id

    async def seen(self, person: Person) -> Person:
        """The person with the roles that count: in a server its own, elsewhere those in DM_GUILD_ID.

        Raises :class:`NotAllowed` when Discord does not tell them.
        """
        if person.guild_id is not None or not self._dm_guild_id or self._operators.is_operator(person):
            return person
        try:
            roles = await self._members.roles(self._dm_guild_id, person.user_id)
        except DeliveryError as error:
            log.warning("access.roles_unknown", user=person.user_id, guild=self._dm_guild_id, detail=str(error))
            raise NotAllowed(f"roles of user {person.user_id} unknown", key="error.roles_unknown") from error
        return person if roles is None else replace(person, guild_id=self._dm_guild_id, role_ids=roles)

    async def require(
        self, act: Act, person: Person, place: ScopeChain, *, profile: Profile | None = None, manager: bool = False
    ) -> Person:
        """Raise :class:`NotAllowed` unless this person may do this there; returns them as :meth:`seen`.

        ``profile`` is what is in effect at ``place``, where the caller has read it already. Raises
        :class:`StorageError`.
        """
        seen = await self.seen(person)
        here = profile if profile is not None else await self._profiles.of(place.ids)
        counting = [here]
        if seen.guild_id is not None and seen.guild_id not in place.ids:
            counting.append(await self._profiles.of((seen.guild_id,)))
        standing = Standing(
            operator=self._operators.is_operator(seen),
            manager=manager,
            outsider=seen.guild_id is None and bool(self._dm_guild_id),
            blocked=any(seen.user_id in one.blocked_users for one in counting),
            chosen=all(_is_chosen(one, seen) for one in counting),
            right_channel=not here.channels or not here.channels.isdisjoint(place.ids),
            roles_seen=seen.guild_id is not None,
            join_role=not self._join_roles.isdisjoint(seen.role_ids) if self._join_roles else None,
        )
        self._refuse(act, seen, standing)
        return seen

    def require_manager(self, person: Person, *, manager: bool) -> None:
        """Raise :class:`NotAllowed` unless they manage the place, or the cluster."""
        self._refuse(Act.MANAGE, person, Standing(operator=self._operators.is_operator(person), manager=manager))

    @staticmethod
    def _refuse(act: Act, person: Person, standing: Standing) -> None:
        key = refusal(act, standing)
        if key is not None:
            raise NotAllowed(f"user {person.user_id} may not {act.value}", key=key)


def _is_chosen(profile: Profile, person: Person) -> bool:
    if not profile.allowed_roles and not profile.allowed_users:
        return True
    return person.user_id in profile.allowed_users or not profile.allowed_roles.isdisjoint(person.role_ids)
