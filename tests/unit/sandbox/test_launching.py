"""``discord-sandbox run``: a bot as it is, in a Discord on this machine."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from sandbox import json_text, launching
from sandbox.discord_api import DiscordDouble

ROOT = Path(__file__).resolve().parents[3]
_BOT = """
import os, signal, discord

signal.signal(signal.SIGTERM, lambda *_: os._exit(9))

class Bot(discord.Client):
    async def on_ready(self):
        print(f"in {len(self.guilds)} guilds", flush=True)

Bot(intents=discord.Intents.all()).run(os.environ["DISCORD_TOKEN"], log_handler=None)
"""


async def test_a_bot_runs_as_it_is_and_gets_the_signals(tmp_path: Path) -> None:
    """It finds the sandbox by itself; a sitecustomize of its own still runs; its exit code is the command's."""
    (tmp_path / "bot.py").write_text(_BOT, encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import builtins\nprint('own', flush=True)\n")
    code = f"import sys; sys.path.append({str(ROOT)!r}); from sandbox.command import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "run", "--latency", "0", "--"),
        *(sys.executable, "-W", "ignore", "bot.py"),
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(tmp_path / "own")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        told: list[str] = []
        async with asyncio.timeout(30):
            while "in 2 guilds" not in told:
                line = await process.stdout.readline()
                assert line, (told, process.stderr and await process.stderr.read())
                told.append(line.decode().strip())
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 9
        assert told.count("own") == 2  # the command's own Python, and the bot's
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_command_that_is_not_there_ends_as_in_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    """With 127 and a sentence."""
    assert launching.main(["--", "no-such-command-anywhere"]) == 127
    assert "there is no command no-such-command-anywhere" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        launching.main([])


async def test_the_bots_environment() -> None:
    """The token under the usual names, and the hooks before what was there."""
    async with DiscordDouble(token="mine") as double:
        made = launching.environment(double, {"PYTHONPATH": "x", "NODE_OPTIONS": "--trace-warnings", "HOME": "h"})
    assert {made[name] for name in launching.TOKENS} == {"mine"}
    assert made["PYTHONPATH"] == f"{launching.HOOKS}:x"
    assert made["NODE_OPTIONS"].startswith("--trace-warnings --require ")
    assert made["DISCORD_SANDBOX_API"] == double.api_url.removesuffix("/v10")
    assert made["HOME"] == "h"


@pytest.mark.parametrize("fast", [True, False])
def test_json_is_the_same_with_and_without_orjson(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    """Only the speed differs."""
    if not fast:
        monkeypatch.setattr(json_text, "orjson", None)
    assert json_text.dumps({"a": ["é", 1, None]}) == '{"a":["é",1,null]}'.encode()
    assert json_text.loads(b'{"a": 1.5}') == {"a": 1.5}
    for broken in (b"NaN", b"\xff", b"{", "[" * 100_000):
        with pytest.raises(ValueError, match=r"."):
            json_text.loads(broken)
