"""docs/setup.md, followed to the letter: its command lines in their order, from a new folder to an answer."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.documented_commands import command_lines
from tests.e2e.bot_process import READY_WITHIN, ROOT
from tests.e2e.reading import PATIENCE, footer, is_over

COPIED = (".env.example",)
LINKED = ("bot", "cogs", "migrations", "requirements", "Makefile", ".venv")


def checkout(folder: Path) -> Path:
    """A folder that looks like a fresh checkout after `make setup`."""
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    for name in COPIED:
        (folder / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def fill_in(env: Path, values: dict[str, str]) -> None:
    """Remove the # before each setting of the page's table, and write its value, as the page says."""
    text = env.read_text(encoding="utf-8")
    for name, value in values.items():
        text, times = re.subn(rf"(?m)^(?:# )?{name}=.*$", f"{name}={value}", text)
        assert times == 1, f".env.example has {name} {times} times"
    env.write_text(text, encoding="utf-8")


async def say(line: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command line in the folder; returns what it prints."""
    process = await asyncio.create_subprocess_shell(
        line,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(READY_WITHIN):
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, f"{line}\n{text}"
    return text


@pytest.mark.asyncio
async def test_from_a_new_folder_to_an_answer(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    page = (ROOT / "docs/setup.md").read_text(encoding="utf-8")
    lines = list(command_lines(page))
    assert lines[-1] == "make run"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(lag=False) as parallax:
        # What the page's table says to fill in, and where this Discord is.
        guild = discord.channel("general").guild_id
        settings = {
            "DISCORD_TOKEN": discord.token,
            "PARALLAX_URL": parallax.url,
            "ADMIN_USER_IDS": str(discord.person("olga").id),
            "ALLOWED_GUILD_IDS": str(guild),
            "DM_GUILD_ID": str(guild),
        }
        assert set(re.findall(r"(?m)^\| `([A-Z_]+)` \|", page)) == settings.keys()
        for line in lines[:-1]:
            said = await say(line, folder, environment)
            if line.startswith("chmod"):
                fill_in(folder / ".env", {**settings, "DISCORD_API_URL": discord.api_url, "HTTP_BIND": ""})
            elif "invite" in line:
                assert "https://discord.com/oauth2/authorize?client_id=1234567890" in said
        assert (folder / ".env").stat().st_mode & 0o777 == 0o600
        running = await asyncio.create_subprocess_shell(
            f"exec {lines[-1]}", cwd=folder, env=environment, start_new_session=True
        )
        try:
            await discord.bot_ready(timeout=READY_WITHIN)
            asked = await discord.person("ada").slash(discord.channel("general"), "ask", prompt="Hello?")
            answer = await asked.response()
            await discord.wait_until(lambda: is_over(answer), PATIENCE)
            assert "tok/s" in footer(answer)
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            await running.wait()
