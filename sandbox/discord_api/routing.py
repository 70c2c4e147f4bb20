"""The table of REST routes: a template, its rate limit and the function that serves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from sandbox.discord_api.commands import CommandRegistry
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import OTHER, Rule
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.wire import JSON, ApiError, form_error
from sandbox.discord_api.world import World


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
    query: Mapping[str, str] = field(default_factory=dict)
    listed: tuple[JSON, ...] = ()

    @property
    def world(self) -> World:
        """The world the request acts on."""
        return self.services.world

    def id(self, name: str) -> int:
        """A snowflake of the path. Raises 50035 for anything else."""
        value = self.params[name]
        if not value.isdecimal():
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
    """A route; ``authorized`` is False for the routes whose path carries a token."""

    method: str
    template: str
    pattern: re.Pattern[str]
    rule: Rule
    major: str
    authorized: bool
    handler: Handler


class Router:
    """Finds the route of a request."""

    def __init__(self) -> None:
        self._routes: dict[str, list[Route]] = {}
        """By the first segment of their paths, which never is a parameter."""

    def on(
        self,
        method: str,
        template: str,
        *,
        rule: Rule = OTHER,
        major: str = "",
        authorized: bool = True,
    ) -> Callable[[Handler], Handler]:
        """Register a handler; ``major`` names the path parameter the rate limit is counted by."""

        def register(handler: Handler) -> Handler:
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + r"/?$")
            route = Route(method, template, pattern, rule, major, authorized, handler)
            self._routes.setdefault(_first_segment(template), []).append(route)
            return handler

        return register

    def include(self, other: Router) -> None:
        """Take over another router's routes."""
        for segment, routes in other._routes.items():
            self._routes.setdefault(segment, []).extend(routes)

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Raises Discord's 404 for an unknown path and 405 for an unknown method on a known one."""
        known = False
        for route in self._routes.get(_first_segment(path), ()):
            found = route.pattern.match(path)
            if found is None:
                continue
            if route.method == method:
                return route, {name: unquote(value) for name, value in found.groupdict().items()}
            known = True
        if known:
            raise ApiError(405, 0, "405: Method Not Allowed")
        raise ApiError(404, 0, "404: Not Found")


def _first_segment(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else path
