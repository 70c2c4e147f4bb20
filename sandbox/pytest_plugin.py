"""``pytest -p sandbox.pytest_plugin``, or ``pytest_plugins = ["sandbox.pytest_plugin"]`` in the root conftest.

Gives tests the fixture ``sandbox`` (:class:`sandbox.testing.Sandbox`). Needs pytest-asyncio; the fixture lives
in the event loop of the test's function. What Discord is like is said by the mark, for one test or a module::

    @pytest.mark.sandbox(intents=["message_content"], permissions=["manage_roles"], fail_on_missing=True)

or by a fixture ``sandbox_options`` of one's own that returns the same as a dict. The mark that is closest to the
test comes first, the fixture last.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.discord_api import DiscordDouble, world_file
    from sandbox.testing import Sandbox

try:
    from pytest_asyncio import fixture as _async_fixture
except ModuleNotFoundError:  # installed beside a pytest that has no use for the sandbox
    _async_fixture = None  # type: ignore[assignment]  # a function or nothing

__all__ = ["sandbox", "sandbox_options"]
_MARK = (
    "sandbox(token, intents, permissions, guilds, latency, limits, fail_on_missing): what the Discord of the "
    "fixture sandbox is like; guilds is a file or its content"
)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and pytest-asyncio silent about the scope of loops: the fixture here names its own."""
    warnings.filterwarnings("ignore", message='.*"asyncio_default_fixture_loop_scope" is unset')
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    """What every sandbox is like where no mark says otherwise; define it anew to change that."""
    return {}


async def _opened(request: pytest.FixtureRequest, sandbox_options: dict[str, Any]) -> AsyncIterator[Sandbox]:
    """A fresh Discord and a fresh cluster for one test, closed at its end."""
    from sandbox.testing import Sandbox  # only when a test wants it: the plug-in is loaded in every pytest

    options = dict(sandbox_options)
    for mark in reversed(list(request.node.iter_markers("sandbox"))):
        options |= mark.kwargs
    fail_on_missing = bool(options.pop("fail_on_missing", False))
    async with Sandbox.open(discord_from(**options)) as opened:
        yield opened
        if fail_on_missing:
            opened.require_no_lacking()


if _async_fixture is not None:
    sandbox = _async_fixture(loop_scope="function", name="sandbox")(_opened)
else:

    @pytest.fixture
    def sandbox() -> None:
        """What the test lacks."""
        pytest.fail("the fixture sandbox needs pytest-asyncio: pip install 'discord-sandbox[pytest]'")


def discord_from(
    *,
    token: str | None = None,
    intents: tuple[str, ...] | list[str] = (),
    permissions: object = None,
    guilds: str | os.PathLike[str] | world_file.Table | None = None,
    latency: float = 0.0,
    limits: bool = True,
) -> DiscordDouble:
    """The Discord that such options describe, not yet opened.

    ``intents`` are names of privileged ones, ``permissions`` names or a number, ``guilds`` a file's path or its
    content, ``latency`` real seconds of a round trip. Raises TypeError for an unknown option, KeyError for an
    unknown intent, ValueError for another value that is none.
    """
    from sandbox.discord_api import DiscordDouble, world_file

    described = world_file.load(Path(guilds)) if isinstance(guilds, str | os.PathLike) else guilds
    return DiscordDouble(
        latency=latency,
        limits=limits,
        token=token,
        privileged_intents=intents,
        permissions=None if permissions is None else world_file.permissions(permissions),
        guilds=described,
    )
