"""Base classes of views, dialogues and buttons: every press is checked, every failure is told and logged."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

import discord
from discord import ui

from bot.discord_io.calls import NOBODY
from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import report
from bot.discord_io.first_answer import TOLD_AFTER, FirstAnswer, tell_slow
from bot.domain.interaction_rates import Sent
from bot.errors import NotAllowed, UserError

Press = discord.Interaction[Any]

SUBMITTED_WITHIN = 3600.0
"""Seconds that a dialogue may stay open. Discord does not tell of one that is closed without being submitted."""

T = TypeVar("T")


def _bot_of(interaction: Press) -> ParallaxBot:
    client = interaction.client
    assert isinstance(client, ParallaxBot)  # noqa: S101  # views are shown by our own bot
    return client


class DurableButton(ui.DynamicItem[ui.Button[Any]], ABC, template=r"(?!)"):
    """A button that works after any restart, since its id carries all it needs. The template of a subclass names
    the ``action`` and the other parts of the id.

    discord.py only logs what a DynamicItem raises, so every failure is reported here.
    """

    withdrawals: ClassVar[frozenset[str]] = frozenset()
    """The actions that take work away, which are never too fast."""

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
        """Do what the button is for. What it raises is told to the person."""

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Refuse presses that are too fast, or in a server that is not allowed."""
        withdraws = self.fields["action"] in self.withdrawals
        return await _bot_of(interaction).guard.admits(interaction, Sent.WITHDRAWAL if withdraws else Sent.PRESS)

    async def callback(self, interaction: Press) -> None:
        """Act, or say privately why not."""
        try:
            await self.act(_bot_of(interaction).services, interaction)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await report(interaction, error)


class BaseLayout(ui.LayoutView, ABC):
    """A layout for the person it was made for, as long as they have the right; its errors are reported."""

    sent: ClassVar[Sent] = Sent.PRESS
    """The kind of action that its presses are."""

    def __init__(self, *, owner_id: int, timeout: float = 180.0) -> None:
        """``timeout`` in seconds after the last press."""
        super().__init__(timeout=timeout)
        self._owner_id = owner_id

    @abstractmethod
    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` when its owner may not use it any more. Called at every press."""

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Refuse presses that are too fast, by other people, or without the right; :meth:`on_error` reports."""
        if not await _bot_of(interaction).guard.admits(interaction, self.sent):
            return False
        if interaction.user.id != self._owner_id:
            raise NotAllowed("not the owner of this message", key="error.not_yours")
        await self.authorise(interaction)
        return True

    async def on_error(self, interaction: Press, error: Exception, _item: ui.Item[Any], /) -> None:
        """Report the error to the person and in the log."""
        await report(interaction, error)


class BaseModal(ui.Modal, ABC):
    """A dialogue that checks the right of the person when it is submitted; its errors are reported."""

    def __init__(self, *, title: str) -> None:
        """``title`` has at most 45 characters."""
        super().__init__(title=title, timeout=SUBMITTED_WITHIN)

    @abstractmethod
    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` when this person may not submit it: it may have been open for a long time."""

    async def interaction_check(self, interaction: Press, /) -> bool:
        """Check the right before anything is done; :meth:`on_error` reports a refusal."""
        if not await _bot_of(interaction).guard.takes_up(interaction):
            return False
        _bot_of(interaction).guard.watch(interaction)
        key = await _bot_of(interaction).guard.refusal_of(interaction)
        if key is not None:
            raise NotAllowed("not in this place", key=key)
        await self.authorise(interaction)
        return True

    async def on_error(  # type: ignore[override]  # as ui.Modal itself: a dialogue's errors have no item
        self, interaction: Press, error: Exception, /
    ) -> None:
        """Report the error to the person and in the log."""
        await report(interaction, error)


async def reply(
    press: Press, view: ui.LayoutView, *, private: bool, files: Sequence[discord.File] = ()
) -> int | None:
    """Answer an interaction with a layout that pings nobody; returns the message's id if Discord tells it."""
    first = FirstAnswer.of(press)
    async with first.lock:
        if not press.response.is_done():
            return await respond(press, view, private=private, files=files)
    if first.told and press.message is None and private:
        return await fill_in(press, view, files=files)
    message_id = await _follow_up(press, view, files, private=private)
    if first.told and press.message is None:
        # The sentence that it takes longer; only the person saw it.
        await press.delete_original_response()
    return message_id


async def respond(
    press: Press, view: ui.LayoutView, *, private: bool, files: Sequence[discord.File] = ()
) -> int | None:
    """Give an interaction its first answer, which pings nobody; its lock (:class:`FirstAnswer`) must be held.
    Returns the message's id if Discord tells it."""
    response = await press.response.send_message(
        view=view, ephemeral=private, allowed_mentions=NOBODY, files=list(files)
    )
    return response.message_id


async def _follow_up(press: Press, view: ui.LayoutView, files: Sequence[discord.File], *, private: bool) -> int:
    message = await press.followup.send(
        view=view, ephemeral=private, allowed_mentions=NOBODY, files=list(files), wait=True
    )
    return message.id


async def redraw(press: Press, view: ui.LayoutView) -> None:
    """Answer a press by changing the pressed message to this layout; pings nobody."""
    async with FirstAnswer.of(press).lock:
        if not press.response.is_done():
            await press.response.edit_message(view=view, allowed_mentions=NOBODY)
            return
    await fill_in(press, view)


async def open_dialogue(press: Press, modal: ui.Modal) -> None:
    """Answer an interaction with a dialogue. Raises :class:`UserError` when it has a first answer already, such as
    that it takes longer: nothing else can open one."""
    async with FirstAnswer.of(press).lock:
        if press.response.is_done():
            raise UserError("too late for a dialogue", key="error.dialogue_late")
        await press.response.send_modal(modal)


async def acknowledge(press: Press, *, new: bool | None = None) -> None:
    """Acknowledge an interaction, which :func:`fill_in` answers later. ``new``: with a new message, which shows
    until then that the bot works, private or not; None changes the message that is there."""
    first = FirstAnswer.of(press)
    async with first.lock:
        if press.response.is_done():
            # It was told that it takes longer; for a command that is the message to fill in.
            first.is_new = new if press.message is not None else None
        elif new is None:
            await press.response.defer()
        else:
            await press.response.defer(thinking=True, ephemeral=new)


async def with_notice(press: Press, work: Coroutine[Any, Any, T]) -> T:
    """Await what an acknowledged press asked for; say that it takes longer when it does."""
    doing = asyncio.create_task(work, name="press")
    try:
        await asyncio.wait({doing}, timeout=TOLD_AFTER)
        if not doing.done():
            await tell_slow(press)
        return await doing
    finally:
        # When the process ends, what the press asked for ends with its handler.
        doing.cancel()


async def fill_in(press: Press, view: ui.LayoutView, *, files: Sequence[discord.File] = ()) -> int:
    """Change an acknowledged interaction's message to this layout; pings nobody. Returns the message's id."""
    first = FirstAnswer.of(press)
    if first.is_new is not None:
        return await _follow_up(press, view, files, private=first.is_new)
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
    """A button for a layout, which calls ``pressed``."""
    button: ui.Button[Any] = ui.Button(label=label[:80], style=style, emoji=emoji, disabled=disabled)
    button.callback = pressed  # type: ignore[assignment, method-assign]  # how discord.py binds made buttons
    return button
