"""Deliveries that only record what they would show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.domain.queue.request import Destination
from bot.errors import DeliveryError
from bot.presentation.page import Page, PageSource


@dataclass(eq=False)
class ShownAnswer:
    """A :class:`bot.services.ports.AnswerDelivery` that shows everything at once."""

    source: PageSource
    on_sent: Callable[[int, int | None], None]
    on_gone: Callable[[], None]
    changed_to: Callable[[], None]
    error: DeliveryError | None = None
    taken: asyncio.Event | None = None
    finished: int = 0
    states: list[str] = field(default_factory=list)
    ids: list[int | None] = field(default_factory=list)
    may_be_more: bool = False
    strays: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The whole text that Discord shows now."""
        return self.states[-1] if self.states else ""

    @property
    def message_ids(self) -> tuple[int | None, ...]:
        """The messages acknowledged."""
        return tuple(self.ids)

    @property
    def is_current(self) -> bool:
        """Always true: no call is ever in flight."""
        return True

    def acknowledged(self, message_id: int | None, page: Page | None = None) -> None:
        """Record the first message."""
        self.ids = [message_id]
        self.changed()

    def refused(self) -> None:
        """Do nothing: nothing is refused here."""

    def learned(self, message_ids: Sequence[int]) -> None:
        """Record further messages."""
        self.ids.extend(message_ids[len(self.ids) :])

    def seen(self, message_id: int) -> bool:
        """Record a message that Discord told of."""
        self.strays.append(message_id)
        return message_id in self.ids or not self.finished

    def is_removing(self, message_id: int) -> bool:
        """Always false: it never removes a message."""
        return False

    def changed(self) -> None:
        """Show the newest state."""
        pages = self.source.render()
        self.states.append("\n".join(part for page in pages for part in (page.body, page.footer) if part))
        self.changed_to()

    def renew(self, token: str, expires_at: float) -> None:
        """Record the new token."""
        self.error = None

    async def finish(self) -> None:
        """Show the last state, when a test lets Discord take it, or fail with the error a test has set."""
        if self.taken is not None:
            await self.taken.wait()
        if self.error is not None:
            raise self.error
        self.finished += 1
        self.changed()


@dataclass(eq=False)
class ShownAnswers:
    """A :class:`bot.services.ports.Deliveries`. ``answers`` keeps closed ones too."""

    answers: dict[str, ShownAnswer] = field(default_factory=dict)
    open_now: set[str] = field(default_factory=set)
    on_change: Callable[[], None] = lambda: None
    error: DeliveryError | None = None
    """What shows no last state of any answer that is opened from now on."""

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
    ) -> ShownAnswer:
        """Show an answer."""
        shown = ShownAnswer(
            source, on_sent, on_gone, self.on_change, ids=list(message_ids), may_be_more=may_be_more
        )
        shown.error = self.error
        self.answers[request_id] = shown
        self.open_now.add(request_id)
        return shown

    async def close(self, request_id: str) -> None:
        """Stop showing it."""
        self.open_now.discard(request_id)
        self.on_change()


class NoMessages:
    """A :class:`bot.services.ports.Messenger` that sends nothing."""

    async def announce(
        self, destination: Destination, *, request_id: str, reply_to: int, user_id: int, text: str
    ) -> None:
        """Send nothing."""

    async def direct(
        self, user_id: int, pages: Sequence[Page], *, request_id: str, locale: str, heading: str
    ) -> None:
        """Send nothing."""


class NoAnnouncements:
    """A :class:`bot.services.ports.Preferences` of people who want no announcements."""

    async def announce(self, user_id: int) -> bool:
        """Always false."""
        return False

    async def set_announce(self, user_id: int, announce: bool) -> None:
        """Do nothing."""
