"""Which processes on a database live."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.errors import StorageError
from bot.storage.owners import Owners

PROGRAM = """
import sys
from pathlib import Path
from bot.storage.owners import Owners
with Owners.joined(Path(sys.argv[1])) as owners:
    print(owners.me, flush=True)
    for name in sys.stdin:
        print(owners.is_alive(name.strip()), flush=True)
"""


class Other:
    """Another process on the database."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.name = self._line()

    def sees(self, owner: str) -> bool:
        """Whether it takes this one for alive."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{owner}\n")
        self.process.stdin.flush()
        return self._line() == "True"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def another(database: Path) -> Iterator[Other]:
    command = [sys.executable, "-c", PROGRAM, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Other(process)
        finally:
            process.kill()


def test_a_process_lives_until_it_is_killed(tmp_path: Path) -> None:
    """Each sees the others, whoever came first; one that was killed is seen to be gone at once."""
    database = tmp_path / "bot.db"
    with Owners.joined(database) as owners, another(database) as first, another(database) as second:
        assert len({owners.me, first.name, second.name}) == 3
        for name in (owners.me, first.name, second.name):
            assert owners.is_alive(name)
            assert first.sees(name)
            assert second.sees(name)

        first.process.kill()
        first.process.wait()

        assert not owners.is_alive(first.name)
        assert not second.sees(first.name)
        # Looking at the dead leaves nothing behind that others would take for life.
        assert not second.sees(first.name)
        assert owners.is_alive(second.name)
        assert second.sees(owners.me)


def test_who_left_or_never_came_is_not_alive(tmp_path: Path) -> None:
    """A restart has another name, and finds nobody."""
    database = tmp_path / "bot.db"
    with Owners.joined(database) as before:
        pass
    with Owners.joined(database) as owners:
        assert owners.me != before.me
        assert not owners.is_alive(before.me)
        assert not owners.is_alive("a name from an older version")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """In one sentence with the file's name."""
    with pytest.raises(StorageError, match=r"bot\.db\.lock"), Owners.joined(tmp_path / "missing" / "bot.db"):
        pass
