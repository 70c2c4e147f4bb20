"""``/queue``: a person's own questions, with buttons that cancel them."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from bot.domain.queue.request import NO_CHANNEL, RequestState
from bot.i18n.catalogue import fill, say
from bot.presentation.page import Control, compact_duration, control_id, escape_inline
from bot.services.requests.overview import Mine, MyQueue, QueueOverview
from cogs.ui.base import BaseLayout, Press, made_button, redraw, reply

SHOWN = 10
QUESTION_SHOWN = 80


class QueueView(BaseLayout):
    """A person's open questions, each with the button that cancels, stops or shows it."""

    def __init__(self, queue: QueueOverview, mine: MyQueue, *, locale: str, owner_id: int) -> None:
        super().__init__(owner_id=owner_id, timeout=600)
        self._queue = queue
        self._mine = mine
        self._locale = locale
        self._fill()

    async def authorise(self, interaction: Press) -> None:
        """Allow everybody: people may always see and withdraw their own questions."""

    def _fill(self) -> None:
        locale, load = self._locale, self._mine.load
        self.clear_items()
        lines = [f"### {say(locale, 'queue.title')}"]
        lines.append(say(locale, "queue.total", waiting=load.waiting, running=load.running))
        if self._mine.hold is not None:
            lines.append(f"-# {fill(locale, self._mine.hold.key, dict(self._mine.hold.params))}")
        if not self._mine.mine:
            lines.append(say(locale, "queue.nothing"))
        self.add_item(ui.TextDisplay("\n".join(lines)))
        for item in self._mine.mine[:SHOWN]:
            self.add_item(self._section(item))
        key = "queue.ping_off" if self._mine.announced else "queue.ping_on"
        self.add_item(ui.ActionRow(made_button(say(locale, key), self._toggle)))

    def _section(self, item: Mine) -> ui.Section[Any]:
        request = item.request
        control = {RequestState.QUEUED: Control.CANCEL, RequestState.RUNNING: Control.STOP}.get(
            request.state, Control.SHOW
        )
        button: ui.Button[Any] = ui.Button(
            custom_id=control_id(control, request.request_id), label=say(self._locale, f"control.{control.value}")
        )
        channel_id = request.question.destination.channel_id
        question, where = escape_inline(request.question.prompt[:QUESTION_SHOWN]), f" · <#{channel_id}>"
        if request.question.is_brought_along:
            where = ""
        if channel_id == NO_CHANNEL:
            question, where = say(self._locale, "queue.program"), ""
        return ui.Section(ui.TextDisplay(f"{question}\n-# {self._state(item)}{where}"), accessory=button)

    def _state(self, item: Mine) -> str:
        if item.position is None:
            # A waiting question without a position has just been claimed.
            key = "kept" if item.request.state is RequestState.ANSWERED else "running"
            return say(self._locale, f"queue.{key}")
        text = say(self._locale, "queue.position", position=item.position)
        if item.wait is not None:
            text += " · " + say(self._locale, "footer.about", duration=compact_duration(item.wait, self._locale))
        return text

    async def _toggle(self, interaction: Press) -> None:
        user_id = interaction.user.id
        await self._queue.set_announced(user_id, not self._mine.announced)
        self._mine = await self._queue.of(user_id)
        self._fill()
        await redraw(interaction, self)


class Queue(commands.Cog):
    """The command ``/queue``."""

    def __init__(self, queue: QueueOverview) -> None:
        self._queue = queue

    @app_commands.command(name="queue", description="See your questions and their positions in the queue.")
    async def queue(self, interaction: discord.Interaction) -> None:
        """Show the person's questions, privately."""
        mine = await self._queue.of(interaction.user.id)
        view = QueueView(self._queue, mine, locale=interaction.locale.value, owner_id=interaction.user.id)
        await reply(interaction, view, private=True)


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    await bot.add_cog(Queue(bot.services.queue))
