"""``backup`` and ``restore`` as they are seen in a terminal, or by a program."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.addresses import logins_in
from bot.clock import Clock, SystemClock, first_of, utc
from bot.errors import BotError, ConfigError, StorageError
from bot.storage.addresses import database_file, is_postgres, shown
from bot.storage.backup.folder import Folder
from bot.storage.backup.restore import restore
from bot.storage.backup.server_dump import dump
from bot.storage.backup.sqlite_copy import GoOn, copy_whole
from bot.storage.migrate import HEAD
from bot.storage.sqlite_schema import finished_revision
from bot.telemetry.logs import configure_logging

log = structlog.get_logger(__name__)

KEPT_WHEN_REPEATED = 28
"""Backups that ``--every`` keeps when ``--keep`` does not say how many: a week, every six hours."""

LEAST_EVERY, MOST_EVERY = 300.0, 30 * 86_400.0
"""Bounds of ``--every``, in seconds."""

AGAIN_AFTER = 300.0
"""Seconds until a repeated backup that failed is tried again, unless its turn comes before."""

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
_EVERY = re.compile(r"(\d{1,5})([mhd])")


class _EndedError(Exception):
    """The process was told to end in the middle of a backup."""


@dataclass(frozen=True, slots=True)
class Done:
    """A backup that was made: its ``file``, what it holds in a few words and as data, and what was removed."""

    file: Path
    words: str
    data: dict[str, object]
    removed: list[Path]


def folder_of(url: str, to: Path | None = None) -> Folder:
    """The folder ``to`` for backups of the database at ``url``; None: ``backups`` beside a SQLite file, else
    ``data/backups``. Raises :class:`ConfigError`."""
    if is_postgres(url):
        database = url.rpartition("/")[2].partition("?")[0]
        return Folder(to or Path("data/backups"), re.sub(r"[^A-Za-z0-9_-]", "_", database))
    file = database_file(url)
    return Folder(to or file.parent / "backups", file.stem)


def seconds_of(every: str) -> float:
    """The seconds of a time like ``90m``, ``6h`` or ``1d``. Raises :class:`ConfigError` outside of
    :data:`LEAST_EVERY` and :data:`MOST_EVERY`."""
    found = _EVERY.fullmatch(every.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not LEAST_EVERY <= seconds <= MOST_EVERY:
        raise ConfigError("--every must look like 90m, 6h or 1d, from 5m to 30d")
    return seconds


def make(url: str, folder: Folder, keep: int | None, clock: Clock, go_on: GoOn = lambda _: None) -> Done:
    """Back the database at ``url`` up into ``folder``, while bots may use it, and remove all but the newest
    ``keep`` there (None: remove none). Not inside of an event loop.

    Raises :class:`ConfigError`, :class:`StorageError`.
    """
    server = is_postgres(url)
    if not server and finished_revision(database_file(url), untouched=True) is None:
        raise StorageError(f"no bot has used {shown(url)} yet: there is nothing to back up")
    with folder.writing():
        file = folder.free_name(clock.now(), ".dump" if server else ".db")
        data: dict[str, object]
        if server:
            tables = dump(url, file, go_on)
            words, data = f"{tables} tables", {"tables": tables}
        else:
            content = copy_whole(database_file(url), file, go_on)
            words = f"schema {content.revision}, {content.total} rows"
            data = {"schema": content.revision, "rows": content.rows}
        size = file.stat().st_size
        removed = folder.remove_old(keep) if keep is not None else []
    words = f"{words}, {size / 1e6:.1f} MB, checked"
    return Done(file, words, {"file": str(file), "bytes": size, **data, "removed": [*map(str, removed)]}, removed)


def back_up_and_tell(url: str, to: Path | None, *, keep: int | None, as_json: bool) -> None:
    """Make one backup and print what it is. Raises :class:`ConfigError`, :class:`StorageError`; with ``as_json``
    the printed object has their text too."""
    configure_logging("WARNING", "console", secrets=logins_in(url))
    try:
        done = make(url, folder_of(url, to), keep, SystemClock())
    except BotError as error:
        if as_json:
            _print({"error": str(error)})
        raise
    if as_json:
        _print(done.data)
    else:
        removed = f"; {len(done.removed)} older removed" if done.removed else ""
        sys.stdout.write(f"{done.file}: {done.words}{removed}\n")


def keep_backing_up(url: str, to: Path | None, *, every: float, keep: int | None) -> None:
    """Make a backup every so many seconds until SIGTERM or SIGINT. A failure is a line in the log, and the next
    one is tried. One that is being made at the end is given up, and leaves nothing."""
    configure_logging("INFO", "console", secrets=logins_in(url))
    asyncio.run(_until_told(Repeated(url, folder_of(url, to), every, keep or KEPT_WHEN_REPEATED, SystemClock())))


async def _until_told(repeated: Repeated) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, repeated.end)
    await repeated.run()


class Repeated:
    """A backup whenever the newest in ``folder`` is ``every`` seconds old, of which ``keep`` are kept."""

    def __init__(self, url: str, folder: Folder, every: float, keep: int, clock: Clock) -> None:
        self._url, self._folder, self._every, self._keep = url, folder, every, keep
        self._clock = clock
        self._ending = asyncio.Event()
        self._told = threading.Event()

    def end(self) -> None:
        """Let :meth:`run` return soon; a backup that is being made is given up."""
        self._told.set()
        self._ending.set()

    async def run(self) -> None:
        """Make backups until :meth:`end` is called. A start soon after a backup waits for the next one's turn."""
        wait = self._due_in()
        log.info("backup.repeated", every=self._every, keep=self._keep, next_in=round(wait))
        while True:
            await first_of(self._clock, wait, self._ending)
            if self._ending.is_set():
                return
            wait = await asyncio.to_thread(self._made)

    def _made(self) -> float:
        """Make one; returns the seconds until the next."""
        try:
            done = make(self._url, self._folder, self._keep, self._clock, self._go_on)
        except BotError as error:
            wait = min(self._every, AGAIN_AFTER)
            log.error("backup.failed", detail=str(error), again_in=wait)
            return wait
        except _EndedError:
            return 0.0
        log.info("backup.made", file=str(done.file), detail=done.words, removed=len(done.removed))
        return self._every

    def _go_on(self, _: float) -> None:
        if self._told.is_set():
            raise _EndedError

    def _due_in(self) -> float:
        backups = self._folder.backups()
        # A moment in the future is of a clock that was wrong.
        age = max(0.0, self._clock.now() - backups[-1].made_at) if backups else self._every
        return max(0.0, self._every - age)


def restore_and_tell(url: str, backup: Path, *, replace: bool) -> None:
    """Put ``backup`` in the place of the database and print what is there now. Raises :class:`ConfigError`,
    :class:`StorageError`."""
    configure_logging("WARNING", "console", secrets=logins_in(url))
    if is_postgres(url):
        raise StorageError(
            "on PostgreSQL, pg_restore puts a backup back: stop every bot, make an empty database, and run "
            "`pg_restore --no-owner --dbname=… FILE` (docs/backups.md)"
        )
    file = database_file(url)
    done = restore(backup, file, SystemClock(), replace=replace)
    newest = "" if done.content.newest is None else f", data until {utc(done.content.newest):%Y-%m-%d %H:%M} UTC"
    sys.stdout.write(
        f"{file} is {backup} now: schema {done.content.revision}, {done.content.total} rows{newest}, checked\n"
    )
    if done.kept is not None:
        sys.stdout.write(f"what was there is kept as {done.kept}\n")
    if done.is_old:
        sys.stdout.write(f"the next start brings the schema to {HEAD}\n")


def _print(data: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
