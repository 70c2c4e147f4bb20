"""The list of models with pages and a search, for the person who asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from discord import ui

from bot.domain.status import Model
from bot.i18n.catalogue import say
from bot.presentation.models import models_page
from bot.presentation.page import escape_inline
from bot.presentation.status import Accent
from cogs.ui.base import BaseLayout, BaseModal, Press, made_button, open_dialogue, redraw


class ModelPages(BaseLayout):
    """The model list with buttons to turn its pages; ``memory`` in GB shows operators what fits. ``cluster`` is
    the name of the cluster that can run them, where there are several."""

    def __init__(
        self,
        models: Sequence[Model],
        *,
        running: str | None,
        memory: float | None,
        wanted: str,
        locale: str,
        owner_id: int,
        cluster: str = "",
    ) -> None:
        super().__init__(owner_id=owner_id, timeout=600)
        self._cluster = cluster
        self._models = models
        self._running = running
        self._memory = memory
        self._wanted = wanted
        self._locale = locale
        self._page = 0
        self._fill()

    async def authorise(self, interaction: Press) -> None:
        """Allow everybody."""

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
        if self._cluster:
            text = f"**{escape_inline(self._cluster)}**\n{text}"
        self.add_item(ui.Container(ui.TextDisplay(text), accent_colour=Accent.GOOD.value))
        row: ui.ActionRow[ModelPages] = ui.ActionRow()
        if pages > 1:
            for key, emoji, by in (("models.previous", "◀", -1), ("models.next", "▶", 1)):
                label, turn = say(self._locale, key), partial(self._turn, by)
                row.add_item(made_button(label, turn, emoji=emoji, disabled=self._page + by not in range(pages)))
        row.add_item(made_button(say(self._locale, "models.search"), self._ask))
        self.add_item(row)

    async def _turn(self, by: int, interaction: Press) -> None:
        self._page += by
        self._fill()
        await redraw(interaction, self)

    async def _ask(self, interaction: Press) -> None:
        await open_dialogue(interaction, _Search(self, self._wanted, self._locale))


class _Search(BaseModal):
    """Asks for words of a model's name."""

    def __init__(self, pages: ModelPages, wanted: str, locale: str) -> None:
        super().__init__(title=say(locale, "models.search"))
        self._pages = pages
        self._words: ui.TextInput[_Search] = ui.TextInput(default=wanted or None, required=False, max_length=80)
        self.add_item(ui.Label(text=say(locale, "models.words"), component=self._words))

    async def authorise(self, interaction: Press) -> None:
        """Allow everybody."""

    async def on_submit(self, interaction: Press, /) -> None:
        """Show what matches in the same message."""
        self._pages.search(self._words.value)
        await redraw(interaction, self._pages)
