"""The first ``run`` in an empty folder, on a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.first_run import filled_in
from bot.settings import Settings, load_settings
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.unit.test_cli import ROOT

PATIENCE = 30.0


class Terminal:
    """``python -m bot run`` as a person sees it."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.shown = ""
        self._unread = ""
        self._screen = screen

    async def shows(self, wanted: str) -> None:
        """Read until this is on the screen, behind what was waited for before."""
        async with asyncio.timeout(PATIENCE):
            while wanted not in self._unread:
                more = (await asyncio.to_thread(os.read, self._screen, 4096)).decode(errors="replace")
                self.shown += more
                self._unread += more
        self._unread = self._unread.partition(wanted)[2]

    async def type_hidden(self, line: str) -> None:
        """Type a line once the terminal does not show what is typed; before that it is thrown away."""
        async with asyncio.timeout(PATIENCE):
            while termios.tcgetattr(self._screen)[3] & termios.ECHO:  # noqa: ASYNC110  # a terminal raises no event
                await asyncio.sleep(0)  # a terminal raises no event for that
        self.type(line)

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{line}\n".encode())


@contextmanager
def terminal(folder: Path, **settings: str) -> Iterator[Terminal]:
    """A terminal in an empty folder, in which the bot is started."""
    inherited = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    screen, ours = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "dumb", **settings},
        stdin=ours,
        stdout=ours,
        stderr=ours,
        start_new_session=True,
    )
    os.close(ours)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)


async def test_the_first_run_asks_checks_writes_and_goes_on(tmp_path: Path) -> None:
    """A wrong token is asked for again; the right one is on no screen; the bot comes online."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(lag=False) as parallax:
        with terminal(tmp_path, DISCORD_API_URL=discord.api_url, HTTP_BIND="127.0.0.1:0") as person:
            await person.shows("The bot's token")
            await person.type_hidden("not-the-token")
            await person.shows("DISCORD_TOKEN was refused")
            await person.shows("all the same")
            person.type("n")
            await person.shows("The bot's token")
            await person.type_hidden(discord.token)
            await person.shows("logged in as")
            await person.shows("The scheduler's address")
            person.type("localhost")
            await person.shows("must be an address like http://localhost:3001")
            await person.shows("The scheduler's address")
            person.type(parallax.url)
            await person.shows("available")
            await person.shows("Your user id")
            person.type("1001")
            await person.shows("your servers")
            person.type("")
            await discord.bot_ready(timeout=PATIENCE)
            person.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(person.process.wait, PATIENCE)
    assert discord.token not in person.shown
    env = tmp_path / ".env"
    assert env.stat().st_mode & 0o777 == 0o600
    settings = load_settings(env)
    assert settings.discord_token.get_secret_value() == discord.token
    assert settings.parallax_url == parallax.url
    assert settings.admin_user_ids == {1001}
    assert not list(tmp_path.glob(".env.*"))


async def test_who_stops_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """One line, exit code 2."""
    with terminal(tmp_path) as person:
        await person.shows("The bot's token")
        person.process.send_signal(signal.SIGINT)
        await person.shows("error: stopped: nothing was written")
        assert await asyncio.to_thread(person.process.wait, PATIENCE) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["http://10.0.0.5:3001", "http://ada:pa$HOME%23rd@10.0.0.5:3001"])
def test_what_is_written_is_read_as_it_was_typed(tmp_path: Path, url: str) -> None:
    """Also with characters that have a meaning in such files."""
    env = tmp_path / ".env"
    env.write_text(filled_in({"discord_token": "a.b-c_d", "parallax_url": url, "allowed_guild_ids": "1, 2"}))
    settings = load_settings(env)
    assert settings.discord_token.get_secret_value() == "a.b-c_d"
    assert settings.parallax_url == url
    assert settings.allowed_guild_ids == {1, 2}
