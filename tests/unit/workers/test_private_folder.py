"""The folder of the child processes, and those that killed processes have left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.workers import private_folder as module
from bot.workers.private_folder import MOST_REMOVED, PREFIX, private_folder, remove_abandoned


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def abandoned(parent: Path, name: str = "x") -> Path:
    """The folder of a process that is gone, with what it wrote."""
    folder = parent / f"{PREFIX}{name}"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / "fontlist.json").write_text("{}")
    return folder


def test_a_folder_is_private_and_removed(temporary: Path) -> None:
    with private_folder() as folder:
        assert folder.name.startswith(PREFIX)
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert list(temporary.iterdir()) == []


def test_a_killed_process_leaves_a_folder_that_the_next_one_removes(temporary: Path) -> None:
    """The lock goes with the process, and not before."""
    program = (
        "import sys\n"
        "from bot.workers.private_folder import private_folder\n"
        "with private_folder() as folder:\n"
        "    print(folder, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={"TMPDIR": str(temporary), "PYTHONPATH": str(Path(module.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        with private_folder():
            assert folder.is_dir()
        process.kill()
        process.wait()
    assert folder.is_dir()
    with private_folder() as next_one:
        assert list(temporary.iterdir()) == [next_one]


def test_what_is_not_certainly_abandoned_stays(temporary: Path) -> None:
    """No lock, another name, no folder, a link to one, a lock that cannot be opened."""
    (temporary / f"{PREFIX}without-a-lock").mkdir()
    (temporary / "another-folder").mkdir()
    (temporary / "another-folder" / ".lock").touch()
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "another-folder")
    linked = temporary / f"{PREFIX}linked-lock"
    linked.mkdir()
    (linked / ".lock").symlink_to(temporary / "another-folder" / ".lock")
    before = sorted(temporary.iterdir())
    assert remove_abandoned(temporary) == 0
    assert sorted(temporary.iterdir()) == before
    assert (temporary / "another-folder" / ".lock").exists()


def test_folders_of_other_users_stay(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = abandoned(temporary)
    own = folder.stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: own + 1)
    assert remove_abandoned(temporary) == 0
    assert folder.exists()


def test_one_start_removes_a_bounded_number(temporary: Path) -> None:
    """The rest goes at the next start."""
    for number in range(MOST_REMOVED + 3):
        abandoned(temporary, str(number))
    assert remove_abandoned(temporary) == MOST_REMOVED
    assert remove_abandoned(temporary) == 3


def test_a_temporary_folder_that_is_gone_is_no_error(temporary: Path) -> None:
    assert remove_abandoned(temporary / "missing") == 0
