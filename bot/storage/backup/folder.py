"""The folder of backups: how its files are named, who writes there, and which are removed."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import utc
from bot.errors import StorageError

PARTIAL = ".partial"
"""The end of the name of a file that is being written; whoever finds one without its writer may remove it."""

_FORM = "%Y%m%dT%H%M%SZ"
_SIDE_FILES = ("", "-journal", "-wal", "-shm")
_NAMED = re.compile(r"(?P<of>.+)-(?P<time>\d{8}T\d{6}Z)(?:-\d+)?\.(?:db|dump)")


@dataclass(frozen=True, slots=True, order=True)
class Backup:
    """A backup in the folder: when it was made (seconds since the epoch, from its name) and its file."""

    made_at: float
    file: Path


def stamp(at: float) -> str:
    """The moment ``at``, in seconds since the epoch, as it stands in names of files."""
    return utc(at).strftime(_FORM)


class Folder:
    """A folder of backups of one database, whose name is ``of``. It need not exist."""

    def __init__(self, path: Path, of: str) -> None:
        self.path = path
        self._of = of

    def backups(self) -> list[Backup]:
        """All whole backups of this database, the oldest first. What is named otherwise is none."""
        found = []
        with suppress(OSError):
            for file in self.path.iterdir():
                named = _NAMED.fullmatch(file.name)
                if named is not None and named["of"] == self._of and (at := _moment(named["time"])) is not None:
                    found.append(Backup(at, file))
        return sorted(found)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who writes into the folder, which is created; what a killed writer left is removed.

        Raises :class:`StorageError` when another one writes there or the folder cannot be used.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StorageError(f"{self.path} cannot hold backups: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError(
                    f"another backup is being written into {self.path}: wait for its end"
                ) from error
            for left in self.path.glob(f"{self._of}-*{PARTIAL}"):
                remove(left)
            yield
        finally:
            os.close(descriptor)

    def free_name(self, at: float, ending: str) -> Path:
        """A name for a backup of the moment ``at`` that no file has. Only while writing."""
        name = f"{self._of}-{stamp(at)}"
        file, number = self.path / f"{name}{ending}", 2
        while file.exists():
            file, number = self.path / f"{name}-{number}{ending}", number + 1
        return file

    def remove_old(self, keep: int) -> list[Path]:
        """Remove all backups but the newest ``keep`` (≥ 1); returns which. One that cannot be removed stays."""
        removed = []
        for backup in self.backups()[:-keep]:
            with suppress(OSError):
                backup.file.unlink()
                removed.append(backup.file)
        return removed


def _moment(text: str) -> float | None:
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None  # such as a thirteenth month


def remove(file: Path) -> None:
    """Remove a database's file and what SQLite may have left beside it; nothing happens when there is none."""
    for suffix in _SIDE_FILES:
        file.with_name(file.name + suffix).unlink(missing_ok=True)


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """Write ``file`` whole or not at all: yields an empty file that only its owner may read, which gets the name
    at the end, when it is on the disk. Whatever had the name before is replaced. After a failure it is removed.

    Raises :class:`StorageError` when the folder cannot be written.
    """
    partial = file.with_name(file.name + PARTIAL)
    try:
        remove(partial)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StorageError(f"{partial} cannot be written: {error.strerror}") from error
    try:
        yield partial
        sync(partial)
        partial.replace(file)
        sync(file.parent)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            remove(partial)


def sync(path: Path) -> None:
    """Return when the file, or the names in the folder, at ``path`` are on the disk. Raises :class:`OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
