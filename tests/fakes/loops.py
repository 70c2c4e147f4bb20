"""An event loop whose time passes only when there is nothing to do.

Sockets are real: as long as bytes move, the loop processes them; when they do not, its clock jumps to the next
timer. So a test measures what the code under test waits for, and not how busy the machine is. While a thread of an
executor is at work, as for looking up an address, the clock goes as a real one does. Suitable for everything else
that happens in one process and one thread.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["VirtualTimeLoop"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_GRACE_SECONDS = 0.002
"""Real time for the kernel to deliver what has just been written to a socket of this process."""

_TRIES = 50
"""How often the grace is given when the machine is busy."""


class _Jumping(selectors.BaseSelector):
    """A selector that never waits: where the real one would wait, it adds the wait to `skipped`."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.skipped = 0.0
        self.threads_at_work = 0

    def register(self, fileobj: "FileDescriptorLike", events: int, data: object = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: "FileDescriptorLike", events: int, data: object = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping["FileDescriptorLike", selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, else, after the grace, the end of the wait; without a timer it really waits."""
        if timeout is None:
            return self._real.select()
        if timeout > 0 and not self.threads_at_work:
            ready = self._given_grace(timeout)
        else:
            ready = self._real.select(timeout)
        if not ready:
            self.skipped += max(0.0, timeout)
        return ready

    def _given_grace(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready after a grace in which the kernel had a processor: when this process got none for longer
        than it wanted to wait, the kernel's own threads may have got none either."""
        grace = min(timeout, _GRACE_SECONDS)
        ready: list[tuple[selectors.SelectorKey, int]] = []
        for _ in range(_TRIES):
            began = time.perf_counter()
            ready = self._real.select(grace)
            if ready or time.perf_counter() - began < 1.5 * _GRACE_SECONDS:
                break
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector loop that starts at 1000 s and jumps; only threads of executors are waited for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return 1000.0 + self._jumping.skipped

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Ts], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """The loop's own; time does not jump until the work is done."""
        work = super().run_in_executor(executor, func, *args)
        self._jumping.threads_at_work += 1
        work.add_done_callback(self._worked)
        return work

    def _worked(self, _work: asyncio.Future[_T]) -> None:
        self._jumping.threads_at_work -= 1


async def passing(seconds: float) -> None:
    """Wait on virtual time."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    timer = loop.call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()
