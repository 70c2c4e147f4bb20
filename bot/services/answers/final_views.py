"""The last form of answers: receipt, buttons, and the version that is shown again after a failure."""

from __future__ import annotations

from bot.domain.queue.request import Answer, NewQuestion, RequestKind, RequestState, StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import BotError
from bot.i18n.catalogue import fill
from bot.presentation.answer import AnswerView, Receipt
from bot.presentation.page import Control, Page, compact_duration
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.answers.versions import CONTINUABLE, AnswerVersions


class FinalViews:
    """Gives views the last form of stored answers. Stores and sends nothing."""

    def __init__(
        self, store: RequestStore, live_answers: LiveAnswers, *, max_tokens: int, names_clusters: bool = False
    ) -> None:
        """``max_tokens`` is the default limit of an answer; ``names_clusters``: receipts name the cluster."""
        self._names_clusters = names_clusters
        self._store = store
        self._live_answers = live_answers
        self._max_tokens = max_tokens

    async def stored_pages(self, request: StoredRequest) -> tuple[Page, ...]:
        """The messages of an answer from what is stored; empty for a request without an answer.
        Raises :class:`StorageError`."""
        if request.answer is None:
            return ()
        view = self._live_answers.view(request.question)
        await self.finish(view, request, request.answer)
        return view.render()

    async def finish(
        self, view: AnswerView, request: StoredRequest, answer: Answer, *, by: int = 0, notice: str = ""
    ) -> None:
        """Give a view the last form of a stored answer; a view without text gets it from the store.

        ``by`` is who stopped the answer, 0 when nobody did or it is unknown; ``notice`` a sentence to show with
        it. Raises :class:`StorageError`."""
        index, versions, thoughts, tokens = 0, 1, answer.reasoning, answer.completion_tokens
        if request.question.kind is not RequestKind.ASK or not view.document.raw:
            # The first answer to a question, if the view still has it, is the only one.
            answer_versions = await self._answer_versions(request)
            index, versions = answer_versions.index(request.request_id) or 0, len(answer_versions.versions)
            if answer_versions.versions:
                thoughts, tokens = (
                    answer_versions.versions[index].reasoning,
                    answer_versions.versions[index].tokens,
                )
                if not view.document.raw:
                    view.document.feed(answer_versions.versions[index].text)
        await view.prepare()
        outcome, params = _outcome(request.question, answer, by, self._max_tokens)
        started = request.started_at if request.started_at is not None else request.question.asked_at
        view.finish(
            Receipt(
                model=answer.model,
                cluster=(request.cluster or "") if self._names_clusters else "",
                tokens=tokens or None,
                tokens_per_second=answer.tokens_per_second,
                ttft=answer.ttft,
                waited=started - request.question.asked_at,
                outcome=outcome,
                params=tuple(params.items()),
                version=(index + 1, versions),
                recalled=answer.recalled,
                summarised=answer.summarised,
                notice=notice,
            ),
            controls_of(
                answer.finish,
                index,
                versions,
                has_text=bool(view.document.raw.strip()),
                has_thoughts=bool(thoughts.strip()),
                # It was deleted after the answer, so nothing can be asked again.
                has_question=bool(retry(request.question)),
                has_helpers=_has_helpers(request.question),
            ),
        )

    async def end(self, request: StoredRequest, live: LiveAnswer) -> None:
        """Give the view of a question that has ended its last form, from what is stored. Raises
        :class:`StorageError`."""
        if request.answer is not None:
            await self.finish(live.view, request, request.answer)
            return
        receipt, controls = self.ended(request)
        notice = fill(request.question.asker.locale, f"outcome.{receipt.outcome}", dict(receipt.params))
        if not await self.restore(request, live, notice):
            live.view.finish(receipt, controls)

    def ended_pages(self, request: StoredRequest) -> tuple[Page, ...]:
        """The message of a question that ended without an answer, from what is stored."""
        view = self._live_answers.view(request.question)
        view.finish(*self.ended(request))
        return view.render()

    def elsewhere(self, request: StoredRequest) -> tuple[Page, ...]:
        """What a message shows whose question was answered in another one."""
        view = self._live_answers.view(request.question)
        view.finish(Receipt(outcome="elsewhere"))
        return view.render()

    @staticmethod
    def ended(request: StoredRequest) -> tuple[Receipt, tuple[Control, ...]]:
        """The receipt and the buttons of a question that ended without an answer, from what is stored: by whom it
        was ended is not."""
        question, locale = request.question, request.question.asker.locale
        if not question.prompt:
            return Receipt(outcome="withdrawn"), ()
        match request.state:
            case RequestState.FAILED:
                sentence = fill(locale, request.error_key or BotError.key, {})
                if "{" in sentence:
                    # What would fill it is not stored.
                    sentence = fill(locale, BotError.key, {})
                shown = {"sentence": sentence, "incident": request.request_id[:4]}
                receipt = Receipt(outcome="failed", params=tuple(shown.items()))
            case RequestState.EXPIRED:
                waited = (request.finished_at or question.asked_at) - question.asked_at
                receipt = Receipt(outcome="expired", params=(("duration", compact_duration(waited, locale)),))
            case _:
                outcome = "cancelled_before" if request.started_at is None else "stopped_before"
                receipt = Receipt(outcome=outcome)
        return receipt, (*retry(question), Control.PERSON) if _has_helpers(question) else retry(question)

    async def restore(self, request: StoredRequest, live: LiveAnswer, notice: str) -> bool:
        """Show again the version that these messages showed before, because the request that was to replace or
        complete it failed, as ``notice`` says. False when there was none. Raises :class:`StorageError`."""
        if request.question.kind is RequestKind.ASK:
            return False
        versions = (await self._answer_versions(request)).versions
        shown = versions[-1].shown if versions else None
        if shown is None or shown.answer is None or not set(shown.message_ids) & set(live.delivery.message_ids):
            return False
        live.view.begin_with(versions[-1].text)
        live.view.restore("")
        await self.finish(live.view, shown, shown.answer, notice=notice)
        return True

    async def _answer_versions(self, request: StoredRequest) -> AnswerVersions:
        return AnswerVersions.of(await self._store.versions(request.question.root_id or request.request_id))


def _outcome(
    question: NewQuestion, answer: Answer, by: int, max_tokens: int
) -> tuple[str | None, dict[str, object]]:
    match answer.finish:
        case "length":
            limit = question.options.max_tokens if question.options else max_tokens
            only_thought = answer.reasoning.strip() and not answer.text.strip()
            return "length_thinking" if only_thought else "length", {"limit": limit}
        case "stopped":
            return ("stopped", {"by": f"<@{by}>"}) if by else ("stopped_before", {})
        case "interrupted" | "node_failed" | "tool_call" | "cut":
            return answer.finish, {}
        case _:
            return (None, {}) if answer.text.strip() else ("empty", {})


def _has_helpers(question: NewQuestion) -> bool:
    """Whether a person can be called below the answer."""
    return question.options is not None and question.options.helper_role is not None


def retry(question: NewQuestion) -> tuple[Control, ...]:
    """The button that asks again: not what was deleted, nor a summary, whose messages are kept no longer than it
    takes."""
    return () if not question.prompt or question.kind is RequestKind.SUMMARY else (Control.RETRY,)


def controls_of(
    finish: str,
    index: int,
    versions: int,
    *,
    has_text: bool,
    has_thoughts: bool,
    has_question: bool = True,
    has_helpers: bool = False,
) -> tuple[Control, ...]:
    """The buttons that make sense under version ``index`` (from 0) of ``versions`` that ended with ``finish``."""
    newest = index >= versions - 1
    controls: list[Control] = []
    if has_question:
        if newest and finish in CONTINUABLE and (has_text or (finish == "length" and has_thoughts)):
            controls.append(Control.CONTINUE)
        controls.append(Control.REGENERATE)
    if has_thoughts:
        controls.append(Control.REASONING)
    if has_text:
        controls += [Control.AS_FILE, Control.LIKE, Control.DISLIKE]
    if has_helpers:
        controls.append(Control.PERSON)
    if index > 0:
        controls.append(Control.PREVIOUS)
    if not newest:
        controls.append(Control.NEXT)
    return tuple(controls)
