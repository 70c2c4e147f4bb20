"""``/key …``: keys with which a person's programs ask through the API."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import text_layout
from bot.domain.access.keys import MOST_DAYS, NAME_LIMIT, Key
from bot.errors import UserError
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.services.access.keys import Keys
from cogs.ui.base import reply
from cogs.ui.convert import person_of, place_of_interaction

CHOICES = 25
SHOWN = 25
DAYS = 90
"""For which a key is valid when nothing else is said."""


_DESCRIPTION = "Keys for programs that ask the cluster."


class KeyCommands(commands.GroupCog, group_name="key", group_description=_DESCRIPTION):
    """The commands ``/key …``. Every answer is private."""

    def __init__(self, services: Services, keys: Keys) -> None:
        super().__init__()
        self._services = services
        self._keys = keys

    @app_commands.command(name="create", description="Make a key for a program of yours.")
    @app_commands.describe(
        name="What the key is for, to tell it from others.",
        expires="Days until it stops working; 0: it works until it is revoked.",
    )
    async def create(
        self,
        interaction: discord.Interaction,
        name: app_commands.Range[str, 1, NAME_LIMIT],
        expires: app_commands.Range[int, 0, MOST_DAYS] = DAYS,
    ) -> None:
        """Make a key and show it once."""
        locale = interaction.locale.value
        key, secret = await self._keys.create(
            person_of(interaction),
            place_of_interaction(interaction),
            user_name=interaction.user.display_name,
            name=name,
            days=expires,
        )
        await reply(
            interaction,
            text_layout(
                f"### {say(locale, 'key.created', name=escape_inline(key.name))}",
                f"```\n{secret}\n```",
                f"-# {say(locale, 'key.shown_once')} {_validity(locale, key)}",
            ),
            private=True,
        )

    @app_commands.command(name="list", description="See your keys.")
    @app_commands.describe(everybody="Show everybody's keys (for the cluster's operators).")
    async def list_keys(self, interaction: discord.Interaction, everybody: bool = False) -> None:
        """Show the person's keys, or an operator everybody's."""
        locale = interaction.locale.value
        if everybody:
            keys = await self._keys.all(person_of(interaction))
        else:
            keys = await self._keys.of(interaction.user.id)
        lines = [_line(locale, key, with_owner=everybody) for key in keys[:SHOWN]]
        if len(keys) > SHOWN:
            lines.append(say(locale, "queue_admin.more", more=len(keys) - SHOWN))
        title = f"### {say(locale, 'key.title_all' if everybody else 'key.title')}"
        await reply(interaction, text_layout(title, "\n".join(lines) or say(locale, "key.none")), private=True)

    @app_commands.command(name="revoke", description="End a key: programs that use it are refused.")
    @app_commands.describe(which="The key.")
    async def revoke(self, interaction: discord.Interaction, which: app_commands.Range[str, 1, 100]) -> None:
        """End one of the person's keys, or, for an operator, anybody's."""
        locale = interaction.locale.value
        if not (which.isascii() and which.isdigit() and len(which) < 16):
            raise UserError("not chosen from the list", key="error.key_unknown")
        ended = await self._keys.revoke(int(which), person_of(interaction))
        done = say(locale, "key.revoked", name=escape_inline(ended.name), prefix=ended.prefix)
        await reply(interaction, text_layout(done), private=True)

    @revoke.autocomplete("which")
    async def _complete_key(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        keys: Sequence[Key] = await self._keys.of(interaction.user.id)
        person = person_of(interaction)
        if self._services.operators.is_operator(person):
            keys = [*keys, *(one for one in await self._keys.all(person) if one.user_id != person.user_id)]
        named = ((f"{one.name} · {one.prefix}… · {one.user_name}"[:100], str(one.key_id)) for one in keys)
        wanted = current.lower()
        return [app_commands.Choice(name=name, value=value) for name, value in named if wanted in name.lower()][
            :CHOICES
        ]


def _validity(locale: str, key: Key) -> str:
    if key.expires_at is None:
        return say(locale, "key.lasts")
    return say(locale, "key.until", when=f"<t:{int(key.expires_at)}:f>")


def _line(locale: str, key: Key, *, with_owner: bool) -> str:
    used = say(locale, "key.unused")
    if key.last_used_at is not None:
        used = say(locale, "key.used", when=f"<t:{int(key.last_used_at)}:R>")
    owner = f" · <@{key.user_id}>" if with_owner else ""
    return f"- **{escape_inline(key.name)}** · `{key.prefix}…`{owner} · {used} · {_validity(locale, key)}"


async def setup(bot: ParallaxBot) -> None:
    """Add the cog when there is an API to ask."""
    services = bot.services
    if services.keys is not None:
        await bot.add_cog(KeyCommands(services, services.keys))
