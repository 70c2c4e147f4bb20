"""The port to the cluster's scheduler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.domain.chat import ChatRequest, Passed, Started, StreamEvent
from bot.domain.status import ClusterStatus, JoinCommand, Model
from bot.tasks.demand import Demand


class Scheduler(Protocol):
    """A Parallax scheduler, as the services use it. Every method raises only :class:`SchedulerError`."""

    def stream_chat(
        self, request: ChatRequest, *, demand: Demand | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """Send the request and stream the answer.

        With a ``demand`` only the first piece of text is given as soon as it arrives, and the first after each
        time that somebody has asked; the others may come together, at the latest when somebody asks.

        Leaving the context closes the connection, whatever has been read: the cluster stops working on the
        answer within half a second (recording 55b). Errors are raised while iterating.
        """

    def watch_status(self) -> AbstractAsyncContextManager[AsyncIterator[ClusterStatus]]:
        """The endless status stream, one report a second. Lines that cannot be read are skipped and logged."""

    async def models(self) -> tuple[Model, ...]:
        """The models the scheduler can run."""

    async def join_command(self) -> JoinCommand | None:
        """The command nodes join with; None before the cluster has a model."""

    async def initialise(self, model: str, nodes: int, *, local_network: bool) -> None:
        """Set the cluster's model.

        ``nodes`` ≥ 1. A model that the scheduler does not know stops the running cluster (recording 89).
        Initialising while nodes are connected leaves the cluster waiting for good (recordings 72–78). Callers must
        ask an operator to confirm first.
        """


class PassingScheduler(Protocol):
    """A scheduler that is asked what a program asked. Raises only :class:`SchedulerError`."""

    def pass_chat(
        self, body: Mapping[str, object]
    ) -> AbstractAsyncContextManager[AsyncIterator[Started | Passed]]:
        """Send ``body``, a request in OpenAI's form without ``stream`` and ``stream_options``, and stream the
        answer as it comes: :class:`Started`, then the pieces. Leaving the context closes the connection, as of
        :meth:`Scheduler.stream_chat`."""
