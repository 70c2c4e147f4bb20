"""Personal data: follows edited and deleted messages, is exported and erased on request, and expires."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.clock import Clock
from bot.domain.conversation.personal_data import Forgotten, KeptQuestion, PersonalDataStore
from bot.domain.conversation.summary import KeptSummary
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import RequestStore
from bot.domain.queue.usage import DAY
from bot.errors import BotError
from bot.services.access.profiles import Profiles
from bot.services.requests.cancellation import Cancellation

log = structlog.get_logger(__name__)

FIRST_RUN_AFTER = 60.0
"""Seconds from the start to the first removal of old questions."""

_OPEN = (RequestState.QUEUED, RequestState.RUNNING)


class PersonalData:
    """What people may do with the data stored of them, and the daily job that removes old data."""

    def __init__(
        self,
        store: PersonalDataStore,
        requests: RequestStore,
        cancellation: Cancellation,
        profiles: Profiles,
        clock: Clock,
    ) -> None:
        self._store = store
        self._requests = requests
        self._cancellation = cancellation
        self._profiles = profiles
        self._clock = clock

    async def message_edited(self, message_id: int, prompt: str) -> None:
        """Replace the words of a question whose message was edited; no-op for other messages."""
        if prompt.strip() and await self._store.reword(message_id, prompt):
            log.info("question.reworded", message=message_id)

    async def message_deleted(self, message_id: int) -> None:
        """Withdraw and forget the question of a deleted message; no-op for other messages."""
        for request_id in await self._store.written_as(message_id):
            await self._withdraw(request_id)
        if await self._store.forget_message(message_id):
            log.info("question.forgotten", message=message_id)

    async def export(self, user_id: int) -> tuple[Sequence[KeptQuestion], Sequence[KeptSummary]]:
        """Everything stored of what a person asked, oldest first, and the summaries made of their turns alone.
        Raises :class:`StorageError`."""
        return await self._store.exported(user_id), await self._store.summaries_of(user_id)

    async def forget(self, user_id: int) -> Forgotten:
        """Withdraw a person's open questions, then remove everything stored of them. Raises
        :class:`StorageError`."""
        for request in await self._requests.of_user(user_id, _OPEN):
            await self._withdraw(request.request_id)
        forgotten = await self._store.forget_user(user_id)
        log.info("person.forgotten", questions=forgotten.questions, turns=forgotten.turns)
        return forgotten

    async def run(self) -> None:
        """Remove questions past their retention, daily, until cancelled."""
        await self._clock.sleep(FIRST_RUN_AFTER)
        while True:
            try:
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
        log.info("retention.done", removed=removed)
        return removed

    async def _withdraw(self, request_id: str) -> None:
        request = await self._requests.get(request_id)
        if request is not None and request.state in _OPEN:
            await self._cancellation.withdraw(request_id, by=request.question.asker.user_id)
