"""The text of Discord's messages: words, embeds, components, polls, forwarded messages; names in place of ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import discord

from bot.discord_io.brought_along import is_brought_along
from bot.discord_io.client import Services
from bot.domain.conversation.attached_text import as_forward, as_quotation, as_unreadable

MOST_TEXT = 20_000
"""Characters read of one message: more than a message can have, embeds and components included."""
MOST_MENTIONS = 20
"""Mentions of one question that an answer may show again."""
MOST_LOOKED_UP = 5
"""People whose names are looked up for one command: each is a call to Discord."""

_MENTION = re.compile(r"<(@[!&]?|#)(\d{15,21})>")
_NAME = 80


class Named(NamedTuple):
    """A text with names in place of ids, and the mentions by these names."""

    text: str
    mentions: Mapping[str, str]


Viewer = discord.Member | discord.User
Part = discord.Message | discord.MessageSnapshot


def words_of(message: discord.Message, me: int) -> str:
    """What somebody wrote in a message: without mentions of the bot, other mentions as names."""
    text = message.content
    for mention in (f"<@{me}>", f"<@!{me}>", *(f"<@&{role.id}>" for role in own_roles(message, me))):
        text = text.replace(mention, " ")
    return _named(message, text, message.author).text.strip()


def own_roles(message: discord.Message, me: int) -> list[discord.Role]:
    """The mentioned roles that Discord made for the bot itself (docs, topics/permissions, "Role Tags")."""
    # Discord counts only roles that the author may mention; who writes the bot's means the bot all the same.
    written = (message.guild.get_role(role_id) for role_id in message.raw_role_mentions) if message.guild else ()
    roles = {role.id: role for role in (*message.role_mentions, *written) if role is not None}
    return [role for role in roles.values() if role.tags is not None and role.tags.bot_id == me]


def text_in(message: discord.Message, viewer: Viewer) -> str:
    """Everything that ``viewer`` can read in a message, a message that it forwards included; mentions as names."""
    texts = [*_texts(message), *_forwards(message)]
    return _named(message, "\n".join(filter(None, texts)), viewer).text[:MOST_TEXT].strip()


def forwarded_in(message: discord.Message) -> str:
    """The messages that this one forwards, as quotations."""
    return _named(message, "\n\n".join(_forwards(message)), message.author).text[:MOST_TEXT]


def quoted(message: discord.Message, viewer: Viewer) -> str:
    """A message that a question is about, as a quotation; empty for one that has files alone."""
    author, text = message.author.display_name, text_in(message, viewer)
    if text:
        return as_quotation(author, text)
    return "" if files_of(message) else as_unreadable(author)


def files_of(message: discord.Message) -> list[discord.Attachment]:
    """The files of a message and of those that it forwards."""
    return [*message.attachments, *forwarded_files(message)]


def forwarded_files(message: discord.Message) -> list[discord.Attachment]:
    """The files of the messages that this one forwards."""
    return [file for snapshot in message.message_snapshots for file in snapshot.attachments]


async def prompt_with_names(services: Services, interaction: discord.Interaction, prompt: str) -> Named:
    """A command's text with names in place of ids. Discord tells the names of people only when it is asked; those
    it does not tell in time keep their ids."""
    if _MENTION.search(prompt) is None:
        return Named(prompt, {})
    wanted = {int(found[2]) for found in _MENTION.finditer(prompt) if found[1] in {"@", "@!"}}
    if is_brought_along(interaction):
        # No name of the server or of the people there is kept.
        return Named(prompt, {})
    known = {one.id: one.display_name for one in (interaction.user, interaction.client.user) if one is not None}
    unknown = sorted(wanted - known.keys())[:MOST_LOOKED_UP]
    guild_id = interaction.guild_id
    # Elsewhere Discord would refuse the call, and such refusals count towards a ban.
    if unknown and guild_id is not None and interaction.client.get_guild(guild_id) is not None:
        known |= await services.members.names(guild_id, unknown)
    return with_names(prompt, interaction.guild, interaction.user, known)


def mentions_of(message: discord.Message, viewer: Viewer) -> Mapping[str, str]:
    """What a message mentions, as far as ``viewer`` may see it, by the names that stand in its text."""
    return _named(message, "\n".join(_texts(message)), viewer).mentions


def with_names(text: str, guild: discord.Guild | None, viewer: Viewer, people: Mapping[int, str]) -> Named:
    """``text`` with the names of people, roles and channels in place of ids.

    Roles and channels are those of ``guild``; a channel that ``viewer`` cannot see keeps its id, as does
    everything that is not known.
    """
    mentions: dict[str, str] = {}

    def name_of(found: re.Match[str]) -> str:
        kind, snowflake = found[1], int(found[2])
        name: str | None
        if kind == "#":
            channel = guild.get_channel_or_thread(snowflake) if guild is not None else None
            name = channel.name if channel is not None and _sees(viewer, channel) else None
        elif kind == "@&":
            role = guild.get_role(snowflake) if guild is not None else None
            name = role.name.removeprefix("@") if role is not None else None
        else:
            name = people.get(snowflake)
        short = " ".join((name or "").split())[:_NAME]
        if not short:
            return found[0]
        if len(mentions) < MOST_MENTIONS:
            mentions.setdefault(f"{kind[0]}{short}", found[0])
        return f"{kind[0]}{short}"

    return Named(_MENTION.sub(name_of, text), mentions)


def _sees(viewer: Viewer, channel: Any) -> bool:  # noqa: ANN401  # of any kind
    return isinstance(viewer, discord.Member) and channel.permissions_for(viewer).view_channel


def _named(message: discord.Message, text: str, viewer: Viewer) -> Named:
    people = {user.id: user.display_name for user in message.mentions}
    return with_names(text, message.guild, viewer, people)


def _forwards(message: discord.Message) -> Iterator[str]:
    for snapshot in message.message_snapshots:
        if text := "\n".join(filter(None, _texts(snapshot))):
            yield as_forward(text)


def _texts(part: Part) -> Iterator[str]:
    yield part.content
    for embed in part.embeds:
        yield from _embed_texts(embed)
    for component in part.components:
        yield from _component_texts(component)
    poll = part.poll if isinstance(part, discord.Message) else None
    if poll is not None:
        yield poll.question
        yield from (f"- {answer.text}" for answer in poll.answers)


def _embed_texts(embed: discord.Embed) -> Iterator[str]:
    yield embed.author.name or ""
    yield embed.title or ""
    yield embed.description or ""
    yield from (f"{field.name}: {field.value}" for field in embed.fields)
    yield embed.footer.text or ""


def _component_texts(component: Any) -> Iterator[str]:  # noqa: ANN401  # the library has no common type
    if isinstance(component, discord.TextDisplay):
        yield component.content
    for child in getattr(component, "children", ()):
        yield from _component_texts(child)
