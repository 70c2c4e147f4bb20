"""Builds what operators see and do: boards, alerts, switches, each cluster's history."""

from __future__ import annotations

from functools import partial

from bot.clock import Clock
from bot.container.queue import Queue
from bot.discord_io.cards import ChannelCards, card_layout
from bot.discord_io.client import OperationsServices, ParallaxBot
from bot.discord_io.outgoing import Outgoing
from bot.services.cluster.clusters import Cluster, Clusters
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.observed import Observed
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.operations.alert_channels import AlertChannels
from bot.services.operations.alerts import Alerts
from bot.services.operations.boards import BoardKeeper, StatusCards
from bot.services.operations.checkup import Checkup, Examine
from bot.services.operations.model_switch import ModelSwitcher
from bot.services.operations.switchers import Switchers
from bot.services.requests.overview import QueueOverview
from bot.storage.database import Database
from bot.tasks.background import Background


class Operations:
    """The operators' services, and what runs for each cluster; nothing of it runs yet."""

    def __init__(
        self,
        clusters: Clusters,
        database: Database,
        bot: ParallaxBot,
        outgoing: Outgoing,
        background: Background,
        queue: Queue,
        overview: QueueOverview,
        leadership: Leadership,
        clock: Clock,
        examine: Examine,
    ) -> None:
        self._clusters, self._database, self._clock = clusters, database, clock
        self._outgoing, self._leadership = outgoing, leadership
        observed = [Observed(cluster, self._recorder(cluster, overview)) for cluster in clusters]
        self.switchers = {one.cluster.name: self._switcher(one, queue, overview) for one in observed}
        self._nodes = NodeBook(
            database.node_names, [cluster.service for cluster in clusters], database.audit, clock
        )
        self._poster = ChannelCards(bot, outgoing)
        cards = StatusCards(observed, overview, self._nodes, clock)
        self.alerts = tuple(self._alerts(one, tells_of_bot=one is observed[0]) for one in observed)
        self.services = OperationsServices(
            cards=cards,
            boards=BoardKeeper(
                database.boards, cards, self._poster, observed, self._nodes, database.audit, clock, leadership
            ),
            alert_channels=AlertChannels(database.boards, database.audit, clock),
            recorders={one.cluster.name: one.recorder for one in observed},
            nodes=self._nodes,
            switchers=Switchers(self.switchers),
            audit=database.audit,
            checkup=Checkup(examine, clock),
            card_layout=card_layout,
            background=background,
        )

    def _recorder(self, cluster: Cluster, overview: QueueOverview) -> ClusterRecorder:
        database = self._database
        return ClusterRecorder(
            cluster.monitor,
            database.history.of(cluster.name),
            database.switches.of(cluster.name),
            partial(overview.load, cluster.name),
            self._clock,
            self._leadership,
            cluster.name,
        )

    def _switcher(self, observed: Observed, queue: Queue, overview: QueueOverview) -> ModelSwitcher:
        cluster = observed.cluster
        return ModelSwitcher(
            scheduler=cluster.scheduler,
            cluster=cluster.service,
            recorder=observed.recorder,
            queue=overview,
            dispatcher=queue.dispatcher,
            gate=queue.gate,
            store=self._database.switches.of(cluster.name),
            audit=self._database.audit,
            clock=self._clock,
            name=cluster.name,
            names_cluster=bool(self._clusters.shown_names),
        )

    def _alerts(self, observed: Observed, *, tells_of_bot: bool) -> Alerts:
        name = observed.cluster.name
        switcher = self.switchers[name]
        return Alerts(
            self._database.boards.of(name),
            self._poster,
            observed.cluster.service,
            observed.recorder,
            self._nodes,
            self._clock,
            self._leadership,
            self._outgoing,
            lambda: switcher.is_under_way,
            cluster_name=name if self._clusters.shown_names else "",
            tells_of_bot=tells_of_bot,
        )
