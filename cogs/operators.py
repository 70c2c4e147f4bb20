"""``/cluster …``: for the cluster's operators, checked at every call and every button."""

from __future__ import annotations

import discord
import structlog
from discord import app_commands, ui
from discord.ext import commands

from bot.catalogue import say
from bot.client import ParallaxBot
from bot.rendering import escape_inline
from bot.rendering.cluster_card import Accent, join_card
from bot.services.cluster import ClusterService
from bot.services.operators import Operators
from bot.services.queue import QueueService
from cogs._ui.asker import person_of
from cogs._ui.cards import container
from cogs._ui.line_view import LineView
from cogs._ui.views import BaseLayout, reply, text_layout

log = structlog.get_logger(__name__)

CHOICES = 25
CONFIRM_WITHIN = 120.0


class ConfirmInit(BaseLayout):
    """Asks before the model is set; exactly one init is sent however often it is pressed."""

    def __init__(
        self,
        *,
        text: str,
        cluster: ClusterService,
        operators: Operators,
        model: str,
        nodes: int,
        local_network: bool,
        locale: str,
        owner_id: int,
    ) -> None:
        super().__init__(owner_id=owner_id, timeout=CONFIRM_WITHIN)
        self._cluster = cluster
        self._operators = operators
        self._model = model
        self._nodes = nodes
        self._local_network = local_network
        self._locale = locale
        self._decided = False
        self.shown: discord.Interaction | None = None
        yes: ui.Button[ConfirmInit] = ui.Button(label=say(locale, "init.yes"), style=discord.ButtonStyle.danger)
        no: ui.Button[ConfirmInit] = ui.Button(label=say(locale, "init.no"), style=discord.ButtonStyle.secondary)
        yes.callback = self._confirm  # type: ignore[method-assign]  # how discord.py binds made buttons
        no.callback = self._dismiss  # type: ignore[method-assign]
        self.add_item(ui.Container(ui.TextDisplay(text), accent_colour=Accent.WAITING.value))
        self.add_item(ui.ActionRow(yes, no))

    async def _confirm(self, interaction: discord.Interaction) -> None:
        self._operators.require(person_of(interaction))
        # The view is not stopped: a second press still has to be acknowledged.
        await interaction.response.defer()
        if self._decided:
            return
        self._decided = True
        join = await self._cluster.initialise(
            self._model, self._nodes, local_network=self._local_network, by=interaction.user.id
        )
        layout = ui.LayoutView(timeout=None)
        layout.add_item(ui.TextDisplay(say(self._locale, "init.done", model=escape_inline(self._model))))
        layout.add_item(container(join_card(self._locale, join, None)))
        layout.stop()
        await interaction.edit_original_response(view=layout, allowed_mentions=discord.AllowedMentions.none())

    async def _dismiss(self, interaction: discord.Interaction) -> None:
        if self._decided:
            await interaction.response.defer()
            return
        self._decided = True
        layout = self._last_word("init.cancelled")
        await interaction.response.edit_message(view=layout, allowed_mentions=discord.AllowedMentions.none())

    async def on_timeout(self) -> None:
        """Nobody decided: take the buttons away, which nothing answers any more."""
        if self._decided or self.shown is None:
            return
        self._decided = True
        layout = self._last_word("init.expired")
        try:
            await self.shown.edit_original_response(view=layout, allowed_mentions=discord.AllowedMentions.none())
        except discord.HTTPException as error:
            log.info("init.expiry_not_shown", code=error.code)

    def _last_word(self, key: str) -> ui.LayoutView:
        layout = ui.LayoutView(timeout=None)
        layout.add_item(ui.TextDisplay(say(self._locale, key)))
        layout.stop()
        return layout


@app_commands.guild_only()
class ClusterCommands(commands.GroupCog, group_name="cluster", group_description="Run the cluster."):
    """Operators only, by our own check. Default permissions would hide the group from operators who do not manage
    the server; a server's administrators may still restrict it in Discord's own settings."""

    def __init__(self, cluster: ClusterService, queue: QueueService, operators: Operators) -> None:
        super().__init__()
        self._cluster = cluster
        self._queue = queue
        self._operators = operators

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Every call, autocomplete included. False, not an error of ours: the library's check only reports its own
        kind, and anything else would leave the person without an answer."""
        return self._operators.is_operator(person_of(interaction))

    @app_commands.command(name="init", description="Set the cluster's model.")
    @app_commands.describe(
        model="A model the scheduler lists.",
        nodes="How many machines the model is spread over at first.",
        local_network="Whether all machines are on one local network.",
    )
    async def init(
        self,
        interaction: discord.Interaction,
        model: str,
        nodes: app_commands.Range[int, 1, 1000],
        local_network: bool = True,
    ) -> None:
        """Check the name, then ask for confirmation."""
        self._operators.require(person_of(interaction))
        await self._cluster.known_model(model)
        locale = interaction.locale.value
        status = self._cluster.view().status
        load = await self._queue.load()
        current = status.model if status is not None else None
        name = escape_inline(model)
        lines = [
            say(locale, "init.switch", current=escape_inline(current), model=name)
            if current
            else say(locale, "init.confirm", model=name),
            say(
                locale,
                "init.details",
                count=nodes,
                network=say(locale, "init.local" if local_network else "init.public"),
            ),
        ]
        if load.running or load.waiting:
            lines.append(say(locale, "init.interrupts", running=load.running, waiting=load.waiting))
        if status is not None and status.nodes:
            lines.append(f"-# {say(locale, 'init.danger')}")
        layout = ConfirmInit(
            text="\n".join(lines),
            cluster=self._cluster,
            operators=self._operators,
            model=model,
            nodes=nodes,
            local_network=local_network,
            locale=locale,
            owner_id=interaction.user.id,
        )
        await reply(interaction, layout, private=True)
        layout.shown = interaction

    @app_commands.command(name="pause", description="Hold the line: running answers go on, questions are kept.")
    @app_commands.describe(reason="What people who wait are told.")
    async def pause(self, interaction: discord.Interaction, reason: app_commands.Range[str, 1, 100]) -> None:
        """Hold the line with a reason that people see."""
        self._operators.require(person_of(interaction))
        await self._queue.pause(reason, by=interaction.user.id)
        text = say(interaction.locale.value, "line.paused", reason=escape_inline(reason))
        await reply(interaction, text_layout(text), private=True)

    @app_commands.command(name="resume", description="Let the line move again.")
    async def resume(self, interaction: discord.Interaction) -> None:
        """Release the line."""
        self._operators.require(person_of(interaction))
        was_held = await self._queue.resume(by=interaction.user.id)
        text = say(interaction.locale.value, "line.resumed" if was_held else "line.not_paused")
        await reply(interaction, text_layout(text), private=True)

    @app_commands.command(name="queue", description="See the whole line; cancel questions, or clear it.")
    async def queue(self, interaction: discord.Interaction) -> None:
        """Show everything that runs and waits."""
        self._operators.require(person_of(interaction))
        running, waiting = await self._queue.line()
        view = LineView(
            self._queue,
            self._operators,
            running,
            waiting,
            locale=interaction.locale.value,
            owner_id=interaction.user.id,
            now=interaction.created_at.timestamp(),
        )
        await reply(interaction, view, private=True)

    @init.autocomplete("model")
    async def _complete_model(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        if not self._operators.is_operator(person_of(interaction)):
            return []
        wanted = current.lower()
        names = [model.name for model in await self._cluster.models() if wanted in model.name.lower()]
        names.sort(key=lambda name: (not name.lower().startswith(wanted), name.lower()))
        return [app_commands.Choice(name=name[:100], value=name[:100]) for name in names[:CHOICES]]


async def setup(bot: ParallaxBot) -> None:
    """Add the cog: in the operators' servers when there are any, else everywhere."""
    services = bot.services
    cog = ClusterCommands(services.cluster, services.queue, services.operators)
    if bot.admin_guilds:
        await bot.add_cog(cog, guilds=list(bot.admin_guilds))
    else:
        await bot.add_cog(cog)
