"""What ``make release`` refuses, and what it hands out."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.release import (
    NAMED_IN,
    ROOT,
    UNRELEASED,
    NotReady,
    hand_out,
    require_clean,
    require_pages,
    require_version,
    section,
    stale_versions,
    version_of,
)

PROJECT = '[project]\nname = "parallax-discord"\nversion = "1.2.0"\n'
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-30

### Upgrade notes

- Restart.

### Added

- A thing.

## [1.1.0] - 2026-10-01

### Added

- An older thing.
"""


def texts(chart: str = "1.2.0", deploy: str = "1.2.0") -> dict[str, str]:
    return {
        "pyproject.toml": PROJECT,
        "deploy/helm/parallax-discord/Chart.yaml": f'version: 0.9.0\nappVersion: "{chart}"\n',
        "docs/deploy.md": f"docker push registry.example/parallax-discord:{deploy}\n",
    }


def test_the_version_stands_in_one_place_and_others_are_compared_with_it() -> None:
    assert list(stale_versions(texts())) == []
    assert list(stale_versions(texts(chart="1.1.0", deploy="1.2.0rc1"))) == [
        "deploy/helm/parallax-discord/Chart.yaml: names the version 1.1.0, pyproject.toml 1.2.0",
        "docs/deploy.md: names the version 1.2.0rc1, pyproject.toml 1.2.0",
    ]
    assert list(stale_versions({**texts(), "docs/deploy.md": ""})) == [
        "docs/deploy.md: names no version (tests/release.py)"
    ]


def test_the_repository_names_one_version() -> None:
    names = ["pyproject.toml", *(name for name, _ in NAMED_IN)]
    assert list(stale_versions({name: (ROOT / name).read_text(encoding="utf-8") for name in names})) == []


def test_a_section_ends_where_the_next_version_begins() -> None:
    found = section(CHANGELOG, version_of(PROJECT))
    assert found.startswith("### Upgrade notes")
    assert found.endswith("- A thing.")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("1.3.0", "no section"),
        ("1x2.0", "no section"),  # a dot is a dot
        ("1.1.0", "Upgrade notes"),
        (UNRELEASED, "Upgrade notes"),
    ],
)
def test_a_version_without_its_section_is_not_released(name: str, why: str) -> None:
    with pytest.raises(NotReady, match=why):
        section(CHANGELOG, name)


def test_a_section_needs_a_date_and_notes_with_words() -> None:
    with pytest.raises(NotReady, match="no date"):
        section(CHANGELOG.replace(" - 2026-11-30", ""), "1.2.0")
    with pytest.raises(NotReady, match="Nothing to do"):
        section(CHANGELOG.replace("- Restart.\n", ""), "1.2.0")


def test_what_is_not_released_yet_has_upgrade_notes() -> None:
    """So that a trial works at any time."""
    assert section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), UNRELEASED)


def test_a_tree_with_changes_is_refused() -> None:
    require_clean("")
    with pytest.raises(NotReady, match=r"\(a, b, c and 1 more\)"):
        require_clean(" M a\n?? b\nA  c\n M d\n")


def test_archives_say_their_version(tmp_path: Path) -> None:
    wheel, source = tmp_path / "p-1.2.0-py3-none-any.whl", tmp_path / "p-1.2.0.tar.gz"
    said = b"Name: p\nVersion: 1.2.0\nLicense: x\n"
    with zipfile.ZipFile(wheel, "w") as written:
        written.writestr("p-1.2.0.dist-info/METADATA", said)
    with tarfile.open(source, "w:gz") as packed:
        for name in ("p-1.2.0/PKG-INFO", "p-1.2.0/p.egg-info/PKG-INFO"):
            member = tarfile.TarInfo(name)
            member.size = len(said)
            packed.addfile(member, io.BytesIO(said))
    for archive in (wheel, source):
        require_version(archive, "1.2.0")
        with pytest.raises(NotReady, match=archive.name):
            require_version(archive, "1.2")


def test_a_site_without_a_page_is_refused(tmp_path: Path) -> None:
    documents, site = tmp_path / "docs", tmp_path / "site"
    for path in (documents / "decisions/0001-why.md", site / "changelog.html"):
        path.parent.mkdir(parents=True)
        path.touch()
    with pytest.raises(NotReady, match=r"decisions/0001-why\.html"):
        require_pages(site, documents)
    (site / "decisions").mkdir()
    (site / "decisions/0001-why.html").touch()
    require_pages(site, documents)


def test_what_is_handed_out_can_be_checked(tmp_path: Path) -> None:
    """By the tool that people have; what an earlier release has left is gone."""
    built = [tmp_path / "b.whl", tmp_path / "a.tar.gz"]
    for path in built:
        path.write_bytes(path.name.encode())
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "old.whl").touch()

    sums = hand_out(built, folder)

    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "a.tar.gz", "b.whl"]
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", sums.name], cwd=folder, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "a.tar.gz: OK\nb.whl: OK\n")
