"""What the bot's processes on one PostgreSQL server tell each other by advisory locks.

A lock belongs to a session and is gone with it: at once when its process is killed, and within seconds when the
machine is gone (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS). Nothing is written.
``pg_locks`` shows a lock with two numbers as ``classid``, ``objid`` and ``objsubid = 2``.
"""

from __future__ import annotations

import enum
import hashlib

from sqlalchemy import text


class Kind(enum.IntEnum):
    """What a lock is about: with the schema, its first number."""

    PROCESS = 0x21
    """A process lives; the second number is :func:`key` of its name."""
    SHARD = 0x22
    """A process is to keep this shard connected."""
    CONNECTED = 0x23
    """A process has this shard connected."""
    IDENTIFY = 0x24
    """A process starts a session in this bucket, or has done so a moment ago."""
    WANTED = 0x25
    """A process stands by to connect this shard. Shared: any number may."""

    @property
    def is_shared(self) -> bool:
        """Whether several sessions hold the same lock of this kind."""
        return self is Kind.WANTED


def key(*parts: object) -> int:
    """The second number of the lock that is named by ``parts``: 31 bits."""
    named = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(named, digest_size=4).digest()) >> 1


# Of the schema, so that two bots may share a database.
_KIND = "((CAST(:kind AS integer) << 24) | (hashtext(current_schema()) & 16777215))"

HELD = text(
    "SELECT CAST(objid AS bigint) AS key, pid = pg_backend_pid() AS is_mine FROM pg_locks"  # noqa: S608  # constants
    " WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND classid = CAST(CAST({_KIND} AS bigint) AS oid)"
)
"""The locks of one kind that anybody holds."""

TAKE = text(f"SELECT pg_try_advisory_lock({_KIND}, CAST(:key AS integer))")
GIVE_UP = text(f"SELECT pg_advisory_unlock({_KIND}, CAST(:key AS integer))")
TAKE_SHARED = text(f"SELECT pg_try_advisory_lock_shared({_KIND}, CAST(:key AS integer))")
GIVE_UP_SHARED = text(f"SELECT pg_advisory_unlock_shared({_KIND}, CAST(:key AS integer))")

TAKE_EACH = text(
    "SELECT number, pg_try_advisory_lock(number) AS taken FROM unnest(CAST(:numbers AS bigint[])) AS number"
)
"""Locks with one number, of 64 bits, for Discord's ids."""
GIVE_UP_EACH = text("SELECT count(pg_advisory_unlock(number)) FROM unnest(CAST(:numbers AS bigint[])) AS number")
