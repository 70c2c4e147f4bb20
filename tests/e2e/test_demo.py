"""``make demo``: what a newcomer meets before the browser."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from sandbox.scene import WELCOME

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 45.0


class Demo:
    """``python -m sandbox.demo`` as its own process, read line by line."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.said = ""

    async def says(self, wanted: str) -> re.Match[str]:
        """Read until a line matches ``wanted``; an AssertionError with all that was said when none does."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.said += line
                if found := re.search(wanted, line):
                    return found
        raise AssertionError(f"{wanted!r} is not in:\n{self.said}")

    async def ready(self) -> str:
        """The page's address, once page and bot are there."""
        page = (await self.says(r"^Open +(http://\S+/)$"))[1]
        await self.says(r"^Stop +Ctrl-C$")
        return page

    async def ends(self) -> int:
        """The exit code."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            self.said += (await self.process.stdout.read()).decode()
            return await self.process.wait()

    def children(self) -> dict[str, int]:
        """The process ids of what the demo started, by name."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in listed.split()}
        return {command[2].decode(): pid for pid, command in commands.items()}


@asynccontextmanager
async def demo(folder: Path, *options: str) -> AsyncIterator[Demo]:
    """A demo, which is gone afterwards whatever happened."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "sandbox.demo",
            "--folder",
            str(folder),
            "--parallax-port",
            "0",
            "--api-port",
            "0",
            *options,
        ),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Demo(process, folder)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
        await running.ends()


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield int(server.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether there is a process of that id."""
    return Path(f"/proc/{pid}").exists()


async def test_it_serves_a_page_with_an_online_bot_and_ends_with_ctrl_c(tmp_path: Path, taken_port: int) -> None:
    """The page answers on a free port when the wanted one is taken, and opens with its scene; Ctrl-C leaves
    nothing behind."""
    async with demo(tmp_path, "--port", str(taken_port)) as running:
        page = await running.ready()
        children = running.children()
        async with aiohttp.ClientSession() as session:
            async with session.get(page) as response:
                assert response.status == 200
                assert "text/html" in response.headers["Content-Type"]
            async with session.get(f"{page}_sandbox/people") as response:
                olga = next(p for p in (await response.json())["people"] if p["username"] == "olga")
            async with session.ws_connect(f"{page}_sandbox/live", params={"user": olga["id"]}) as feed:
                snapshot = (await feed.receive_json(timeout=PATIENCE))["d"]
                async with asyncio.timeout(PATIENCE):  # the page is open: its scene begins
                    while WELCOME not in await feed.receive_str():
                        pass

            base = re.search(r"^API +(http://\S+/v1) ", running.said, re.MULTILINE)
            secret = re.search(r"^Key +(plx-\S{43})$", running.said, re.MULTILINE)
            assert base is not None
            assert secret is not None
            headers = {"Authorization": f"Bearer {secret[1]}"}
            body = {"messages": [{"role": "user", "content": "Why?"}]}
            async with session.post(f"{base[1]}/chat/completions", json=body, headers=headers) as response:
                assert response.status == 200
                assert (await response.json())["choices"][0]["message"]["content"]

        assert f":{taken_port}/" not in page
        assert snapshot["bot"]["online"]
        assert {"ask", "status"} <= {command["name"] for command in snapshot["commands"]}
        assert (tmp_path / "bot.db").exists()
        running.process.send_signal(signal.SIGINT)
        assert await running.ends() == 0, running.said
        assert sorted(children) == ["bot", "sandbox"]
        assert not any(map(alive, children.values()))


async def test_a_bot_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The demo says so, shows the log's last lines and ends with 1; the sandbox goes too."""
    async with demo(tmp_path, "--port", "0") as running:
        await running.ready()
        children = running.children()
        with (tmp_path / "bot.log").open("a", encoding="utf-8") as log:
            log.write("the last words\n")
        os.kill(children["bot"], signal.SIGKILL)

        assert await running.ends() == 1
        assert "bot ended by itself with exit code -9" in running.said
        assert "the last words" in running.said
        assert not any(map(alive, children.values()))


async def test_a_second_demo_names_the_first_and_a_later_one_begins_afresh(tmp_path: Path) -> None:
    """One folder, one demo at a time; nothing of an earlier one is left in the next."""
    (tmp_path / "bot.db").write_text("not a database", encoding="utf-8")
    async with demo(tmp_path, "--port", "0") as first:
        page = await first.ready()
        async with demo(tmp_path, "--port", "0") as second:
            assert await second.ends() == 1
            assert page in second.said
        first.process.send_signal(signal.SIGHUP)
        assert await first.ends() == 0
