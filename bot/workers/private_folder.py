"""The folder in which child processes may write, and the folders that processes have left which were killed.

A process locks a file in its folder for as long as it lives. The kernel releases the lock when the process ends,
for any reason (flock(2)), so whoever can take the lock knows that the folder is nobody's any more. A process id
would not tell this: containers may share a temporary folder, and not their process ids.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "parallax-discord-"
MOST_REMOVED = 50
"""Folders that one start removes at most; each takes about a millisecond."""

_UNLOCKED_PREFIX = "parallax-discord.new-"
_LOCK = ".lock"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Open a folder (0700) in the temporary folder, which is removed at the end. Removes those of ended processes
    first. Raises :class:`OSError`."""
    folder = Path(tempfile.mkdtemp(prefix=_UNLOCKED_PREFIX))
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):  # a file system without locks: then nobody can take it either
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # From now on others may try its lock.
        folder = folder.rename(folder.with_name(PREFIX + folder.name.removeprefix(_UNLOCKED_PREFIX)))
        remove_abandoned(folder.parent)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_abandoned(parent: Path) -> int:
    """Remove this user's folders in ``parent`` whose process is gone, at most :data:`MOST_REMOVED`; returns how
    many. Leaves a folder alone when it is not certain that nobody uses it."""
    removed = 0
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if removed == MOST_REMOVED:
                break
            if entry.name.startswith(PREFIX) and _is_own(entry) and _is_abandoned(Path(entry.path)):
                shutil.rmtree(entry.path, ignore_errors=True)
                removed += 1
    return removed


def _is_own(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:
        return False


def _is_abandoned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
