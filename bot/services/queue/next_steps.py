"""Lets a summary go on with its next step once one is done."""

from __future__ import annotations

import structlog

from bot.clock import Clock
from bot.domain.channel_summary.plan import progress_in
from bot.domain.channel_summary.steps import Step, SummarySteps
from bot.services.answers.attempt import Attempt, StopCause
from bot.services.answers.completion import Completion, repeated
from bot.services.answers.live import LiveAnswers
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class NextSteps:
    """Stores the steps of summaries, which join the queue again with each."""

    def __init__(
        self,
        store: SummarySteps,
        live_answers: LiveAnswers,
        completion: Completion,
        positions: PositionUpdater,
        signal: QueueSignal,
        clock: Clock,
        metrics: Metrics,
        *,
        owner: str,
    ) -> None:
        self._store = store
        self._live_answers = live_answers
        self._completion = completion
        self._positions = positions
        self._signal = signal
        self._clock = clock
        self._metrics = metrics
        self._owner = owner

    async def take(self, run: Attempt, step: Step) -> None:
        """Store the step that an attempt was, and show where the summary waits for the next one. Raises
        :class:`StorageError`."""
        request_id, live = run.request.request_id, run.live
        kept = await repeated(
            lambda: self._store.advance(request_id, self._owner, step, now=self._clock.now()), self._clock
        )
        log.info("summary.step", request_id=request_id, kept=kept, tokens=step.used.total)
        if not kept:
            # Its messages belong to the process that has it, or has ended it.
            await self._live_answers.close(request_id)
            return
        self._metrics.tokens.labels("completion").inc(step.used.completion_tokens)
        self._metrics.tokens.labels("prompt").inc(step.used.prompt_tokens)
        self._signal.set()
        stop = run.stopped
        if stop is not None and stop.cause in {StopCause.PERSON, StopCause.GONE}:
            # Somebody ended it while the step was being stored.
            await self._completion.cancel(run.request, live if stop.by else None, by=stop.by)
            await self._live_answers.close(request_id)
            return
        live.view.part = progress_in(step.plan)
        await self._positions.show_enqueued(live)
