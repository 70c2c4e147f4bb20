"""The base of dialogues: checked when submitted; their failures reach the person and the operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import discord
from discord import ui

from bot.tree import report


class BaseModal(ui.Modal, ABC):
    """A dialogue whose errors are reported, submitted only by those who still may."""

    @abstractmethod
    async def authorise(self, interaction: discord.Interaction[Any]) -> None:
        """Raise :class:`NotAllowed` when this person may not submit it: a dialogue may stay open for a long time
        after the press that opened it."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Check before anything is done. What it raises is reported by :meth:`on_error`."""
        await self.authorise(interaction)
        return True

    async def on_error(  # type: ignore[override]  # as ui.Modal itself: a dialogue's errors have no item
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Report through the one function."""
        await report(interaction, error)
