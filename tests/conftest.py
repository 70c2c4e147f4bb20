"""The order in which the tests are run."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOWEST_FIRST = ("e2e", "integration", "contract")
ROOT = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker still waits for a bot when the others have finished."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    folder = path.relative_to(ROOT).parts[0]
    return SLOWEST_FIRST.index(folder) if folder in SLOWEST_FIRST else len(SLOWEST_FIRST)
