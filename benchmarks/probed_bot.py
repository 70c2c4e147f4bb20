"""``python -m benchmarks.probed_bot FILE``: the bot as ``python -m bot run``, with a look at its event loop.

When it ends, it writes to FILE as JSON how late the loop was at each moment, and where its CPU time went between
the signals :data:`BEGIN` and :data:`END`. Sampling goes by CPU time (``ITIMER_PROF``), so a loop that waits is not
counted.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

LOOK_EVERY = 0.02
SAMPLE_EVERY = 0.002
DEEPEST = 60
BEGIN, END = signal.SIGUSR1, signal.SIGUSR2


class LoopLag:
    """How late the event loop runs what is due, looked at every :data:`LOOK_EVERY` seconds."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []
        """The moment (monotonic seconds) and how late it was, in seconds."""

    def start(self) -> None:
        """Look from now on, in the running loop."""
        self._wait(asyncio.get_running_loop())

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(LOOK_EVERY, self._look, loop, time.monotonic() + LOOK_EVERY)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = time.monotonic()
        self.seen.append((round(now, 4), round(max(0.0, now - due), 5)))
        self._wait(loop)


class Stacks:
    """The stacks of the main thread at moments that are equally far apart in CPU time of the process."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[CodeType, ...]] = Counter()

    def listen(self) -> None:
        """Sample from the one signal to the other."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(BEGIN, lambda *_: signal.setitimer(signal.ITIMER_PROF, SAMPLE_EVERY, SAMPLE_EVERY))
        signal.signal(END, lambda *_: signal.setitimer(signal.ITIMER_PROF, 0))

    def collapsed(self) -> dict[str, int]:
        """How often each stack was seen: ``outermost;…;innermost``, as flame graphs are made from."""
        counted: Counter[str] = Counter()
        for stack, times in self._seen.items():
            counted[";".join(map(_named, reversed(stack)))] += times
        return dict(counted.most_common())

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        stack: list[CodeType] = []
        while frame is not None and len(stack) < DEEPEST:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._seen[tuple(stack)] += 1


def _named(code: CodeType) -> str:
    path = Path(code.co_filename)
    parts = path.parts
    folder = parts[parts.index("site-packages") + 1 :] if "site-packages" in parts else parts[-3:]
    return f"{'/'.join(folder)}:{code.co_qualname}"


async def _run(lag: LoopLag) -> None:
    from bot.app import run
    from bot.settings import load_settings

    lag.start()
    await run(load_settings())


def main(report: Path) -> None:
    """Run the bot until SIGTERM; then write the report."""
    from bot.event_loop import run
    from bot.settings import load_settings
    from bot.telemetry.logs import configure_logging

    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, secrets=settings.secrets)
    lag, stacks = LoopLag(), Stacks()
    stacks.listen()
    run(_run(lag), settings.event_loop)
    report.write_text(json.dumps({"lag": lag.seen, "stacks": stacks.collapsed()}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
