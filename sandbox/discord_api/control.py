"""The switches of the double: latency, outages, limits; and what it recorded, for the control panel."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping

from sandbox.discord_api import staleness
from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.faults import Faults
from sandbox.discord_api.gateway import Gateway
from sandbox.discord_api.installing import Installing
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import Limits
from sandbox.discord_api.rest import Rest
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World

MAX_LATENCY = 30.0
MAX_OUTAGE = 3600.0
MAX_JUMP = 30 * 86_400.0
MAX_SPEED = 10_000.0


class Control:
    """What the control panel may change, and read."""

    def __init__(
        self, world: World, rest: Rest, limits: Limits, faults: Faults, gateway: Gateway, hub: Interactions
    ) -> None:
        self._world = world
        self._rest = rest
        self._limits = limits
        self._faults = faults
        self._gateway = gateway
        self._hub = hub
        self._installing = Installing(world)

    @property
    def latency(self) -> float:
        """Seconds of a round trip."""
        return self._faults.latency

    async def change(self, body: JSON) -> None:
        """Turn switches: each key of ``body`` is one, its value what it is turned to.

        ``latency`` and ``outage`` (real seconds, 0 ends an outage), ``limits``, ``hidden_webhook_limit``,
        ``drop_gateway``, ``expire_tokens`` (true), ``advance`` (seconds the sandbox's clock jumps forward),
        ``speed`` (seconds of that clock in a real one), ``delete_message`` (``{"channel_id", "message_id"}``,
        as a moderator would), ``person_install`` and ``server_install`` (``{"id", "on"}``). Raises
        :class:`RefusedError` for an unknown switch or a value out of range, :class:`ApiError` for a message that
        is not there.
        """
        switches = self._switches()
        unknown = set(body) - set(switches)
        if unknown:
            raise RefusedError(f"There is no switch {', '.join(sorted(unknown))}.")
        for name, turn in switches.items():
            if name in body:
                await turn(body[name])

    def state(self) -> JSON:
        """How the switches stand."""
        return {
            "latency": self._faults.latency,
            "outage": self._faults.in_outage is not None,
            "limits": self._limits.enabled,
            "hidden_webhook_limit": self._limits.hidden_webhook_limit,
            "gateway": self._gateway.presence(),
            "speed": self._world.clock.scale,
            "now": self._world.clock.now(),
            "installed": self._installing.state(),
        }

    def staleness(self) -> list[JSON]:
        """How old what people read was (``sandbox/discord_api/staleness.py``)."""
        return staleness.report(self._world)

    def _switches(self) -> Mapping[str, Callable[[object], Awaitable[None]]]:
        return {
            "latency": self._turn_latency,
            "outage": self._turn_outage,
            "limits": self._turn_limits,
            "hidden_webhook_limit": self._turn_hidden_limit,
            "speed": self._turn_speed,
            "advance": self._advance,
            "expire_tokens": self._expire_tokens,
            "delete_message": self._delete_message,
            "drop_gateway": self._drop_gateway,
            "person_install": self._installing.turn_person,
            "server_install": self._installing.turn_server,
        }

    async def _turn_latency(self, value: object) -> None:
        self._faults.latency = _seconds("latency", value, MAX_LATENCY)

    async def _turn_outage(self, value: object) -> None:
        self._faults.outage(_seconds("outage", value, MAX_OUTAGE))

    async def _turn_limits(self, value: object) -> None:
        self._limits.enabled = bool(value)

    async def _turn_hidden_limit(self, value: object) -> None:
        self._limits.hidden_webhook_limit = bool(value)

    async def _turn_speed(self, value: object) -> None:
        self._world.clock.set_scale(_seconds("speed", value, MAX_SPEED))

    async def _advance(self, value: object) -> None:
        self._world.clock.advance(_seconds("advance", value, MAX_JUMP))

    async def _expire_tokens(self, value: object) -> None:
        if value:
            self._hub.expire_tokens()

    async def _delete_message(self, value: object) -> None:
        if not isinstance(value, dict):
            raise RefusedError("“delete_message” names a channel_id and a message_id.")
        message = self._world.message(int(value.get("channel_id", 0)), int(value.get("message_id", 0)))
        self._world.delete_message(message)

    async def _drop_gateway(self, value: object) -> None:
        if value:
            await self._gateway.drop()

    def limits_report(self) -> JSON:
        """Every 429 given and how many requests each limit saw."""
        return {
            "enabled": self._limits.enabled,
            "latency": self._faults.latency,
            "hidden_webhook_limit": self._limits.hidden_webhook_limit,
            "invalid_requests": len(self._limits.invalid),
            "rejections": [r._asdict() for r in self._limits.rejections],
            "requests": [
                {"counter": counter, "key": key, "count": len(times)}
                for (counter, key), times in self._limits.traces.items()
            ],
            "buckets": [bucket._asdict() for bucket in self._limits.buckets()],
        }

    def recent_requests(self, count: int) -> list[JSON]:
        """The latest requests, oldest first."""
        start = max(0, len(self._rest.trace) - count)
        return [traced._asdict() for traced in itertools.islice(self._rest.trace, start, None)]


def _seconds(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise RefusedError(f"“{name}” is a number from 0 to {most:g}.")
    return float(value)
