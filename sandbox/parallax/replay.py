"""Answer a request with a recording: its bytes, its timing, its end."""

from collections import deque

from sandbox.parallax.clock import ScaledClock
from sandbox.parallax.exchange import Exchange
from sandbox.parallax.recording import End, Recording

__all__ = ["Replays", "replay"]


class Replays:
    """Recordings that wait for their request: the next one with the recording's method and path."""

    __slots__ = ("_queued",)

    def __init__(self) -> None:
        self._queued: deque[Recording] = deque()

    def add(self, recording: Recording) -> None:
        """Let the next fitting request be answered with `recording`."""
        self._queued.append(recording)

    def take(self, method: str, path: str) -> Recording | None:
        """The oldest recording for this request, None when there is none."""
        for recording in self._queued:
            if (recording.method, recording.path) == (method, path):
                self._queued.remove(recording)
                return recording
        return None


async def replay(exchange: Exchange, recording: Recording, clock: ScaledClock) -> None:
    """Write the recording, timed from now on in scheduler seconds.

    A recording that ends in silence stays silent until the client leaves.
    """
    started = clock.now()
    if recording.status is not None:
        exchange.replaying(recording.status)
    for at, data in recording.reads:
        await clock.sleep_until(clock.after(started, at))
        await exchange.raw(data)
    if recording.end is End.SILENCE:
        await exchange.wait_gone()
        return
    await clock.sleep_until(clock.after(started, recording.ended_at))
    if recording.end is End.RESET:
        await exchange.reset()
    else:
        await exchange.cut()
