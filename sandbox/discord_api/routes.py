"""All routes of the REST API, by subject."""

from __future__ import annotations

from sandbox.discord_api import (
    routes_application,
    routes_channels,
    routes_events,
    routes_expressions,
    routes_guilds,
    routes_members,
    routes_messages,
    routes_roles,
    routes_upkeep,
    routes_webhooks,
)
from sandbox.discord_api.routing import Router

SUBJECTS = {
    "the application, users, commands, interactions": routes_application.router,
    "messages, reactions, threads": routes_messages.router,
    "pins, bulk deletes, polls": routes_upkeep.router,
    "channels, overwrites, invites": routes_channels.router,
    "guilds, audit log": routes_guilds.router,
    "members, bans": routes_members.router,
    "roles": routes_roles.router,
    "webhooks": routes_webhooks.router,
    "emojis": routes_expressions.router,
    "scheduled events": routes_events.router,
}
"""Subject and its routes."""

ROUTER = Router()
for _one in SUBJECTS.values():
    ROUTER.include(_one)
