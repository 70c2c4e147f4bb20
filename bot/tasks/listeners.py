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
    """Calls every subscribed function, in the order of subscription. An error in one is logged, at most once a
    minute, and does not keep the others from being called."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: list[Callable[P, None]] = []
        self._said = Repeats()

    def subscribe(self, listener: Callable[P, None]) -> Callable[[], None]:
        """Call ``listener`` from now on; returns a function that ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener. Raises nothing."""
        for listener in list(self._listeners):
            try:
                listener(*args, **kwargs)
            except Exception as error:  # an error in a listener is not the caller's
                name = getattr(listener, "__qualname__", repr(listener))
                unsaid = self._said.due((name, type(error).__name__), self._clock.monotonic())
                if unsaid is not None:
                    log.error("listener.failed", listener=name, unsaid=unsaid, exc_info=error)
