"""The private message about joining the cluster, with progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from discord import ui

from bot.discord_io.calls import translated
from bot.discord_io.client import Services
from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.status import JoinCommand
from bot.errors import DeliveryError
from bot.i18n.catalogue import say
from bot.presentation.join import SYSTEMS, join_card
from bot.presentation.page import escape_inline
from bot.presentation.status import Card, short_node
from bot.services.access.rules import Act
from bot.services.cluster.clusters import Cluster
from cogs.ui.base import BaseLayout, Press, acknowledge, fill_in, made_button, redraw, with_notice
from cogs.ui.convert import person_of, place_of_interaction

log = structlog.get_logger(__name__)

# In seconds, below the 15 minutes that an interaction's token is valid.
PROGRESS_SHOWN = 840.0


async def require_join(services: Services, interaction: Press) -> None:
    """Raise :class:`NotAllowed` for people who may not add nodes."""
    await services.access.require(Act.JOIN, person_of(interaction), place_of_interaction(interaction))


class JoinView(BaseLayout):
    """The join command with the steps for each operating system; it says when a new node appears. Of several
    clusters it shows one, and the others at a press."""

    def __init__(
        self, services: Services, cluster: Cluster, join: JoinCommand | None, *, locale: str, owner_id: int
    ) -> None:
        super().__init__(owner_id=owner_id, timeout=PROGRESS_SHOWN)
        self._services = services
        self._cluster = cluster
        self._join = join
        self._locale = locale
        self._system = SYSTEMS[0]
        self._came = ""
        self._shown: Press | None = None
        self._unfollow: Callable[[], None] | None = None
        self._fill()

    def follow(self, shown: Press) -> None:
        """Show progress through this interaction."""
        self._shown = shown
        self._stop_following()
        if self._join is not None:
            recorder = self._services.operations.recorders[self._cluster.name]
            self._unfollow = recorder.subscribe(self._happened)

    async def on_timeout(self) -> None:
        """Stop showing progress before the token expires."""
        self._shown = None
        self._stop_following()

    def _stop_following(self) -> None:
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    def _card(self) -> Card:
        status = self._cluster.service.view().status
        named = self._cluster.name if self._services.clusters.shown_names else ""
        return join_card(self._locale, self._join, status, system=self._system, came=self._came, cluster=named)

    def _fill(self) -> None:
        self.clear_items()
        card = self._card()
        texts = [ui.TextDisplay[JoinView](section) for section in card.sections]
        self.add_item(ui.Container(*texts, accent_colour=card.accent.value))
        if names := self._services.clusters.shown_names:
            others: ui.ActionRow[JoinView] = ui.ActionRow()
            for name in names:
                others.add_item(
                    made_button(name, partial(self._turn_to, name), disabled=name == self._cluster.name)
                )
            self.add_item(others)
        if self._join is None:
            return
        row: ui.ActionRow[JoinView] = ui.ActionRow()
        for system in SYSTEMS:
            label, choose = say(self._locale, f"join.{system}"), partial(self._choose, system)
            row.add_item(made_button(label, choose, disabled=system == self._system))
        self.add_item(row)

    async def authorise(self, interaction: Press) -> None:
        """Allow whom the command allows."""
        await require_join(self._services, interaction)

    async def _turn_to(self, name: str, interaction: Press) -> None:
        """Show how to join another cluster. Raises :class:`SchedulerError`."""
        cluster = self._services.clusters.chosen(name)
        await acknowledge(interaction)
        self._join = await with_notice(interaction, cluster.service.join_command())
        self._cluster, self._came = cluster, ""
        self.follow(interaction)
        self._fill()
        await fill_in(interaction, self)

    async def _choose(self, system: str, interaction: Press) -> None:
        self._system = system
        self._fill()
        self._shown = interaction
        await redraw(interaction, self)

    def _happened(self, event: ClusterEvent) -> None:
        keys = {EventKind.NODE_JOINED: "join.came", EventKind.NODE_READY: "join.ready"}
        key = keys.get(event.kind)
        if key is None or self._shown is None:
            return
        gpu = escape_inline(str(event.detail.get("gpu") or short_node(event.subject))[:60])
        self._came = say(self._locale, key, node=gpu)
        self._services.operations.background.spawn(self._show(self._shown), name="join-progress")

    async def _show(self, shown: Press) -> None:
        self._fill()
        try:
            with translated():
                await fill_in(shown, self)
        except DeliveryError as error:
            self._shown = None
            log.info("join.progress_not_shown", error=type(error).__name__)


async def show_join(services: Services, interaction: Press, name: str | None = None) -> None:
    """Answer privately with the join command of a cluster, by default the first one. Raises :class:`NotAllowed`,
    :class:`SchedulerError`, :class:`UserError` for a name that is not known."""
    await require_join(services, interaction)
    cluster = services.clusters.chosen(name)
    await acknowledge(interaction, new=True)
    join = await cluster.service.join_command()
    view = JoinView(services, cluster, join, locale=interaction.locale.value, owner_id=interaction.user.id)
    view.follow(interaction)
    await fill_in(interaction, view)
