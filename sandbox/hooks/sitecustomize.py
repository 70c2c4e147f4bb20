"""Imported by Python itself in a bot that ``discord-sandbox run`` starts: its library finds the sandbox.

Libraries keep Discord's addresses in attributes of their modules. As soon as such a module has been imported, its
attributes become the sandbox's; the bot's own files stay as they are. Nothing but the standard library is needed.
Without ``DISCORD_SANDBOX_API`` in the environment nothing is done.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_API = os.environ.get("DISCORD_SANDBOX_API", "")
_GATEWAY = os.environ.get("DISCORD_SANDBOX_GATEWAY", "")


def _route(module: Any) -> None:  # noqa: ANN401  # a client library's module, of any kind
    if hasattr(module.Route, "API_BASE_URL"):  # py-cord
        module.Route.API_BASE_URL = f"{_API}/v{{API_VERSION}}"
    else:  # discord.py, nextcord, disnake, interactions.py
        module.Route.BASE = f"{_API}/v10"


def _gateway(module: Any) -> None:  # noqa: ANN401  # a client library's module, of any kind
    if hasattr(module.DiscordWebSocket, "DEFAULT_GATEWAY"):  # the others ask the API for it
        module.DiscordWebSocket.DEFAULT_GATEWAY = module.yarl.URL(_GATEWAY)


def _urls(module: Any) -> None:  # noqa: ANN401  # a client library's module, of any kind
    module.REST_API_URL = f"{_API}/v10"


_CHANGES: dict[str, Callable[[Any], None]] = {
    "discord.http": _route,
    "discord.gateway": _gateway,
    "nextcord.http": _route,
    "disnake.http": _route,
    "interactions.api.http.route": _route,
    "hikari.urls": _urls,
}


class _Changing(Loader):
    """Loads a module as its own loader does, and changes it then."""

    def __init__(self, loader: Loader, change: Callable[[Any], None]) -> None:
        self._loader = loader
        self._change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the module's own loader does, and then the change."""
        self._loader.exec_module(module)
        self._change(module)


class _Finder(MetaPathFinder):
    """Finds the modules that are changed, by the usual way."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual specification with another loader; None for every other module."""
        change = _CHANGES.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if change is not None else None
        if change is not None and spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, change)
        return spec


def _next_one() -> None:
    """Run the ``sitecustomize`` that stands behind this one, as if this one were not there."""
    here = Path(__file__).resolve().parent
    elsewhere = [folder for folder in sys.path if Path(folder or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if _API:
    sys.meta_path.insert(0, _Finder())
_next_one()
