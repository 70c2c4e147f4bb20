"""The demo's two processes: starting them, knowing when they serve, ending them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_ROOT = Path(__file__).resolve().parents[1]
# What a Python program needs from its surroundings. Nothing else is passed on, so that settings of a real bot
# in the environment never reach the demo's.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONWARNINGS")


class DiedError(Exception):
    """A process of the demo ended by itself."""

    def __init__(self, child: Child) -> None:
        super().__init__(f"{child.name} ended by itself with exit code {child.process.returncode}")
        self.child = child


@dataclass(frozen=True, slots=True)
class Child:
    """A running process and the file its output goes to."""

    name: str
    process: Process
    log: Path

    async def died(self) -> None:
        """Raises :class:`DiedError` when the process ends. Never returns."""
        await self.process.wait()
        raise DiedError(self)

    async def stop(self, at_once: asyncio.Event) -> None:
        """Ask the process to end and wait until it has; kill it when ``at_once`` is set."""
        if self.process.returncode is not None:
            return
        self.process.terminate()
        ended = asyncio.create_task(self.process.wait(), name=f"end of {self.name}")
        hurry = asyncio.create_task(at_once.wait(), name="hurry")
        await asyncio.wait({ended, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not ended.done():
            self.process.kill()
        await ended

    def last_lines(self, count: int) -> list[str]:
        """The newest ``count`` lines of the log, oldest first."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return [line.rstrip() for line in deque(lines, maxlen=count)]


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the sandbox said of itself in its first line (``sandbox/__main__.py``)."""

    page_url: str
    discord_api_url: str
    token: str
    parallax_url: str
    admin_user_ids: str
    admin_role_ids: str
    admin_guild_ids: str

    @classmethod
    def parse(cls, line: bytes) -> Addresses:
        """Raises ValueError or KeyError when ``line`` is not the sandbox's."""
        said = json.loads(line)
        return cls(
            page_url=said["page_url"],
            discord_api_url=said["discord_api_url"],
            token=said["token"],
            parallax_url=said["parallax_url"],
            admin_user_ids=",".join(said["admin_user_ids"]),
            admin_role_ids=",".join(said["admin_role_ids"]),
            admin_guild_ids=",".join(said["admin_guild_ids"]),
        )


async def start_sandbox(folder: Path, port: int, parallax_port: int, *, scene: bool = False) -> Child:
    """Start ``python -m sandbox`` on these ports, or on free ones if they are taken; with its scene if wanted."""
    ports = ("--port", str(port), "--parallax-port", str(parallax_port))
    # With it there is more to try: summaries, and answers to posts without a mention.
    intents = ("--intents", "message_content")
    arguments = ("-m", "sandbox", *ports, *intents, *(("--scene",) if scene else ()))
    return await _start("sandbox", arguments, folder, {}, speaks=True)


async def addresses(sandbox: Child) -> Addresses:
    """Wait for the sandbox's first line. Raises :class:`DiedError` when it ends without one."""
    assert sandbox.process.stdout is not None  # noqa: S101  # start_sandbox made the pipe
    line = await sandbox.process.stdout.readline()
    if not line:
        await sandbox.died()
    return Addresses.parse(line)


DATABASE = {"DATABASE_URL": "sqlite+aiosqlite:///bot.db"}


def free_port(wanted: int) -> int:
    """``wanted``, or a free port if it is taken (0: any)."""
    for port in (wanted, 0):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("this machine has no free port")


async def start_bot(folder: Path, where: Addresses, api: str) -> Child:
    """Start ``python -m bot run`` on the sandbox. Its working directory and database's place is ``folder``; its
    API listens on ``api``, a host with a port."""
    settings = {
        "DISCORD_TOKEN": where.token,
        "DISCORD_API_URL": where.discord_api_url,
        "PARALLAX_URL": where.parallax_url,
        "PARALLAX_PUBLIC_URL": where.parallax_url,
        "PARALLAX_ASSISTANT_PREFIX": "true",
        **DATABASE,
        "API_BIND": api,
        "MESSAGE_CONTENT_INTENT": "true",
        "USER_INSTALL": "true",
        "ADMIN_USER_IDS": where.admin_user_ids,
        "ADMIN_ROLE_IDS": where.admin_role_ids,
        "ADMIN_GUILD_IDS": where.admin_guild_ids,
        "HTTP_BIND": "127.0.0.1:0",
        "SHUTDOWN_GRACE": "2",
    }
    return await _start("bot", ("-m", "bot", "run"), folder, settings)


async def made_key(folder: Path, where: Addresses) -> str:
    """A key for the API of the bot that runs in ``folder``: an operator's. Raises :class:`DiedError`."""
    owner = where.admin_user_ids.split(",")[0]
    arguments = ("-m", "bot", "key", "create", "--user", owner, "--name", "demo")
    maker = await _start("key", arguments, folder, DATABASE, speaks=True)
    said, _ = await maker.process.communicate()
    if maker.process.returncode:
        raise DiedError(maker)
    return said.decode().strip()


async def bot_online(page_url: str) -> None:
    """Return once the bot is connected and has registered its commands, as the page's own feed tells it.

    Raises :class:`aiohttp.ClientError` or OSError when the sandbox goes away meanwhile.
    """
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{page_url}_sandbox/people") as response:
            somebody = (await response.json())["people"][0]["id"]
        async with session.ws_connect(f"{page_url}_sandbox/live", params={"user": somebody}) as feed:
            online, commands = False, False
            async for message in feed:
                event = json.loads(message.data)
                if event["t"] == "snapshot":
                    online, commands = event["d"]["bot"]["online"], bool(event["d"]["commands"])
                elif event["t"] == "bot":
                    online = event["d"]["online"]
                elif event["t"] == "commands":
                    commands = bool(event["d"])
                if online and commands:
                    return
    raise aiohttp.ClientConnectionError("the sandbox closed the connection")


async def _start(
    name: str, arguments: Sequence[str], folder: Path, settings: Mapping[str, str], *, speaks: bool = False
) -> Child:
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    environment = {**inherited, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **settings}
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=environment,
            # The demo's own folder has no .env, which the bot would read from the working directory.
            cwd=folder,
            stdin=DEVNULL,
            stdout=PIPE if speaks else output,
            stderr=output,
            # A Ctrl-C in the terminal goes to a whole process group; the launcher alone decides who ends when.
            start_new_session=True,
        )
    return Child(name, process, log)
