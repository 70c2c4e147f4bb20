"""The list of models: pages and a search, for the person who asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.discord_io.command_tree import NOBODY
from bot.domain.status import Model
from bot.i18n.catalogue import say
from bot.presentation.models import models_page
from bot.presentation.status import Accent
from cogs.ui.base import BaseLayout, BaseModal

Press = discord.Interaction[Any]


class ModelPages(BaseLayout):
    """The model list with buttons to turn its pages; ``memory`` in GB shows operators what fits."""

    def __init__(
        self,
        models: Sequence[Model],
        *,
        running: str | None,
        memory: float | None,
        wanted: str,
        locale: str,
        owner_id: int,
    ) -> None:
        super().__init__(owner_id=owner_id, timeout=600)
        self._models = models
        self._running = running
        self._memory = memory
        self._wanted = wanted
        self._locale = locale
        self._page = 0
        self._fill()

    async def authorise(self, interaction: Press) -> None:
        """The list is for everybody."""

    def search(self, wanted: str) -> None:
        """Show what matches ``wanted``, from the first page."""
        self._wanted, self._page = wanted.strip(), 0
        self._fill()

    def _fill(self) -> None:
        self.clear_items()
        text, pages = models_page(
            self._locale,
            self._models,
            running=self._running,
            page=self._page,
            memory=self._memory,
            wanted=self._wanted,
        )
        self.add_item(ui.Container(ui.TextDisplay(text), accent_colour=Accent.GOOD.value))
        row: ui.ActionRow[ModelPages] = ui.ActionRow()
        if pages > 1:
            back = ui.Button[ModelPages](
                label=say(self._locale, "models.previous"), emoji="◀", disabled=self._page == 0
            )
            further = ui.Button[ModelPages](
                label=say(self._locale, "models.next"), emoji="▶", disabled=self._page >= pages - 1
            )
            back.callback = self._turn_back  # type: ignore[method-assign]  # how discord.py binds made buttons
            further.callback = self._turn_further  # type: ignore[method-assign]
            row.add_item(back).add_item(further)
        search = ui.Button[ModelPages](label=say(self._locale, "models.search"))
        search.callback = self._ask  # type: ignore[method-assign]
        row.add_item(search)
        self.add_item(row)

    async def _turn_back(self, interaction: Press) -> None:
        await self._turn(interaction, -1)

    async def _turn_further(self, interaction: Press) -> None:
        await self._turn(interaction, 1)

    async def _turn(self, interaction: Press, by: int) -> None:
        self._page += by
        self._fill()
        await interaction.response.edit_message(view=self, allowed_mentions=NOBODY)

    async def _ask(self, interaction: Press) -> None:
        await interaction.response.send_modal(_Search(self, self._wanted, self._locale))


class _Search(BaseModal):
    """Asks for words of a model's name."""

    def __init__(self, pages: ModelPages, wanted: str, locale: str) -> None:
        super().__init__(title=say(locale, "models.search"))
        self._pages = pages
        self._words: ui.TextInput[_Search] = ui.TextInput(default=wanted or None, required=False, max_length=80)
        self.add_item(ui.Label(text=say(locale, "models.words"), component=self._words))

    async def authorise(self, interaction: Press) -> None:
        """The list is for everybody."""

    async def on_submit(self, interaction: Press, /) -> None:
        """Show what matches, in the same message."""
        self._pages.search(self._words.value)
        await interaction.response.edit_message(view=self._pages, allowed_mentions=NOBODY)
