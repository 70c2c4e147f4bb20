"""Work for a process of its own: what needs heavy libraries, or reads other people's files."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from bot.errors import BotError

_ROOT = Path(__file__).resolve().parents[2]


class ChildFailed(BotError):
    """The child process ended with the exit ``status``, or was ended because it took too long (None)."""

    def __init__(self, message: str, *, status: int | None) -> None:
        super().__init__(message)
        self.status = status


async def run_child(module: str, *arguments: str, data: bytes, seconds: float) -> bytes:
    """``python -m module`` with ``data`` as its input; returns its output.

    The child inherits nothing of the bot's environment but where modules are: it needs no token. Raises
    :class:`ChildFailed`; the child has ended when this returns or raises.
    """
    path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if part)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        env={"PYTHONPATH": path, "PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(data), seconds)
    except TimeoutError as error:
        raise ChildFailed(f"{module} took longer than {seconds} s", status=None) from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise ChildFailed(f"{module} ended with {child.returncode}", status=child.returncode)
    return output
