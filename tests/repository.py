"""``python -m tests.repository``: what may not be in the repository's files. Part of ``make lint``.

Absolute paths and addresses of package indexes make a checkout work on one machine only. An old ``.env.example``,
links to files that do not exist, and drawings and tables that differ from the code mislead readers. Modules and
classes that cannot be seen whole are not understood.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from benchmarks import report
from bot.settings import render_env_example
from tests import bounds, documented_commands, licences, metrics_table, reference, release
from tests.mentions import attachment_names, dead_code_paths, dead_links, missing_documents
from tests.rooms import arrows, read_sources, render
from tests.sizes import CODE, long_classes, long_module
from tests.sleeps import sleeping

ROOT = Path(__file__).resolve().parents[1]
_FOREIGN = (
    (re.compile(r"(?<![\w.:/-])/(?:work|root|home/\w+|Users/\w+)/[\w.-]+"), "an absolute path of a machine"),
    (re.compile(r"(?m)^\s*--(?:extra-)?index-url|--find-links|--trusted-host"), "a package index"),
    # A registry is recognised by its paths, so that none has to be named here.
    (re.compile(r"https?://[\w.:-]+/(?:[\w-]+/)*simple/?(?=[\s\"')]|$)"), "a package index"),
    (re.compile(r"https?://[^\s\"')]+\.(?:whl|tar\.gz)\b"), "a package's address"),
)
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
        path.parts[0] in {"data", "dist", ".demo", ".fuzz", "mutants"}
        or any(
            part in {"__pycache__", "results", "node_modules"} or (part.startswith(".") and part.endswith("cache"))
            for part in path.parts
        )
        or path.parts[0] in {".venv", ".git", ".hypothesis", ".env"}
    )


def findings() -> Iterator[str]:
    """One line for each thing that should not be there."""
    if (ROOT / ".env.example").read_text(encoding="utf-8") != render_env_example():
        yield ".env.example: is not what bot/settings says: make env-example"
    texts = _texts()
    for name, text in texts.items():
        if not name.startswith(_VERBATIM):
            yield from _foreign(name, text)
            if name.endswith(".md"):
                yield from dead_links(ROOT / name, name, text)
        if name.endswith((".py", ".js", ".mjs", ".css")):
            yield from long_module(name, text)
        if name.endswith(".md") and name.startswith(("docs/", "README", "CONTRIBUTING", "SECURITY")):
            yield from dead_code_paths(name, text)
            yield from documented_commands.findings(name, text)
    yield from _of_python({name: text for name, text in texts.items() if name.endswith(".py")})
    architecture = texts["docs/architecture.md"]
    yield from undrawn_contracts(architecture, texts["pyproject.toml"])
    yield from undrawn_arrows(architecture, render(arrows(read_sources())))
    yield from release.stale_versions(texts)
    yield from licences.of_the_repository()
    yield from bounds.of_the_repository()
    yield from reference.of_the_repository()
    yield from metrics_table.of_the_repository()
    yield from report.of_the_repository()


def _texts() -> dict[str, str]:
    """The text files by path."""
    found = {}
    for path in files():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
    return found


def _of_python(sources: dict[str, str]) -> Iterator[str]:
    yield from long_classes({name: text for name, text in sources.items() if name.startswith(CODE)})
    yield from sleeping({name: text for name, text in sources.items() if name.startswith("tests/")})
    sent = (attachment_names(text) for name, text in sources.items() if name.startswith(("bot/", "cogs/")))
    attachments = set().union(*sent)
    for name, text in sources.items():
        yield from missing_documents(name, text, attachments)


def undrawn_contracts(architecture: str, pyproject: str) -> Iterator[str]:
    """Import-linter's contracts that docs/architecture.md does not name."""
    for contract in tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]:
        if contract["name"] not in architecture:
            yield f"docs/architecture.md: does not name the contract {contract['name']!r} of pyproject.toml"


def undrawn_arrows(architecture: str, drawn: str) -> Iterator[str]:
    """A line when docs/architecture.md does not list the arrows between the services' rooms as they are."""
    if f"```\n{drawn}\n```" not in architecture:
        yield f"docs/architecture.md: does not list the arrows of bot/services (python -m tests.rooms):\n{drawn}"


def _foreign(name: str, text: str) -> Iterator[str]:
    for pattern, what in _FOREIGN:
        for match in pattern.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: names {what}: {match[0].strip()}"


def main() -> int:
    """Print the findings; returns 1 when there are any."""
    found = list(findings())
    for line in found:
        sys.stdout.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
