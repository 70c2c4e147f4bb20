"""The order in which the tests are run, and what would cost all of them time for nothing."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

SLOWEST_FIRST = ("e2e", "integration", "contract")
ROOT = Path(__file__).parent


settings.register_profile("patient", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what all tests share."""
    if config.getoption("hypothesis_profile", None) is None:
        # Wall time tells how busy the machine is; work is counted by the tests about it.
        settings.load_profile("patient")
    # By itself structlog draws each function of a traceback with the values of all its variables, which takes a
    # second for one error.
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what was collected, which lasts to the end: modules and tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker still waits for a bot when the others have finished."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    folder = path.relative_to(ROOT).parts[0]
    return SLOWEST_FIRST.index(folder) if folder in SLOWEST_FIRST else len(SLOWEST_FIRST)
