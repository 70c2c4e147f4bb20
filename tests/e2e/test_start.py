"""Starting: a wrong setting is one line with its remedy, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.discord_api import DiscordDouble
from tests.e2e.bot_process import BotProcess, bot_environment

NOWHERE = "http://127.0.0.1:9"


async def ended(bot: BotProcess) -> tuple[int, list[str]]:
    """Start a bot that ends by itself: its exit code and the lines it wrote."""
    await bot.start()
    assert bot.process is not None
    code = await bot.process.wait()
    return code, bot.log.splitlines()


async def test_a_wrong_token(tmp_path: Path) -> None:
    """Discord refuses it; the line says where to get another and does not repeat it."""
    async with DiscordDouble(latency=0.0) as discord:
        settings = {"DISCORD_TOKEN": "not-the-token", "LOG_LEVEL": "ERROR"}
        bot = BotProcess(bot_environment(discord, NOWHERE, tmp_path, settings), tmp_path / "bot.log")
        code, lines = await ended(bot)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("error: DISCORD_TOKEN is wrong: Discord refused it")
    assert "not-the-token" not in bot.log


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        ("DISCORD_TOKEN", "", "error: DISCORD_TOKEN is missing (copy it from https://discord.com/developers"),
        ("PARALLAX_URL", "localhost:3001", "error: PARALLAX_URL is wrong: must be an address like http://"),
        ("DATABASE_URL", "bot.db", "error: DATABASE_URL is wrong: must look like sqlite+aiosqlite:///"),
        ("ADMIN_USER_IDS", "olga", "error: ADMIN_USER_IDS is wrong: "),
    ],
)
async def test_a_wrong_setting(tmp_path: Path, setting: str, value: str, line: str) -> None:
    """Named in one line with its remedy; exit code 2."""
    async with DiscordDouble(latency=0.0) as discord:
        environment = bot_environment(discord, NOWHERE, tmp_path, {setting: value})
        code, lines = await ended(BotProcess(environment, tmp_path / "bot.log"))
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(line)
