"""The status card kept current: on boards in channels, and for a while under ``/status``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bot.clock import Clock, woken
from bot.domain.cluster.audit import AuditEntry, AuditLog, Json
from bot.domain.cluster.boards import Board, Boards
from bot.errors import AccessLost, DeliveryError, MessageGone, StorageError
from bot.presentation.status import NODES_SHOWN, Card, clusters_card, of_cluster, status_card
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.observed import Observed
from bot.services.requests.overview import QueueOverview

log = structlog.get_logger(__name__)

# In seconds.
LIVE_SECONDS = 600.0
LOOK_EVERY = 60.0
# How often the stored boards are read: another process may have placed or removed one.
SETTLE_EVERY = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between edits: after an event at least ``event``, when only figures changed at least ``figures``,
    and without any change ``repeat``."""

    event: float
    figures: float
    repeat: float


# Discord itself shows each reader the age of the card (a relative timestamp), so a board that stays the same needs
# few edits: 18 an hour tell whether its message still exists.
BOARD_PACE = Pace(event=1.2, figures=15.0, repeat=200.0)
LIVE_PACE = Pace(event=1.2, figures=10.0, repeat=60.0)


class CardPoster(Protocol):
    """Shows cards in channels. Raises only :class:`DeliveryError`."""

    async def post(self, channel_id: int, card: Card) -> int:
        """Send a card; returns the message's id."""
        ...

    async def edit(self, channel_id: int, message_id: int, card: Card) -> None:
        """Replace a card. Raises :class:`MessageGone` when somebody deleted the message."""
        ...


class _Drawing(Protocol):
    """Draws the card of one cluster."""

    def __call__(self, nodes_shown: int, *, of_several: bool) -> Card:
        """With at most so many nodes."""
        ...


class StatusCards:
    """Makes the status card of everything that is known."""

    def __init__(self, clusters: Sequence[Observed], queue: QueueOverview, nodes: NodeBook, clock: Clock) -> None:
        """``clusters``: all of them, at least one."""
        self._clusters = clusters
        self._queue = queue
        self._nodes = nodes
        self._clock = clock

    async def card(self, locale: str, cluster: str | None = None) -> Card:
        """The card now, of all clusters, or of the one with this name. Raises :class:`StorageError`."""
        shown = [one for one in self._clusters if cluster in {None, one.cluster.name}]
        drawn = [(one.cluster.name, await self._drawing(locale, one)) for one in shown]
        if len(self._clusters) == 1:
            return drawn[0][1](NODES_SHOWN, of_several=False)
        if cluster is not None:
            return of_cluster(cluster, drawn[0][1](NODES_SHOWN, of_several=False))
        load = await self._queue.load()
        return clusters_card(
            locale,
            lambda nodes: [(name, draw(nodes, of_several=True)) for name, draw in drawn],
            waiting=load.waiting,
        )

    async def _drawing(self, locale: str, one: Observed) -> _Drawing:
        """Draws the card of one cluster as it is now, with at most so many nodes."""
        view, load = one.cluster.service.view(), await self._queue.load(one.cluster.name)
        figures, speeds = await one.recorder.figures(), await one.recorder.speeds()
        fault = await one.cluster.service.model_fault()

        def draw(nodes_shown: int, *, of_several: bool) -> Card:
            return status_card(
                locale,
                view.status,
                availability=view.availability.value,
                received_at=view.received_at,
                load=load,
                figures=figures,
                speeds=speeds,
                names={node_id: node.name for node_id, node in self._nodes.names.items()},
                frozen=view.frozen,
                wants_key=view.wants_key,
                failing=view.failing,
                stranded=one.recorder.stranded,
                standalone=view.standalone,
                model_fault=fault,
                web_page=one.cluster.service.web_page,
                nodes_shown=nodes_shown,
                of_several=of_several,
            )

        return draw

    async def board(self, locale: str) -> Card:
        """The card for a board: without the button Live, because a board is live. Raises :class:`StorageError`."""
        card = await self.card(locale)
        return replace(card, buttons=tuple(button for button in card.buttons if button.action != "live"))


class Follower:
    """Draws a card again and again and shows it when it has changed, at its pace. An error of ``show`` ends it."""

    def __init__(
        self,
        draw: Callable[[], Awaitable[Card]],
        show: Callable[[Card], Awaitable[None]],
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._draw = draw
        self._show = show
        self._clock = clock
        self._pace = pace
        self._wake = asyncio.Event()
        self._urgent = True
        self._ended = False

    def end(self) -> None:
        """Show nothing more."""
        self._ended = True
        self._wake.set()

    def changed(self, *, urgent: bool) -> None:
        """Note that the card may have changed; an ``urgent`` change is shown sooner."""
        self._urgent = self._urgent or urgent
        self._wake.set()

    async def run(self, shown: Card | None, *, seconds: float | None = None) -> None:
        """Follow until cancelled, or for ``seconds``; ``shown`` is the card on screen now."""
        end = None if seconds is None else self._clock.monotonic() + seconds
        shown_at = self._clock.monotonic() if shown is not None else float("-inf")
        while not self._ended and (end is None or self._clock.monotonic() < end):
            since = self._clock.monotonic() - shown_at
            card = await self._draw()
            gap = self._pace.event if self._urgent or shown is None else self._pace.figures
            if since >= self._pace.repeat or (card != shown and since >= gap):
                self._urgent = False
                shown_at = self._clock.monotonic()
                await self._show(card)
                shown = card
                continue
            pause = gap - since
            if card == shown:
                # No event reports changes of the queue, so the card is drawn again after a while.
                self._urgent, pause = False, min(self._pace.figures, self._pace.repeat - since)
            if end is not None:
                pause = min(pause, end - self._clock.monotonic())
            await woken(self._wake, self._clock, pause)


class BoardKeeper:
    """Keeps every board and every live card current. Of several processes on one database, only the leader shows
    boards."""

    def __init__(
        self,
        store: Boards,
        cards: StatusCards,
        poster: CardPoster,
        clusters: Sequence[Observed],
        nodes: NodeBook,
        audit: AuditLog,
        clock: Clock,
        leadership: Leadership,
    ) -> None:
        self._audit = audit
        self._store = store
        self._cards = cards
        self._poster = poster
        self._nodes = nodes
        self._clock = clock
        self._leadership = leadership
        self._boards: dict[int, tuple[Board, Follower, asyncio.Task[None]]] = {}
        self._live: dict[int, Follower] = {}
        self._again = asyncio.Event()
        # Held while a board is sent, and while the shown boards are compared with the stored ones.
        self._placing = asyncio.Lock()
        for one in clusters:
            one.recorder.subscribe(lambda _: self._tell(urgent=True))
            # A node that came back may be one that has a name: its name is shown at once.
            one.cluster.service.subscribe(lambda: self._tell(urgent=True))

    async def run(self) -> None:
        """Show the stored boards until cancelled."""
        looked_at = float("-inf")
        try:
            while True:
                if self._clock.monotonic() - looked_at >= LOOK_EVERY:
                    looked_at = self._clock.monotonic()
                    await self._nodes.refresh()
                    self._tell(urgent=False)
                await self._settle()
                await woken(self._again, self._clock, SETTLE_EVERY)
        finally:
            for _, _, task in self._boards.values():
                task.cancel()
            await asyncio.gather(*(task for _, _, task in self._boards.values()), return_exceptions=True)
            self._boards.clear()
            await self._leadership.release()

    async def place(self, channel_id: int, guild_id: int | None, locale: str, *, by: int) -> None:
        """Place a board for an operator; a board that the channel has already is replaced. Raises
        :class:`DeliveryError`, :class:`StorageError`."""
        # The operator asked this process, so it becomes the leader and shows the board.
        await self._leadership.take()
        async with self._placing:
            await self._stop(channel_id)
            card = await self._cards.board(locale)
            board = Board(channel_id, guild_id, await self._poster.post(channel_id, card), locale)
            await self._store.put_board(board)
            self._start(board, card)
        await self._note(by, channel_id, removed=False)

    async def remove(self, channel_id: int, *, by: int) -> bool:
        """Stop updating a board; its message stays. False when there was none. Raises :class:`StorageError`."""
        await self._leadership.take()
        async with self._placing:
            await self._stop(channel_id)
            was_there = await self._store.remove_board(channel_id)
        await self._note(by, channel_id, removed=True)
        return was_there

    async def _note(self, by: int, channel_id: int, *, removed: bool) -> None:
        detail: Json = {"channel": channel_id, "removed": removed}
        await self._audit.record(AuditEntry(self._clock.now(), by, "cluster.board", detail))

    async def message_deleted(self, message_id: int) -> None:
        """Send a board again whose message was deleted in Discord."""
        for board, _, _ in list(self._boards.values()):
            if board.message_id == message_id and await self._leadership.is_ours(surely=True):
                async with self._placing:
                    await self._stop(board.channel_id)
                    await self._store.put_board(replace(board, message_id=None))
                self._again.set()

    async def follow(
        self,
        message_id: int,
        locale: str,
        show: Callable[[Card], Awaitable[None]],
        shown: Card,
        cluster: str | None = None,
    ) -> None:
        """Keep the card in this message current for ten minutes; ``cluster`` as in :meth:`StatusCards.card`. Ends
        early, without an error, when it cannot be shown any more or when somebody presses Live again."""

        async def draw() -> Card:
            return replace(await self._cards.card(locale, cluster), live=True)

        follower = Follower(draw, show, self._clock, LIVE_PACE)
        if (before := self._live.get(message_id)) is not None:
            before.end()
        self._live[message_id] = follower
        try:
            await follower.run(replace(shown, live=True), seconds=LIVE_SECONDS)
            if self._live.get(message_id) is follower:
                await show(await self._cards.card(locale, cluster))
        except DeliveryError as error:
            log.info("live.ended", error=type(error).__name__)
        finally:
            if self._live.get(message_id) is follower:
                del self._live[message_id]

    def _tell(self, *, urgent: bool) -> None:
        for _, follower, _ in self._boards.values():
            follower.changed(urgent=urgent)
        for follower in self._live.values():
            follower.changed(urgent=urgent)

    async def _settle(self) -> None:
        """Show exactly the stored boards: another process may have placed, moved or removed one, or have become
        the leader."""
        async with self._placing:
            kept = await self._store.boards() if await self._leadership.is_ours() else ()
            wanted = {board.channel_id: board for board in kept}
            for channel_id, (board, _, _) in list(self._boards.items()):
                if wanted.get(channel_id) != board:
                    await self._stop(channel_id)
            for channel_id, board in wanted.items():
                if channel_id not in self._boards:
                    self._start(board, None)

    def _start(self, board: Board, shown: Card | None) -> None:
        follower = Follower(
            lambda: self._cards.board(board.locale),
            lambda card: self._show(board.channel_id, card),
            self._clock,
            BOARD_PACE,
        )
        task = asyncio.create_task(self._carry(follower, shown), name=f"board-{board.channel_id}")
        self._boards[board.channel_id] = board, follower, task

    async def _carry(self, follower: Follower, shown: Card | None) -> None:
        while True:
            try:
                await follower.run(shown)
            except (DeliveryError, StorageError) as error:
                log.warning("board.not_shown", error=type(error).__name__, detail=str(error))
            except Exception:
                # Nobody waits for this task: without this the board would stay as it is without any message.
                log.exception("board.crashed")
            # Try again: the bot may be let into the channel again, the network may come back.
            shown = None
            await self._clock.sleep(LOOK_EVERY)

    async def _show(self, channel_id: int, card: Card) -> None:
        message_id = self._boards[channel_id][0].message_id
        try:
            if message_id is not None:
                await self._poster.edit(channel_id, message_id, card)
                return
        except MessageGone:
            log.info("board.sent_again", channel=channel_id)
        except AccessLost:
            log.warning("board.no_access", channel=channel_id)
            raise
        await self._send_again(channel_id, card)

    async def _send_again(self, channel_id: int, card: Card) -> None:
        async with self._placing:
            # Every process sees that the message is gone; only the leader sends it again.
            if not await self._leadership.is_ours(surely=True):
                return
            board, follower, task = self._boards[channel_id]
            placed = replace(board, message_id=await self._poster.post(channel_id, card))
            await self._store.put_board(placed)
            self._boards[channel_id] = placed, follower, task

    async def _stop(self, channel_id: int) -> None:
        running = self._boards.pop(channel_id, None)
        if running is not None:
            running[2].cancel()
            await asyncio.gather(running[2], return_exceptions=True)
