"""The base of dialogues: their failures reach the person and the operator."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.tree import report


class BaseModal(ui.Modal):
    """A dialogue whose errors are reported."""

    async def on_error(  # type: ignore[override]  # as ui.Modal itself: a dialogue's errors have no item
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Report through the one function."""
        await report(interaction, error)
