"""The whole line, for operators."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import discord
from discord import ui

from bot.domain.cluster.audit import Json
from bot.domain.interaction_rates import Sent
from bot.domain.queue.request import QueueEntry, StoredRequest
from bot.i18n.catalogue import say
from bot.presentation.page import compact_duration, escape_inline
from bot.services.access.operators import Operators
from bot.services.requests.overview import QueueService
from cogs.ui.base import BaseLayout
from cogs.ui.convert import person_of

Press = Callable[[discord.Interaction[Any]], Coroutine[Any, Any, None]]
Note = Callable[[discord.Interaction[Any], str, dict[str, Json]], Coroutine[Any, Any, None]]

SHOWN = 20
QUESTION_SHOWN = 60


class LineView(BaseLayout):
    """Everything that runs and waits, with the means to cancel some of it or clear all that waits."""

    sent = Sent.WITHDRAWAL

    def __init__(
        self,
        queue: QueueService,
        operators: Operators,
        running: Sequence[StoredRequest],
        waiting: Sequence[QueueEntry],
        *,
        locale: str,
        owner_id: int,
        now: float,
        note: Note,
    ) -> None:
        """``now`` in epoch seconds; ``note`` keeps what an operator did here for ``/cluster audit``."""
        super().__init__(owner_id=owner_id, timeout=600)
        self._queue = queue
        self._operators = operators
        self._note = note
        self._locale = locale
        self._waiting_count = len(waiting)
        self._choices = [
            *(
                _choice(request.request_id, request.question.asker.name, request.question.prompt)
                for request in running
            ),
            *(_choice(entry.request_id, entry.asker.name, entry.prompt) for entry in waiting),
        ][:25]
        self._text = self._describe(running, waiting, now)
        self._overview()

    async def authorise(self, interaction: discord.Interaction[Any]) -> None:
        """Operators only."""
        self._operators.require(person_of(interaction))

    def _describe(self, running: Sequence[StoredRequest], waiting: Sequence[QueueEntry], now: float) -> str:
        locale = self._locale
        lines = [f"### {say(locale, 'queue_admin.title')}"]
        if not running and not waiting:
            lines.append(say(locale, "queue_admin.empty"))
        for request in running[:SHOWN]:
            duration = compact_duration(max(0.0, now - (request.started_at or now)), locale)
            question = request.question
            state = say(locale, "queue_admin.running", duration=duration)
            lines.append(_line("●", question.asker.user_id, question.prompt, state))
        for entry in waiting[:SHOWN]:
            state = say(locale, "queue_admin.waiting", position=entry.position)
            lines.append(_line("○", entry.asker.user_id, entry.prompt, state))
        if len(waiting) > SHOWN:
            lines.append(say(locale, "queue_admin.more", more=len(waiting) - SHOWN))
        return "\n".join(lines)

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
            select.callback = self._cancel_some(select)  # type: ignore[assignment, method-assign]  # how made items are bound
            self.add_item(ui.ActionRow(select))
        if self._waiting_count:
            self.add_item(ui.ActionRow(self._button("queue_admin.clear", self._ask_clear, danger=True)))

    def _button(self, key: str, action: Press, *, danger: bool = False) -> ui.Button[Any]:
        style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
        button: ui.Button[Any] = ui.Button(label=say(self._locale, key), style=style)
        button.callback = action  # type: ignore[assignment, method-assign]  # how discord.py binds made buttons
        return button

    def _cancel_some(self, select: ui.Select[Any]) -> Press:
        async def cancel(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.defer()
            cancelled = 0
            for request_id in select.values:
                cancelled += await self._queue.cancel(request_id, by=interaction.user.id)
            await self._note(
                interaction, "line.cancel", {"questions": cancelled, "ids": " ".join(sorted(select.values))}
            )
            await self._done(interaction, cancelled)

        return cancel

    async def _ask_clear(self, interaction: discord.Interaction[Any]) -> None:
        self.clear_items()
        self.add_item(ui.TextDisplay(say(self._locale, "queue_admin.clear_confirm", count=self._waiting_count)))
        self.add_item(
            ui.ActionRow(
                self._button("queue_admin.clear", self._clear, danger=True), self._button("init.no", self._back)
            )
        )
        await interaction.response.edit_message(view=self, allowed_mentions=discord.AllowedMentions.none())

    async def _back(self, interaction: discord.Interaction[Any]) -> None:
        self._overview()
        await interaction.response.edit_message(view=self, allowed_mentions=discord.AllowedMentions.none())

    async def _clear(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.defer()
        cleared = await self._queue.clear(by=interaction.user.id)
        await self._note(interaction, "line.clear", {"questions": cleared})
        await self._done(interaction, cleared)

    async def _done(self, interaction: discord.Interaction[Any], cancelled: int) -> None:
        self.clear_items()
        self.add_item(ui.TextDisplay(say(self._locale, "queue_admin.cancelled", count=cancelled)))
        self.stop()
        await interaction.edit_original_response(view=self, allowed_mentions=discord.AllowedMentions.none())


def _choice(request_id: str, name: str, prompt: str) -> discord.SelectOption:
    label = " ".join(f"{name}: {prompt}".split())
    return discord.SelectOption(label=label[:95] or "…", value=request_id)


def _line(glyph: str, user_id: int, prompt: str, state: str) -> str:
    return f"{glyph} <@{user_id}> · {escape_inline(prompt[:QUESTION_SHOWN])} · {state}"
