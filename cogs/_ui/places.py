"""Where somebody speaks, in the services' terms."""

from __future__ import annotations

import discord

from bot.client import Services
from bot.conversation.profile import Place, Scope
from bot.queueing.request import Asker
from bot.services.ask import Setting
from bot.services.operators import Person

DEFAULT_LOCALE = "en-US"


def place_of(channel: object, channel_id: int, guild: discord.Guild | None) -> Place:
    """The scopes of a channel: thread, channel, category, server; those of them that are known."""
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
    return Place(tuple(scopes))


def place_of_interaction(interaction: discord.Interaction) -> Place:
    """Where an interaction happened."""
    return place_of(interaction.channel, interaction.channel_id or 0, interaction.guild)


async def setting_of(services: Services, person: Person, place: Place) -> Setting:
    """Who asks where, with what is in effect there. Raises :class:`NotAllowed` when the person's roles cannot be
    found out, :class:`StorageError`."""
    return Setting(await services.access.seen(person), place, await services.profiles.of(place.ids))


def locale_of_message(message: discord.Message) -> str:
    """A message does not tell its author's language: the server's, or English."""
    return message.guild.preferred_locale.value if message.guild is not None else DEFAULT_LOCALE


def author_of(message: discord.Message) -> tuple[Person, Asker]:
    """The author of a message, with the roles Discord sent along, and as an asker."""
    author = message.author
    roles = frozenset(role.id for role in author.roles) if isinstance(author, discord.Member) else frozenset()
    person = Person(author.id, message.guild.id if message.guild else None, roles)
    return person, Asker(author.id, author.display_name, locale_of_message(message))


def words_of(message: discord.Message, me: int) -> str:
    """What a message asks: without the mention of the bot, other people's mentions as their names."""
    text = message.content
    for mention in (f"<@{me}>", f"<@!{me}>"):
        text = text.replace(mention, " ")
    for user in message.mentions:
        for mention in (f"<@{user.id}>", f"<@!{user.id}>"):
            text = text.replace(mention, f"@{user.display_name}")
    return text.strip()


def shown_in(message: discord.Message) -> str:
    """What a message says, its text components included (other bots' messages and our own have no content)."""
    texts = [
        message.content,
        *(item.content for item in message.components if isinstance(item, discord.TextDisplay)),
    ]
    return "\n".join(text for text in texts if text).strip()
