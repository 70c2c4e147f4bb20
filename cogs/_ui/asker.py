"""Who is speaking, in the services' terms."""

from __future__ import annotations

import discord

from bot.client import Services
from bot.queueing.request import Asker, Surface
from bot.services.operators import Person

# Discord docs, interactions/receiving-and-responding: tokens are valid for 15 minutes.
TOKEN_LIFETIME = 15 * 60.0


def person_of(interaction: discord.Interaction) -> Person:
    """The person behind an interaction, with the roles Discord sent along.

    Only of a server the bot is a member of: where somebody brought it along, it does not know the roles.
    """
    member = interaction.user
    guild_id = interaction.guild_id
    if guild_id is None or interaction.client.get_guild(guild_id) is None:
        return Person(member.id, None)
    roles = frozenset(role.id for role in member.roles) if isinstance(member, discord.Member) else frozenset()
    return Person(member.id, guild_id, roles)


def manages(interaction: discord.Interaction) -> bool:
    """Whether the person manages this place, as Discord tells it with this interaction: in a server by their
    permissions, outside of servers everybody."""
    return interaction.guild_id is None or interaction.permissions.manage_guild


def require_operator(services: Services, interaction: discord.Interaction) -> None:
    """Raise :class:`NotAllowed` unless an operator is behind it. What they are told then leaves first."""
    services.operators.require(person_of(interaction))
    services.for_operators()


def asker_of(interaction: discord.Interaction) -> Asker:
    """The person as an asker."""
    return Asker(interaction.user.id, interaction.user.display_name, interaction.locale.value)


def surface_of(interaction: discord.Interaction, *, private: bool) -> Surface:
    """Where the answer to this interaction is shown.

    The channel route needs the bot to be a member of the server (a user-installed app is not) and to see and
    write in the channel.
    """
    permissions = interaction.app_permissions
    reachable = (
        interaction.is_guild_integration() and permissions.view_channel and permissions.send_messages
        if interaction.guild_id is not None
        else interaction.context.dm_channel
    )
    return Surface(
        application_id=interaction.application_id,
        channel_id=interaction.channel_id or 0,
        guild_id=interaction.guild_id,
        private=private,
        channel_route=bool(reachable) and not private,
        token=interaction.token,
        token_expires_at=token_expiry(interaction),
    )


def token_expiry(interaction: discord.Interaction) -> float:
    """When the interaction's token is spent, in epoch seconds."""
    return interaction.created_at.timestamp() + TOKEN_LIFETIME
