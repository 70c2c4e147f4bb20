"""A bot whose database is lost says so and ends, instead of going on in a file that nobody has."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, bot_environment
from tests.fakes.ports import free_port


async def test_o1_a_deleted_database_ends_the_bot(tmp_path: Path) -> None:
    """It is not ready meanwhile, logs one line, and ends by itself with exit code 1."""
    address = f"127.0.0.1:{free_port()}"
    async with DiscordDouble() as discord, ParallaxDouble() as parallax, aiohttp.ClientSession() as session:
        environment = bot_environment(discord, parallax.url, tmp_path, {"HTTP_BIND": address})
        bot = BotProcess(environment, tmp_path / "bot.log")
        await bot.start()
        try:
            await bot.ready(discord)
            async with session.get(f"http://{address}/readyz") as response:
                assert (await response.json())["database"] is True
            (tmp_path / "bot.db").unlink()
            async with session.get(f"http://{address}/readyz") as response:
                assert response.status == 503
                assert (await response.json())["database"] is False
            assert bot.process is not None
            assert await bot.process.wait() == 1
        finally:
            await bot.kill()
    assert bot.log.count("database.lost") == 1
    assert bot.log.splitlines()[-1] == (
        f"error: {tmp_path / 'bot.db'} was deleted or replaced while the bot ran: stop it and restore a backup"
    )
    assert "Traceback" not in bot.log
