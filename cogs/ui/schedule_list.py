"""A list of schedules with buttons that change them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import discord
from discord import ui

from bot.domain.schedules.schedule import Schedule
from bot.errors import UserError
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.presentation.schedules import schedule_text
from bot.services.access.operators import Person
from bot.services.requests.schedules import Schedules
from cogs.ui.base import BaseLayout, Press, made_button, redraw
from cogs.ui.convert import person_of

SHOWN = 7
"""Schedules with their buttons: a message has 40 components."""
OPEN_FOR = 600.0


class ScheduleList(BaseLayout):
    """Somebody's schedules, or for an operator those of a server. Each press asks for the right anew."""

    def __init__(
        self, schedules: Schedules, *, locale: str, owner_id: int, guild_id: int | None, everybody: bool
    ) -> None:
        super().__init__(owner_id=owner_id, timeout=OPEN_FOR)
        self._schedules = schedules
        self._locale = locale
        self._guild_id = guild_id
        self._everybody = everybody

    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` for everybody's schedules unless they are an operator; people may always see
        and end their own, and what a button does checks the rest."""
        if self._everybody:
            await self._schedules.in_server(person_of(interaction), self._guild_id)

    async def look(self, person: Person, said: str = "") -> None:
        """Read the schedules and show them, under what was ``said`` of the last press. Raises
        :class:`NotAllowed`, :class:`StorageError`."""
        if self._everybody:
            found = await self._schedules.in_server(person, self._guild_id)
        else:
            found = await self._schedules.of(person.user_id)
        self._fill(found, said)

    def _fill(self, found: Sequence[Schedule], said: str) -> None:
        locale = self._locale
        self.clear_items()
        lines = [f"### {say(locale, 'schedule.title_all' if self._everybody else 'schedule.title')}"]
        lines += [said] if said else []
        lines += [] if found else [say(locale, "schedule.none")]
        self.add_item(ui.TextDisplay("\n".join(lines)))
        for schedule in found[:SHOWN]:
            self.add_item(ui.TextDisplay(schedule_text(locale, schedule, with_owner=self._everybody)))
            self.add_item(self._buttons(schedule))
        if len(found) > SHOWN:
            self.add_item(ui.TextDisplay(say(locale, "queue_admin.more", more=len(found) - SHOWN)))

    def _buttons(self, schedule: Schedule) -> ui.ActionRow[ScheduleList]:
        number, paused = schedule.schedule_id, schedule.paused_why is not None
        switch = self._button("resume" if paused else "pause", number)
        if schedule.new.asker.user_id != self._owner_id:
            return ui.ActionRow(*(() if paused else (switch,)), self._button("delete", number))
        return ui.ActionRow(switch, self._button("run", number), self._button("delete", number))

    def _button(self, action: str, number: int) -> ui.Button[ScheduleList]:
        style = discord.ButtonStyle.danger if action == "delete" else discord.ButtonStyle.secondary
        pressed = partial(self._press, action, number)
        return made_button(say(self._locale, f"schedule.{action}"), pressed, style=style)

    async def _press(self, action: str, number: int, press: Press) -> None:
        person = person_of(press)
        acts: dict[str, Callable[[int, Person], Awaitable[Schedule]]] = {
            "pause": self._schedules.pause,
            "resume": self._schedules.resume,
            "delete": self._schedules.delete,
            "run": partial(self._schedules.run_now, heard_as=press.id),
        }
        changed = await acts[action](number, person)
        await self.look(person, done(self._locale, action, changed))
        await redraw(press, self)


def number_of(which: str) -> int:
    """The schedule that was chosen from the list. Raises :class:`UserError` for other text."""
    if not (which.isascii() and which.isdigit() and len(which) < 16):
        raise UserError("not chosen from the list", key="error.schedule_unknown")
    return int(which)


def done(locale: str, action: str, schedule: Schedule) -> str:
    """The sentence that ``action`` was done."""
    words, channel = escape_inline(schedule.new.words), f"<#{schedule.new.channel_id}>"
    return say(locale, f"schedule.done_{action}", when=words, channel=channel)
