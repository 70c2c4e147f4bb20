"""Functions that are called when something happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

import structlog

from bot.clock import Clock
from bot.telemetry.repeats import Repeats

log = structlog.get_logger(__name__)

P = ParamSpec("P")


class Listeners(Generic[P]):
    """Calls every function that was subscribed, in that order. One that raises has a bug, which is logged once a
    minute; the others are called all the same, and nothing is raised to the caller."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: list[Callable[P, None]] = []
        self._said = Repeats()

    def subscribe(self, listener: Callable[P, None]) -> Callable[[], None]:
        """Call ``listener`` from now on; returns how to end it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener. Raises nothing."""
        for listener in list(self._listeners):
            try:
                listener(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  # whoever tells them has no part in what is wrong with one
                self._failed(getattr(listener, "__qualname__", repr(listener)), error)

    def _failed(self, name: str, error: Exception) -> None:
        unsaid = self._said.due((name, type(error).__name__), self._clock.monotonic())
        if unsaid is not None:
            log.error("listener.failed", listener=name, unsaid=unsaid, exc_info=error)
