"""Base classes whose presses are checked, and whose failures reach the person and the operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import discord
from discord import ui

from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import NOBODY, report
from bot.domain.interaction_rates import Sent
from bot.errors import NotAllowed


async def is_in_time(interaction: discord.Interaction[Any], sent: Sent) -> bool:
    """Whether a press is not too fast; who is has been told when this returns False."""
    client = interaction.client
    assert isinstance(client, ParallaxBot)  # noqa: S101  # views are shown by our own bot
    return await client.guard.admits(interaction, sent)


class RateChecked:
    """For dynamic items: presses that come too fast are refused, except those that take work away."""

    withdrawals: ClassVar[frozenset[str]] = frozenset()
    """The actions that are never refused."""

    _action: str

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse who presses too fast."""
        withdraws = self._action in self.withdrawals
        return await is_in_time(interaction, Sent.WITHDRAWAL if withdraws else Sent.PRESS)


class BaseLayout(ui.LayoutView, ABC):
    """A layout whose errors are reported, usable only by the person it was made for, as long as they may."""

    sent: ClassVar[Sent] = Sent.PRESS
    """What its presses count as."""

    def __init__(self, *, owner_id: int | None, timeout: float | None = 180.0) -> None:
        """``owner_id`` None: anybody who sees it may use it. ``timeout`` in seconds."""
        super().__init__(timeout=timeout)
        self._owner_id = owner_id

    @abstractmethod
    async def authorise(self, interaction: discord.Interaction[Any]) -> None:
        """Raise :class:`NotAllowed` when its owner may not use it any more.

        Asked at every press, since a right may be taken while the message stands.
        """

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse who presses too fast, other people, and its owner without the right.

        What it raises is reported by :meth:`on_error`.
        """
        if not await is_in_time(interaction, self.sent):
            return False
        if self._owner_id not in {None, interaction.user.id}:
            raise NotAllowed("not the owner of this message", key="error.not_yours")
        await self.authorise(interaction)
        return True

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _item: ui.Item[Any], /
    ) -> None:
        """Report through the one function."""
        await report(interaction, error)


async def reply(
    interaction: discord.Interaction[Any],
    view: ui.LayoutView,
    *,
    private: bool,
    files: Sequence[discord.File] = (),
) -> None:
    """Answer an interaction with a layout; pings nobody."""
    await interaction.response.send_message(
        view=view, ephemeral=private, allowed_mentions=NOBODY, files=list(files)
    )


def text_layout(*paragraphs: str, accent: int | None = None) -> ui.LayoutView:
    """A layout of text alone; in a container with a coloured edge when ``accent`` is given."""
    view = ui.LayoutView(timeout=None)
    items = [ui.TextDisplay[ui.LayoutView](paragraph) for paragraph in paragraphs if paragraph]
    if accent is None:
        for item in items:
            view.add_item(item)
    else:
        view.add_item(ui.Container(*items, accent_colour=accent))
    return view


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
