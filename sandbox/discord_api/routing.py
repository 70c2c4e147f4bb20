"""The table of REST routes: a template, its rate limit and the function that serves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from sandbox.discord_api.commands import CommandRegistry
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import OTHER, Rule
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.operations import operations, pattern, shape_of
from sandbox.discord_api.shapes import Fields, Shape
from sandbox.discord_api.wire import JSON, ApiError, form_error
from sandbox.discord_api.world import World


class LackingError(ApiError):
    """Discord has this operation and the sandbox does not; ``operation`` is its method and path."""

    def __init__(self, operation: str) -> None:
        super().__init__(404, 0, f"404: Not Found (the sandbox does not have {operation})")
        self.operation = operation


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work on."""

    world: World
    interactions: Interactions
    commands: CommandRegistry


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and matched."""

    services: Services
    params: Mapping[str, str]
    form: Form
    query: Mapping[str, Any] = field(default_factory=dict)
    listed: tuple[JSON, ...] = ()
    reason: str | None = None

    @property
    def world(self) -> World:
        """The world the request acts on."""
        return self.services.world

    def id(self, name: str) -> int:
        """A snowflake of the path. Raises 50035 for anything else."""
        value = self.params[name]
        if not (value.isascii() and value.isdecimal() and len(value) <= 20):
            raise form_error(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return int(value)


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer; without ``body`` it is a 204."""

    body: JSON | list[JSON] | None = None
    status: int = 200


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A route; ``authorized`` is False for the routes whose path carries a token.

    ``body`` and ``query`` are the tables of what it takes; ``listed`` is the shape of each element of a body that
    is a list.
    """

    method: str
    template: str
    pattern: re.Pattern[str]
    rule: Rule
    major: str
    authorized: bool
    handler: Handler
    body: Fields
    query: Fields
    listed: Shape | None = None

    @property
    def parameters(self) -> int:
        """How many segments of the path are parameters."""
        return self.template.count("{")


class Router:
    """Finds the route of a request."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = {}
        """By :func:`_kind` of their templates, whose first segment never is a parameter."""
        self._lacking: dict[tuple[str, int], list[tuple[str, str, re.Pattern[str]]]] | None = None

    def on(
        self,
        method: str,
        template: str,
        *,
        rule: Rule = OTHER,
        major: str = "",
        authorized: bool = True,
        body: Fields = MappingProxyType({}),
        query: Fields = MappingProxyType({}),
        listed: Shape | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler; ``major`` names the path parameter the rate limit is counted by.

        Without a ``rule`` the route has a bucket of its own.
        """

        def register(handler: Handler) -> Handler:
            path, name = pattern(template), f"{method} {template}"
            own = replace(OTHER, bucket=name, counter=name) if rule is OTHER else rule
            route = Route(method, template, path, own, major, authorized, handler, body, query, listed)
            self._routes.setdefault(_kind(template), []).append(route)
            return handler

        return register

    def include(self, other: Router) -> None:
        """Take over another router's routes."""
        for kind, routes in other._routes.items():
            self._routes.setdefault(kind, []).extend(routes)

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        return [route for routes in self._routes.values() for route in routes]

    def lacking(self) -> list[tuple[str, str]]:
        """The operations of Discord's API that no route serves: method and template."""
        served = {(route.method, shape_of(route.template)) for route in self.routes}
        return [(method, path) for method, path in operations() if (method, shape_of(path)) not in served]

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The most literal route that fits, so that ``messages/pins`` is no message called "pins".

        Raises Discord's 404 for an unknown path and 405 for an unknown method on a known one; for an operation of
        Discord's that is missing here a 404 that says so.
        """
        if self._lacking is None:
            self._lacking = _by_kind(self.lacking())
        kind = _kind(path)
        fitting = [(r, m) for r in self._routes.get(kind, ()) if (m := r.pattern.match(path))]
        found = min((f for f in fitting if f[0].method == method), key=lambda f: f[0].parameters, default=None)
        missing = [one for one in self._lacking.get(kind, ()) if one[2].match(path)]
        for lacked, template, _ in missing:
            if lacked == method and (found is None or template.count("{") < found[0].parameters):
                raise LackingError(f"{method} {template}")
        if found is not None:
            return found[0], {name: unquote(value) for name, value in found[1].groupdict().items()}
        if fitting or missing:
            raise ApiError(405, 0, "405: Method Not Allowed")
        raise ApiError(404, 0, "404: Not Found")


def _by_kind(lacking: list[tuple[str, str]]) -> dict[tuple[str, int], list[tuple[str, str, re.Pattern[str]]]]:
    found: dict[tuple[str, int], list[tuple[str, str, re.Pattern[str]]]] = {}
    for method, template in lacking:
        found.setdefault(_kind(template), []).append((method, template, pattern(template)))
    return found


def _kind(path: str) -> tuple[str, int]:
    """First segment and number of segments: neither depends on what the parameters are."""
    parts = path.strip("/").split("/")
    return parts[0], len(parts)
