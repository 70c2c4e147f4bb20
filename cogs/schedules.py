"""``/schedule …``: questions that are asked again and again, at times that people choose."""

from __future__ import annotations

from zoneinfo import available_timezones

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import text_layout
from bot.domain.schedules.schedule import ZONE_LIMIT
from bot.domain.schedules.words import WHEN_LIMIT
from bot.errors import UserError
from bot.i18n.catalogue import fill, say
from bot.presentation.page import escape_inline
from bot.presentation.schedules import moments, previewed
from bot.services.requests.schedules import Schedules, Wanted
from cogs.ui.base import reply
from cogs.ui.convert import asker_of, destination_of, person_of, place_of_interaction
from cogs.ui.schedule_list import ScheduleList, done, number_of

CHOICES = 25
PREVIEWED = 3
EXAMPLES = ("every weekday 09:00", "every day at 18:30", "every monday 8:00", "every 2 hours", "on the 1st 09:00")
QUESTION_SHOWN = 50

_DESCRIPTION = "Questions that are asked again and again, at times you choose."
_Which = app_commands.Range[str, 1, 100]


class ScheduleCommands(commands.GroupCog, group_name="schedule", group_description=_DESCRIPTION):
    """The commands ``/schedule …``. Every answer is private."""

    def __init__(self, schedules: Schedules) -> None:
        super().__init__()
        self._schedules = schedules
        self._zones = sorted(available_timezones())

    @app_commands.command(name="create", description="Have a question asked here again and again.")
    @app_commands.describe(
        when="For example: every weekday 09:00, every 2 hours, on the 1st 09:00.",
        question="The question.",
        timezone="The time zone of these times, like Europe/Berlin.",
        make_up="Ask once, later, when a time was missed because the bot was down (default: yes).",
        with_summary="Ask about what was said in this channel since the last run (default: no).",
    )
    async def create(
        self,
        interaction: discord.Interaction,
        when: app_commands.Range[str, 1, WHEN_LIMIT],
        question: app_commands.Range[str, 1, 6000],
        timezone: app_commands.Range[str, 1, ZONE_LIMIT] | None = None,
        make_up: bool = True,
        with_summary: bool = False,
    ) -> None:
        """Keep a schedule, and show when it is due."""
        locale = interaction.locale.value
        zone = timezone or await self._schedules.zone_for(interaction.user.id)
        wanted = Wanted(
            asker=asker_of(interaction),
            place=place_of_interaction(interaction),
            destination=destination_of(interaction, private=False),
            when=when,
            zone=zone,
            question=question,
            catch_up=make_up,
            with_summary=with_summary,
        )
        kept = await self._schedules.create(wanted, person_of(interaction))
        times = moments(self._schedules.preview(when, zone, PREVIEWED))
        words = escape_inline(kept.new.words)
        await reply(
            interaction,
            text_layout(
                say(locale, "schedule.created", when=words, zone=escape_inline(zone)),
                f"-# {say(locale, 'schedule.next', times=times)}",
            ),
            private=True,
        )

    @create.autocomplete("when")
    async def _complete_when(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        if not current.strip():
            return [app_commands.Choice(name=one, value=one) for one in EXAMPLES]
        zone = getattr(interaction.namespace, "timezone", None)
        try:
            zone = zone or await self._schedules.zone_for(interaction.user.id)
            times = self._schedules.preview(current, zone, PREVIEWED)
        except UserError as error:
            name = fill(interaction.locale.value, error.key, error.params)
            return [app_commands.Choice(name=name[:100], value=current[:WHEN_LIMIT])]
        name = previewed(current, times, zone, interaction.locale.value)
        return [app_commands.Choice(name=name, value=current[:WHEN_LIMIT])]

    @create.autocomplete("timezone")
    async def _complete_zone(
        self, _interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        wanted = current.lower().replace(" ", "_")
        found = [name for name in self._zones if wanted in name.lower()]
        return [app_commands.Choice(name=name, value=name) for name in found[:CHOICES]]

    @app_commands.command(name="list", description="See your schedules and change them.")
    @app_commands.describe(everybody="Show everybody's in this server (for the cluster's operators).")
    async def list_schedules(self, interaction: discord.Interaction, everybody: bool = False) -> None:
        """Show the person's schedules, or an operator those of the server, with buttons."""
        view = ScheduleList(
            self._schedules,
            locale=interaction.locale.value,
            owner_id=interaction.user.id,
            guild_id=interaction.guild_id if everybody else None,
            everybody=everybody,
        )
        await view.look(person_of(interaction))
        await reply(interaction, view, private=True)

    @app_commands.command(name="pause", description="Let a schedule ask nothing until you resume it.")
    @app_commands.describe(which="The schedule.")
    async def pause(self, interaction: discord.Interaction, which: _Which) -> None:
        """Pause a schedule."""
        changed = await self._schedules.pause(number_of(which), person_of(interaction))
        await reply(interaction, text_layout(done(interaction.locale.value, "pause", changed)), private=True)

    @app_commands.command(name="resume", description="Let a paused schedule go on.")
    @app_commands.describe(which="The schedule.")
    async def resume(self, interaction: discord.Interaction, which: _Which) -> None:
        """Let a schedule go on."""
        changed = await self._schedules.resume(number_of(which), person_of(interaction))
        await reply(interaction, text_layout(done(interaction.locale.value, "resume", changed)), private=True)

    @app_commands.command(name="run", description="Ask a schedule's question now, besides its times.")
    @app_commands.describe(which="The schedule.")
    async def run(self, interaction: discord.Interaction, which: _Which) -> None:
        """Ask a schedule's question now."""
        asked = await self._schedules.run_now(number_of(which), person_of(interaction), interaction.id)
        await reply(interaction, text_layout(done(interaction.locale.value, "run", asked)), private=True)

    @app_commands.command(name="delete", description="Remove a schedule for good.")
    @app_commands.describe(which="The schedule.")
    async def delete(self, interaction: discord.Interaction, which: _Which) -> None:
        """Remove a schedule."""
        removed = await self._schedules.delete(number_of(which), person_of(interaction))
        await reply(interaction, text_layout(done(interaction.locale.value, "delete", removed)), private=True)

    @pause.autocomplete("which")
    @resume.autocomplete("which")
    @run.autocomplete("which")
    @delete.autocomplete("which")
    async def _complete_which(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        theirs = await self._schedules.of(interaction.user.id)
        wanted = current.lower()
        named = (
            (f"{one.new.words} · {one.new.question[:QUESTION_SHOWN]}"[:100], str(one.schedule_id))
            for one in theirs
        )
        return [app_commands.Choice(name=name, value=value) for name, value in named if wanted in name.lower()][
            :CHOICES
        ]


async def setup(bot: ParallaxBot) -> None:
    """Add the cog when people may have schedules."""
    if bot.services.schedules is not None:
        await bot.add_cog(ScheduleCommands(bot.services.schedules))
