"""Changes of boards, alert channels and names by operators, and their entries in the audit log."""

from __future__ import annotations

from pathlib import Path

from bot.domain.cluster.boards import AlertChannel
from bot.services.cluster.monitor import ClusterService
from bot.services.cluster.node_names import NodeBook
from bot.services.operations.alert_channels import AlertChannels
from tests.fakes.audit import MemoryAudit
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.integration.services.alerting import RACK, process
from tests.integration.services.operations.test_board_failures import Channel, keeper

OPERATOR = 99


async def test_boards(tmp_path: Path) -> None:
    """A board is placed and removed; removing it again says that there was none."""
    async with process(new_database(tmp_path), HandClock()) as one:
        boards = keeper(one, Channel())
        await boards.place(7, 8, "en", by=OPERATOR)
        assert [board.channel_id for board in await one.database.boards.boards()] == [7]
        assert await boards.remove(7, by=OPERATOR)
        assert not await boards.remove(7, by=OPERATOR)
        assert await one.database.boards.boards() == []
        entries = await one.database.audit.recent(10)
    placed, removed = {"channel": 7, "removed": False}, {"channel": 7, "removed": True}
    assert [(entry.actor_id, entry.action) for entry in entries] == [(OPERATOR, "cluster.board")] * 3
    assert [entry.detail for entry in reversed(entries)] == [placed, removed, removed]


async def test_alert_channels(tmp_path: Path) -> None:
    """The entry contains the role that is pinged."""
    audit, clock = MemoryAudit(), HandClock()
    async with process(new_database(tmp_path), clock) as one:
        alerts = AlertChannels(one.database.boards, audit, clock)
        channel = AlertChannel(7, 8, 77, "en")
        await alerts.place(channel, by=OPERATOR)
        assert await one.database.boards.alert_channels() == [channel]
        assert await alerts.remove(7, by=OPERATOR)
        assert not await alerts.remove(7, by=OPERATOR)
    removed = (OPERATOR, "cluster.alerts", {"channel": 7, "role": None, "removed": True})
    assert audit.noted == [
        (OPERATOR, "cluster.alerts", {"channel": 7, "role": 77, "removed": False}),
        removed,
        removed,
    ]


async def test_names(tmp_path: Path) -> None:
    """The entry contains the owner."""
    audit, clock = MemoryAudit(), HandClock()
    async with process(new_database(tmp_path), clock) as one:
        cluster = ClusterService(one.scheduler, one.monitor, "", clock)
        nodes = NodeBook(one.database.node_names, [cluster], audit, clock)
        await nodes.name(RACK, "the rack", 5, by=OPERATOR)
        assert nodes.names[RACK.node_id].name == "the rack"
    assert audit.noted == [(OPERATOR, "cluster.name", {"node": RACK.node_id, "name": "the rack", "owner": 5})]
