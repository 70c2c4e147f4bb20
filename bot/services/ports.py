"""The borders to wherever answers are shown, and to what lets them be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from bot.domain.discord_calls.brake import Level
from bot.domain.queue.hold import Hold
from bot.domain.queue.request import Destination
from bot.errors import SchedulerError
from bot.presentation.page import Page, PageSource


class AnswerGate(Protocol):
    """Lets an attempt ask the cluster again, and is told how the cluster treated it."""

    def hold(self) -> Hold | None:
        """Why nothing may be asked now; None when something may."""
        ...

    async def readmitted(self, request_id: str, *, until: float) -> bool:
        """Wait until an answer that broke off may be asked for again; False when that is not so ``until`` then
        (monotonic seconds)."""
        ...

    def began(self, waited: float) -> None:
        """A pipeline has taken a question ``waited`` seconds after it was sent."""
        ...

    def worked(self, request_id: str) -> None:
        """The cluster sent a first piece of an answer, or its end."""
        ...

    def refused(self, request_id: str, error: SchedulerError, *, elapsed: float, attempts: int) -> bool:
        """A question that was sent ``elapsed`` seconds ago got no word; returns whether it is kept."""
        ...

    def left(self, request_id: str) -> None:
        """The question is not in flight any more, however it ended. Safe to tell twice."""
        ...


class AnswerDelivery(Protocol):
    """Keeps the messages of one answer equal to their source."""

    def acknowledged(self, message_id: int | None, page: Page | None = None) -> None:
        """The first message exists and shows ``page``: edits may begin."""
        ...

    def refused(self) -> None:
        """Discord has refused the first message: the answer comes as a new one, where that is possible."""
        ...

    def learned(self, message_ids: Sequence[int]) -> None:
        """These are the answer's messages, first page first, as another process has left them."""
        ...

    def seen(self, message_id: int) -> bool:
        """Discord has this message of the answer: if it is not known by the end, it is removed. False when the end
        is over."""
        ...

    def is_removing(self, message_id: int) -> bool:
        """Whether the delivery itself deletes this message."""
        ...

    def changed(self) -> None:
        """The source has something newer; returns at once."""
        ...

    @property
    def message_ids(self) -> tuple[int | None, ...]:
        """The answer's messages, first page first; None for one whose id is not known yet."""
        ...

    @property
    def is_current(self) -> bool:
        """Whether what Discord shows is the newest state, and nothing is on its way."""
        ...

    def renew(self, token: str, expires_at: float) -> None:
        """A press on the answer's only message brought a token that edits it; ``expires_at`` in epoch seconds."""
        ...

    async def finish(self) -> None:
        """Show the last state; return when it is shown. Raises :class:`DeliveryError`."""
        ...


class Messenger(Protocol):
    """Sends messages beside an answer. Raises only :class:`DeliveryError`."""

    async def announce(
        self, destination: Destination, *, request_id: str, reply_to: int, user_id: int, text: str
    ) -> None:
        """Reply to an answer in its channel; pings ``user_id`` and nobody else."""
        ...

    async def direct(
        self, user_id: int, pages: Sequence[Page], *, request_id: str, locale: str, heading: str
    ) -> None:
        """Send an answer to somebody's DMs."""
        ...


class Preferences(Protocol):
    """What people chose for themselves. Raises only :class:`StorageError`."""

    async def announce(self, user_id: int) -> bool:
        """Whether this person wants to be told when an answer took long."""
        ...

    async def set_announce(self, user_id: int, announce: bool) -> None:
        """Remember this person's choice."""
        ...


class Feedback(Protocol):
    """What people thought of answers. Raises only :class:`StorageError`."""

    async def give(self, request_id: str, user_id: int, value: Literal[-1, 1], *, now: float) -> None:
        """Set this person's thumb for the answer; ``now`` in epoch seconds."""
        ...


class Brake(Protocol):
    """How close the bot is to being banned by Discord."""

    def level(self) -> Level:
        """What may be sent now."""
        ...


class Deliveries(Protocol):
    """Opens deliveries."""

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
        """Start keeping an answer's messages equal to ``source``. None is older than ``asked_at`` (epoch seconds);
        ``may_be_more``: Discord may have others than ``message_ids``."""
        ...

    async def close(self, request_id: str) -> None:
        """Forget a delivery, finished or not."""
        ...
