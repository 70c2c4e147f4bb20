"""``python -m tests.packaging_sandbox``: the distribution ``discord-sandbox`` as somebody installs it.

Part of ``make package``. Builds the source archive and from it the wheel; installs it into a new environment, to
which it may bring nothing but aiohttp; lets a bot of discord.py run in it as it is; runs the guide's example with
the fixture.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from tests.packaging import ROOT, environment_at, pip, run

_FILES = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)
_NOT_OURS = {"demo.py", "demo_processes.py", "setup.py", "README.md", "pyproject.toml", "package.json"}
_EXIT_CODE = 7
_BOT = f"""
import os, sys, discord

class Bot(discord.Client):
    async def on_ready(self):
        print(f"in {{len(self.guilds)}} guilds", flush=True)
        await self.close()

Bot(intents=discord.Intents.default()).run(os.environ["DISCORD_TOKEN"], log_handler=None)
sys.exit({_EXIT_CODE})
"""


def built(folder: Path) -> Path:
    """Build both archives into ``folder``; returns the wheel."""
    programs = environment_at(folder / "build-environment", ROOT / "requirements" / "package.txt")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "sandbox", folder=ROOT)
    source = folder / "source"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            target = source / Path(name).relative_to("sandbox")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    run(programs / "python", "-m", "build", "--no-isolation", "--outdir", folder / "dist", source, folder=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def require_whole(wheel: Path) -> None:
    """Raise :class:`AssertionError` when the wheel lacks a file of ``sandbox`` or has one from elsewhere."""
    there = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sandbox").rglob("*")
        if path.is_file() and path.name not in _NOT_OURS and not {"__pycache__", "tests"} & set(path.parts)
    }
    if there != wanted:
        raise AssertionError(
            f"the wheel lacks {sorted(wanted - there)} and has beside it {sorted(there - wanted)}"
        )


def installed(python: Path) -> set[str]:
    """The names of the packages in an environment."""
    listed = run(
        python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check", folder=python.parent
    )
    return {str(one["name"]) for one in json.loads(listed)}


def pinned(name: str) -> str:
    """The requirement of the bot's own environment for a package."""
    found = re.search(rf"(?m)^{re.escape(name)}==\S+", (ROOT / "requirements" / "base.txt").read_text("utf-8"))
    if found is None:
        raise AssertionError(f"{name} is not pinned")
    return found.group()


def check(folder: Path) -> None:
    """Build, install, try; raises when something is not as it should be."""
    wheel = built(folder)
    require_whole(wheel)
    venv.create(folder / "environment", with_pip=True)
    programs = folder / "environment" / "bin"
    python = programs / "python"
    pip(python, pinned("aiohttp"))
    before = installed(python)
    pip(python, wheel)
    if (brought := installed(python) - before) != {"discord-sandbox"}:
        raise AssertionError(f"beside aiohttp it brings {sorted(brought)}")
    empty = folder / "empty"
    empty.mkdir()
    run(programs / "discord-sandbox", "--help", folder=empty)
    run(programs / "discord-sandbox", "run", "--", "sh", "-c", "exit 3", folder=empty, code=3)
    pip(python, pinned("discord-py"))
    (empty / "bot.py").write_text(_BOT, encoding="utf-8")
    said = run(programs / "discord-sandbox", "run", "--", python, "bot.py", folder=empty, code=_EXIT_CODE)
    if "in 2 guilds" not in said:
        raise AssertionError(f"the bot said {said!r}")
    pip(python, f"{wheel}[pytest]")
    for name, code in _FILES.findall((ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")):
        (empty / name).write_text(code, encoding="utf-8")
    run(python, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "test_bot.py", folder=empty)
    sys.stdout.write(f"{wheel.name}: needs aiohttp only; a bot runs in it as it is, and the guide's test\n")


def main() -> int:
    """Check; returns 0, or raises."""
    with tempfile.TemporaryDirectory(prefix="discord-sandbox-package-") as temporary:
        check(Path(temporary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
