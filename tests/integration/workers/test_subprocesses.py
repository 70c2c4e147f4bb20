"""Limits and turns of real child processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import WaitListFull
from bot.workers.fair_semaphore import FairSemaphore
from bot.workers.subprocesses import AT_ONCE, ChildFailed, Limits, Subprocesses, limit

LIMITS = Limits(memory_bytes=400_000_000, seconds=20.0, output_bytes=100_000)


@pytest.fixture
def subprocesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subprocesses]:
    """Children that may run the programs of a folder."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Subprocesses.opened(FairSemaphore(AT_ONCE, most_waiting=3)) as opened:
        yield opened


def program(folder: Path, text: str) -> str:
    """A module that does what ``text`` says."""
    (folder / "child_program.py").write_text(text)
    return "child_program"


async def run(subprocesses: Subprocesses, module: str, data: bytes = b"", limits: Limits = LIMITS) -> bytes:
    """What one child writes, for person 1."""
    async with subprocesses.turn(1) as worker:
        return await worker.run(module, data=data, limits=limits)


async def test_a_child_gets_no_secret(
    subprocesses: Subprocesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child gets only the search path of modules from the bot's environment."""
    monkeypatch.setenv("DISCORD_TOKEN", "bot-token")
    monkeypatch.setenv("SOMETHING_ELSE", "other-token")
    told = program(tmp_path, "import json, os\nprint(json.dumps(dict(os.environ)))\n")
    environment = json.loads(await run(subprocesses, told))
    assert "-token" not in json.dumps(environment)
    # The interpreter itself adds the last one where no language is set (PEP 538).
    assert set(environment) <= {
        "PYTHONPATH", "HOME", "TMPDIR", "MPLCONFIGDIR", "OPENBLAS_NUM_THREADS", "LC_CTYPE"
    }  # fmt: skip


async def test_the_folder_of_the_children_is_private_and_removed(tmp_path: Path) -> None:
    """The folder has an unpredictable name, is readable by the bot only, and is removed at the end."""
    with Subprocesses.opened(FairSemaphore(1)) as first, Subprocesses.opened(FairSemaphore(1)) as second:
        folders = []
        for subprocesses in (first, second):
            async with subprocesses.turn(1) as worker:
                folders.append(worker.folder)
        assert folders[0] != folders[1]
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]
    assert not any(folder.exists() for folder in folders)


async def test_memory_is_bounded(subprocesses: Subprocesses, tmp_path: Path) -> None:
    """A file that unpacks to more than a child may take ends that child and nothing else."""
    greedy = program(tmp_path, "import sys\nsys.stdin.buffer.read()\nb'x' * 500_000_000\n")
    with pytest.raises(ChildFailed) as failed:
        await run(subprocesses, greedy, b"data")
    assert failed.value.status == 1


async def test_a_lower_limit_of_the_machine_stays(tmp_path: Path) -> None:
    """A limit that a service manager has set is not raised, and causes no error."""
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", "ulimit -v 300000; ulimit -t 5; echo limited; read line; ulimit -v; ulimit -t; ulimit -c",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert await child.stdout.readline() == b"limited\n"
    limit(child.pid, LIMITS)
    output, _ = await child.communicate(b"\n")
    assert output.split() == [b"300000", b"5", b"0"]


async def test_time_is_bounded(subprocesses: Subprocesses, tmp_path: Path) -> None:
    """A child that never reads its input and never ends is killed."""
    endless = program(tmp_path, "while True: pass\n")
    limits = Limits(memory_bytes=400_000_000, seconds=0.1, output_bytes=10)
    with pytest.raises(ChildFailed, match=r"longer than .* of the clock") as failed:
        await run(subprocesses, endless, b"x" * 1_000_000, limits)
    assert failed.value.status is None


async def test_a_processor_is_taken_for_a_bounded_time(
    subprocesses: Subprocesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock a child may take longer, because it may have to wait for a processor."""
    monkeypatch.setattr("bot.workers.subprocesses.BY_THE_CLOCK", 100.0)
    busy = program(tmp_path, "while True: pass\n")
    limits = Limits(memory_bytes=400_000_000, seconds=1.0, output_bytes=10)
    with pytest.raises(ChildFailed, match=r"longer than 1.0 s of CPU") as failed:
        await run(subprocesses, busy, limits=limits)
    assert failed.value.status is None


async def test_output_is_bounded(subprocesses: Subprocesses, tmp_path: Path) -> None:
    """A child that writes for ever does not fill the bot's memory."""
    talkative = program(tmp_path, "import sys\nwhile True: sys.stdout.write('x' * 10_000)\n")
    with pytest.raises(ChildFailed, match="more than 100000 bytes"):
        await run(subprocesses, talkative)


async def test_a_child_that_does_not_read_has_its_status_reported(
    subprocesses: Subprocesses, tmp_path: Path
) -> None:
    """Its exit status is reported, not the broken pipe."""
    refusing = program(tmp_path, "raise SystemExit(5)\n")
    with pytest.raises(ChildFailed) as failed:
        await run(subprocesses, refusing, b"x" * 5_000_000)
    assert failed.value.status == 5


async def test_two_children_at_most_and_one_for_a_person(subprocesses: Subprocesses, tmp_path: Path) -> None:
    """Four children of three people: each one writes which others run."""
    watched = program(
        tmp_path,
        f"""
import pathlib, sys, time
who = sys.stdin.read()
folder = pathlib.Path({str(tmp_path)!r}, "there")
mark = folder / f"{{who}}-{{time.monotonic_ns()}}"
folder.mkdir(exist_ok=True)
mark.touch()
time.sleep(0.15)
print(*sorted(path.name.split("-")[0] for path in folder.iterdir()))
mark.unlink()
""",
    )

    async def one(user_id: int) -> list[str]:
        async with subprocesses.turn(user_id) as worker:
            return (await worker.run(watched, data=str(user_id).encode(), limits=LIMITS)).decode().split()

    seen = await asyncio.gather(*(one(user_id) for user_id in (1, 1, 2, 3)))
    assert max(map(len, seen)) <= AT_ONCE
    assert all(len(set(there)) == len(there) for there in seen)


async def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    """After the longest wait the person is refused, and the turn is free for others."""
    semaphore = FairSemaphore(1)
    hurried = Subprocesses(semaphore, tmp_path, patience=0.01)
    async with hurried.turn(1):
        with pytest.raises(WaitListFull, match="no turn within"):
            async with hurried.turn(2):
                pass
    async with hurried.turn(2):
        pass
