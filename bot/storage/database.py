"""All stores of the bot on one database, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.storage.audit import Audit
from bot.storage.boards import SqlBoards
from bot.storage.cluster_names import SqlClusterNames
from bot.storage.conversations import SqlConversations
from bot.storage.engine import ServerOptions, Transactions, open_transactions
from bot.storage.facts import Facts
from bot.storage.help_threads import SqlHelpThreads
from bot.storage.history import SqlHistory
from bot.storage.keys import SqlKeys
from bot.storage.leader_lease import SqlLeaderLease
from bot.storage.measured import MeasuredTransactions
from bot.storage.missed import SqlMissed
from bot.storage.node_names import SqlNodeNames
from bot.storage.personal_data import SqlPersonalData
from bot.storage.preferences import Feedback, Preferences
from bot.storage.profiles import SqlProfiles, SqlUsage
from bot.storage.requests import SqlRequests
from bot.storage.schedules import SqlSchedules
from bot.storage.summaries import SqlSummaries
from bot.storage.summary_steps import SqlSummarySteps
from bot.storage.switches import SqlSwitches
from bot.storage.unshown_ends import SqlUnshownEnds
from bot.storage.wishes import SqlWishes
from bot.telemetry.meters import DatabaseMeter


class Database:
    """The stores on one database, whose schema is the newest (:func:`bot.storage.migrate.upgrade`).

    Use within one event loop, from any number of tasks. Cancelling a task leaves no transaction half done.
    """

    def __init__(self, transactions: Transactions) -> None:
        self.watch = transactions.watch
        self.changes = transactions.changes
        self.requests = SqlRequests(transactions)
        self.unshown_ends = SqlUnshownEnds(transactions)
        self.wishes = SqlWishes(transactions)
        self.conversations = SqlConversations(transactions)
        self.summaries = SqlSummaries(transactions)
        self.summary_steps = SqlSummarySteps(transactions)
        self.facts = Facts(transactions)
        self.preferences = Preferences(transactions)
        self.feedback = Feedback(transactions)
        self.audit = Audit(transactions)
        self.profiles = SqlProfiles(transactions)
        self.usage = SqlUsage(transactions)
        self.missed = SqlMissed(transactions)
        self.personal = SqlPersonalData(transactions)
        self.history = SqlHistory(transactions)
        self.boards = SqlBoards(transactions)
        self.leader_lease = SqlLeaderLease(transactions)
        self.node_names = SqlNodeNames(transactions)
        self.switches = SqlSwitches(transactions)
        self.cluster_names = SqlClusterNames(transactions)
        self.keys = SqlKeys(transactions)
        self.help_threads = SqlHelpThreads(transactions)
        self.schedules = SqlSchedules(transactions)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, options: ServerOptions | None = None, meter: DatabaseMeter | None = None
    ) -> AsyncIterator[Database]:
        """Open the database at ``url``; on leaving, finish what was begun and close it. ``options`` are for a
        PostgreSQL server; ``meter`` is told how long transactions take.

        Raises :class:`ConfigError` when ``url`` names no database that the bot can use.
        """
        transactions = open_transactions(url, options or ServerOptions())
        if meter is not None:
            transactions = MeasuredTransactions(transactions, meter)
        try:
            yield cls(transactions)
        finally:
            await transactions.close()
