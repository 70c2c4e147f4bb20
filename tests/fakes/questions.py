"""Questions and answers to fill a queue with."""

from __future__ import annotations

from bot.domain.queue.request import Answer, Asker, Destination, NewQuestion, RequestKind
from bot.domain.queue.store import QueueLimits

TOKEN = "interaction-token"
WIDE = QueueLimits(per_user=10_000, total=10_000)


def question(
    request_id: str,
    *,
    user: int = 1,
    conversation: int = 1,
    cost: float = 100.0,
    weight: float = 1.0,
    at: float = 0.0,
    kind: RequestKind = RequestKind.ASK,
    root: str | None = None,
    token: str | None = TOKEN,
    attached_text: str = "",
    private: bool = False,
) -> NewQuestion:
    """A question of ``user``; its prompt names it."""
    return NewQuestion(
        request_id=request_id,
        asker=Asker(user_id=user, name=f"user {user}"),
        destination=Destination(
            application_id=9,
            channel_id=70 + conversation,
            guild_id=8,
            private=private,
            channel_route=not private,
            token=token,
            token_expires_at=None if token is None else at + 900,
        ),
        conversation_id=conversation,
        prompt=f"prompt of {request_id}",
        asked_at=at,
        cost=cost,
        weight=weight,
        kind=kind,
        root_id=root,
        attached_text=attached_text,
    )


def answer(
    text: str = "an answer", *, tokens: int = 100, prompt_tokens: int | None = 0, finish: str = "stop"
) -> Answer:
    """An answer of ``tokens`` generated tokens."""
    return Answer(
        text=text,
        reasoning="",
        finish=finish,
        model="a-model",
        prompt_tokens=prompt_tokens,
        completion_tokens=tokens,
        ttft=0.3,
        duration=2.0,
        tokens_per_second=tokens / 2,
    )
