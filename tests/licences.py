"""``python -m tests.licences``: the licences of all packages that the bot needs, as docs/licences.md lists them.

``make lint`` compares the table with requirements/base.txt and with what the installed packages say of themselves,
and refuses a licence that is not in :data:`ALLOWED`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from tests.bounds import replace_table

ROOT = Path(__file__).resolve().parents[1]

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""Licences (SPDX) of packages that may be used by code under Apache-2.0 without conditions on that code."""

_ELSEWHERE = {"audioop-lts": "PSF-2.0", "colorama": "BSD-3-Clause"}
"""Packages of other Python versions and systems, which are not installed everywhere."""

_SPELLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""Older spellings and classifiers. "BSD License" was looked up in the files of the packages that say no more."""

_LONGEST_NAME = 60
_PINNED = re.compile(r"(?m)^([A-Za-z0-9._-]+)==")
_ROW = re.compile(r"(?m)^\| `([a-z0-9-]+)` \| ([^|]+) \|$")


def required(requirements: str) -> set[str]:
    """The names of the packages that a file of pinned requirements has."""
    return set(_PINNED.findall(requirements))


def licence_of(package: str) -> str | None:
    """The licence (an SPDX expression) that an installed package states; None when it is not installed."""
    if package in _ELSEWHERE:
        return _ELSEWHERE[package]
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return None
    field = _field(about, "License")
    classifiers = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or () if "License ::" in one]
    named = [field] if 0 < len(field) <= _LONGEST_NAME and "\n" not in field else classifiers
    stated = _field(about, "License-Expression") or " OR ".join(_SPELLED.get(one, one) for one in named)
    return stated or "unknown"


def _field(about: PackageMetadata, name: str) -> str:
    return about[name] if name in about else ""  # noqa: SIM401  # the type has no get()


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression (``A AND B``, ``A OR B``) can be fulfilled with :data:`ALLOWED` alone."""
    parts = (part.strip("() ").split(" OR ") for part in expression.split(" AND "))
    return all(any(choice.strip("() ") in ALLOWED for choice in choices) for choices in parts)


def listed(document: str) -> dict[str, str]:
    """The table's packages with their licences."""
    return dict(_ROW.findall(document))


def findings(requirements: str, document: str, stated: Mapping[str, str | None]) -> Iterator[str]:
    """One line for each package that the table lacks, has too many, or tells wrongly, and for each licence that is
    not allowed. ``stated`` is what each package says; None for one that is not installed."""
    table, names = listed(document), required(requirements)
    for name in sorted(names - table.keys()):
        yield f"docs/licences.md: lacks {name} ({stated.get(name)}): make tables"
    for name in sorted(table.keys() - names):
        yield f"docs/licences.md: lists {name}, which requirements/base.txt does not have"
    for name in sorted(names & table.keys()):
        told = stated.get(name)
        if told is not None and told != table[name]:
            yield f"docs/licences.md: says {table[name]} of {name}, which states {told}"
        if not is_allowed(table[name]):
            yield f"docs/licences.md: {name} has a licence that tests/licences.py does not allow: {table[name]}"


def of_the_repository() -> Iterator[str]:
    """:func:`findings` of this repository and environment."""
    requirements, document = (ROOT / "requirements/base.txt").read_text(), (ROOT / "docs/licences.md").read_text()
    yield from findings(requirements, document, {name: licence_of(name) for name in required(requirements)})


def main() -> int:
    """Write the table into the document."""
    path, names = ROOT / "docs/licences.md", required((ROOT / "requirements/base.txt").read_text())
    rows = (f"| `{name}` | {licence_of(name) or 'not installed'} |" for name in sorted(names))
    path.write_text(replace_table(path.read_text(), "\n".join(("| package | licence |", "|---|---|", *rows))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
