"""Putting a backup in the place of the database, which is kept beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.clock import Clock, utc
from bot.errors import DatabaseInUse, StorageError
from bot.storage.backup import sqlite_copy
from bot.storage.backup.folder import stamp, sync, written
from bot.storage.backup.sqlite_copy import Content, GoOn, copy_whole
from bot.storage.migrate import HEAD, require_known
from bot.storage.process_lock import ProcessLock

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place, and the name of what was there before; None when there was nothing."""

    content: Content
    kept: Path | None

    @property
    def is_old(self) -> bool:
        """Whether the next start has to bring the schema to the newest."""
        return self.content.revision != HEAD


def restore(backup: Path, file: Path, clock: Clock, *, replace: bool, go_on: GoOn = lambda _: None) -> Restored:
    """Put a copy of the database ``backup`` in the place of the database ``file``.

    At every moment a whole database has the name ``file``, the old one or the new one, so a kill in the middle
    loses nothing: run the same again. ``backup`` is only read.

    Raises :class:`DatabaseInUse` while a bot uses ``file``; :class:`StorageError` when ``backup`` is damaged, is
    not this bot's or of a newer version, or, without ``replace``, when ``file`` holds newer data. Nothing was
    changed then.
    """
    if not backup.is_file():
        raise StorageError(f"there is no file {backup}")
    if file.exists() and backup.samefile(file):
        raise StorageError(f"{backup} is the database itself: name a backup of it")
    content = sqlite_copy.checked(backup)
    if content.revision is None:
        raise StorageError(f"{backup} holds nothing of this bot's")
    require_known(str(backup), content.revision)
    try:
        with ProcessLock.held(file):
            if not replace:
                _require_older(file, backup, content)
            restoring = file.with_name(f"{file.name}.restoring")
            try:
                copied = copy_whole(backup, restoring, go_on)
                _belong_as(restoring, file)
                kept = _kept(file, clock)
                restoring.replace(file)
                sync(file.parent)
            finally:
                restoring.unlink(missing_ok=True)
            found = sqlite_copy.checked(file)
    except DatabaseInUse as error:
        raise DatabaseInUse(f"{error}: stop it first, and run this again; nothing was changed") from error
    except OSError as error:
        raise StorageError(f"{file} cannot be replaced: {error.strerror}") from error
    if found != copied:
        raise StorageError(f"{file} is not what was written there: its disk is not to be trusted; before: {kept}")
    return Restored(found, kept)


def _require_older(file: Path, backup: Path, content: Content) -> None:
    """Raise :class:`StorageError` when the database in place has data that the backup lacks. One that cannot be
    read is no reason: it is what backups are for."""
    if not file.exists():
        return
    try:
        there = sqlite_copy.held(file)
    except StorageError:
        return
    if there.newest is not None and (content.newest is None or there.newest > content.newest):
        told = "nothing" if content.newest is None else f"data until {_told(content.newest)}"
        raise StorageError(
            f"{file} holds data until {_told(there.newest)}, and {backup} {told}: add --replace to go back to "
            "that; what is there now is kept beside it"
        )


def _belong_as(restoring: Path, file: Path) -> None:
    """Let whoever could use the database use the new one, also when root restores it."""
    there = file.stat() if file.exists() else None
    place = there or file.parent.stat()
    with suppress(PermissionError):
        os.chown(restoring, place.st_uid, place.st_gid)
    if there is not None:
        restoring.chmod(stat.S_IMODE(there.st_mode))


def _told(at: float) -> str:
    return f"{utc(at):%Y-%m-%d %H:%M:%S} UTC"


def _kept(file: Path, clock: Clock) -> Path | None:
    """Give the database in place a second name, and leave no log beside it that SQLite would take for the new
    one's. Only the process that holds the lock may call this."""
    if not file.exists():
        return None
    name = f"{file.name}.before-{stamp(clock.now())}"
    kept, number = file.with_name(name), 2
    while kept.exists():
        kept, number = file.with_name(f"{name}-{number}"), number + 1
    _take_log_in(file)
    left = [beside for suffix in _BESIDE if (beside := file.with_name(file.name + suffix)).exists()]
    for beside in left:  # only of a damaged database
        shutil.copy2(beside, kept.with_name(kept.name + beside.name.removeprefix(file.name)))
    try:
        os.link(file, kept)
    except OSError:  # a file system without links
        with written(kept) as partial:
            shutil.copy2(file, partial)
    sync(file.parent)
    for beside in left:
        beside.unlink()
    return kept


def _take_log_in(file: Path) -> None:
    """Make the database one file; a damaged one stays as it is."""
    try:
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        return
