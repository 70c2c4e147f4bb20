"""What views, dialogues and buttons are made of: presses are checked, and failures reach person and operator."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.discord_io.calls import NOBODY
from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import report
from bot.domain.interaction_rates import Sent
from bot.errors import NotAllowed

Press = discord.Interaction[Any]


async def is_in_time(interaction: Press, sent: Sent) -> bool:
    """Whether a press is not too fast; who is has been told when this returns False."""
    client = interaction.client
    assert isinstance(client, ParallaxBot)  # noqa: S101  # views are shown by our own bot
    return await client.guard.admits(interaction, sent)


class DurableButton(ui.DynamicItem[ui.Button[Any]], ABC, template=r"(?!)"):
    """A button whose id carries all it needs, so that it works after any restart: the base of those that the cogs
    register. The template of each names the ``action`` and the other parts of its id.

    discord.py only logs what a DynamicItem raises and takes an exception in its check for a refusal, so every
    failure is reported here.
    """

    withdrawals: ClassVar[frozenset[str]] = frozenset()
    """The actions that take work away: they are never refused for being too fast."""

    def __init__(self, button: ui.Button[Any], fields: Mapping[str, str]) -> None:
        """``fields`` are the parts of its id, by their names in the template."""
        super().__init__(button)
        self.fields = fields

    @classmethod
    async def from_custom_id(cls, _interaction: Press, item: ui.Item[Any], match: re.Match[str], /) -> Self:
        """The pressed button, from its id."""
        assert isinstance(item, ui.Button)  # noqa: S101  # the templates are of buttons
        return cls(item, match.groupdict())

    @abstractmethod
    async def act(self, services: Services, press: Press) -> None:
        """Do what the button stands for. What it raises is told to the person."""

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Refuse who presses too fast."""
        withdraws = self.fields["action"] in self.withdrawals
        return await is_in_time(interaction, Sent.WITHDRAWAL if withdraws else Sent.PRESS)

    async def callback(self, interaction: Press) -> None:
        """Do it, or say privately why not."""
        client = interaction.client
        assert isinstance(client, ParallaxBot)  # noqa: S101  # registered by our own cogs
        try:
            await self.act(client.services, interaction)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await report(interaction, error)


class BaseLayout(ui.LayoutView, ABC):
    """A layout whose errors are reported, usable only by the person it was made for, as long as they may."""

    sent: ClassVar[Sent] = Sent.PRESS
    """What its presses count as."""

    def __init__(self, *, owner_id: int | None, timeout: float | None = 180.0) -> None:
        """``owner_id`` None: anybody who sees it may use it. ``timeout`` in seconds."""
        super().__init__(timeout=timeout)
        self._owner_id = owner_id

    @abstractmethod
    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` when its owner may not use it any more.

        Asked at every press, since a right may be taken while the message stands.
        """

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Refuse who presses too fast, other people, and its owner without the right.

        What it raises is reported by :meth:`on_error`.
        """
        if not await is_in_time(interaction, self.sent):
            return False
        if self._owner_id not in {None, interaction.user.id}:
            raise NotAllowed("not the owner of this message", key="error.not_yours")
        await self.authorise(interaction)
        return True

    async def on_error(self, interaction: Press, error: Exception, _item: ui.Item[Any], /) -> None:
        """Report through the one function."""
        await report(interaction, error)


class BaseModal(ui.Modal, ABC):
    """A dialogue whose errors are reported, submitted only by those who still may."""

    @abstractmethod
    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` when this person may not submit it: a dialogue may stay open for a long time
        after the press that opened it."""

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Check before anything is done. What it raises is reported by :meth:`on_error`."""
        await self.authorise(interaction)
        return True

    async def on_error(  # type: ignore[override]  # as ui.Modal itself: a dialogue's errors have no item
        self, interaction: Press, error: Exception, /
    ) -> None:
        """Report through the one function."""
        await report(interaction, error)


async def reply(
    press: Press, view: ui.LayoutView, *, private: bool, files: Sequence[discord.File] = ()
) -> int | None:
    """Answer an interaction with a layout that pings nobody; the message's id, where Discord tells it."""
    response = await press.response.send_message(
        view=view, ephemeral=private, allowed_mentions=NOBODY, files=list(files)
    )
    return response.message_id


async def redraw(press: Press, view: ui.LayoutView) -> None:
    """Answer a press by showing this layout in the message that was pressed; pings nobody."""
    await press.response.edit_message(view=view, allowed_mentions=NOBODY)


async def fill_in(press: Press, view: ui.LayoutView, *, files: Sequence[discord.File] = ()) -> int:
    """Show this layout in an acknowledged interaction's message, with these files; pings nobody. Its id."""
    message = await press.edit_original_response(
        view=view, attachments=list(files) or discord.utils.MISSING, allowed_mentions=NOBODY
    )
    return message.id


def made_button(
    label: str,
    pressed: Callable[[Press], Coroutine[Any, Any, None]],
    *,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    emoji: str | None = None,
    disabled: bool = False,
) -> ui.Button[Any]:
    """A button of a layout that is made while it runs."""
    button: ui.Button[Any] = ui.Button(label=label[:80], style=style, emoji=emoji, disabled=disabled)
    button.callback = pressed  # type: ignore[assignment, method-assign]  # how discord.py binds made buttons
    return button
