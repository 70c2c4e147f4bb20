"""Whether the bot has the answers to its calls: until then nobody presses what a call has just shown.

A person sees a message about when the bot has the answer to the call that wrote it. Here all are on one machine,
and a press would overtake the answer in up to half of all tries; client libraries listen for the presses of a
message only once they have it.

The answer and the press come on two connections. Every client's library answers a ping of the WebSocket (RFC 6455,
section 5.5.2) by itself, when it reads it. Whoever answers one that was sent after the answer had left has had
that answer to read before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.discord_api.gateway import Gateway
from sandbox.discord_api.world import World, WorldEvent

PATIENCE = 1.0
"""Real seconds after which a press is passed on all the same, to a client that does not answer pings."""
_ROUNDS = 2  # the second is for what the client still has to do with the answer once it has read it


@dataclass(eq=False, slots=True)
class CallMade:
    """One REST call of the bot: what it showed, and whether its answer has left."""

    shown: set[int] = field(default_factory=set)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Answered:
    """Remembers for each message and each dialogue the last call that showed it, until the bot has its answer."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self._gateway = gateway
        self._last: dict[int, CallMade] = {}
        self._current: CallMade | None = None
        self._held: set[asyncio.Task[None]] = set()
        world.listen(self._on_event)

    @contextlib.contextmanager
    def applying(self) -> Iterator[CallMade]:
        """What is shown meanwhile is shown by this call. Nothing may be awaited in here.

        Who makes the call sets ``answered`` when its answer has left, or will never come.
        """
        self._current = call = CallMade()
        try:
            yield call
        finally:
            self._current = None

    def then(self, shown: int | None, act: Callable[[], None]) -> None:
        """Call ``act`` once the bot has the answer to the last call that showed this; at once when it has it.

        ``shown`` is the id of a message, or of the interaction that a dialogue answers.
        """
        if shown is None or shown not in self._last or not self._gateway.online:
            act()
            return
        held = asyncio.create_task(self._after(shown, act), name="a press that waits for the bot")
        self._held.add(held)
        held.add_done_callback(self._held.discard)

    async def close(self) -> None:
        """Forget what waits."""
        held = list(self._held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    async def _after(self, shown: int, act: Callable[[], None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (call := self._last.get(shown)) is not None:
                    await call.answered.wait()
                    for _ in range(_ROUNDS):
                        await self._gateway.round_trip()
                    self._forget(call)
        self._last.pop(shown, None)
        act()

    def _forget(self, call: CallMade) -> None:
        for shown in call.shown:
            if self._last.get(shown) is call:
                del self._last[shown]

    def _on_event(self, event: WorldEvent) -> None:
        if self._current is None:
            return
        if event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and event.message is not None:
            shown = event.message.id
        elif event.name == "modal":
            shown = int(event.data["interaction_id"])
        else:
            return
        self._current.shown.add(shown)
        self._last[shown] = self._current
