"""``python -m tests.clients [client …]``: install clients that people use into a temporary directory, let each ask
a bot with the sandbox, and print as JSON what worked. One that cannot be installed is left out with the reason.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

import httpx

from bot import event_loop
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.programs import API, address, chat, made_key

HERE = Path(__file__).parent
PYTHON = ("litellm", "langchain-openai", "llm", "aider-chat")
NODE = ("openai", "@continuedev/openai-adapters")
STEPS = ("models", "chat", "stream", "tools", "cancel", "wrong_key")
SLOTS = 2
INSTALLS_WITHIN, RUNS_WITHIN = 600.0, 180.0


class NotDoneError(Exception):
    """A command failed, for the reason that it said last."""


async def _run(*command: str, folder: Path, within: float) -> str:
    """What a command prints. Raises :class:`NotDoneError`."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(within):
            told, failed = await process.communicate()
    except TimeoutError:
        process.kill()
        raise NotDoneError(f"took more than {within:.0f} s") from None
    if process.returncode != 0:
        lines = (failed or told).decode(errors="replace").strip().splitlines()
        raise NotDoneError(lines[-1][:200] if lines else f"ended with {process.returncode}")
    return told.decode()


def _last(told: str) -> dict[str, str]:
    """The last line, as JSON: some clients print words of their own before it. Raises :class:`NotDoneError`."""
    try:
        found: dict[str, str] = json.loads(told.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise NotDoneError(f"printed no result: {told[-100:]}") from None
    return found


async def _installed(name: str, folder: Path) -> tuple[list[str], str]:
    """How the client is run, and its version. Raises :class:`NotDoneError`."""
    if name in NODE:
        npm = shutil.which("npm")
        if npm is None:
            raise NotDoneError("npm is not on this machine")
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        await _run(npm, "install", "--no-fund", "--no-audit", name, folder=folder, within=INSTALLS_WITHIN)
        shutil.copy(HERE / "node.mjs", folder)
        version = json.loads((folder / "node_modules" / name / "package.json").read_text(encoding="utf-8"))[
            "version"
        ]
        return ["node", "node.mjs"], version
    await _run(sys.executable, "-m", "venv", "env", folder=folder, within=INSTALLS_WITHIN)
    python = str(folder / "env" / "bin" / "python")
    await _run(python, "-m", "pip", "install", "--quiet", name, folder=folder, within=INSTALLS_WITHIN)
    shown = f"from importlib.metadata import version; print(version({name!r}))"
    version = await _run(python, "-c", shown, folder=folder, within=RUNS_WITHIN)
    shutil.copy(HERE / "programs.py", folder)
    return [python, "programs.py"], version.strip()


async def _busy(base: str, secret: str) -> None:
    """Keep every slot of the cluster taken, until cancelled."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {secret}"}, timeout=60.0) as program:

        async def ask() -> None:
            while True:
                await program.post(f"{base}/v1/chat/completions", json=chat("Busy. [[n=100]]"))

        await asyncio.gather(*(ask() for _ in range(2 * SLOTS)))


async def _tried(name: str, stage: Stage, keys: tuple[str, str]) -> dict[str, str]:
    """What worked with a client."""
    base = await address(stage)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        try:
            command, version = await _installed(name, folder)
            told: dict[str, str] = {"version": version}
            asking = [*command, name, base, keys[0]]
            told |= _last(await _run(*asking, *STEPS, folder=folder, within=RUNS_WITHIN))
            busy = asyncio.create_task(_busy(base, keys[1]))
            try:
                told |= _last(await _run(*asking, "busy", folder=folder, within=RUNS_WITHIN))
            finally:
                busy.cancel()
                await asyncio.gather(busy, return_exceptions=True)
            await stage.parallax.wait_until(lambda: stage.parallax.active == 0, 30.0)
        except (NotDoneError, TimeoutError) as error:
            return {"skipped": str(error) or "a request of it never ended"}
    return told


async def _all(names: list[str]) -> dict[str, dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=0.0),
            parallax=ParallaxDouble(nodes=1, tokens_per_second=200, slots=SLOTS, lag=False),
            **API,
        ) as stage:
            keys = await made_key(stage, "ada"), await made_key(stage, "ben")
            return {name: await _tried(name, stage, keys) for name in names}


def main() -> int:
    """Try the clients that are named, or all; 1 when something did not work."""
    found = event_loop.run(_all(sys.argv[1:] or [*PYTHON, *NODE]))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    worked = (
        value == "ok"
        for told in found.values()
        for step, value in told.items()
        if step not in {"version", "skipped"}
    )
    return 0 if all(worked) else 1


if __name__ == "__main__":
    sys.exit(main())
