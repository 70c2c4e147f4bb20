"""An interaction as the objects that Discord's API documents.

Source: docs.discord.com, developers/interactions/receiving-and-responding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.discord_api import payloads
from sandbox.discord_api.message_rules import MAX_FILE_BYTES
from sandbox.discord_api.model import Channel, User
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World

if TYPE_CHECKING:
    from sandbox.discord_api.interactions import Interaction

_COMMAND, _COMPONENT = 2, 3


def _owners(world: World, channel: Channel, user: User) -> JSON:
    """By whom the app is there: ``"0"`` the server (or "0" in its own direct messages), ``"1"`` the person."""
    owners: JSON = {}
    if world.guild_installed(channel.guild_id):
        owners["0"] = str(channel.guild_id) if channel.guild_id is not None else "0"
    if user.id in world.user_installs:
        owners["1"] = str(user.id)
    return owners


def metadata(world: World, interaction: Interaction) -> JSON:
    """The ``interaction_metadata`` of the messages that answer it."""
    about: JSON = {
        "id": str(interaction.id),
        "type": interaction.type,
        "user": payloads.user(interaction.user),
        "authorizing_integration_owners": _owners(world, interaction.channel, interaction.user),
    }
    if interaction.type == _COMMAND:
        about |= {"name": interaction.name, "command_type": interaction.data.get("type", 1)}
        if "target_id" in interaction.data:
            key = "target_user" if interaction.data["type"] == 2 else "target_message_id"
            target = interaction.data["target_id"]
            about[key] = interaction.data["resolved"]["users"][target] if key == "target_user" else target
    elif interaction.type == _COMPONENT and interaction.source is not None:
        about["interacted_message_id"] = str(interaction.source.id)
    elif interaction.trigger is not None:
        about["triggering_interaction_metadata"] = metadata(world, interaction.trigger)
    return about


def create_payload(world: World, interaction: Interaction) -> JSON:
    """The INTERACTION_CREATE object (receiving-and-responding, "Interaction Structure")."""
    channel, user = interaction.channel, interaction.user
    app_permissions = world.permissions(world.bot.id, channel) | Permission.MENTION_EVERYONE * (
        channel.guild_id is None
    )
    payload: JSON = {
        "id": str(interaction.id),
        "application_id": str(world.bot.id),
        "type": interaction.type,
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel": payloads.channel(channel) | {"permissions": str(world.permissions(user.id, channel))},
        "channel_id": str(channel.id),
        "app_permissions": str(int(app_permissions)),
        "locale": user.locale,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": _owners(world, channel, user),
        "context": 1,
        "attachment_size_limit": MAX_FILE_BYTES,
    }
    if interaction.source is not None:
        payload["message"] = world.message_payload(interaction.source)
    if channel.guild_id is None:
        payload["user"] = payloads.user(user)
        return payload
    guild = world.guilds[channel.guild_id]
    permissions = world.permissions(user.id, channel)
    return payload | {
        "context": 0,
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
        "guild_locale": guild.locale,
        "member": payloads.member(guild.members[user.id], permissions=permissions),
    }
