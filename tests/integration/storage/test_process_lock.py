"""One process at a time has a SQLite database."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from bot.clock import SystemClock
from bot.errors import DatabaseInUse, StorageError
from bot.storage.process_lock import ProcessLock

PROGRAM = """
import sys
from pathlib import Path
from bot.storage.process_lock import ProcessLock
with ProcessLock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(database: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", PROGRAM, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


class TurnClock(SystemClock):
    """Time passes only as the test lets it: ``asked`` is set when somebody sleeps."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.turn = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1
        self.asked.set()
        await self.turn.wait()
        self.turn.clear()
        self.asked.clear()


async def test_a_second_process_waits_until_the_first_was_killed(tmp_path: Path) -> None:
    """``kill -9`` leaves nothing behind; the wait is said once, and its end."""
    database, clock = tmp_path / "bot.db", TurnClock()
    entered: list[ProcessLock] = []

    async def wait() -> None:
        async with ProcessLock.awaited(database, clock) as lock:
            entered.append(lock)

    with another(database) as first, structlog.testing.capture_logs() as logs:
        waiting = asyncio.create_task(wait())
        for _ in range(3):
            await clock.asked.wait()
            assert not entered
            clock.turn.set()
            await asyncio.sleep(0)
        first.kill()
        first.wait()
        clock.turn.set()
        await waiting

    assert len(entered) == 1
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("database.in_use", "warning"),
        ("database.free", "warning"),
    ]
    assert logs[0]["detail"] == f"another process uses {database}: waiting until it has ended"


async def test_a_wait_that_is_cancelled_leaves_the_lock_alone(tmp_path: Path) -> None:
    """A process that stops while it waits does not get the lock later and does not hinder others."""
    database, clock = tmp_path / "bot.db", TurnClock()

    async def wait() -> None:
        async with ProcessLock.awaited(database, clock):
            pytest.fail("held twice")

    with ProcessLock.held(database):
        waiting = asyncio.create_task(wait())
        await clock.asked.wait()
        waiting.cancel()
        await asyncio.wait({waiting})
    with ProcessLock.held(database):
        pass
    assert waiting.cancelled()


def test_who_does_not_wait_is_refused(tmp_path: Path) -> None:
    """In one sentence with the file's name, as long as it is held and no longer."""
    database = tmp_path / "bot.db"
    refused = pytest.raises(DatabaseInUse, match=r"another process uses .*bot\.db")
    with another(database), refused, ProcessLock.held(database):
        pass
    with ProcessLock.held(database):
        pass


def test_only_who_holds_it_lives(tmp_path: Path) -> None:
    """A restarted process has another name: the leases of the process before are free at once."""
    database = tmp_path / "bot.db"
    with ProcessLock.held(database) as before:
        assert before.is_alive(before.me)
    with ProcessLock.held(database) as lock:
        assert lock.is_alive(lock.me)
        assert not lock.is_alive(before.me)
        assert not lock.is_alive("a name from an older version")


def test_processes_that_it_starts_do_not_keep_it(tmp_path: Path) -> None:
    """A child may outlive a process that was killed."""
    database = tmp_path / "bot.db"
    with ProcessLock.held(database):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        with ProcessLock.held(database):
            pass
    finally:
        child.communicate()


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The lock comes first, before there is a database."""
    with ProcessLock.held(tmp_path / "data" / "bot.db"):
        assert [file.name for file in (tmp_path / "data").iterdir()] == ["bot.db.lock"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """In one sentence with the file's name."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"bot\.db\.lock"), ProcessLock.held(tmp_path / "file" / "bot.db"):
        pass
