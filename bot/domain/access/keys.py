"""Keys with which programs ask for the people who made them, and the port to their store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MARK = "plx-"
"""How every key begins, so that it is recognised where it was published by mistake."""
RANDOM_BYTES = 32
"""Of a key. They are 43 characters of base64url (RFC 4648, section 5) without padding."""
SHOWN = len(MARK) + 4
"""Characters of a key that stay known, to tell one from another."""
NAME_LIMIT = 60
"""Characters of a key's name."""
MOST_DAYS = 3_650
"""Days for which a key may be valid; 0: until it is revoked."""
USED_EVERY = 60.0
"""Seconds between two times that a key's use is stored."""

_FORM = re.compile(rf"{MARK}[A-Za-z0-9_-]{{43}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored. Times in epoch seconds; ``expires_at`` None: it does not expire. The roles and
    settings of the server ``guild_id`` count for its owner; None: those that count in direct messages."""

    key_id: int
    user_id: int
    user_name: str
    guild_id: int | None
    name: str
    prefix: str
    created_at: float
    expires_at: float | None = None
    last_used_at: float | None = None

    def is_valid(self, now: float) -> bool:
        """Whether it has not expired ``now``."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key before it is stored. Fields as of :class:`Key`; ``digest`` as of :func:`digest_of`."""

    user_id: int
    user_name: str
    guild_id: int | None
    name: str
    digest: str
    prefix: str
    created_at: float
    expires_at: float | None = None


def secret_of(random: bytes) -> str:
    """The key that consists of these :data:`RANDOM_BYTES` bytes."""
    return MARK + base64.urlsafe_b64encode(random).decode().rstrip("=")


def is_key(text: str) -> bool:
    """Whether ``text`` has the form of a key."""
    return _FORM.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """What is stored of a key: its SHA-256. A slow hash is for what people choose; nobody guesses 256 bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same(digest: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(digest, other)


class KeyStore(Protocol):
    """Keys. Every change is one transaction; raises only :class:`StorageError`."""

    async def add(self, key: NewKey, *, most: int) -> Key | None:
        """Store a key; None when its owner has ``most`` or more."""
        ...

    async def by_digest(self, digest: str) -> tuple[Key, str] | None:
        """The key with this digest, and the digest as it is stored; None when there is none."""
        ...

    async def of_user(self, user_id: int) -> Sequence[Key]:
        """A person's keys, oldest first."""
        ...

    async def all(self, limit: int) -> Sequence[Key]:
        """The newest ``limit`` keys of everybody, newest first."""
        ...

    async def get(self, key_id: int) -> Key | None:
        """The key, or None."""
        ...

    async def remove(self, key_id: int) -> bool:
        """Remove a key: it is not valid any more. False when there is none."""
        ...

    async def used(self, key_id: int, *, now: float) -> None:
        """Store that a key was used ``now`` (epoch seconds)."""
        ...
