"""Which event loop the bot runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Literal, TypeVar

from bot.errors import ConfigError

LoopChoice = Literal["auto", "uvloop", "asyncio"]
"""``auto`` takes uvloop where it is installed (docs/decisions/0021-reading-many-streams.md)."""

T = TypeVar("T")


def run(main: Coroutine[object, object, T], choice: LoopChoice = "auto") -> T:
    """Run ``main`` on a new event loop and return its result, as ``asyncio.run`` does.

    Raises :class:`ConfigError` when uvloop is chosen and not installed; ``main`` is closed then.
    """
    try:
        factory = loop_factory(choice)
    except ConfigError:
        main.close()
        raise
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def loop_factory(choice: LoopChoice) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loop of this choice; None: the standard library's own. Raises :class:`ConfigError`."""
    if choice == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if choice == "uvloop":
            raise ConfigError("EVENT_LOOP is uvloop, which is not installed: set it to auto") from None
        return None
    return uvloop.new_event_loop
