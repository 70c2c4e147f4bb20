"""How the bot stands, in a few lines: for whoever reads why a wait failed."""

from __future__ import annotations

import itertools

from sandbox.discord_api.gateway import Gateway
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.rest import Rest

_LATEST = 3


class BotState:
    """Tells whether the bot is connected, what it asked last and what it has not answered."""

    def __init__(self, gateway: Gateway, rest: Rest, hub: Interactions) -> None:
        self._gateway = gateway
        self._rest = rest
        self._hub = hub

    def text(self) -> str:
        """Two lines, and one for each interaction that waits for its first response."""
        gateway, trace = self._gateway, self._rest.trace
        state = "connected" if gateway.online else "not connected" if gateway.identifies else "never connected"
        latest = itertools.islice(trace, max(0, len(trace) - _LATEST), None)
        asked = [f"{one.method} {one.path} ({one.status or 'connection cut'})" for one in latest]
        pending = [f"pending: {one.name} of {one.user.display_name}" for one in self._hub.pending]
        lacking = [f"not in the sandbox: {one}" for one in self._rest.lacking]
        return "\n".join([f"bot: {state}", f"asked last: {', '.join(asked) or 'nothing'}", *pending, *lacking])
