"""The copy of a SQLite file that is made before its schema is changed."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from bot.storage.backup.sqlite_copy import copy_whole

KEPT = 3
"""Copies that are kept, the newest."""

_OF_REVISION = re.compile(r"\.\d{4}\.bak$")


def keep_copy(file: Path, before: str) -> Path:
    """Copy the database to ``<file>.<before>.bak``, whole and checked; returns the copy. Of older ones the newest
    are kept, :data:`KEPT` in all. Raises :class:`StorageError`: then the database is damaged or the disk full."""
    copy = file.with_name(f"{file.name}.{before}.bak")
    copy_whole(file, copy)
    copies = [found for found in file.parent.glob(f"{file.name}.*.bak") if _OF_REVISION.search(found.name)]
    # By their names: those are the revisions, which only grow.
    for old in sorted(copies)[:-KEPT]:
        with suppress(OSError):
            old.unlink()
    return copy
