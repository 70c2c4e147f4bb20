"""``SIGHUP`` to the running bot."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from bot.settings import Settings
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import READY_WITHIN, ROOT


async def test_an_operator_who_is_named_later_may_run_the_cluster(tmp_path: Path) -> None:
    """Without a restart: a wrong value before that has changed nothing and ended nothing."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(lag=False) as parallax:
        olga, room = discord.person("olga"), discord.channel("general")
        env = tmp_path / ".env"
        lines = [
            f"DISCORD_TOKEN={discord.token}",
            f"DISCORD_API_URL={discord.api_url}",
            f"PARALLAX_URL={parallax.url}",
            "HTTP_BIND=127.0.0.1:0",
        ]
        env.write_text("\n".join(lines), encoding="utf-8")
        inherited = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await discord.bot_ready(timeout=READY_WITHIN)
            refused = await (await olga.slash(room, "cluster audit")).response()

            env.write_text("\n".join([*lines, f"ADMIN_USER_IDS={olga.id}", "LOG_LEVEL=LOUD"]), encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            await _said(process, "settings.refused")
            env.write_text("\n".join([*lines, f"ADMIN_USER_IDS={olga.id}"]), encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            await _said(process, "settings.reloaded")

            allowed = await (await olga.slash(room, "cluster audit")).response()
        finally:
            process.terminate()
            await process.communicate()
    assert "Who did what" not in refused.text
    assert allowed.text.startswith("### Who did what")
    assert process.returncode == 0


async def _said(process: asyncio.subprocess.Process, event: str) -> None:
    """Wait until the log has this event."""
    assert process.stderr is not None
    async with asyncio.timeout(READY_WITHIN):
        while event.encode() not in await process.stderr.readline():
            assert process.returncode is None
