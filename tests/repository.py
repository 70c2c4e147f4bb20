"""``python -m tests.repository``: what may not be in the repository's files. Part of ``make lint``.

A machine's own paths and package index addresses make a checkout work on one machine only; a stale
``.env.example`` misleads; a link to a file that does not exist wastes somebody's time.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.settings import render_env_example

ROOT = Path(__file__).resolve().parents[1]
LONGEST_MODULE = 430
_FOREIGN = (
    (re.compile(r"(?<![\w.:/-])/(?:work|root|home/\w+|Users/\w+)/[\w.-]+"), "an absolute path of a machine"),
    (re.compile(r"(?m)^\s*--(?:extra-)?index-url|--find-links|--trusted-host"), "a package index"),
    # Whatever serves "/simple" or "/files" by that name: a registry is known by its paths, and named nowhere here.
    (re.compile(r"https?://[\w.:-]+/(?:[\w-]+/)*simple/?(?=[\s\"')]|$)"), "a package index"),
    (re.compile(r"https?://[^\s\"')]+\.(?:whl|tar\.gz)\b"), "a package's address"),
)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)")
# Recordings are what a real scheduler said, word for word.
_VERBATIM = ("tests/data/", "tests/repository.py", "Makefile")


def files() -> list[Path]:
    """Every file that is, or would be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        names = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:  # a copy without .git, such as an unpacked archive
        names = [path for path in ROOT.rglob("*") if not _is_generated(path.relative_to(ROOT))]
    return sorted(path for path in names if path.is_file())


def _is_generated(path: Path) -> bool:
    return (
        path.parts[0] in {"data", ".demo"}
        or any(
            part in {"__pycache__", "results", "node_modules"} or (part.startswith(".") and part.endswith("cache"))
            for part in path.parts
        )
        or path.parts[0] in {".venv", ".git", ".hypothesis", ".env"}
    )


def findings() -> Iterator[str]:
    """One line for each thing that should not be there."""
    if (ROOT / ".env.example").read_text(encoding="utf-8") != render_env_example():
        yield ".env.example: is not what bot/settings.py says: make env-example"
    for path in files():
        name = str(path.relative_to(ROOT))
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        if not name.startswith(_VERBATIM):
            yield from _foreign(name, text)
        if path.suffix == ".md" and not name.startswith(_VERBATIM):
            yield from _dead_links(path, name, text)
        if path.suffix in {".py", ".js", ".mjs", ".css"} and text.count("\n") > LONGEST_MODULE:
            yield f"{name}: has {text.count(chr(10))} lines, more than {LONGEST_MODULE}"


def _foreign(name: str, text: str) -> Iterator[str]:
    for pattern, what in _FOREIGN:
        for match in pattern.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: names {what}: {match[0].strip()}"


def _dead_links(path: Path, name: str, text: str) -> Iterator[str]:
    for match in _LINK.finditer(text):
        if not (path.parent / match[1]).exists():
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: links to {match[1]}, which does not exist"


def main() -> int:
    """Print the findings; returns 1 when there are any."""
    found = list(findings())
    for line in found:
        sys.stdout.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
