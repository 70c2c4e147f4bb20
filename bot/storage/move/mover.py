"""The move itself: lock both databases, copy, compare, and take the mark away.

The reasons are in docs/decisions/0029-moving-to-another-database.md.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Table

from bot.clock import Clock
from bot.errors import ConfigError, StorageError
from bot.storage import migrate
from bot.storage.addresses import database_file, is_postgres, server_url, shown
from bot.storage.engine import ServerOptions
from bot.storage.move.alone import Alone, alone
from bot.storage.move.checksums import Checksum, canonical
from bot.storage.move.counters import read_counters
from bot.storage.move.paging import Reads, checksum, count, key_of, pages
from bot.storage.move.source import opened_source, require_source
from bot.storage.move.target import Content, Copied, Target, content, opened_target
from bot.storage.tables import metadata

T = TypeVar("T")

OPTIONS = ServerOptions(connections=2, statement_seconds=600.0)
"""For servers: removing what an earlier move had copied is one statement for each table."""


class Step(enum.Enum):
    """What is done with a table."""

    COPY = "copying"
    COMPARE = "comparing"


class Watcher(Protocol):
    """Sees how a move goes on."""

    def begin(self, total: int) -> None:
        """``total`` rows are to be copied and compared."""
        ...

    def go_on(self, step: Step, table: str, rows: int) -> None:
        """``rows`` more of ``table`` are done."""
        ...

    def begin_again(self) -> None:
        """The source has changed since an earlier move stopped: everything is copied again."""
        ...


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table at both places."""

    name: str
    source: Checksum
    target: Checksum

    @property
    def is_equal(self) -> bool:
        """Whether both have the same rows."""
        return self.source == self.target


@dataclass(frozen=True, slots=True)
class Moved:
    """The result of a move. ``source`` and ``target`` are as people may see them. ``went_on``: an earlier move had
    copied a part. ``was_there``: one had copied everything."""

    source: str
    target: str
    tables: Sequence[MovedTable]
    went_on: bool = False
    was_there: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether both databases hold the same, so that a bot may start on the target."""
        return all(table.is_equal for table in self.tables)


async def move(source: str, target: str, clock: Clock, watcher: Watcher) -> Moved:
    """Copy everything in the database at the URL ``source`` into the one at ``target``, compare them, and let a
    bot start on it. An earlier move that was stopped is gone on with. The source is only read.

    Raises :class:`ConfigError` for a URL that names no database of a kind that the bot can use, or twice the same
    one; :class:`DatabaseInUse` when another process uses one of them; :class:`StorageError` when the source holds
    nothing, the target something else, or one of them fails. Then the source is as it was, and no bot starts on a
    target that holds only a part.
    """
    if _is_same(source, target):
        raise ConfigError("--to names the database that DATABASE_URL names: name the one to move to")
    require_source(source)
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(alone(url, clock)) for url in (source, target)]
        return await _while_alone(places, clock, _move(source, target, watcher))


def _is_same(source: str, target: str) -> bool:
    if is_postgres(source) != is_postgres(target):
        return False
    if is_postgres(source):
        return server_url(source) == server_url(target)
    return database_file(source).resolve() == database_file(target).resolve()


async def _while_alone(places: Sequence[Alone], clock: Clock, work: Coroutine[object, object, T]) -> T:
    """Await ``work``, and cancel it when another process uses one of the databases."""
    working = asyncio.create_task(work, name="move")
    watches = [asyncio.create_task(place.watch(clock), name="alone") for place in places]
    try:
        done, _ = await asyncio.wait({working, *watches}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {working}:
            task.result()
        return await working
    finally:
        for task in (working, *watches):
            task.cancel()
        await asyncio.gather(working, *watches, return_exceptions=True)


async def _move(source: str, target: str, watcher: Watcher) -> Moved:
    found = await content(target, OPTIONS)
    async with opened_source(source, OPTIONS) as reads:
        if found is Content.DATA:
            return await _moved_before(source, target, reads)
        async with opened_target(target, OPTIONS) as put:
            return await _Move(reads, put, watcher).run(source, target, goes_on=found is Content.PART)


async def _moved_before(source: str, target: str, reads: Reads) -> Moved:
    """The result, when ``target`` holds what is at the source: a move was stopped before it could say so."""
    holds = StorageError(
        f"{shown(target)} already holds a bot's data, and not the same as {shown(source)}: nothing was changed; "
        "name an empty database"
    )
    if await migrate.read_revision(target) != migrate.HEAD:
        raise holds
    tables = []
    async with opened_source(target, OPTIONS) as there:
        for table in metadata.sorted_tables:
            if await count(reads, table) != await count(there, table):
                raise holds
        for table in metadata.sorted_tables:
            tables.append(MovedTable(table.name, await checksum(reads, table), await checksum(there, table)))
            if not tables[-1].is_equal:
                raise holds
    return Moved(shown(source), shown(target), tables, was_there=True)


class _SourceChangedError(Exception):
    """What had been copied by an earlier move is not at the source any more."""


class _Move:
    """One run of a move between two databases that are open."""

    def __init__(self, source: Reads, target: Target, watcher: Watcher) -> None:
        self._source = source
        self._target = target
        self._watcher = watcher

    async def run(self, source: str, target: str, *, goes_on: bool) -> Moved:
        """Copy, compare and finish. ``source`` and ``target`` are the URLs."""
        self._watcher.begin(sum([await count(self._source, table) for table in metadata.sorted_tables]))
        if not goes_on:
            await self._target.begin()
        try:
            sums = await self._copy_all()
        except _SourceChangedError:
            goes_on = False
            self._watcher.begin_again()
            await self._target.begin()
            sums = await self._copy_all()
        tables = [
            MovedTable(table.name, sums[table.name], await self._there(table)) for table in metadata.sorted_tables
        ]
        moved = Moved(shown(source), shown(target), tables, went_on=goes_on)
        if moved.is_complete:
            await self._target.finish(await self._source.read(read_counters))
        else:
            # Whatever changed it, the next run begins from nothing.
            await self._target.begin()
        return moved

    async def _copy_all(self) -> dict[str, Checksum]:
        """Copy what is not copied yet; returns the checksums of the source by table."""
        copied = {table.name: await self._target.copied(table) for table in metadata.sorted_tables}
        for table in metadata.sorted_tables:
            await self._require_unchanged(table, copied[table.name])
        return {table.name: await self._copy(table, copied[table.name]) for table in metadata.sorted_tables}

    async def _require_unchanged(self, table: Table, copied: Copied) -> None:
        """Raise :class:`_SourceChangedError` when the rows that are copied differ from those at the source now."""
        if copied.upto is None:
            return
        if await checksum(self._source, table, upto=copied.upto) != copied.checksum:
            raise _SourceChangedError
        self._watcher.go_on(Step.COPY, table.name, copied.checksum.rows)

    async def _copy(self, table: Table, copied: Copied) -> Checksum:
        found = copied.checksum
        async for rows in pages(self._source, table, after=copied.upto):
            for row in rows:
                found = found.plus(canonical(table, row))
            await self._target.put(table, rows, Copied(key_of(table, rows[-1]), found))
            self._watcher.go_on(Step.COPY, table.name, len(rows))
        return found

    async def _there(self, table: Table) -> Checksum:
        found = Checksum()
        async for rows in pages(self._target, table):
            for row in rows:
                found = found.plus(canonical(table, row))
            self._watcher.go_on(Step.COMPARE, table.name, len(rows))
        return found
