"""``/cluster …``: commands for operators. Every call and every press is checked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import text_layout
from bot.domain.cluster.boards import AlertChannel
from bot.domain.cluster.switch_steps import Switch
from bot.domain.queue.request import QueueEntry, StoredRequest
from bot.domain.status import Node
from bot.errors import UserError
from bot.i18n.catalogue import say
from bot.presentation.audit import audit_text
from bot.presentation.checkup import checkup_text
from bot.presentation.model_switch import switch_question
from bot.presentation.page import escape_inline
from bot.presentation.status import short_node
from bot.services.cluster.clusters import Cluster
from bot.services.operations.model_switch import Plan
from cogs.ui.base import acknowledge, fill_in, reply
from cogs.ui.clusters import OPTION, cluster_command
from cogs.ui.convert import person_of
from cogs.ui.queue_admin import QueueAdminView
from cogs.ui.switch import ConfirmSwitch, SwitchControl, follow_switch

CHOICES = 25
AUDIT_SHOWN = 20


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ClusterCommands(commands.GroupCog, group_name="cluster", group_description="Manage the cluster."):
    """Operators only, by our own check. Discord shows the group only to members who may manage the server; other
    operators see it when an administrator allows it (Server Settings → Integrations), which a bot cannot do."""

    def __init__(self, bot: ParallaxBot) -> None:
        super().__init__()
        self._bot = bot
        services = self._services = bot.services
        self._clusters = services.clusters
        self._queue = services.queue
        self._operators = services.operators

    async def cog_load(self) -> None:
        """Register the buttons of model switches; they also work on messages from before a restart."""
        self._bot.add_dynamic_items(SwitchControl)

    async def cog_unload(self) -> None:
        """Unregister them."""
        self._bot.remove_dynamic_items(SwitchControl)

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Whether an operator calls a command. The library does not call this for autocomplete, which checks for
        itself. Returns False instead of raising: for an error of ours the person would get no answer."""
        if not self._operators.is_operator(person_of(interaction)):
            return False
        self._services.for_operators()
        return True

    @cluster_command(name="init", description="Set the cluster's model.")
    @app_commands.describe(
        model="A model the scheduler lists.",
        nodes="How many machines the model is spread over at first.",
        local_network="Whether all machines are on one local network.",
        cluster="The cluster that gets the model; without it, the first one.",
    )
    async def init(
        self,
        interaction: discord.Interaction,
        model: str,
        nodes: app_commands.Range[int, 1, 1000],
        local_network: bool = True,
        cluster: str | None = None,
    ) -> None:
        """Check the name, show what the switch would interrupt, and ask for confirmation."""
        chosen = self._clusters.chosen(cluster)
        known = await chosen.service.known_model(model)
        under_way = await self._services.operations.switchers.at(chosen.name).current()
        if under_way is not None:
            await self._show(interaction, under_way)
            return
        locale = interaction.locale.value
        status = chosen.service.view().status
        running, waiting = await self._interrupted(chosen)
        current = status.model if status is not None else None
        askers = [one.question.asker.user_id for one in running] + [one.asker.user_id for one in waiting]
        text = switch_question(
            locale,
            known,
            nodes=nodes,
            local_network=local_network,
            status=status,
            running=len(running),
            waiting=len(waiting),
            askers=askers,
            cluster=chosen.name if self._clusters.shown_names else "",
        )
        layout = ConfirmSwitch(
            self._services,
            Plan(secrets.token_hex(4), model, nodes, local_network, chosen.name),
            text=text,
            typed=current is not None,
            locale=locale,
            owner_id=interaction.user.id,
        )
        await reply(interaction, layout, private=True)
        layout.shown = interaction

    async def _interrupted(self, cluster: Cluster) -> tuple[Sequence[StoredRequest], Sequence[QueueEntry]]:
        """What a switch of this cluster's model interrupts, and what waits for it, where there is no other."""
        running, waiting = await self._queue.queue()
        if not self._clusters.shown_names:
            return running, waiting
        return [one for one in running if one.cluster == cluster.name], ()

    @cluster_command(name="switch", description="See the model switch that is running.")
    @app_commands.describe(cluster="The cluster; without it, the first one that is switched.")
    async def switch(self, interaction: discord.Interaction, cluster: str | None = None) -> None:
        """Show it in a new message: a message can be updated for a quarter of an hour only."""
        names = self._clusters.names if cluster is None else (self._clusters.chosen(cluster).name,)
        for name in names:
            under_way = await self._services.operations.switchers.at(name).current()
            if under_way is not None:
                await self._show(interaction, under_way)
                return
        raise UserError("no switch", key="error.no_switch")

    async def _show(self, interaction: discord.Interaction, switch: Switch) -> None:
        await acknowledge(interaction, new=True)
        await follow_switch(self._services, interaction, switch)

    @app_commands.command(name="board", description="Place a live board in this channel, or stop updating it.")
    @app_commands.describe(remove="Stop updating this channel's board.")
    async def board(self, interaction: discord.Interaction, remove: bool = False) -> None:
        """Place or remove the board of this channel."""
        await acknowledge(interaction, new=True)
        channel, locale, by = interaction.channel_id or 0, interaction.locale.value, interaction.user.id
        boards = self._services.operations.boards
        if remove:
            key = "board.removed" if await boards.remove(channel, by=by) else "board.none"
        else:
            await boards.place(channel, interaction.guild_id, locale, by=by)
            key = "board.placed"
        await fill_in(interaction, text_layout(say(locale, key)))

    @app_commands.command(name="alerts", description="Send alerts about the cluster to this channel.")
    @app_commands.describe(
        role="The role to ping; nobody is pinged without one.",
        ping_owners="Also ping the owner of a node that left.",
        remove="Stop sending alerts to this channel.",
    )
    async def alerts(
        self,
        interaction: discord.Interaction,
        role: discord.Role | None = None,
        ping_owners: bool = False,
        remove: bool = False,
    ) -> None:
        """Send alerts to this channel, or stop that."""
        channel, locale, by = interaction.channel_id or 0, interaction.locale.value, interaction.user.id
        alerts = self._services.operations.alert_channels
        if remove:
            key = "alerts.removed" if await alerts.remove(channel, by=by) else "alerts.none"
        else:
            role_id = None if role is None else role.id
            told = AlertChannel(channel, interaction.guild_id, role_id, locale, ping_owners)
            await alerts.place(told, by=by)
            key = "alerts.placed" if role is None else "alerts.placed_role"
        named = f"<@&{role.id}>" if role is not None else ""
        await reply(interaction, text_layout(say(locale, key, role=named)), private=True)

    @app_commands.command(name="name", description="Give a node a name and an owner.")
    @app_commands.describe(
        node="The node.", name="The name that people see.", owner="The person whose machine it is."
    )
    async def name_node(
        self,
        interaction: discord.Interaction,
        node: str,
        name: app_commands.Range[str, 1, 40],
        owner: discord.User | None = None,
    ) -> None:
        """Store the name and the owner."""
        found = [one for one in self._nodes() if one.node_id == node]
        if not found:
            raise UserError("no such node", key="error.node_unknown", node=escape_inline(node[:60]))
        owner_id = owner.id if owner is not None else None
        await self._services.operations.nodes.name(found[0], name, owner_id, by=interaction.user.id)
        before, after = escape_inline(short_node(node)), escape_inline(name)
        text = say(interaction.locale.value, "names.done", node=before, name=after)
        await reply(interaction, text_layout(text), private=True)

    @app_commands.command(name="audit", description="See who did what to the cluster.")
    async def audit(self, interaction: discord.Interaction) -> None:
        """Show the newest entries."""
        entries = await self._services.operations.audit.recent(AUDIT_SHOWN)
        text = audit_text(interaction.locale.value, entries)
        await reply(interaction, text_layout(text), private=True)

    @app_commands.command(name="doctor", description="Look at everything the bot depends on.")
    async def doctor(self, interaction: discord.Interaction) -> None:
        """Show what was found, to this operator only; it takes some seconds."""
        await acknowledge(interaction, new=True)
        findings = await self._services.operations.checkup.findings()
        await fill_in(interaction, text_layout(checkup_text(interaction.locale.value, findings)))

    @cluster_command(name="pause", description="Pause the queue: running answers continue, questions are kept.")
    @app_commands.describe(
        reason="The reason, as people who wait read it.", cluster="Send nothing more to this cluster only."
    )
    async def pause(
        self,
        interaction: discord.Interaction,
        reason: app_commands.Range[str, 1, 100],
        cluster: str | None = None,
    ) -> None:
        """Pause the queue, or one cluster, with a reason that people see."""
        locale, shown = interaction.locale.value, escape_inline(reason)
        if cluster is None:
            await self._queue.pause(reason, by=interaction.user.id)
            text = say(locale, "queue_admin.paused", reason=shown)
        else:
            name = self._clusters.chosen(cluster).name
            await self._queue.pause(reason, by=interaction.user.id, cluster=name)
            text = say(locale, "queue_admin.cluster_paused", cluster=escape_inline(name), reason=shown)
        await reply(interaction, text_layout(text), private=True)

    @cluster_command(name="resume", description="Resume the queue.")
    @app_commands.describe(cluster="Resume this cluster only.")
    async def resume(self, interaction: discord.Interaction, cluster: str | None = None) -> None:
        """Resume the queue and all clusters, or one of them."""
        name = None if cluster is None else self._clusters.chosen(cluster).name
        was_held = await self._queue.resume(by=interaction.user.id, cluster=name)
        text = say(interaction.locale.value, "queue_admin.resumed" if was_held else "queue_admin.not_paused")
        await reply(interaction, text_layout(text), private=True)

    @app_commands.command(name="queue", description="See the whole queue; cancel questions, or clear it.")
    async def queue(self, interaction: discord.Interaction) -> None:
        """Show everything that runs and waits."""
        running, waiting = await self._queue.queue()
        view = QueueAdminView(
            self._services,
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
        wanted, told = current.lower(), getattr(interaction.namespace, OPTION, None)
        cluster = self._clusters.chosen(told if told in self._clusters.names else None)
        names = [model.name for model in await cluster.service.models() if wanted in model.name.lower()]
        names.sort(key=lambda name: (not name.lower().startswith(wanted), name.lower()))
        return [app_commands.Choice(name=name[:100], value=name[:100]) for name in names[:CHOICES]]

    @name_node.autocomplete("node")
    async def _complete_node(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        if not self._operators.is_operator(person_of(interaction)):
            return []
        names = self._services.operations.nodes.names
        choices = []
        for node in self._nodes():
            known = names.get(node.node_id)
            shown = f"{known.name if known else short_node(node.node_id)} · {node.gpu_name}"
            if current.lower() in f"{shown} {node.node_id}".lower():
                choices.append(app_commands.Choice(name=shown[:100], value=node.node_id[:100]))
        return choices[:CHOICES]

    def _nodes(self) -> list[Node]:
        """The nodes of all clusters, as last reported."""
        statuses = (cluster.service.view().status for cluster in self._clusters)
        return [node for status in statuses if status is not None for node in status.nodes]


async def setup(bot: ParallaxBot) -> None:
    """Add the cog: in the operators' servers when there are any, else everywhere."""
    await bot.add_cog(ClusterCommands(bot), guilds=list(bot.admin_guilds) or discord.utils.MISSING)
