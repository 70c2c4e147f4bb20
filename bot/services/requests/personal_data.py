"""Personal data: follows edited and deleted messages, is exported and erased on request, and expires."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.clock import Clock
from bot.domain.access.keys import Key, KeyStore
from bot.domain.conversation.help_threads import HelpThreadStore, KeptHelp
from bot.domain.conversation.personal_data import Forgotten, KeptQuestion, PersonalDataStore
from bot.domain.conversation.summary import KeptSummary
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import RequestStore
from bot.domain.queue.usage import DAY
from bot.domain.schedules.schedule import Schedule, ScheduleStore
from bot.errors import BotError
from bot.services.access.profiles import Profiles
from bot.services.requests.cancellation import Cancellation
from bot.services.requests.revisions import Revisions
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

HELP_KEPT_DAYS = 180
"""Days after which it is forgotten who wrote a post of a help channel: then the bot is silent in it."""

FIRST_RUN_AFTER = 60.0
"""Seconds from the start to the first removal of old questions."""

# The newest deleted messages that are remembered: one of them may be a question that is not stored yet.
DELETED_KEPT = 256

_OPEN = (RequestState.QUEUED, RequestState.RUNNING)


class PersonalData:
    """What people may do with the data stored of them, and the daily job that removes old data."""

    def __init__(
        self,
        store: PersonalDataStore,
        requests: RequestStore,
        cancellation: Cancellation,
        revisions: Revisions,
        profiles: Profiles,
        background: Background,
        clock: Clock,
        leads: Callable[[], Awaitable[bool]] | None = None,
        keys: KeyStore | None = None,
        help_threads: HelpThreadStore | None = None,
        schedules: ScheduleStore | None = None,
    ) -> None:
        """``leads`` tells whether this process removes old data for all; None: there are no others."""
        self._leads = leads
        self._keys = keys
        self._help = help_threads
        self._schedules = schedules
        self._store = store
        self._requests = requests
        self._cancellation = cancellation
        self._revisions = revisions
        self._profiles = profiles
        self._background = background
        self._clock = clock
        self._deleted: deque[int] = deque(maxlen=DELETED_KEPT)

    async def message_edited(self, message_id: int, prompt: str) -> None:
        """Replace the words of a question whose message was edited; no-op for other messages."""
        # Most messages are no questions: they cost a read and no write.
        if prompt.strip() and await self._store.written_as(message_id):
            await self._store.reword(message_id, prompt)
            log.info("question.reworded", message=message_id)

    async def message_deleted(self, message_id: int) -> None:
        """Withdraw and forget the question of a deleted message; no-op for other messages."""
        self._deleted.append(message_id)
        questions = await self._store.written_as(message_id)
        ended = [request_id for request_id in questions if not await self._withdraw(request_id)]
        if questions:
            await self._store.forget_message(message_id)
            log.info("question.forgotten", message=message_id)
        if ended:
            # Not waited for: a moderator deletes up to a hundred messages at once.
            self._background.spawn(self._revisions.show_forgotten(ended), name=f"forgotten-{message_id}")

    async def taken(self, message_id: int) -> None:
        """Withdraw and forget the question of this message when it was deleted while it was being taken."""
        if message_id in self._deleted:
            await self.message_deleted(message_id)

    async def export(self, user_id: int) -> tuple[Sequence[KeptQuestion], Sequence[KeptSummary]]:
        """Everything stored of what a person asked, oldest first, and the summaries made of their turns alone.
        Raises :class:`StorageError`."""
        return await self._store.exported(user_id), await self._store.summaries_of(user_id)

    async def keys_of(self, user_id: int) -> Sequence[Key]:
        """What is stored of a person's keys for programs. Raises :class:`StorageError`."""
        return await self._keys.of_user(user_id) if self._keys is not None else ()

    async def help_of(self, user_id: int) -> KeptHelp:
        """What is stored of a person in help channels. Raises :class:`StorageError`."""
        return await self._help.kept_of(user_id) if self._help is not None else KeptHelp()

    async def schedules_of(self, user_id: int) -> Sequence[Schedule]:
        """A person's schedules. Raises :class:`StorageError`."""
        return await self._schedules.of_user(user_id) if self._schedules is not None else ()

    async def forget(self, user_id: int) -> Forgotten:
        """Withdraw a person's open questions, then remove everything stored of them but the amounts that their
        quota and share need. Raises :class:`StorageError`."""
        for request in await self._requests.of_user(user_id, _OPEN):
            await self._withdraw(request.request_id)
        forgotten = await self._store.forget_user(user_id, today=self._today)
        log.info("person.forgotten", questions=forgotten.questions, turns=forgotten.turns)
        return forgotten

    async def run(self) -> None:
        """Remove questions past their retention, daily, until cancelled."""
        await self._clock.sleep(FIRST_RUN_AFTER)
        while True:
            try:
                if self._leads is None or await self._leads():
                    await self.expire()
            except BotError as error:
                # It is tried again tomorrow: nobody waits for this.
                log.warning("retention.failed", detail=str(error))
            await self._clock.sleep(float(DAY))

    async def expire(self) -> int:
        """Remove questions older than the retention where they were asked; returns how many."""
        removed = 0
        for conversation_id, scopes in await self._store.scopes_kept():
            days = (await self._profiles.of(scopes)).retention_days
            if days:
                removed += await self._store.expire(conversation_id, before=self._clock.now() - days * DAY)
        await self._store.forget_amounts(today=self._today)
        if self._help is not None:
            await self._help.expire(before=self._clock.now() - HELP_KEPT_DAYS * DAY)
        log.info("retention.done", removed=removed)
        return removed

    @property
    def _today(self) -> int:
        return int(self._clock.now() // DAY)

    async def _withdraw(self, request_id: str) -> bool:
        """End a question that waits or runs; False when it has ended already."""
        request = await self._requests.get(request_id)
        if request is None or request.state not in _OPEN:
            return False
        await self._cancellation.withdraw(request_id, by=request.question.asker.user_id)
        return True
