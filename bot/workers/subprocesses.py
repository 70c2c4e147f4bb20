"""Child processes of the bot: their number, their turns and their limits."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from bot.errors import BotError, WaitListFull
from bot.telemetry.meters import ChildMeter
from bot.workers.private_folder import private_folder

AT_ONCE = 2
"""The most child processes that run at once. A person has at most one of them."""

MOST_WAITING = 50
"""The most people who may wait for a child process; further ones are refused."""

# Seconds. An interaction's token is valid for 15 minutes, which is enough for this wait and for the at most ten
# files of a question.
PATIENCE = 400.0
BY_THE_CLOCK = 3.0
"""How many times the seconds of CPU that a child may use it may take by the clock: on a busy machine it waits for
a processor, which is neither its fault nor that of the person who waits for it."""
_ROOT = Path(__file__).resolve().parents[2]
_READ_BYTES = 65_536


class ChildFailed(BotError):
    """The child process ended with exit ``status``, or was killed because it exceeded a limit (None)."""

    def __init__(self, message: str, *, status: int | None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one child: address space, seconds of CPU (it may take :data:`BY_THE_CLOCK` times as many by the
    clock), and bytes of output."""

    memory_bytes: int
    seconds: float
    output_bytes: int


class Turns(Protocol):
    """Decides who may run a child process, and when."""

    def passing(self, user_id: int) -> AbstractAsyncContextManager[None]:
        """Wait for this person's turn, and hold it while the block runs. Raises :class:`WaitListFull`."""
        ...


class Worker:
    """The right to run children one after the other."""

    def __init__(self, folder: Path, meter: ChildMeter | None = None) -> None:
        self._meter = meter
        self.folder = folder
        """The home folder of the children."""

    async def run(self, module: str, *arguments: str, data: bytes, limits: Limits) -> bytes:
        """Run ``python -m module`` with ``data`` as its input; returns its output.

        The child gets an environment of its own, without a token and without a path. Raises
        :class:`ChildFailed`; the child has ended when this returns, raises or is cancelled.
        """
        if self._meter is None:
            return await self._run(module, *arguments, data=data, limits=limits)
        with self._meter.running(module):
            return await self._run(module, *arguments, data=data, limits=limits)

    async def _run(self, module: str, *arguments: str, data: bytes, limits: Limits) -> bytes:
        # Memory and time are limited before the child gets any data, because the data is untrusted.
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *_optimised(),
            "-m",
            module,
            *arguments,
            env=child_environment(self.folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            limit(child.pid, limits)
            async with asyncio.timeout(BY_THE_CLOCK * limits.seconds):
                output = await _exchange(child, data, limits.output_bytes)
                status = await child.wait()
        except TimeoutError as error:
            seconds = BY_THE_CLOCK * limits.seconds
            raise ChildFailed(f"{module} took longer than {seconds} s of the clock", status=None) from error
        finally:
            if child.returncode is None:
                child.kill()
            # Reads the rest of the pipe, so that it closes.
            await child.communicate()
        if status == -signal.SIGXCPU:
            raise ChildFailed(f"{module} took longer than {limits.seconds} s of CPU", status=None)
        if status:
            raise ChildFailed(f"{module} ended with {status}", status=status)
        return output


class Subprocesses:
    """Hands out :class:`Worker`s: a few at once, one per person, in a fair order."""

    def __init__(
        self, turns: Turns, folder: Path, *, patience: float = PATIENCE, meter: ChildMeter | None = None
    ) -> None:
        """``folder`` is the home folder of the children; ``patience`` is the longest wait for a turn, in
        seconds."""
        self._turns = turns
        self._folder = folder
        self._patience = patience
        self._meter = meter

    @classmethod
    @contextmanager
    def opened(cls, turns: Turns, meter: ChildMeter | None = None) -> Iterator[Self]:
        """Open with a folder for the children, where matplotlib keeps its cache of the machine's fonts."""
        with private_folder() as folder:
            yield cls(turns, folder, meter=meter)

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[Worker]:
        """Wait for this person's turn, and hold it while the block runs.

        Raises :class:`WaitListFull` when too many wait, or when the turn does not come in time.
        """
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._patience):
                    await stack.enter_async_context(self._turns.passing(user_id))
            except TimeoutError as error:
                raise WaitListFull(f"no turn within {self._patience} s") from error
            yield Worker(self._folder, self._meter)


def child_environment(folder: Path) -> dict[str, str]:
    """The whole environment of a child: where modules are and where it may write."""
    search_path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return {
        "PYTHONPATH": search_path,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MPLCONFIGDIR": str(folder),
        # Starting threads for matrices takes longer than drawing a chart, which needs none.
        "OPENBLAS_NUM_THREADS": "1",
    }


def _optimised() -> tuple[str, ...]:
    # The same level as the bot's own: an installation may only have compiled modules of this level.
    return ("-" + "O" * sys.flags.optimize,) if sys.flags.optimize else ()


def limit(pid: int, limits: Limits) -> None:
    """Limit the resources of a process from now on; lower limits that it has already are kept."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, prlimit
    except ImportError:  # Linux only; the time limit, the number of children and the output's limit remain
        return
    cpu = math.ceil(limits.seconds)
    # At the second limit the child is killed, at the first one by a signal that tells why.
    wanted = (
        (RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (RLIMIT_CPU, cpu, cpu + 1),
        (RLIMIT_CORE, 0, 0),
    )
    for resource, soft, hard in wanted:
        try:
            # The machine's own limit may be lower, and an unprivileged process must not raise it.
            _, most = prlimit(pid, resource)
            if most == RLIM_INFINITY:
                most = hard
            prlimit(pid, resource, (min(soft, most), min(hard, most)))
        except ProcessLookupError:  # ended already: its exit status says why
            return


async def _exchange(child: asyncio.subprocess.Process, data: bytes, most: int) -> bytes:
    assert child.stdin is not None  # noqa: S101  # both are pipes
    assert child.stdout is not None  # noqa: S101  # as above
    feeding = asyncio.create_task(_feed(child.stdin, data))
    output = bytearray()
    try:
        while part := await child.stdout.read(_READ_BYTES):
            output += part
            if len(output) > most:
                raise ChildFailed(f"wrote more than {most} bytes", status=None)
        await feeding
    finally:
        feeding.cancel()
    return bytes(output)


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    try:
        stdin.write(data)
        await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # ended before it read everything: its exit status says why
    stdin.close()
