"""Conversion of Discord's interactions and messages into the services' terms: who, where, which words."""

from __future__ import annotations

import discord

from bot.discord_io.brought_along import is_brought_along
from bot.discord_io.client import Services
from bot.domain.conversation.profile import Scope, ScopeChain
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Asker, Destination
from bot.services.access.operators import Person
from bot.services.requests.ask import AskContext

# Discord docs, interactions/receiving-and-responding: tokens are valid for 15 minutes.
TOKEN_LIFETIME = 15 * 60.0
DEFAULT_LOCALE = "en-US"


def person_of(interaction: discord.Interaction) -> Person:
    """The person behind an interaction, with the roles that Discord sent along: only in servers that the bot is a
    member of. Where a person installed the bot for themselves, it does not know them."""
    member = interaction.user
    guild_id = interaction.guild_id
    if guild_id is None or interaction.client.get_guild(guild_id) is None:
        return Person(member.id, None)
    roles = frozenset(role.id for role in member.roles) if isinstance(member, discord.Member) else frozenset()
    return Person(member.id, guild_id, roles)


def manages(interaction: discord.Interaction) -> bool:
    """Whether the person manages the server, as Discord says with the interaction; outside of servers, and where
    they brought the bot along: everybody."""
    return interaction.guild_id is None or is_brought_along(interaction) or interaction.permissions.manage_guild


def asker_of(interaction: discord.Interaction) -> Asker:
    """The person as an asker. Where they brought the bot along, by the name of their account: the one they have in
    that server is not kept."""
    user = interaction.user
    name = (user.global_name or user.name) if is_brought_along(interaction) else user.display_name
    return Asker(user.id, name, interaction.locale.value)


def conversation_of(interaction: discord.Interaction, *, private: bool) -> ConversationKey:
    """The conversation of a place. Where a person brought the bot along it is their own, in all such places the
    same one, under their id: no channel has the id of a person."""
    private_to = interaction.user.id if private else None
    if is_brought_along(interaction):
        return ConversationKey(channel_id=interaction.user.id, guild_id=None, private_to=private_to)
    return ConversationKey(interaction.channel_id or 0, interaction.guild_id, private_to)


def destination_of(interaction: discord.Interaction, *, private: bool) -> Destination:
    """Where the answer to this interaction is shown.

    Where a person brought the bot along, neither server nor channel is kept: their id stands for the place.
    The channel route needs the bot to be a member of the server (a user-installed app is not) and to see and
    write in the channel.
    """
    permissions = interaction.app_permissions
    key = conversation_of(interaction, private=private)
    reachable = not is_brought_along(interaction) and (
        permissions.view_channel and permissions.send_messages
        if interaction.guild_id is not None
        else interaction.context.dm_channel
    )
    return Destination(
        application_id=interaction.application_id,
        channel_id=key.channel_id,
        guild_id=key.guild_id,
        private=private,
        channel_route=bool(reachable) and not private,
        token=interaction.token,
        token_expires_at=token_expiry(interaction),
    )


def token_expiry(interaction: discord.Interaction) -> float:
    """When the interaction's token expires, in epoch seconds."""
    return interaction.created_at.timestamp() + TOKEN_LIFETIME


def place_of(channel: object, channel_id: int, guild: discord.Guild | None) -> ScopeChain:
    """The scopes of a channel, as far as they are known: thread, channel, category, server."""
    scopes: list[Scope] = []
    if isinstance(channel, discord.Thread):
        scopes.append(Scope("thread", channel.id, channel.name))
        parent = None if guild is None else guild.get_channel(channel.parent_id)
        scopes.append(Scope("channel", channel.parent_id, "" if parent is None else parent.name))
        category = channel.category_id if parent is not None else None
    else:
        kind = "channel" if guild is not None else "direct"
        scopes.append(Scope(kind, channel_id, str(getattr(channel, "name", "") or "")))
        category = getattr(channel, "category_id", None)
    if category is not None and guild is not None:
        found = guild.get_channel(category)
        scopes.append(Scope("category", category, "" if found is None else found.name))
    if guild is not None:
        scopes.append(Scope("server", guild.id, guild.name))
    return ScopeChain(tuple(scopes))


def place_of_interaction(interaction: discord.Interaction) -> ScopeChain:
    """Where an interaction happened; of a place into which a person brought the bot along, nothing but that."""
    if is_brought_along(interaction):
        return ScopeChain((Scope("direct", interaction.user.id, ""),))
    return place_of(interaction.channel, interaction.channel_id or 0, interaction.guild)


def locale_of_message(message: discord.Message) -> str:
    """The server's language, else English: a message does not tell its author's."""
    return message.guild.preferred_locale.value if message.guild is not None else DEFAULT_LOCALE


def author_of(message: discord.Message) -> tuple[Person, Asker]:
    """The author of a message, with the roles Discord sent along, and as an asker."""
    author = message.author
    roles = frozenset(role.id for role in author.roles) if isinstance(author, discord.Member) else frozenset()
    person = Person(author.id, message.guild.id if message.guild else None, roles)
    return person, Asker(author.id, author.display_name, locale_of_message(message))


def require_operator(services: Services, interaction: discord.Interaction) -> None:
    """Raise :class:`NotAllowed` for anybody but operators. The calls that answer an operator are sent first."""
    services.operators.require(person_of(interaction))
    services.for_operators()


async def ask_context_of(services: Services, person: Person, place: ScopeChain) -> AskContext:
    """Who asks where, with the profile in effect. Raises :class:`NotAllowed` when Discord does not tell the
    person's roles, :class:`StorageError`."""
    seen = await services.access.seen(person)
    profile = await services.profiles.remembered(place.ids)
    return AskContext(seen, place, profile, services.operators.weight_of(seen))
