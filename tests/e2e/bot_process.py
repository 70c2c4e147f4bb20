"""The real bot as its own process, against doubles in this one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e import forked_start
from tests.fakes.databases import new_database

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0


@dataclass(eq=False)
class BotProcess:
    """The bot as a process with its environment; may be killed and started again on the same database."""

    environment: Mapping[str, str]
    log_file: Path
    process: asyncio.subprocess.Process | forked_start.ForkedProcess | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start the process (its readiness is for the Discord double to tell)."""
        self.process = await forked_start.start(self.environment, self.log_file)
        if self.process is not None:
            return
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", env=dict(self.environment), cwd=ROOT, stdout=log, stderr=log
            )

    async def ready(self, discord: DiscordDouble) -> None:
        """Wait until the bot is connected and has registered its commands. Raises AssertionError when it ends
        instead, or takes too long."""
        assert self.process is not None
        ended = asyncio.create_task(self.process.wait())
        ready = asyncio.create_task(discord.bot_ready(timeout=READY_WITHIN))
        await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        # Its end takes away who listens for the process, which must not be somebody who listens from now on.
        await asyncio.gather(ended, return_exceptions=True)
        if not ready.done():
            ready.cancel()
            raise AssertionError(f"the bot ended with {self.process.returncode}:\n{self.log}")
        await ready

    async def logged(self, words: str, times: int = 1, timeout: float = READY_WITHIN) -> None:
        """Wait until the log has ``words`` so many times. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while self.log.count(words) < times:  # noqa: ASYNC110  # another process raises no event here
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """``kill -9``."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def freeze(self) -> None:
        """``SIGSTOP``: it hears nothing and says nothing until :meth:`thaw`. Returns when its threads stand."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.process.pid}/task")
        while threads.exists() and any(not _stands(thread) for thread in threads.iterdir()):
            time.sleep(0.001)

    def thaw(self) -> None:
        """``SIGCONT``: it goes on, with everything that came meanwhile."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    @property
    def log(self) -> str:
        """What the process logged so far."""
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""


@dataclass(frozen=True)
class Stage:
    """A Discord, a cluster and a bot that is ready in both."""

    discord: DiscordDouble
    parallax: ParallaxDouble
    bot: BotProcess


def bot_environment(
    discord: DiscordDouble, parallax_url: str, folder: Path, settings: Mapping[str, str]
) -> dict[str, str]:
    """The settings that a bot needs, pointing at the doubles."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        # discord.py 2.7.1 imports audioop for voice; everything else that warns is ours to fix.
        "PYTHONWARNINGS": "error,ignore:'audioop' is deprecated:DeprecationWarning",
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "PARALLAX_URL": parallax_url,
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'bot.db'}",
        "ADMIN_USER_IDS": str(discord.person("olga").id),
        "HTTP_BIND": "",
        # Tests are faster than people; tests/e2e/test_too_fast.py is about the limit itself.
        "COMMAND_BURST": "100000",
        "LOG_FORMAT": "json",
        # Of `make coverage`, which measures the bot's process too.
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        **settings,
    }


def _stands(thread: Path) -> bool:
    """Whether a thread, as Linux tells of it, is stopped (proc(5), ``/proc/pid/stat``)."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] in {"T", "t"}
    except FileNotFoundError:
        return True


@asynccontextmanager
async def staged(
    folder: Path,
    *,
    discord: DiscordDouble | None = None,
    parallax: ParallaxDouble | None = None,
    **settings: str,
) -> AsyncIterator[Stage]:
    """Open doubles and a bot; the bot is ready when this yields and must exit with 0 afterwards."""
    async with (
        discord or DiscordDouble(latency=0.0) as open_discord,
        parallax or ParallaxDouble(tokens_per_second=200) as open_parallax,
    ):
        open_discord.cluster_url = open_parallax.url
        if not (folder / "bot.db").exists():
            # Migrating takes a third of a start, and tests/e2e/test_start.py starts without.
            new_database(folder)
        bot = BotProcess(bot_environment(open_discord, open_parallax.url, folder, settings), folder / "bot.log")
        await bot.start()
        try:
            await bot.ready(open_discord)
            yield Stage(open_discord, open_parallax, bot)
            assert await bot.terminate() == 0, bot.log
        except BaseException:
            print(bot.log)  # noqa: T201  # pytest shows it with the failure
            raise
        finally:
            await bot.kill()
