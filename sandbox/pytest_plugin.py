"""``pytest -p sandbox.pytest_plugin``, or ``pytest_plugins = ["sandbox.pytest_plugin"]`` in the root conftest.

Gives tests the fixture ``sandbox`` (:class:`sandbox.testing.Sandbox`). Needs pytest-asyncio; the fixture lives
in the event loop of the test's function.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.testing import Sandbox

__all__ = ["sandbox"]


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A fresh Discord and a fresh cluster for one test, closed at its end."""
    async with Sandbox.open() as opened:
        yield opened
