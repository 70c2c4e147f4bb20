"""The database that is moved, which is only read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.errors import StorageError
from bot.storage import migrate, sqlite_schema
from bot.storage.addresses import database_file, is_postgres, shown
from bot.storage.engine import ServerOptions, open_transactions
from bot.storage.move.paging import Reads

T = TypeVar("T")

COPY = ".moving"
"""The end of the name of a folder beside a SQLite file, for a copy of it whose schema may be changed."""


class _ReadOnlyFile:
    """A SQLite file, opened so that nothing can be changed through it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine: Engine = create_engine(
            "sqlite://", creator=lambda: sqlite_schema.read_only(file), poolclass=NullPool, hide_parameters=True
        )

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on a snapshot, on a thread of its own. Raises :class:`StorageError`."""
        return await asyncio.to_thread(self._read, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StorageError(f"{self._file} cannot be read: {cause}") from error


def require_source(url: str) -> None:
    """Raise :class:`StorageError` when ``url`` names a SQLite file that is not there: nothing may create it."""
    if not is_postgres(url) and not database_file(url).is_file():
        raise StorageError(f"there is no database {database_file(url)}: DATABASE_URL names the one to move")


@asynccontextmanager
async def opened_source(url: str, options: ServerOptions) -> AsyncIterator[Reads]:
    """The database at ``url``, which belongs to this process, with the newest schema: an older SQLite file is
    copied, and the copy migrated.

    Raises :class:`StorageError` when it holds nothing yet or only a part of another one, was written by a newer
    version of the bot, or is on a server and older than this version.
    """
    if is_postgres(url):
        async with _opened_server(url, _used(url, await migrate.read_revision(url)), options) as reads:
            yield reads
        return
    file = database_file(url)
    found = _used(url, await asyncio.to_thread(sqlite_schema.finished_revision, file, untouched=True))
    await asyncio.to_thread(shutil.rmtree, _folder_of(file), ignore_errors=True)  # of a killed process
    if found == migrate.HEAD:
        yield _ReadOnlyFile(file)
        return
    with _folder_beside(file) as folder:
        copy = folder / file.name
        await asyncio.to_thread(sqlite_schema.copy_to, file, copy)
        await asyncio.to_thread(migrate.upgrade_sync, f"sqlite:///{copy}", keep_copy=False)
        yield _ReadOnlyFile(copy)


def _used(url: str, found: str | None) -> str:
    if found is None:
        raise StorageError(f"no bot has used {shown(url)} yet: there is nothing to move")
    return found


@asynccontextmanager
async def _opened_server(url: str, found: str, options: ServerOptions) -> AsyncIterator[Reads]:
    if found != migrate.HEAD:
        raise StorageError(
            f"{shown(url)} has the schema {found}, and {migrate.HEAD} is moved: a database of a server is not "
            "copied first, so run `migrate` for it without --to before"
        )
    transactions = open_transactions(url, options)
    try:
        yield transactions
    finally:
        await transactions.close()


def _folder_of(file: Path) -> Path:
    return file.with_name(file.name + COPY)


@contextmanager
def _folder_beside(file: Path) -> Iterator[Path]:
    """A folder for a copy: on the same disk, which is sized for it."""
    folder = _folder_of(file)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
