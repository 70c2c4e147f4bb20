"""From a fresh clone to a usable page: ``git clone``, ``make demo``, the bot online, the first question taken.

pip uses the cache that the machine has. ``downloaded_mb`` tells its state: 0 is a warm cache, and what a cold one
lacked is in it afterwards. With ``PIP_NO_CACHE_DIR=1`` there is none, and ``pip_cache`` is 0.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from benchmarks.verdict import Bound, Result
from sandbox.demo_processes import bot_online

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
GIVE_UP = 600.0
_OPEN = re.compile(r"Open +(http://\S+/)")
# Where this process's own environment would be taken for the clone's.
_OURS = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MAKELEVEL")


async def run() -> list[Result]:
    """Measure; about half a minute with a warm cache. Clones HEAD: what is not committed is not in it."""
    environment = {key: value for key, value in os.environ.items() if key not in _OURS}
    cache = _cache(environment)
    cached = _size_mb(cache)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        began = time.monotonic()
        await _clone(clone)
        cloned = time.monotonic()
        async with _demo(clone, environment) as page:
            usable = time.monotonic()
            await _asked(page)
            asked = time.monotonic()
    return [
        Result(
            "fresh_clone",
            {
                "clone_s": round(cloned - began, 1),
                "usable_s": round(usable - began, 1),
                "asked_s": round(asked - began, 1),
                "pip_cache": int(cache is not None),
                "downloaded_mb": round(_size_mb(cache) - cached, 1),
            },
            (Bound("asked_s", 60),),
        )
    ]


async def _clone(target: Path) -> None:
    process = await asyncio.create_subprocess_exec("git", "clone", "--quiet", str(ROOT), str(target))
    if await process.wait():
        raise RuntimeError("git clone failed")


@asynccontextmanager
async def _demo(clone: Path, environment: Mapping[str, str]) -> AsyncIterator[str]:
    """``make demo``; yields the page's address once the bot is online in it, and ends it as Ctrl-C does."""
    process = await asyncio.create_subprocess_exec(
        *("make", "demo"),
        cwd=clone,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(GIVE_UP):
            page = await _address(process)
            await bot_online(page)
        yield page
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where the page is, which the demo says once the bot is online. Raises RuntimeError when it ends instead."""
    assert process.stdout is not None  # noqa: S101  # the process was given a pipe
    said = ""
    while line := (await process.stdout.readline()).decode():
        said += line
        if found := _OPEN.search(line):
            return found[1]
    raise RuntimeError(f"make demo ended:\n{said}")


async def _asked(page: str) -> None:
    """What the page does when somebody asks: return once the bot has taken the question."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{page}_sandbox/people") as response:
            ada = next(one["id"] for one in (await response.json())["people"] if one["username"] == "ada")
        async with session.ws_connect(f"{page}_sandbox/live", params={"user": ada}) as feed:
            snapshot = (await feed.receive_json())["d"]
            channels = [channel for guild in snapshot["guilds"] for channel in guild["channels"]]
            general = next(one["id"] for one in channels if one["name"] == "general")
            question = {"channel_id": general, "command": "ask", "options": {"prompt": "Are you there?"}}
            async with session.post(f"{page}_sandbox/people/{ada}/slash", json=question) as response:
                response.raise_for_status()
            async with asyncio.timeout(GIVE_UP):
                while True:
                    event = await feed.receive_json()
                    if event["t"] == "interaction" and event["d"]["state"] == "acked":
                        return


def _cache(environment: Mapping[str, str]) -> Path | None:
    """pip's cache, None when there is none."""
    if environment.get("PIP_NO_CACHE_DIR"):
        return None
    told = subprocess.run(
        ["python3", "-m", "pip", "cache", "dir"],  # noqa: S607  # the one that make takes
        capture_output=True,
        text=True,
        env=dict(environment),
        check=False,
    )
    return Path(told.stdout.strip()) if told.returncode == 0 and told.stdout.strip() else None


def _size_mb(folder: Path | None) -> float:
    if folder is None:
        return 0.0
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / MB
