"""People's own words: kept true to their messages, exported and forgotten on request, and not kept for ever."""

from __future__ import annotations

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
"""Seconds after the start until old questions are looked for first; then daily."""

_OPEN = (RequestState.QUEUED, RequestState.RUNNING)


class PersonalData:
    """What a person may do with what is kept of them, and the daily job that ends all keeping."""

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
        """Somebody edited a message: if it was a question, the conversation holds the new words from now on."""
        if prompt.strip() and await self._store.reword(message_id, prompt):
            log.info("question.reworded", message=message_id)

    async def message_deleted(self, message_id: int) -> None:
        """Somebody's message is gone: if it was a question, it is withdrawn and its words are forgotten."""
        for request_id in await self._store.written_as(message_id):
            await self._withdraw(request_id)
        if await self._store.forget_message(message_id):
            log.info("question.forgotten", message=message_id)

    async def exported(self, user_id: int) -> tuple[KeptQuestion, ...]:
        """Everything kept of what a person asked, oldest first. Raises :class:`StorageError`."""
        return tuple(await self._store.exported(user_id))

    async def summaries(self, user_id: int) -> tuple[KeptSummary, ...]:
        """The summaries made of this person's turns alone. Raises :class:`StorageError`."""
        return tuple(await self._store.summaries_of(user_id))

    async def forget(self, user_id: int) -> Forgotten:
        """Withdraw what is open of a person, then remove everything but the amounts that their quota and share
        need. Raises :class:`StorageError`."""
        for request in await self._requests.of_user(user_id, _OPEN):
            await self._withdraw(request.request_id)
        forgotten = await self._store.forget_user(user_id, today=self._today)
        log.info("person.forgotten", questions=forgotten.questions, turns=forgotten.turns)
        return forgotten

    async def run(self) -> None:
        """Remove what is older than its place keeps it, daily; ends when cancelled."""
        await self._clock.sleep(FIRST_RUN_AFTER)
        while True:
            try:
                await self.expire()
            except BotError as error:
                # Tomorrow is soon enough: nobody waits for this.
                log.warning("retention.failed", detail=str(error))
            await self._clock.sleep(float(DAY))

    async def expire(self) -> int:
        """Remove what is older than the retention of its place; returns how many questions that were."""
        removed = 0
        for conversation_id, scopes in await self._store.scopes_kept():
            days = (await self._profiles.of(scopes)).retention_days
            if days:
                removed += await self._store.expire(conversation_id, before=self._clock.now() - days * DAY)
        await self._store.forget_amounts(today=self._today)
        log.info("retention.done", removed=removed)
        return removed

    @property
    def _today(self) -> int:
        return int(self._clock.now() // DAY)

    async def _withdraw(self, request_id: str) -> None:
        request = await self._requests.get(request_id)
        if request is not None and request.state in _OPEN:
            await self._cancellation.withdraw(request_id, by=request.question.asker.user_id)
