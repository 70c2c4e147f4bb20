"""Whatever is sent to whatever route: the double answers, and never with an accident of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.interactions import COMMAND
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.rest import Incoming
from sandbox.discord_api.routes import ROUTER
from sandbox.discord_api.routing import Route
from sandbox.discord_api.shapes import Listed, Named, Record, Shape

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, 1, -1, 2, 11, 3.5, 2**70, "", "x", "5", "true", "@me", "👍", "2030-01-01T00:00:00Z", "x" * 5000]
    ),
    st.sampled_from([[], {}, [None], [{}], [[]], {"_errors": 1}, [{"type": 1}], [{"id": "1"}], [1, "2"]]),
)
EXAMPLES = 5
ROUTES = sorted(ROUTER.routes, key=lambda route: (route.template, route.method))


def _like(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of the shape's outer form, with odd ones anywhere."""
    if depth > 4:
        return ODD
    if isinstance(shape, Record):
        fields = {name: _like(one, depth + 1) for name, one in shape.fields.items()}
        return st.one_of(ODD, st.fixed_dictionaries({}, optional=fields))
    if isinstance(shape, Listed):
        return st.one_of(ODD, st.lists(_like(shape.of, depth + 1), max_size=2))
    if isinstance(shape, Named):
        return st.one_of(ODD, st.dictionaries(st.sampled_from(["de", "x", "_errors"]), ODD, max_size=2))
    return ODD


def _path(double: DiscordDouble, route: Route, odd: str) -> str:
    """A path of the route, with ids that are there, or an odd one in place of the last."""
    world = double.world
    channel, message = double.channel("general"), next(iter(world.messages.values()))
    known: dict[str, Any] = {
        "channel_id": channel.id,
        "message_id": message.id,
        "guild_id": channel.guild_id,
        "application_id": world.bot.id,
        "user_id": double.person("ada").user.id,
        "emoji": "👍",
    }
    asked = double.interactions.start(COMMAND, double.person("ada").user, channel, {"name": "ask"}, "ask")
    if "callback" not in route.template:
        double.interactions.respond(asked.id, asked.token, Form({"type": 4, "data": {"content": "answer"}}))
    known |= {"interaction_id": asked.id, "token": asked.token}
    names = list(route.pattern.groupindex)
    filled = {name: known.get(name, "1") for name in names}
    if names and odd:
        filled[names[-1]] = odd
    return route.template.format(**filled)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.template}")
async def test_no_request_is_an_accident(route: Route) -> None:
    """Odd bodies, odd queries and odd ids, each on a world of its own."""
    body = _like(Listed(of=route.listed) if route.listed else Record(fields=route.body))
    query = st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(["", "1", "x", "-1"]) for name in route.query}
    )

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    @given(body=body, query=query, odd=st.sampled_from(["", "", "", "x", "9" * 30, "@me", "٣"]))
    def answers(body: Any, query: dict[str, str], odd: str) -> None:
        double = _double()
        doubles.append(double)
        sent = body if isinstance(body, list) else Form(body if isinstance(body, dict) else {})
        path = _path(double, route, odd)
        answer = double.rest.answer(Incoming(route.method, path, sent, query, f"Bot {double.token}"))
        assert answer.status < 500

    doubles: list[DiscordDouble] = []
    answers()
    for double in doubles:
        await double.interactions.close()


def _double() -> DiscordDouble:
    double = DiscordDouble(limits=False)
    for guild in double.world.guilds.values():
        for role in guild.roles.values():
            role.permissions |= int(Permission.ADMINISTRATOR) if role.bot_id else 0
    body = Form({"content": "hello"})
    path = f"/channels/{double.channel('general').id}/messages"
    double.rest.answer(Incoming("POST", path, body, {}, f"Bot {double.token}"))
    return double
