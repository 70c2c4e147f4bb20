"""Keys of programs: made, listed and revoked by people, and the rights that a key has at this moment."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.clock import Clock
from bot.domain.access.keys import (
    NAME_LIMIT,
    RANDOM_BYTES,
    SHOWN,
    USED_EVERY,
    Key,
    KeyStore,
    NewKey,
    digest_of,
    is_key,
    is_same,
    secret_of,
)
from bot.domain.cluster.audit import AuditEntry, AuditLog, Json
from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.errors import DeliveryError, KeyRefused, NotAllowed, UserError
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Act, Members
from bot.tasks.keyed_locks import KeyedLocks

log = structlog.get_logger(__name__)

KEYS_EACH = 20
"""Keys that one person may have."""
LISTED = 50
"""Keys of everybody that an operator sees, the newest."""
ROLES_KEPT = 30.0
"""Seconds for which what Discord said of a key's owner is used again: a program asks many times a second, and
Discord tells changes of members only to applications with a privileged intent. So long may a key work whose owner
has lost a role or left the server."""
KEY_KEPT = 1.0
"""Seconds for which a key that was found is not looked up again. So long may one work that was revoked through
another process, or erased with all that is stored of a person."""
PEOPLE_KEPT = 2_000
"""Owners whose roles are remembered, at most."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom a program asks: a key's owner as they are now, and the profile that is in effect for them."""

    key: Key
    person: Person
    place: ScopeChain
    profile: Profile


@dataclass(frozen=True, slots=True)
class _Seen:
    roles: frozenset[int] | None
    at: float


class Keys:
    """Makes keys and tells what one allows now."""

    def __init__(
        self,
        store: KeyStore,
        access: Access,
        operators: Operators,
        profiles: Profiles,
        members: Members,
        audit: AuditLog,
        clock: Clock,
        *,
        allowed_guild_ids: Collection[int] = (),
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """``allowed_guild_ids`` are the only servers whose keys are valid, none: all; ``random`` makes so many
        bytes that nobody can guess."""
        self._allowed_guild_ids = frozenset(allowed_guild_ids)
        self._store = store
        self._access = access
        self._operators = operators
        self._profiles = profiles
        self._members = members
        self._audit = audit
        self._clock = clock
        self._random = random
        self._seen: dict[tuple[int, int], _Seen] = {}
        self._turns = KeyedLocks()
        self._used: dict[int, float] = {}
        self._found_keys: dict[str, tuple[Key, float]] = {}

    async def create(
        self, person: Person, place: ScopeChain, *, user_name: str, name: str, days: int
    ) -> tuple[Key, str]:
        """Make a key for somebody who asks for it at ``place``, valid for so many ``days``, 0 for good. Returns it
        with its secret, which is not stored.

        Raises :class:`NotAllowed`, :class:`UserError` (too many keys) and :class:`StorageError`.
        """
        seen = await self._access.require(Act.USE_KEY, person, place)
        return await issue(
            self._store,
            self._audit,
            user_id=seen.user_id,
            guild_id=seen.guild_id,
            user_name=user_name,
            name=name,
            days=days,
            now=self._clock.now(),
            random=self._random,
        )

    async def of(self, user_id: int) -> Sequence[Key]:
        """A person's own keys, oldest first. Raises :class:`StorageError`."""
        return await self._store.of_user(user_id)

    async def all(self, person: Person) -> Sequence[Key]:
        """Everybody's keys, the newest first, for an operator. Raises :class:`NotAllowed`."""
        self._operators.require(person)
        return await self._store.all(LISTED)

    async def revoke(self, key_id: int, person: Person) -> Key:
        """End a key: the person's own, or anybody's for an operator; returns it. Raises :class:`UserError` when
        there is none that this person may revoke."""
        key = await self._store.get(key_id)
        if key is None or (key.user_id != person.user_id and not self._operators.is_operator(person)):
            raise UserError(f"no key {key_id} for user {person.user_id}", key="error.key_unknown")
        await self._store.remove(key_id)
        self._found_keys.clear()
        log.info("key.revoked", key=key.prefix, user=key.user_id, by=person.user_id)
        detail: Json = {"key": key.prefix, "owner": str(key.user_id)}
        await self._audit.record(AuditEntry(self._clock.now(), person.user_id, "key.revoke", detail))
        return key

    async def owner(self, secret: str) -> Owner:
        """For whom the program asks that sent this ``secret``.

        Raises :class:`KeyRefused` for what is no valid key, :class:`NotAllowed` when its owner may not ask now,
        and :class:`StorageError`.
        """
        now = self._clock.now()
        key = await self._found(digest_of(secret)) if is_key(secret) else None
        if key is None or not key.is_valid(now):
            raise KeyRefused
        owner = await self._as_now(key)
        await self._note_use(key, now)
        return owner

    async def _found(self, digest: str) -> Key | None:
        """The key with this digest, as it was stored at most :data:`KEY_KEPT` seconds ago."""
        remembered, now = self._found_keys.get(digest), self._clock.monotonic()
        if remembered is not None and now - remembered[1] < KEY_KEPT:
            return remembered[0]
        found = await self._store.by_digest(digest)
        if found is None or not is_same(found[1], digest):
            self._found_keys.pop(digest, None)
            return None
        if len(self._found_keys) >= PEOPLE_KEPT:
            self._found_keys.clear()
        self._found_keys[digest] = found[0], now
        return found[0]

    async def _as_now(self, key: Key) -> Owner:
        person, place = Person(key.user_id, None), ScopeChain((Scope("direct", 0, ""),))
        if key.guild_id is not None:
            place = ScopeChain((Scope("server", key.guild_id, ""),))
        if not self._operators.is_operator(person):
            # Named by their id, operators stay operators without a server.
            person = await self._with_roles(person, key.guild_id)
        profile = await self._profiles.remembered(place.ids)
        # A program asks in no channel, so it cannot ask in a wrong one.
        profile = replace(profile, channels=frozenset())
        seen = await self._access.require(Act.USE_KEY, person, place, profile=profile)
        return Owner(key, seen, place, profile)

    async def _with_roles(self, person: Person, guild_id: int | None) -> Person:
        """The person with their roles in this server, or in their home."""
        if guild_id is not None:
            if self._allowed_guild_ids and guild_id not in self._allowed_guild_ids:
                raise NotAllowed(f"server {guild_id} is not allowed", key="error.elsewhere")
            roles = await self._roles(guild_id, person.user_id)
            if roles is None:
                raise NotAllowed(f"user {person.user_id} left server {guild_id}", key="error.not_member")
            return replace(person, guild_id=guild_id, role_ids=roles)
        for home in self._access.homes:
            roles = await self._roles(home, person.user_id)
            if roles is not None:
                return replace(person, guild_id=home, role_ids=roles)
        if self._access.homes:
            raise NotAllowed(f"user {person.user_id} is in no home", key="error.not_member")
        return person

    async def _roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """The roles of a server's member, as Discord told them at most :data:`ROLES_KEPT` seconds ago; None for
        somebody who is none. Raises :class:`NotAllowed` when Discord does not tell them."""
        who = guild_id, user_id
        async with self._turns.of(who):
            seen, now = self._seen.get(who), self._clock.monotonic()
            if seen is not None and now - seen.at < ROLES_KEPT:
                return seen.roles
            try:
                roles = await self._members.roles(guild_id, user_id)
            except DeliveryError as error:
                log.warning("key.roles_unknown", user=user_id, guild=guild_id, detail=str(error))
                raise NotAllowed(f"roles of user {user_id} unknown", key="error.roles_unknown") from error
            self._seen.pop(who, None)
            if len(self._seen) >= PEOPLE_KEPT:
                del self._seen[next(iter(self._seen))]
            self._seen[who] = _Seen(roles, now)
            return roles

    async def _note_use(self, key: Key, now: float) -> None:
        if now - self._used.get(key.key_id, key.last_used_at or 0.0) < USED_EVERY:
            return
        self._used[key.key_id] = now
        if len(self._used) > PEOPLE_KEPT:
            del self._used[next(iter(self._used))]
        await self._store.used(key.key_id, now=now)


async def issue(
    store: KeyStore,
    audit: AuditLog,
    *,
    user_id: int,
    guild_id: int | None,
    user_name: str,
    name: str,
    days: int,
    now: float,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Key, str]:
    """Make a key without a look at its owner's rights, which count when it is used. Arguments as of :class:`Key`
    and :meth:`Keys.create`; ``now`` in epoch seconds. Returns it with its secret.

    Raises :class:`UserError` when this person has :data:`KEYS_EACH` keys, and :class:`StorageError`.
    """
    secret = secret_of(random(RANDOM_BYTES))
    kept = await store.add(
        NewKey(
            user_id=user_id,
            user_name=user_name,
            guild_id=guild_id,
            name=" ".join(name.split())[:NAME_LIMIT],
            digest=digest_of(secret),
            prefix=secret[:SHOWN],
            created_at=now,
            expires_at=now + days * DAY if days else None,
        ),
        most=KEYS_EACH,
    )
    if kept is None:
        raise UserError(f"user {user_id} has {KEYS_EACH} keys", key="error.keys_many", limit=KEYS_EACH)
    log.info("key.created", key=kept.prefix, user=user_id, days=days)
    await audit.record(AuditEntry(now, user_id, "key.create", {"key": kept.prefix, "name": kept.name}))
    return kept, secret
