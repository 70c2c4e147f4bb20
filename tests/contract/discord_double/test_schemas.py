"""Every answer has the fields and types that Discord's own description gives it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.interactions import COMMAND
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.permissions import ALL
from sandbox.discord_api.rest import Incoming
from sandbox.discord_api.routes import ROUTER
from tests.contract.discord_double.schemas import contradictions

_PICTURE = "data:image/png;base64,iVBORw0KGgo="
_ROW: dict[str, Any] = {
    "type": 1,
    "components": [
        {"type": 2, "style": 1, "label": "One", "custom_id": "one"},
        {"type": 2, "style": 5, "label": "Two", "url": "https://example.com", "emoji": {"name": "👍"}},
    ],
}
_SELECT = {
    "type": 1,
    "components": [
        {"type": 3, "custom_id": "pick", "options": [{"label": "a", "value": "a"}], "placeholder": "?"}
    ],
}
_PEOPLE = {"type": 1, "components": [{"type": 5, "custom_id": "who"}]}
_PLAIN = {
    "content": "hello",
    "embeds": [{"title": "t", "color": 5, "fields": [{"name": "n", "value": ""}], "footer": {"text": "f"}}],
    "components": [_ROW, _SELECT, _PEOPLE],
}
_V2 = {
    "flags": 1 << 15,
    "components": [
        {
            "type": 17,
            "accent_color": 5,
            "components": [
                {"type": 10, "content": "text"},
                {"type": 14},
                {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": _ROW["components"][0]},
                {"type": 12, "items": [{"media": {"url": "https://example.com/a.png"}}]},
            ],
        },
    ],
}
_OPTION = {"type": 3, "name": "what", "description": "x", "choices": [{"name": "a", "value": "a"}]}
_PAIRS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/channels/CHANNEL/messages", _PLAIN),
    ("POST", "/channels/CHANNEL/messages", _V2),
    ("POST", "/channels/CHANNEL/messages", {"content": "x", "message_reference": {"message_id": "MESSAGE"}}),
    ("POST", "/applications/APP/commands", {"name": "hi", "description": "x", "options": [_OPTION]}),
    ("POST", "/applications/APP/commands", {"name": "Look at", "type": 3}),
    ("POST", "/guilds/GUILD/emojis", {"name": "blob", "image": _PICTURE}),
    ("POST", "/guilds/GUILD/roles", {"name": "quiet"}),
    ("POST", "/guilds/GUILD/channels", {"name": "talk", "type": 2}),
    ("POST", "/channels/CHANNEL/invites", {}),
    ("POST", "/channels/CHANNEL/webhooks", {"name": "Herald"}),
    ("POST", "/channels/CHANNEL/messages/MESSAGE/threads", {"name": "thread"}),
    ("PUT", "/channels/CHANNEL/messages/pins/MESSAGE", {}),
    ("PUT", "/channels/CHANNEL/messages/MESSAGE/reactions/👍/@me", {}),
    ("PUT", "/guilds/GUILD/bans/USER", {}),
    ("PATCH", "/guilds/GUILD", {"description": "d"}),
    ("PATCH", "/users/@me", {}),
    ("PATCH", "/applications/@me", {"description": "d"}),
    ("POST", "/interactions/ASKED/TOKEN/callback", {"type": 4, "data": _PLAIN}),
    ("POST", "/webhooks/APP/TOKEN", {"content": "more"}),
)


class Asked:
    """A world in which the bot may do everything, and what its answers contradict."""

    def __init__(self) -> None:
        self.double = DiscordDouble(limits=False)
        world, channel = self.double.world, self.double.channel("general")
        guild = world.guilds[channel.guild_id or 0]
        next(role for role in guild.roles.values() if role.bot_id).permissions = ALL
        ada = self.double.person("ada").user
        asked = self.double.interactions.start(COMMAND, ada, channel, {"name": "ask", "type": 1}, "ask")
        self.names = {
            "CHANNEL": channel.id,
            "GUILD": guild.id,
            "APP": world.bot.id,
            "USER": self.double.person("ben").user.id,
            "ASKED": asked.id,
            "TOKEN": asked.token,
        }
        self.known: dict[str, Any] = {
            "channel_id": channel.id,
            "guild_id": guild.id,
            "application_id": world.bot.id,
            "user_id": ada.id,
            "role_id": guild.id,
            "token": asked.token,
            "emoji": "👍",
        }
        self.wrong: list[str] = []
        self.statuses: dict[str, int] = {}
        message = self("POST", "/channels/CHANNEL/messages", {"content": "first"})
        self.names["MESSAGE"] = self.known["message_id"] = message["id"]

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Ask, and keep what contradicts the description."""
        for name, value in self.names.items():
            path = path.replace(name, str(value))
        sent = Form(self._named(body or {}))
        answer = self.double.rest.answer(Incoming(method, path, sent, query, f"Bot {self.double.token}"))
        route, _ = ROUTER.match(method, path)
        self.statuses[f"{method} {route.template}"] = answer.status
        if answer.status < 300 and answer.body is not None:
            self.wrong += [
                f"{method} {route.template}{one}" for one in contradictions(method, route.template, answer.body)
            ]
        return answer.body

    def _named(self, body: Any) -> Any:
        reference = body.get("message_reference")
        return body if reference is None else {**body, "message_reference": {"message_id": self.names["MESSAGE"]}}


@pytest.fixture
async def ask() -> Any:
    """A world and its answers; interactions wait for nobody at the end."""
    asked = Asked()
    yield asked
    await asked.double.interactions.close()


async def test_every_answer_is_as_described(ask: Asked) -> None:
    """What is made, then everything that can be read."""
    for method, path, body in _PAIRS:
        query = {"with_response": "true"} if path.endswith("callback") else {}
        ask(method, path, body, **query)
        assert max(ask.statuses.values()) < 400, (path, ask.statuses)
    ask.known["command_id"] = ask.double.world.commands[0].id
    for route in ROUTER.routes:
        names = set(route.pattern.groupindex)
        if route.method == "GET" and names <= set(ask.known):
            query = {"query": "a"} if "query" in route.query else {}
            ask("GET", route.template.format(**ask.known), None, **query)
    assert sorted(set(ask.wrong)) == []
    read = [status for operation, status in ask.statuses.items() if operation.startswith("GET")]
    assert len([status for status in read if status == 200]) >= 45
