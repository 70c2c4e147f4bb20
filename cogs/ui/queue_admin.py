"""The whole queue, for operators."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import discord
from discord import ui

from bot.discord_io.client import Services
from bot.domain.interaction_rates import Sent
from bot.domain.queue.request import NO_CHANNEL, NewQuestion, QueueEntry, StoredRequest
from bot.i18n.catalogue import say
from bot.presentation.page import compact_duration, escape_inline
from cogs.ui.base import BaseLayout, Press, acknowledge, fill_in, made_button, redraw, with_notice
from cogs.ui.convert import require_operator

SHOWN = 20
QUESTION_SHOWN = 60


class QueueAdminView(BaseLayout):
    """Everything that runs and waits, with controls that cancel some of it or clear all that waits."""

    sent = Sent.WITHDRAWAL

    def __init__(
        self,
        services: Services,
        running: Sequence[StoredRequest],
        waiting: Sequence[QueueEntry],
        *,
        locale: str,
        owner_id: int,
        now: float,
    ) -> None:
        """``now`` in epoch seconds."""
        super().__init__(owner_id=owner_id, timeout=600)
        self._services = services
        self._queue = services.queue
        self._locale = locale
        self._waiting_count = len(waiting)
        self._choices = [
            *(
                _choice(request.request_id, request.question.asker.name, self._asked(request.question))
                for request in running
            ),
            *(_choice(entry.request_id, entry.asker.name, self._asked(entry)) for entry in waiting),
        ][:25]
        self._text = self._describe(running, waiting, now)
        self._overview()

    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` for anybody but operators."""
        require_operator(self._services, interaction)

    def _describe(self, running: Sequence[StoredRequest], waiting: Sequence[QueueEntry], now: float) -> str:
        locale = self._locale
        lines = [f"### {say(locale, 'queue_admin.title')}"]
        if not running and not waiting:
            lines.append(say(locale, "queue_admin.empty"))
        for request in running[:SHOWN]:
            duration = compact_duration(max(0.0, now - (request.started_at or now)), locale)
            question = request.question
            state = say(locale, "queue_admin.running", duration=duration)
            if request.cluster in self._services.clusters.shown_names:
                state = f"{state} · {escape_inline(request.cluster or '')}"
            lines.append(_line("●", question.asker.user_id, self._asked(question), state))
        for entry in waiting[:SHOWN]:
            state = say(locale, "queue_admin.waiting", position=entry.position)
            lines.append(_line("○", entry.asker.user_id, self._asked(entry), state))
        if len(waiting) > SHOWN:
            lines.append(say(locale, "queue_admin.more", more=len(waiting) - SHOWN))
        return "\n".join(lines)

    def _asked(self, asked: NewQuestion | QueueEntry) -> str:
        """What was asked, as operators see it: of what programs ask, only that they do."""
        channel_id = asked.channel_id if isinstance(asked, QueueEntry) else asked.destination.channel_id
        return say(self._locale, "queue.program") if channel_id == NO_CHANNEL else asked.prompt

    def _overview(self) -> None:
        self.clear_items()
        self.add_item(ui.TextDisplay(self._text[:3800]))
        if self._choices:
            select: ui.Select[Any] = ui.Select(
                placeholder=say(self._locale, "queue_admin.cancel"),
                options=self._choices,
                min_values=1,
                max_values=len(self._choices),
            )
            select.callback = partial(self._cancel_some, select)  # type: ignore[method-assign]  # how made items are bound
            self.add_item(ui.ActionRow(select))
        if self._waiting_count:
            self.add_item(ui.ActionRow(self._clear_button(self._ask_clear)))

    def _clear_button(self, pressed: Callable[[Press], Coroutine[Any, Any, None]]) -> ui.Button[Any]:
        return made_button(say(self._locale, "queue_admin.clear"), pressed, style=discord.ButtonStyle.danger)

    async def _cancel_some(self, select: ui.Select[Any], interaction: Press) -> None:
        await acknowledge(interaction)
        cancelling = self._queue.cancel(select.values, by=interaction.user.id)
        await self._done(interaction, await with_notice(interaction, cancelling))

    async def _ask_clear(self, interaction: Press) -> None:
        self.clear_items()
        self.add_item(ui.TextDisplay(say(self._locale, "queue_admin.clear_confirm", count=self._waiting_count)))
        self.add_item(
            ui.ActionRow(self._clear_button(self._clear), made_button(say(self._locale, "init.no"), self._back))
        )
        await redraw(interaction, self)

    async def _back(self, interaction: Press) -> None:
        self._overview()
        await redraw(interaction, self)

    async def _clear(self, interaction: Press) -> None:
        await acknowledge(interaction)
        clearing = self._queue.clear(by=interaction.user.id)
        await self._done(interaction, await with_notice(interaction, clearing))

    async def _done(self, interaction: Press, cancelled: int) -> None:
        self.clear_items()
        self.add_item(ui.TextDisplay(say(self._locale, "queue_admin.cancelled", count=cancelled)))
        self.stop()
        await fill_in(interaction, self)


def _choice(request_id: str, name: str, prompt: str) -> discord.SelectOption:
    label = " ".join(f"{name}: {prompt}".split())
    return discord.SelectOption(label=label[:95] or "…", value=request_id)


def _line(glyph: str, user_id: int, prompt: str, state: str) -> str:
    return f"{glyph} <@{user_id}> · {escape_inline(prompt[:QUESTION_SHOWN])} · {state}"
