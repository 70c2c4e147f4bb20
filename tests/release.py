"""``python -m tests.release``: what is handed out as a version, in ``dist/``. Part of ``make release``.

Refuses a tree with changes and a version without a section in the changelog; runs the checks; builds the wheel and
the source archive as ``make package`` does, and the documentation's site; looks into each; puts them into
``dist/`` with their SHA-256 sums. It publishes nothing. ``--trial`` does the same before there is a section, from
a tree with changes, to see whether it would work.

Where the version is named a second time is compared with ``pyproject.toml`` by ``make lint``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests import packaging

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
UNRELEASED = "Unreleased"
NOTES = "### Upgrade notes"

# A version has at least three numbers, so that no other number after these words is taken for one.
_VERSION = r"(\d+\.\d+\.\d+[\w.+-]*)"
NAMED_IN = (
    ("deploy/helm/parallax-discord/Chart.yaml", re.compile(rf'(?m)^appVersion: "{_VERSION}"')),
    ("docs/deploy.md", re.compile(rf"parallax-discord:{_VERSION}")),
)
"""Where the version is named beside ``pyproject.toml``."""


class NotReady(Exception):
    """The tree is not one that can be released; the message says why and what to do."""


def version_of(pyproject: str) -> str:
    """The version that a ``pyproject.toml`` names."""
    return str(tomllib.loads(pyproject)["project"]["version"])


def stale_versions(texts: Mapping[str, str]) -> Iterator[str]:
    """One line for each file that names another version than ``pyproject.toml``, or none where one is expected.

    Args:
        texts: The repository's files by path.
    """
    wanted = version_of(texts["pyproject.toml"])
    for name, pattern in NAMED_IN:
        named = set(pattern.findall(texts[name]))
        if not named:
            yield f"{name}: names no version (tests/release.py)"
        for other in sorted(named - {wanted}):
            yield f"{name}: names the version {other}, pyproject.toml {wanted}"


def section(changelog: str, name: str) -> str:
    """The text of a changelog's section, which is a version's or :data:`UNRELEASED`.

    Raises:
        NotReady: There is no such section, it says nothing, or it has no :data:`NOTES` with a text.
    """
    found = re.search(rf"(?ms)^## \[{re.escape(name)}\](?P<date>[^\n]*)\n(?P<text>.*?)(?=^## \[|\Z)", changelog)
    if found is None:
        raise NotReady(f"CHANGELOG.md has no section [{name}]: docs/releasing.md says how to make it")
    if name != UNRELEASED and not re.fullmatch(r" - \d{4}-\d\d-\d\d", found["date"]):
        raise NotReady(f"CHANGELOG.md: the section [{name}] has no date (## [{name}] - YYYY-MM-DD)")
    notes = re.search(rf"(?ms)^{NOTES}\n(.*?)(?=^### |\Z)", found["text"])
    if notes is None or not notes[1].strip():
        raise NotReady(
            f"CHANGELOG.md: the section [{name}] has no {NOTES!r}; write “Nothing to do.” if there is nothing"
        )
    return found["text"].strip()


def require_clean(status: str) -> None:
    """Raise :class:`NotReady` when ``git status --porcelain`` has printed something."""
    changed = [line[3:] for line in status.splitlines()]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise NotReady(f"the tree has changes ({', '.join(changed[:3])}{more}): commit or remove them first")


def require_version(archive: Path, version: str) -> None:
    """Raise :class:`NotReady` when a wheel or a source archive says that it is another version."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            said = wheel.read(name).decode()
    else:
        with tarfile.open(archive) as source:
            (name,) = (name for name in source.getnames() if re.fullmatch(r"[^/]+/PKG-INFO", name))
            opened = source.extractfile(name)
            said = opened.read().decode() if opened else ""
    if f"\nVersion: {version}\n" not in said:
        raise NotReady(f"{archive.name} does not say that it is version {version}")


def require_pages(site: Path, documents: Path) -> None:
    """Raise :class:`NotReady` when the site lacks a page of the documents, or the changelog."""
    wanted = {path.relative_to(documents).with_suffix(".html") for path in documents.rglob("*.md")}
    there = {path.relative_to(site) for path in site.rglob("*.html")}
    if missing := sorted(str(page) for page in (wanted | {Path("changelog.html")}) - there):
        raise NotReady(f"the site lacks {', '.join(missing)}")


def hand_out(built: list[Path], folder: Path) -> Path:
    """Put the files into ``folder``, which is emptied before, with a list of their SHA-256 sums in the form that
    ``sha256sum --check`` reads; returns the list."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = []
    for path in sorted(built, key=lambda one: one.name):
        copied = Path(shutil.copyfile(path, folder / path.name))
        lines.append(f"{hashlib.sha256(copied.read_bytes()).hexdigest()}  {copied.name}\n")
    sums = folder / SUMS
    sums.write_text("".join(lines), encoding="utf-8")
    return sums


def site_archive(folder: Path, version: str) -> Path:
    """Build the site in ``folder``, look whether it is whole, and pack it; returns the archive."""
    name = f"parallax-discord-{version}-site"
    site = folder / name
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "-q", "build", "-f", "deploy/site/mkdocs.yml", "--site-dir", str(site)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    require_pages(site, ROOT / "docs")
    packed = folder / f"{name}.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(site, arcname=name)
    return packed


def release(*, trial: bool) -> Path:
    """Check and build everything; returns the list of sums. What fails first ends it; ``dist/`` stays."""
    version = version_of((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), UNRELEASED if trial else version)
    if not trial:
        require_clean(packaging.run("git", "status", "--porcelain", folder=ROOT))
    # Not with the options of the make that has called this.
    environment = {name: text for name, text in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS"}}
    subprocess.run(["make", "lint"], cwd=ROOT, env=environment, check=True)
    with tempfile.TemporaryDirectory(prefix="parallax-discord-release-") as temporary:
        folder = Path(temporary)
        packaging.check(folder)
        archives = sorted((folder / "dist").iterdir())
        for archive in archives:
            require_version(archive, version)
        return hand_out([*archives, site_archive(folder, version)], ROOT / "dist")


def main() -> int:
    """Make the release; returns 1 after one line that says why there is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("--trial", action="store_true", help="before there is a section, from a tree with changes")
    try:
        sums = release(trial=parser.parse_args().trial)
    except (NotReady, AssertionError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"no release: {error}\n")
        return 1
    sys.stdout.write(f"{sums.relative_to(ROOT)}:\n{sums.read_text(encoding='utf-8')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
