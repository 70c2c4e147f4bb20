"""These tests are about durations: they run in virtual time, so that a busy machine changes none of them."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

from tests.fakes.loops import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """One loop, so no test's name changes."""
    return {"virtual time": VirtualTimeLoop}
