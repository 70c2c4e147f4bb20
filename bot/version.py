"""Which version of the bot this is: ``pyproject.toml`` says it, and nothing else does."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

NAME = "parallax-discord"
UNKNOWN = "unknown"


_ROOT = Path(__file__).resolve().parents[1]


def own_version(root: Path = _ROOT) -> str:
    """The version of the code that runs: from ``pyproject.toml`` beside it, as in a checkout or an image, else
    from the installed package; :data:`UNKNOWN` where neither is there.

    Args:
        root: The folder that holds the package ``bot``.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] == NAME:
            return str(project["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # an installed package has no such file, and a file there may be another project's
    try:
        return version(NAME)
    except PackageNotFoundError:
        return UNKNOWN
