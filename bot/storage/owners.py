"""Which of the processes that met on one database still live.

Each locks a byte of its own, found by its name, of a file beside the database. The kernel lets go of it when the
process ends, however it ends (fcntl(2), "Advisory record locking"), so that a restart need not wait for a
lease to run out, and a living process keeps what it answers.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import StorageError

SUFFIX = ".lock"


class Owners:
    """This process among those on a database. At most one of a file in a process: POSIX drops all of a process's
    locks on a file with the first descriptor it closes."""

    def __init__(self, descriptor: int, me: str) -> None:
        self._descriptor = descriptor
        self.me = me

    @classmethod
    @contextmanager
    def joined(cls, database: Path) -> Iterator[Owners]:
        """This process lives, under a name that nobody had before, until it leaves the block or ends.

        Raises :class:`StorageError`.
        """
        file = database.with_name(database.name + SUFFIX)
        me = secrets.token_hex(8)
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise StorageError(f"{file}: {exc.strerror}") from exc
        try:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte_of(me))
            except OSError as exc:
                raise StorageError(f"{file} cannot be locked: {exc.strerror}") from exc
            yield cls(descriptor, me)
        finally:
            os.close(descriptor)

    def is_alive(self, owner: str) -> bool:
        """Whether the process of this name lives. Safe to call from any thread."""
        if owner == self.me:
            return True
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte_of(owner))
        except OSError:
            return True
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _byte_of(owner))
        return False


def _byte_of(owner: str) -> int:
    """A byte that no other name has, as far as 62 bits can tell. The file stays empty: locks need no contents."""
    return int.from_bytes(hashlib.blake2b(owner.encode(), digest_size=8).digest(), "big") >> 2
