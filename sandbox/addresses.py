"""Where discord.py finds Discord: in each task the sandbox that the task's bot belongs to.

discord.py keeps its two addresses as attributes of two classes, of which a process has one each. Every bot here
runs in a context of its own (``contextvars``), which each task that it starts inherits, and while a bot runs the
two attributes answer with the address of the context in which they are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import warnings
from collections.abc import Coroutine, Iterator
from typing import Generic, TypeVar

import yarl

from sandbox.discord_api import DiscordDouble

with warnings.catch_warnings():  # discord.py imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

T = TypeVar("T")


class _Address(Generic[T]):
    """A class attribute that has another value in each context."""

    def __init__(self, name: str) -> None:
        self.own: contextvars.ContextVar[T] = contextvars.ContextVar(name)
        self.opened: list[T] = []

    def __get__(self, instance: object, owner: type | None = None) -> T:
        return self.own.get(self.opened[-1])


_API: _Address[str] = _Address("api of the bot's sandbox")
_GATEWAY: _Address[yarl.URL] = _Address("gateway of the bot's sandbox")


@contextlib.contextmanager
def pointed_at(double: DiscordDouble) -> Iterator[contextvars.Context]:
    """Let discord.py's addresses be those of sandboxes; yields the context in which they are this one's.

    Outside such a context, in the test itself, they are those of the sandbox that was opened last. When the last
    one is closed, both are what they were before.
    """
    context = contextvars.copy_context()
    gateway = yarl.URL(double.gateway_url)
    context.run(_API.own.set, double.api_url)
    context.run(_GATEWAY.own.set, gateway)
    if not _API.opened:
        _install()
    _API.opened.append(double.api_url)
    _GATEWAY.opened.append(gateway)
    try:
        yield context
    finally:
        _API.opened.remove(double.api_url)
        _GATEWAY.opened.remove(gateway)
        if not _API.opened:
            _restore()


def start(work: Coroutine[object, object, T], context: contextvars.Context, name: str) -> asyncio.Task[T]:
    """Run a coroutine as a task in this context."""
    return asyncio.create_task(work, context=context, name=name)


_before: dict[str, object] = {}


def _install() -> None:
    route, gateway = discord.http.Route, discord.gateway.DiscordWebSocket
    _before.update(api=route.BASE, gateway=gateway.DEFAULT_GATEWAY)
    type.__setattr__(route, "BASE", _API)
    type.__setattr__(gateway, "DEFAULT_GATEWAY", _GATEWAY)


def _restore() -> None:
    type.__setattr__(discord.http.Route, "BASE", _before.pop("api"))
    type.__setattr__(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", _before.pop("gateway"))
