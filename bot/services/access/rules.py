"""Who may do what: the one place where a role, a permission, a block or a server decides.

Only operators run the cluster (:mod:`bot.services.access.operators`); everything else is a row of :data:`RULES`,
applied at every command, press, submitted dialogue and message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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

    ENTER = "use the bot in this server"
    """Checked before everything else."""
    ASK = "ask"
    """A question, however it comes: Regenerate, Continue and Try again ask too."""
    RATE = "rate an answer"
    JOIN = "add a node"
    USE_KEY = "ask with a program"
    """Making a key for the API, and every request with it."""
    SCHEDULE = "have questions asked by a schedule"
    """Making a schedule, and every time that it runs."""
    USE_CHANNEL_MEMORY = "show or clear the memory of a channel"
    """Not what is the person's own: private answers, direct messages, export and erasure are never refused."""
    MANAGE = "manage the place"
    STOP = "stop an answer"
    """Stop or Cancel."""
    REPEAT = "repeat an answer"
    """Regenerate, Continue, Try again, Previous and Next: they change an answer's messages."""
    READ = "read more of an answer"
    """Reasoning, the answer as a file, a thumb."""
    CALL = "call a person"
    """The helpers of a help channel, from below an answer."""
    FETCH = "fetch a kept answer"
    """Show, of an answer that could not be shown where it was asked."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of somebody in the place where they act.

    ``elsewhere``: ALLOWED_GUILD_IDS does not contain the server. ``manager``: they may change the settings there.
    ``stranger``: they brought the bot along, and are neither named in ALLOWED_USERS nor a member of a home.
    ``outsider``: they act outside of the bot's servers, and are neither such a member nor named. ``blocked`` and
    ``chosen`` (by role or by name, or because nobody is) come from the settings that count there.
    ``right_channel``: questions are asked there. ``roles_seen``: the roles of some server count there.
    ``join_role``: they have one of JOIN_ROLES; ``key_role``: one of KEY_ROLES; ``schedule_role``: one of
    SCHEDULE_ROLES; None where there are none. Of the answer that they act on: ``asker``: they asked for it;
    ``private``: it is for its asker only; ``shown_here``: this channel shows it; ``writer``: they may write in it.
    """

    operator: bool = False
    elsewhere: bool = False
    stranger: bool = False
    asker: bool = False
    private: bool = False
    shown_here: bool = True
    writer: bool = True
    manager: bool = False
    outsider: bool = False
    blocked: bool = False
    chosen: bool = True
    right_channel: bool = True
    roles_seen: bool = True
    join_role: bool | None = None
    key_role: bool | None = None
    schedule_role: bool | None = None


Rule = tuple[Callable[[Standing], bool], str]
"""What has to be true, and the key of the sentence for people of whom it is not."""


def _may_ask_somewhere(standing: Standing) -> bool:
    return standing.chosen and not standing.blocked


_MEMBER: Rule = (lambda standing: not standing.outsider, "error.not_member")
_ASKER: Rule = (lambda standing: standing.asker, "error.not_yours")

RULES: Mapping[Act, tuple[Rule, ...]] = {
    Act.ENTER: (
        (lambda standing: not standing.elsewhere, "error.elsewhere"),
        (lambda standing: not standing.stranger, "brought.not_allowed"),
    ),
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
    Act.USE_KEY: (
        _MEMBER,
        (lambda standing: not standing.blocked, "error.ask_blocked"),
        (lambda standing: standing.chosen, "error.ask_not_allowed"),
        (lambda standing: standing.key_role is not False, "error.key_not_allowed"),
    ),
    Act.SCHEDULE: (
        _MEMBER,
        (lambda standing: not standing.blocked, "error.ask_blocked"),
        (lambda standing: standing.right_channel, "error.ask_elsewhere"),
        (lambda standing: standing.chosen, "error.ask_not_allowed"),
        (lambda standing: standing.schedule_role is not False, "error.schedule_not_allowed"),
    ),
    Act.USE_CHANNEL_MEMORY: (
        _MEMBER,
        (lambda standing: standing.manager or _may_ask_somewhere(standing), "error.memory_not_allowed"),
    ),
    Act.MANAGE: ((lambda standing: standing.manager, "error.not_manager"),),
    Act.CALL: (
        _MEMBER,
        (lambda standing: not standing.blocked, "error.ask_blocked"),
        (lambda standing: standing.shown_here and not standing.private, "error.not_yours"),
        (lambda standing: standing.asker or standing.writer, "error.call_not_allowed"),
    ),
    Act.STOP: (_ASKER,),
    Act.REPEAT: (_ASKER,),
    Act.FETCH: (_ASKER,),
    Act.READ: (
        (
            lambda standing: standing.asker or (standing.shown_here and not standing.private),
            "error.not_yours",
        ),
    ),
}
"""For each act its rules, in the order in which they are applied."""


def refusal(act: Act, standing: Standing) -> str | None:
    """The key of the sentence why somebody may not do this; None when they may.

    Operators always may, with two exceptions: a server that is not allowed is closed to everybody, and a private
    or kept answer is for its asker only.
    """
    for_asker = act is Act.FETCH or (standing.private and act in {Act.REPEAT, Act.READ})
    if standing.operator and act is not Act.ENTER and not for_asker:
        return None
    return next((key for holds, key in RULES[act] if not holds(standing)), None)


def require(act: Act, person: Person, standing: Standing) -> None:
    """Raise :class:`NotAllowed` unless somebody of this standing may do this."""
    key = refusal(act, standing)
    if key is not None:
        raise NotAllowed(f"user {person.user_id} may not {act.value}", key=key)


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
        key_roles: Iterable[int] = (),
        schedule_roles: Iterable[int] = (),
        homes: Sequence[int] = (),
        allowed_users: Iterable[int] = (),
    ) -> None:
        """``homes`` are the servers whose members may use the bot in direct messages and wherever else it sees no
        roles: the roles and settings of the first one that has the person count. None: everybody may.
        ``allowed_users`` may there too, without being a member."""
        self._profiles = profiles
        self._operators = operators
        self._members = members
        self._join_roles = frozenset(join_roles)
        self._key_roles = frozenset(key_roles)
        self._schedule_roles = frozenset(schedule_roles)
        self.homes = tuple(homes)
        self._allowed_users = frozenset(allowed_users)

    async def seen(self, person: Person) -> Person:
        """The person with the roles that count: in a server its own, elsewhere those of the person's home.

        Raises :class:`NotAllowed` when Discord does not tell them.
        """
        if person.guild_id is not None or self._operators.is_operator(person):
            return person
        failure: DeliveryError | None = None
        for home in self.homes:
            try:
                roles = await self._members.roles(home, person.user_id)
            except DeliveryError as error:
                log.warning("access.roles_unknown", user=person.user_id, guild=home, detail=str(error))
                failure = error
                continue
            if roles is not None:
                return replace(person, guild_id=home, role_ids=roles)
        if failure is not None:
            raise NotAllowed(f"roles of user {person.user_id} unknown", key="error.roles_unknown") from failure
        return person

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
            outsider=seen.guild_id is None and bool(self.homes) and seen.user_id not in self._allowed_users,
            blocked=any(seen.user_id in one.blocked_users for one in counting),
            chosen=all(_is_chosen(one, seen) for one in counting),
            right_channel=not here.channels or not here.channels.isdisjoint(place.ids),
            roles_seen=seen.guild_id is not None,
            join_role=_has_one(seen, self._join_roles),
            key_role=_has_one(seen, self._key_roles),
            schedule_role=_has_one(seen, self._schedule_roles),
        )
        require(act, seen, standing)
        return seen

    def require_manager(self, person: Person, *, manager: bool) -> None:
        """Raise :class:`NotAllowed` unless they manage the place, or the cluster."""
        require(Act.MANAGE, person, Standing(operator=self._operators.is_operator(person), manager=manager))


def _has_one(person: Person, roles: frozenset[int]) -> bool | None:
    """Whether they have one of these roles; None when no role is needed."""
    return not roles.isdisjoint(person.role_ids) if roles else None


def _is_chosen(profile: Profile, person: Person) -> bool:
    if not profile.allowed_roles and not profile.allowed_users:
        return True
    return person.user_id in profile.allowed_users or not profile.allowed_roles.isdisjoint(person.role_ids)
