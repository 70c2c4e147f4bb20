"""How a request ends: its state committed, its message brought to its last form, in that order."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from bot.clock import Clock
from bot.domain.queue.request import Answer, StoredRequest, Used
from bot.domain.queue.store import RequestStore
from bot.errors import AccessLost, BotError, DeliveryError, MessageGone, StorageError, TokenExpired, ValueRefused
from bot.i18n.catalogue import fill, say
from bot.presentation.answer import Receipt
from bot.presentation.page import compact_duration
from bot.services.answers.final_views import FinalViews, retry
from bot.services.answers.live import LiveAnswer
from bot.services.answers.unshown import Unshown
from bot.services.ports import Messenger, Preferences
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# For so many seconds a commit is repeated; what fails for longer is left to reconciliation
# (bot/services/queue/reconciliation.py).
STORAGE_PATIENCE = 60.0
# Seconds before the first repetition of a commit, and between later ones.
FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0

_Kept = TypeVar("_Kept")


class Completion:
    """Commits ends and shows them. A commit that fails is repeated for a minute before it is given up."""

    def __init__(
        self,
        store: RequestStore,
        views: FinalViews,
        messenger: Messenger,
        preferences: Preferences,
        unshown: Unshown,
        clock: Clock,
        metrics: Metrics,
        *,
        owner: str,
        announce_after: float,
    ) -> None:
        """After ``announce_after`` seconds of waiting a finished answer is announced to its asker."""
        self._views = views
        self._messenger = messenger
        self._preferences = preferences
        self._unshown = unshown
        self._announce_after = announce_after
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._owner = owner

    async def finish(self, request: StoredRequest, live: LiveAnswer, answer: Answer, *, by: int = 0) -> None:
        """Store an answer that is complete, was stopped by ``by`` or broke off; then show it. Raises
        :class:`StorageError`."""
        kept = await self._commit(
            lambda: self._store.mark_answered(
                request.request_id, self._owner, answer, now=self._clock.now(), started_at=request.started_at
            )
        )
        if not kept:
            _note_not_ours(request)
            return
        self._count(request, answer)
        await self.deliver(replace(request, answer=answer), live, by=by)

    async def fail(self, request: StoredRequest, live: LiveAnswer, error: BotError) -> None:
        """Store that a question could not be answered, and show why, with an id that operators can search for.
        Raises :class:`StorageError`."""
        failing = partial(self._store.mark_failed, request.request_id, error.key, owner=self._owner)
        if not await self._commit(lambda: failing(now=self._clock.now())):
            _note_not_ours(request)
            return
        log.error(
            "question.failed",
            request_id=request.request_id,
            error=type(error).__name__,
            detail=str(error),
            status=getattr(error, "status", None),
            code=getattr(error, "code", None),
        )
        _count_end(self._metrics, request, "failed")
        await self.show_failed(request, live, error)

    async def show_failed(self, request: StoredRequest, live: LiveAnswer, error: BotError) -> None:
        """Show why a question could not be answered (its state is committed already)."""
        sentence = fill(live.question.asker.locale, error.key, error.params)
        await self._end(request, live, "failed", {"sentence": sentence, "incident": request.request_id[:4]})

    async def cancel(
        self, request: StoredRequest, live: LiveAnswer | None, *, by: int, used: Used | None = None
    ) -> bool:
        """Store that a question was stopped or withdrawn, and what it has ``used``, and show it; False when it had
        already ended, or another process answers it. Raises :class:`StorageError`."""
        done = await self._cancelled(request, by, used)
        if done and live is not None and by:
            await self.show_cancelled(request, live, by=by)
        elif done and not by:  # somebody deleted a message of it, which may have others
            self._unshown.failed(request.request_id)
        return done

    async def withdraw(self, request: StoredRequest, live: LiveAnswer, *, by: int, used: Used | None) -> bool:
        """As :meth:`cancel`, for a question whose asker deleted it: it is forgotten, so nothing can be
        repeated."""
        done = await self._cancelled(request, by, used)
        if done:
            live.view.finish(Receipt(outcome="withdrawn"))
            await self.show_end(request, live, "withdrawn", is_news=False)
        return done

    async def _cancelled(self, request: StoredRequest, by: int, used: Used | None) -> bool:
        ending = partial(self._store.mark_cancelled, request.request_id, used=used, owner=self._owner)
        done = await self._commit(lambda: ending(now=self._clock.now()))
        if done:
            log.info("question.cancelled", request_id=request.request_id, by=by)
            _count_end(self._metrics, request, "cancelled")
        return done

    async def clear(self, *, by: int) -> Sequence[StoredRequest]:
        """Cancel everything that waits, in one transaction; the caller shows it with :meth:`show_cancelled`.
        Raises :class:`StorageError`."""
        ended = await self._commit(lambda: self._store.clear(now=self._clock.now()))
        for request in ended:
            log.info("question.cancelled", request_id=request.request_id, by=by)
            _count_end(self._metrics, request, "cancelled")
        return ended

    async def show_cancelled(self, request: StoredRequest, live: LiveAnswer, *, by: int) -> None:
        """Show who ended a question (its state is committed already)."""
        key = "cancelled" if request.started_at is None else "stopped_early"
        # People need no direct message about what they withdrew themselves.
        is_news = by != request.question.asker.user_id
        await self._end(request, live, key, {"by": f"<@{by}>"}, is_news=is_news)

    async def show_expired(self, request: StoredRequest, live: LiveAnswer, *, now: float) -> None:
        """Show that a question waited too long (its state is committed already)."""
        waited = now - request.question.asked_at
        log.warning("question.expired", request_id=request.request_id, waited=waited)
        _count_end(self._metrics, request, "expired")
        duration = compact_duration(waited, live.question.asker.locale)
        await self._end(request, live, "expired", {"duration": duration})

    async def deliver(self, request: StoredRequest, live: LiveAnswer, *, by: int = 0) -> None:
        """Show the last form of an answer that is committed, then commit that it was shown. ``by`` is who stopped
        it. Raises :class:`StorageError`.

        Safe to repeat: the edits are the same, and Discord takes an announcement once.
        """
        if request.answer is not None:
            await self._views.finish(live.view, request, request.answer, by=by)
        try:
            await live.delivery.finish()
        except MessageGone:
            log.info("answer.message_deleted", request_id=request.request_id)
        except (TokenExpired, AccessLost) as error:
            if not await self._sent_directly(request, live, "direct.heading", error):
                # It stays `answered` for /queue.
                return
        except DeliveryError as error:
            # The answer stays `answered`: it is shown later or by the next start, and /queue shows it before.
            log.error("answer.not_shown", request_id=request.request_id, detail=str(error))
            self._unshown.failed(request.request_id)
            return
        else:
            try:
                await self._announce(request, live)
            finally:
                # The answer is shown, even if the announcement failed.
                await self._delivered(request)
            return
        await self._delivered(request)

    async def _delivered(self, request: StoredRequest) -> None:
        await self._commit(lambda: self._store.mark_delivered(request.request_id, now=self._clock.now()))

    async def _sent_directly(
        self, request: StoredRequest, live: LiveAnswer, heading: str, error: DeliveryError
    ) -> bool:
        """Send the last form of a message that cannot be edited any more to the asker's DMs, under the sentence
        ``heading``; False when they do not accept it."""
        question = request.question
        # Where somebody brought the bot along, the place is not kept.
        key = "brought.heading" if question.is_brought_along else heading
        try:
            await self._messenger.direct(
                question.asker.user_id,
                live.view.render(),
                request_id=request.request_id,
                locale=question.asker.locale,
                heading=say(question.asker.locale, key, channel=f"<#{question.destination.channel_id}>"),
            )
        except DeliveryError as refusal:
            told = {"destination": str(error), "direct": str(refusal)}
            log.warning("answer.not_sent_directly", request_id=request.request_id, **told)
            return False
        log.info("answer.sent_directly", request_id=request.request_id, destination=str(error))
        return True

    async def _announce(self, request: StoredRequest, live: LiveAnswer) -> None:
        """Ping the asker with one reply after a long wait, because edits notify nobody.

        Private answers are not announced: everybody would see the reply in the channel, and a private one does not
        notify reliably.
        """
        question = request.question
        first_page = live.delivery.message_ids[0] if live.delivery.message_ids else None
        if (
            _waited_for_a_word(request) < self._announce_after
            or first_page is None
            or not question.destination.channel_route
        ):
            return
        try:
            if await self._preferences.announce(question.asker.user_id):
                await self._messenger.announce(
                    question.destination,
                    request_id=request.request_id,
                    reply_to=first_page,
                    user_id=question.asker.user_id,
                    text=say(question.asker.locale, "announce.ready", asker=f"<@{question.asker.user_id}>"),
                )
        except BotError as error:
            log.info("answer.not_announced", request_id=request.request_id, detail=str(error))

    async def _end(
        self,
        request: StoredRequest,
        live: LiveAnswer,
        outcome: str,
        params: dict[str, object],
        *,
        is_news: bool = True,
    ) -> None:
        """Show how a question ended without an answer. If its message cannot be edited any more and the end
        ``is_news`` for its asker, they get a direct message."""
        notice = fill(live.question.asker.locale, f"outcome.{outcome}", params)
        if not await self._views.restore(request, live, notice):
            live.view.finish(Receipt(outcome=outcome, params=tuple(params.items())), retry(request.question))
        await self.show_end(request, live, outcome, is_news=is_news)

    async def show_end(self, request: StoredRequest, live: LiveAnswer, outcome: str, *, is_news: bool) -> None:
        """Show the last form of a question that ended without an answer. Parameters as of :meth:`_end`."""
        try:
            await live.delivery.finish()
        except (TokenExpired, AccessLost) as error:
            if not is_news or not await self._sent_directly(request, live, "direct.question", error):
                log.info("end.not_shown", request_id=request.request_id, outcome=outcome, detail=str(error))
        except DeliveryError as error:
            # It is tried again: also for a deleted message, which may have been one of several.
            log.info("end.not_shown", request_id=request.request_id, outcome=outcome, detail=str(error))
            self._unshown.failed(request.request_id)
            return
        await self._unshown.shown(request.request_id)

    async def _commit(self, commit: Callable[[], Awaitable[_Kept]]) -> _Kept:
        return await repeated(commit, self._clock)

    def _count(self, request: StoredRequest, answer: Answer) -> None:
        _count_end(self._metrics, request, answer.finish)
        self._metrics.tokens.labels("completion").inc(answer.completion_tokens)
        self._metrics.tokens.labels("prompt").inc(answer.prompt_tokens or 0)
        if answer.ttft is not None:
            self._metrics.ttft_seconds.observe(answer.ttft)
        if request.started_at is not None:
            self._metrics.wait_seconds.observe(max(0.0, request.started_at - request.question.asked_at))
        log.info(
            "question.answered",
            request_id=request.request_id,
            finish=answer.finish,
            model=answer.model,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            ttft=answer.ttft,
            duration=answer.duration,
        )


async def repeated(commit: Callable[[], Awaitable[_Kept]], clock: Clock) -> _Kept:
    """Run ``commit`` and return its result. A failure that may pass is repeated for :data:`STORAGE_PATIENCE`
    seconds. Raises :class:`StorageError`."""
    until = clock.monotonic() + STORAGE_PATIENCE
    wait = FIRST_WAIT
    while True:
        try:
            return await commit()
        except ValueRefused:
            raise
        except StorageError as error:
            if clock.monotonic() + wait > until:
                raise
            log.warning("commit.repeated", detail=str(error))
        # Random, so that commits that failed together are not repeated together.
        await clock.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(2 * wait, LONGEST_WAIT)


def _waited_for_a_word(request: StoredRequest) -> float:
    """Seconds from the question to the first word of its answer, in our queue and at the scheduler
    (docs/parallax-api.md, "Load")."""
    asked_at = request.question.asked_at
    started = request.started_at if request.started_at is not None else asked_at
    held = request.answer.ttft if request.answer is not None else None
    return started + (held or 0.0) - asked_at


def _count_end(metrics: Metrics, request: StoredRequest, outcome: str) -> None:
    metrics.questions.labels(outcome, request.question.door).inc()


def _note_not_ours(request: StoredRequest) -> None:
    """Our lease ran out and another process holds the question, which will answer it; or it has ended."""
    log.warning("answer.not_ours", request_id=request.request_id)
