"""Moves from one database to another, as tests watch and stop them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from bot.clock import SystemClock
from bot.storage.engine import ServerOptions, database_file, open_transactions
from bot.storage.move.mover import Moved, Step, move


class Place(Protocol):
    """Makes databases."""

    async def __call__(self, engine: str, name: str, *, migrated: bool = True) -> str:
        """The URL of an empty one, with the newest schema or with none."""
        ...


class Seen:
    """A watcher that keeps what it sees, and does something at a certain step."""

    def __init__(self, at: int | None = None, do: Callable[[], None] | None = None) -> None:
        self.steps: list[tuple[Step, str, int]] = []
        self.total = 0
        self.again = 0
        self._at, self._do = at, do

    def begin(self, total: int) -> None:
        self.total = total

    def go_on(self, step: Step, table: str, rows: int) -> None:
        self.steps.append((step, table, rows))
        if len(self.steps) == self._at and self._do is not None:
            self._do()

    def begin_again(self) -> None:
        self.again += 1

    def rows(self, step: Step) -> int:
        return sum(rows for one, _, rows in self.steps if one is step)


class StoppedError(Exception):
    """Ends a move in the middle."""


def stop() -> None:
    raise StoppedError


def files(url: str) -> dict[str, str]:
    """The content of every file in the folder of a SQLite database, but the lock's."""
    found = sorted(database_file(url).parent.iterdir())
    return {file.name: content_of(file) for file in found if file.suffix != ".lock"}


def content_of(file: Path) -> str:
    """A hash of it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def moved(source: str, target: str, watcher: Seen | None = None) -> Moved:
    """Move, as ``migrate --to`` does."""
    return await move(source, target, SystemClock(), watcher or Seen())


async def run(url: str, work: Callable[[Connection], Any]) -> Any:  # what ``work`` returns
    transactions = open_transactions(url, ServerOptions())
    try:
        return await transactions.write(work)
    finally:
        await transactions.close()


def shown(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Without U+0000, which PostgreSQL does not keep, and without the sign of zero, which SQLite does not."""
    return {
        table: [
            {
                name: one.replace("\0", "\u2400")
                if isinstance(one, str)
                else one + 0.0
                if type(one) is float
                else one
                for name, one in row.items()
            }
            for row in found
        ]
        for table, found in rows.items()
    }
