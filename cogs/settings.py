"""``/settings``: how a thread, channel, category or server wants its questions asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from bot.domain.conversation.profile import FIELDS, Profile, Scope, ScopeChain
from bot.i18n.catalogue import number, say
from bot.presentation.page import escape_inline
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access
from cogs.ui.base import BaseLayout, Press, made_button, open_dialogue, redraw, reply
from cogs.ui.convert import manages, person_of, place_of_interaction
from cogs.ui.help_modal import HelpModal
from cogs.ui.profile_modals import (
    Changes,
    Edit,
    NumbersModal,
    PeopleModal,
    PersonaModal,
    ProfileModal,
    SwitchesModal,
)

PERSONA_SHOWN = 200
PERSONA_HINTED = 60
IDS_SHOWN = 5

_FOR_HELP_CHANNELS = frozenset({"answer_operators", "posts_a_day", "first_line", "helper_roles", "solved_tag"})

_MENTIONS = {
    "helper_roles": "<@&{}>",
    "allowed_roles": "<@&{}>",
    "allowed_users": "<@{}>",
    "blocked_users": "<@{}>",
    "channels": "<#{}>",
}


class SettingsView(BaseLayout):
    """The settings in effect, where they come from, and the buttons that change them for one of the scopes."""

    def __init__(
        self,
        profiles: Profiles,
        access: Access,
        place: ScopeChain,
        *,
        owner_id: int,
        locale: str,
        clusters: Sequence[str] = (),
        reads_posts: bool = True,
    ) -> None:
        """``clusters`` are the names of the clusters to choose from; empty when there is only one.
        ``reads_posts``: Discord shows the bot messages that do not mention it."""
        super().__init__(owner_id=owner_id, timeout=900)
        self._clusters = clusters
        self._reads_posts = reads_posts
        self._profiles = profiles
        self._access = access
        self._place = place
        self._scope = place.scopes[0]
        self._locale = locale

    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` for anybody who does not manage the server."""
        self._access.require_manager(person_of(interaction), manager=manages(interaction))

    async def refresh(self) -> None:
        """Show what is in effect now. Raises :class:`StorageError`."""
        profile = await self._profiles.of(self._place.ids)
        locale = self._locale
        self.clear_items()
        self.add_item(ui.TextDisplay(f"### {say(locale, 'settings.title')}\n{self._set(profile)}"))
        if profile.answer_posts and not self._reads_posts:
            self.add_item(ui.TextDisplay(f"⚠️ {say(locale, 'settings.posts_hidden')}"))
        if inherited := self._inherited(profile):
            self.add_item(ui.TextDisplay(f"-# {inherited}"))
        self.add_item(ui.ActionRow(self._scope_select()))
        self.add_item(
            ui.ActionRow(
                self._button("persona", PersonaModal),
                self._button("numbers", partial(NumbersModal, defaults=self._profiles.defaults)),
                self._button("switches", partial(SwitchesModal, clusters=self._clusters)),
                self._button("people", PeopleModal),
                self._button(
                    "help",
                    partial(HelpModal, defaults=self._profiles.defaults),
                    # A server or category would make help channels of all its channels.
                    disabled=self._scope.kind != "channel",
                ),
            )
        )
        self.add_item(
            ui.ActionRow(
                made_button(say(locale, "settings.reset"), self._reset, style=discord.ButtonStyle.danger),
            )
        )

    def _set(self, profile: Profile) -> str:
        """The options that were set, under the scope they were set for, the narrowest first."""
        lines: list[str] = []
        for scope in self._place.scopes:
            names = [name for name in self._fields(profile) if profile.origins.get(name) == scope.scope_id]
            if names:
                title = self._scope_name(scope)
                lines.append(f"**{title[:1].upper()}{title[1:]}**")
                lines += [f"- {self._field(profile, name, PERSONA_SHOWN)}" for name in names]
        return "\n".join(lines) or say(self._locale, "settings.nothing_set")

    def _fields(self, profile: Profile) -> list[str]:
        """The options that matter here: the only cluster's name does not, nor what is for help channels alone."""
        without = frozenset() if profile.answer_posts else _FOR_HELP_CHANNELS
        return [name for name in FIELDS if name not in without and (name != "cluster" or self._clusters)]

    def _inherited(self, profile: Profile) -> str:
        """The options that are not set here, on one line."""
        chosen = {scope.scope_id for scope in self._place.scopes}
        names = [name for name in self._fields(profile) if profile.origins.get(name) not in chosen]
        fields = " · ".join(self._field(profile, name, PERSONA_HINTED) for name in names)
        return say(self._locale, "settings.inherited", fields=fields) if fields else ""

    def _field(self, profile: Profile, name: str, shown: int) -> str:
        label = say(self._locale, f"settings.field.{name}")
        return f"{label}: {self._value(getattr(profile, name), name, shown)}"

    def _value(self, value: object, name: str, persona: int) -> str:
        locale = self._locale
        if isinstance(value, bool):
            return say(locale, "settings.on" if value else "settings.off")
        if isinstance(value, frozenset):
            shown = " ".join(_MENTIONS[name].format(one) for one in sorted(value)[:IDS_SHOWN])
            more = f" +{len(value) - IDS_SHOWN}" if len(value) > IDS_SHOWN else ""
            return f"{shown}{more}" if value else say(locale, f"settings.none_{name}")
        if name == "cluster":
            return escape_inline(str(value)) if value in self._clusters else say(locale, "settings.any_cluster")
        if value == "":
            return say(locale, f"settings.none_{name}")
        if isinstance(value, str):
            cut = escape_inline(" ".join(value.split())[:persona])
            return f"“{cut}{'…' if len(value) > persona else ''}”"
        if isinstance(value, int | float):
            unlimited = name == "retention_days" and not value
            return say(locale, "settings.for_good") if unlimited else number(locale, value)
        return say(locale, "settings.model_decides")

    def _scope_name(self, scope: Scope) -> str:
        kind = say(self._locale, f"settings.scope.{scope.kind}")
        return f"{kind} {escape_inline(scope.name)}".strip()

    def _scope_select(self) -> ui.Select[Any]:
        select: ui.Select[Any] = ui.Select(
            custom_id="settings-scope",
            options=[
                discord.SelectOption(
                    label=f"{say(self._locale, f'settings.scope.{scope.kind}')} {scope.name}".strip()[:100],
                    value=str(scope.scope_id),
                    default=scope is self._scope,
                )
                for scope in self._place.scopes
            ],
        )

        async def chosen(interaction: Press) -> None:
            self._scope = next(one for one in self._place.scopes if str(one.scope_id) == select.values[0])
            await self._show(interaction)

        select.callback = chosen  # type: ignore[method-assign]  # how made items are bound
        return select

    def _button(
        self, key: str, modal: Callable[[Edit], ProfileModal], *, disabled: bool = False
    ) -> ui.Button[Any]:
        async def pressed(interaction: Press) -> None:
            # The dialogue changes the scope that is shown now, whatever is selected until it is submitted.
            scope = self._scope
            chosen = await self._profiles.chosen(scope)
            edit = Edit(chosen, self._locale, self.authorise, partial(self.choose, scope))
            await open_dialogue(interaction, modal(edit))

        return made_button(say(self._locale, f"settings.{key}"), pressed, disabled=disabled)

    async def _reset(self, interaction: Press) -> None:
        await self.choose(self._scope, interaction, dict.fromkeys(FIELDS))

    async def choose(self, scope: Scope, interaction: Press, changes: Changes) -> None:
        """Change what is set for a scope, and show it. Raises :class:`StorageError`."""
        await self._profiles.choose(scope, changes, by=interaction.user.id)
        await self._show(interaction)

    async def _show(self, interaction: Press) -> None:
        await self.refresh()
        await redraw(interaction, self)


class SettingsCog(commands.Cog, name="Settings"):
    """The command ``/settings``: for those who manage a server, operators, and everybody in direct messages."""

    def __init__(
        self, profiles: Profiles, access: Access, clusters: Sequence[str] = (), *, reads_posts: bool = True
    ) -> None:
        """``clusters`` and ``reads_posts`` as in :class:`SettingsView`."""
        self._reads_posts = reads_posts
        self._profiles = profiles
        self._access = access
        self._clusters = clusters

    @app_commands.command(name="settings", description="See and change how questions are answered here.")
    async def settings(self, interaction: discord.Interaction) -> None:
        """Show the settings in effect, privately, with the buttons that change them."""
        self._access.require_manager(person_of(interaction), manager=manages(interaction))
        view = SettingsView(
            self._profiles,
            self._access,
            place_of_interaction(interaction),
            owner_id=interaction.user.id,
            locale=interaction.locale.value,
            clusters=self._clusters,
            reads_posts=self._reads_posts,
        )
        await view.refresh()
        await reply(interaction, view, private=True)


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    services = bot.services
    reads_posts = bot.intents.message_content
    await bot.add_cog(
        SettingsCog(services.profiles, services.access, services.clusters.shown_names, reads_posts=reads_posts)
    )
