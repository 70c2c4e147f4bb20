"""The programs whose connections are open here: their requests, and the way of an answer to them.

What a program asked has no message in Discord. Its connection takes the message's place: it is a delivery like
others, whose last state is the end of the response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.chat import Passed
from bot.domain.queue.request import NO_CHANNEL, Answer, Destination
from bot.errors import BotError
from bot.presentation.page import Page, PageSource
from bot.services.ports import AnswerDelivery, Deliveries


class Recipient(Protocol):
    """What writes to a program's connection."""

    async def passed(self, piece: Passed) -> None:
        """Write a piece of the answer; returns when there is room for more. Raises nothing: a connection that
        broke is told by its own end."""
        ...


@dataclass(slots=True, eq=False)
class WaitingProgram:
    """A program's request, for as long as its connection is open.

    ``body`` is what the scheduler is asked, ``prompt_tokens`` an estimate. ``wanted_cluster`` is the name of the
    cluster that is to answer it, None: any. ``asked_at`` and ``started_at`` (when a pipeline took it) in epoch
    seconds.
    """

    request_id: str
    user_id: int
    body: Mapping[str, object]
    prompt_tokens: int
    recipient: Recipient
    asked_at: float
    keeps_text: bool = False
    wanted_cluster: str | None = None
    started_at: float | None = None
    answer: Answer | None = None
    """What was counted of the answer, once that has ended."""
    error: BotError | None = None
    """Why the last attempt failed. While the request is kept in the queue, it may still be answered."""
    is_gone: bool = False
    """The connection was closed."""
    is_finished: bool = False
    """How the request ended is stored."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing more will be passed on."""

    def end(self, error: BotError | None = None) -> None:
        """Let the response end, because of ``error``; None: as the last attempt did. The first end counts."""
        if not self.ended.is_set():
            self.error = error or self.error
            self.ended.set()


class _ToProgram:
    """The delivery of an answer to a program, or to one that has left."""

    message_ids: tuple[int | None, ...] = ()
    is_current = True

    def __init__(self, program: WaitingProgram | None) -> None:
        self._program = program

    def acknowledged(self, message_id: int | None, page: Page | None = None) -> None:
        """Nothing: there is no message."""

    def refused(self) -> None:
        """Nothing: there is no message."""

    def learned(self, message_ids: Sequence[int]) -> None:
        """Nothing: there is no message."""

    def seen(self, message_id: int) -> bool:  # noqa: ARG002  # as the port's
        """Whether a message may be removed: there is none."""
        return False

    def is_removing(self, message_id: int) -> bool:  # noqa: ARG002  # as the port's
        """Whether a message is being removed: there is none."""
        return False

    def changed(self) -> None:
        """Nothing: a program that waits looks at its position by itself."""

    def renew(self, token: str, expires_at: float) -> None:
        """Nothing: there is no token."""

    async def finish(self) -> None:
        """End the response."""
        if self._program is not None:
            self._program.is_finished = True
            self._program.end()


class WaitingPrograms:
    """Finds the program that waits for an answer, and opens deliveries: to programs, or else to Discord."""

    def __init__(self, discord: Deliveries) -> None:
        self._discord = discord
        self._waiting: dict[str, WaitingProgram] = {}

    def enter(self, program: WaitingProgram) -> None:
        """Add a program whose request is about to join the queue."""
        self._waiting[program.request_id] = program

    def leave(self, program: WaitingProgram) -> None:
        """Remove a program whose connection has ended; no-op when it was removed."""
        self._waiting.pop(program.request_id, None)

    def get(self, request_id: str) -> WaitingProgram | None:
        """The program that waits for this request, if it is connected here."""
        return self._waiting.get(request_id)

    def all(self) -> tuple[WaitingProgram, ...]:
        """All programs that are connected here."""
        return tuple(self._waiting.values())

    def open(
        self,
        request_id: str,
        destination: Destination,
        source: PageSource,
        *,
        locale: str,
        asked_at: float,
        message_ids: Sequence[int] = (),
        may_be_more: bool = False,
        on_sent: Callable[[int, int | None], None],
        on_gone: Callable[[], None],
    ) -> AnswerDelivery:
        """As :meth:`Deliveries.open`."""
        if destination.channel_id == NO_CHANNEL:
            return _ToProgram(self._waiting.get(request_id))
        return self._discord.open(
            request_id,
            destination,
            source,
            locale=locale,
            asked_at=asked_at,
            message_ids=message_ids,
            may_be_more=may_be_more,
            on_sent=on_sent,
            on_gone=on_gone,
        )

    async def close(self, request_id: str) -> None:
        """As :meth:`Deliveries.close`. A program stays: its connection is closed by whoever opened it."""
        await self._discord.close(request_id)
