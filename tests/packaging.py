"""``python -m tests.packaging``: the package as somebody installs it. Part of ``make package``.

Builds the source archive, and a wheel from it; installs the wheel into a new environment; runs its commands in
an empty folder, the demo until its first answer. That takes a minute or two, nearly all of it pip's, so it is not
a part of ``make test``. Everything happens in a folder that is removed at the end, or in ``--folder``, where the
built files stay.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bot", "cogs", "migrations", "parallax_discord", "sandbox")
_PIP = ("-m", "pip", "-q", "--disable-pip-version-check", "--no-input")
_NOT_NEEDED = re.compile(
    r"__pycache__|sandbox/discord_api/web/(tests/|package\.json)|sandbox/(README\.md|pyproject\.toml)$|\.mako$"
)
_PATIENCE = 60.0
_TO_PASS_ON = ("PATH", "HOME", "LANG", "TMPDIR")


def run(*command: str | Path, folder: Path, code: int = 0) -> str:
    """Run a command in ``folder`` without this process's settings; returns what it printed. Raises
    :class:`AssertionError` for another exit code."""
    environment = {name: os.environ[name] for name in _TO_PASS_ON if name in os.environ}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode != code:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def environment_at(folder: Path, requirements: Path) -> Path:
    """Make a virtual environment with these pinned packages; returns its folder of programs."""
    venv.create(folder, with_pip=True)
    pip(folder / "bin" / "python", "--require-hashes", "--no-compile", "-r", requirements)
    return folder / "bin"


def pip(python: Path, *arguments: str | Path) -> None:
    """Install with pip, which may use the caller's configuration."""
    subprocess.run([python, *_PIP, "install", *arguments], check=True, cwd=python.parent)


def built(folder: Path) -> Path:
    """Build both archives into ``folder``; returns the wheel."""
    programs = environment_at(folder / "build-environment", ROOT / "requirements" / "package.txt")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT)
    source = folder / "source"
    # A copy: setuptools leaves folders behind where it builds.
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run(programs / "python", "-m", "build", "--no-isolation", "--outdir", folder / "dist", source, folder=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    (_,) = (folder / "dist").glob("*.tar.gz")
    return wheel


def require_whole(wheel: Path, source: Path) -> None:
    """Raise :class:`AssertionError` when the wheel lacks a file of the packages."""
    there = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(PACKAGES)}
    wanted = {
        path.relative_to(source).as_posix()
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file()
    }
    missing = sorted(name for name in wanted - there if not _NOT_NEEDED.search(name))
    if missing:
        raise AssertionError(f"the wheel lacks {missing}")


def try_commands(command: Path, folder: Path, version: str) -> None:
    """Run what a new user runs, in an empty folder."""
    folder.mkdir()
    said = run(command, "--help", folder=folder)
    names = ("run", "demo", "doctor", "migrate", "backup", "restore", "invite", "key", "sandbox")
    if missing := [name for name in names if f"  {name} " not in said]:
        raise AssertionError(f"--help does not name {missing}")
    if (said := run(command, "--version", folder=folder)) != f"parallax-discord {version}\n":
        raise AssertionError(f"--version says {said!r}, the wheel is {version}")
    found = json.loads(run(command, "doctor", "--json", folder=folder, code=2))
    if "DISCORD_TOKEN is missing" not in str(found):
        raise AssertionError(f"doctor says {found}")
    run(command, "migrate", folder=folder)
    backup = json.loads(run(command, "backup", "--json", folder=folder))
    run(command, "restore", backup["file"], folder=folder)


def first_answer(command: Path, folder: Path) -> str:
    """Start the demo in ``folder``, ask through the bot's API, end the demo; returns the answer."""
    ports = ("--port", "0", "--parallax-port", "0", "--api-port", "0", "--no-scene")
    with subprocess.Popen(
        [str(command), "demo", *ports], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            said = ""
            while not said.endswith("Ctrl-C\n"):
                line = demo.stdout.readline()
                if not line:
                    raise AssertionError(f"the demo ended:\n{said}")
                said += line
            told = dict(re.findall(r"(?m)^(API|Key) +(\S+)", said))
            return _asked(told["API"], told["Key"])
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=_PATIENCE)


def _asked(address: str, key: str) -> str:
    model = _called(f"{address}/models", key)["data"][0]["id"]
    body = {"model": model, "messages": [{"role": "user", "content": "Hello?"}]}
    return str(_called(f"{address}/chat/completions", key, body)["choices"][0]["message"]["content"])


def _called(url: str, key: str, body: object = None) -> Any:
    """The JSON that the demo's own API answers."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    # Nothing between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=_PATIENCE) as response:  # noqa: S310  # a server of this test
        return json.load(response)


def check(folder: Path) -> None:
    """Build, install, try; raises when something is not as it should be."""
    wheel = built(folder)
    require_whole(wheel, folder / "source")
    programs = environment_at(folder / "environment", ROOT / "requirements" / "base.txt")
    pip(programs / "python", "--no-deps", "--no-index", wheel)
    command = programs / "parallax-discord"
    try_commands(command, folder / "empty", wheel.name.split("-")[1])
    answer = first_answer(command, folder / "empty")
    if not answer.strip():
        raise AssertionError("the demo's first answer is empty")
    sys.stdout.write(f"{wheel.name}: its commands work from an empty folder; first answer: {answer[:60]!r}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check; returns 0, or raises."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging", description=__doc__)
    parser.add_argument("--folder", type=Path, help="an empty folder, which is kept")
    folder: Path | None = parser.parse_args(arguments).folder
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        check(folder.resolve())
        return 0
    with tempfile.TemporaryDirectory(prefix="parallax-discord-package-") as temporary:
        check(Path(temporary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
