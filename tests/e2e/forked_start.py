"""Start bots by forking a process that has imported the bot already.

Importing takes two seconds of CPU and a hundred tests start a bot, or start it again. A forked one is a process of
its own like any other; that ``python -m bot run`` does the same is for ``tests/e2e/test_start.py``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

PRELOADED = ["tests.e2e.preloaded"]

_servers: list[ForkServerContext] = []


class ForkedProcess:
    """A bot that was forked; looks like an :class:`asyncio.subprocess.Process`."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self._process = process
        self.pid: int = process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    async def wait(self) -> int:
        """Wait until it has ended; returns the exit code."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        # A descriptor of its own: a loop has one reader for each, and several may wait for the same process.
        sentinel = os.dup(self._process.sentinel)
        loop.add_reader(sentinel, ended.set)
        try:
            while (code := self._process.exitcode) is None:
                await ended.wait()
        finally:
            loop.remove_reader(sentinel)
            os.close(sentinel)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """``kill -9``."""
        self.send_signal(signal.SIGKILL)


@contextmanager
def forking() -> Iterator[None]:
    """Let :func:`start` fork. Does nothing while coverage is measured, which forked processes would not count."""
    if any(name.startswith("COVERAGE_") for name in os.environ):
        yield
        return
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOADED)
    _servers.append(server)
    try:
        yield
    finally:
        _servers.remove(server)


async def start(environment: Mapping[str, str], log_file: Path) -> ForkedProcess | None:
    """Start a bot that writes to ``log_file``; None outside of :func:`forking`."""
    if not _servers:
        return None
    process = _servers[-1].Process(target=_run, args=(dict(environment), str(log_file)))
    process.start()
    return ForkedProcess(process)


def _run(environment: dict[str, str], log_file: str) -> None:
    """Be the bot, in the forked process."""
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)
    warnings.simplefilter("error")
    sys.argv = ["bot", "run"]

    from bot.cli import main

    main()
