"""``migrate --to`` as it is seen in a terminal, or by a program."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from bot.addresses import logins_in
from bot.clock import SystemClock
from bot.errors import BotError, ConfigError
from bot.settings import known_database
from bot.storage.migrate import HEAD
from bot.storage.move.mover import Moved, MovedTable, Step, Watcher, move
from bot.telemetry.logs import configure_logging

_SHOWN_DIGITS = 12
"""Of a checksum, in the table for people."""


class _Silent(Watcher):
    """For programs, and for output that is kept."""

    def begin(self, total: int) -> None:
        """Say nothing."""

    def go_on(self, step: Step, table: str, rows: int) -> None:
        """Say nothing."""

    def begin_again(self) -> None:
        """Say nothing."""


class _Bars(Watcher):
    """A bar for copying and one for comparing, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[Step, TaskID] = {}
        self._total = 0

    def begin(self, total: int) -> None:
        """Show the bars."""
        self._total = total
        self._bars = {step: self._progress.add_task(step.value, total=total, table="") for step in Step}

    def go_on(self, step: Step, table: str, rows: int) -> None:
        """Advance a bar."""
        self._progress.update(self._bars[step], advance=rows, table=table)

    def begin_again(self) -> None:
        """Say why it takes longer."""
        self._progress.console.print(
            "The database has changed since the move was stopped: copying all of it again."
        )
        self._progress.reset(self._bars[Step.COPY], total=self._total, table="")


def move_and_tell(source: str, target: str, *, as_json: bool) -> bool:
    """Move the database at the URL ``source`` to ``target``, and print how it went: for people, or one JSON
    object. Returns whether it is complete. No login is printed.

    Raises :class:`ConfigError`, :class:`StorageError`; with ``as_json`` the object has their text too.
    """
    try:
        _require_url(target)
        configure_logging("WARNING", "console", secrets=(*logins_in(source), *logins_in(target)))
        with _watcher(silent=as_json) as watcher:
            moved = asyncio.run(move(source, target, SystemClock(), watcher))
    except BotError as error:
        if as_json:
            _print_json({"complete": False, "error": str(error)})
        raise
    if as_json:
        _print_json(_as_data(moved))
    else:
        _print_table(moved)
    return moved.is_complete


def _require_url(target: str) -> None:
    """Raise :class:`ConfigError` when a bot could not be given this URL afterwards."""
    try:
        known_database(target)
    except ValueError as error:
        raise ConfigError(f"--to is wrong: it {error}") from error


@contextmanager
def _watcher(*, silent: bool) -> Iterator[Watcher]:
    console = Console(stderr=True)
    if silent or not console.is_terminal:
        yield _Silent()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows  {task.fields[table]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bars(progress)


def _print_json(data: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")


def _as_data(moved: Moved) -> dict[str, object]:
    return {
        "complete": moved.is_complete,
        "source": moved.source,
        "target": moved.target,
        "schema": HEAD,
        "went_on": moved.went_on,
        "was_there": moved.was_there,
        "tables": [_table_data(table) for table in moved.tables],
    }


def _table_data(table: MovedTable) -> dict[str, object]:
    return {
        "table": table.name,
        "rows": table.source.rows,
        "rows_there": table.target.rows,
        "checksum": table.source.text,
        "checksum_there": table.target.text,
        "equal": table.is_equal,
    }


def _print_table(moved: Moved) -> None:
    console = Console()
    shown = Table()
    shown.add_column("table")
    shown.add_column("rows", justify="right")
    shown.add_column("checksum")
    shown.add_column("equal")
    for table in moved.tables:
        rows = str(table.source.rows) if table.is_equal else f"{table.source.rows} / {table.target.rows}"
        shown.add_row(table.name, rows, table.source.text[:_SHOWN_DIGITS], "yes" if table.is_equal else "NO")
    console.print(shown)
    console.print(_conclusion(moved), soft_wrap=True, highlight=False, markup=False)


def _conclusion(moved: Moved) -> str:
    if not moved.is_complete:
        return (
            f"Not complete: something else has changed {moved.target} or {moved.source} meanwhile. No bot starts "
            f"on the first; the move changed nothing in the second. Run the same again: it copies everything anew."
        )
    what = "was moved before" if moved.was_there else "is moved"
    return (
        f"Complete: {moved.source} {what} to {moved.target}, and both are equal. "
        "Set DATABASE_URL to the new one and start the bot."
    )
