"""The switches of the double: latency, outages, limits; and what it recorded, for the control panel."""

from __future__ import annotations

import itertools

from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.faults import Faults
from sandbox.discord_api.gateway import Gateway
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import Limits
from sandbox.discord_api.rest import Rest
from sandbox.discord_api.wire import JSON

MAX_LATENCY = 30.0
MAX_OUTAGE = 3600.0
_SWITCHES = frozenset({"latency", "outage", "drop_gateway", "expire_tokens", "limits", "hidden_webhook_limit"})


class Control:
    """What the control panel may change, and read."""

    def __init__(self, rest: Rest, limits: Limits, faults: Faults, gateway: Gateway, hub: Interactions) -> None:
        self._rest = rest
        self._limits = limits
        self._faults = faults
        self._gateway = gateway
        self._hub = hub

    @property
    def latency(self) -> float:
        """Seconds of a round trip."""
        return self._faults.latency

    async def change(self, body: JSON) -> None:
        """Turn switches. Raises :class:`RefusedError` for an unknown switch or a value out of range."""
        unknown = set(body) - _SWITCHES
        if unknown:
            raise RefusedError(f"There is no switch {', '.join(sorted(unknown))}.")
        if "latency" in body:
            self._faults.latency = _seconds("latency", body["latency"], MAX_LATENCY)
        if "outage" in body:
            self._faults.outage(_seconds("outage", body["outage"], MAX_OUTAGE))
        if "limits" in body:
            self._limits.enabled = bool(body["limits"])
        if "hidden_webhook_limit" in body:
            self._limits.hidden_webhook_limit = bool(body["hidden_webhook_limit"])
        if body.get("expire_tokens"):
            self._hub.expire_tokens()
        if body.get("drop_gateway"):
            await self._gateway.drop()

    def state(self) -> JSON:
        """How the switches stand."""
        return {
            "latency": self._faults.latency,
            "outage": self._faults.in_outage is not None,
            "limits": self._limits.enabled,
            "hidden_webhook_limit": self._limits.hidden_webhook_limit,
            "gateway": self._gateway.presence(),
        }

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
        }

    def recent_requests(self, count: int) -> list[JSON]:
        """The latest requests, oldest first."""
        start = max(0, len(self._rest.trace) - count)
        return [traced._asdict() for traced in itertools.islice(self._rest.trace, start, None)]


def _seconds(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise RefusedError(f"“{name}” is a number of seconds from 0 to {most:g}.")
    return float(value)
