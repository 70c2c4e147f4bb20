"""Conversion between rows of ``requests`` and the types of the queue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from sqlalchemy import Connection, Executable, Row, bindparam, select

from bot.domain.queue.request import (
    Answer,
    Asker,
    Destination,
    GenerationOptions,
    NewQuestion,
    RequestKind,
    RequestState,
    StoredRequest,
)
from bot.storage.tables import request_messages, requests

BATCH = 500
"""Ids in one ``IN``: well below SQLite's limit of 32,766 parameters."""


def question_values(question: NewQuestion) -> dict[str, object]:
    """The columns that a new question fills."""
    asker, destination = question.asker, question.destination
    return {
        "request_id": question.request_id,
        "kind": question.kind.value,
        "root_id": question.root_id,
        "conversation_id": question.conversation_id,
        "user_id": asker.user_id,
        "user_name": asker.name,
        "locale": asker.locale,
        "application_id": destination.application_id,
        "channel_id": destination.channel_id,
        "guild_id": destination.guild_id,
        "private": destination.private,
        "channel_route": destination.channel_route,
        "token": destination.token,
        "token_expires_at": destination.token_expires_at,
        "prompt": question.prompt,
        "material": question.attached_text,
        "think": question.think,
        "asked_at": question.asked_at,
        "cost": question.cost,
        "weight": question.weight,
        "source_message_id": question.source_message_id,
        "follows": question.follows,
        "lease_owner": question.held_by,
        "manner": None if question.options is None else _options_text(question.options),
        "wanted_cluster": question.wanted_cluster,
    }


_OPTIONS = tuple(field.name for field in fields(GenerationOptions))


def _options_text(options: GenerationOptions) -> str:
    # Not `asdict`, which copies every value.
    chosen = {name: getattr(options, name) for name in _OPTIONS}
    if not options.missed:
        # A process of the version before, beside this one during an upgrade, does not know it.
        del chosen["missed"]
    if not options.schedule:
        # A process of an earlier version does not know it.
        del chosen["schedule"]
    return json.dumps(chosen | {"mentions": dict(options.mentions)}, ensure_ascii=False)


ANSWER_COLUMNS = {"answer" if field.name == "text" else field.name: field.name for field in fields(Answer)}
"""The columns that an answer fills, each with its field of :class:`Answer`."""


def answer_values(answer: Answer) -> dict[str, object]:
    """The values of :data:`ANSWER_COLUMNS`."""
    return {column: getattr(answer, field) for column, field in ANSWER_COLUMNS.items()}


BY_ID = select(requests).where(requests.c.request_id == bindparam("request"))

_PAGES = (
    select(request_messages.c.request_id, request_messages.c.message_id)
    .where(request_messages.c.request_id.in_(bindparam("requests", expanding=True)))
    .order_by(request_messages.c.request_id, request_messages.c.page)
)


def stored(
    connection: Connection,
    statement: Executable,
    parameters: Mapping[str, object] | None = None,
    *,
    have_pages: bool = True,
) -> list[StoredRequest]:
    """The requests that ``statement`` returns as whole rows of ``requests``, in its order. ``have_pages`` False:
    no message shows any of them, so their messages are not read."""
    rows = connection.execute(statement, parameters or {}).all()
    pages = _pages(connection, [row.request_id for row in rows]) if have_pages else {}
    return [_stored(row, tuple(pages.get(row.request_id, ()))) for row in rows]


def by_id(connection: Connection, request_id: str) -> StoredRequest | None:
    """The request, or None."""
    found = stored(connection, BY_ID, {"request": request_id})
    return found[0] if found else None


def _pages(connection: Connection, request_ids: Sequence[str]) -> dict[str, list[int]]:
    pages: dict[str, list[int]] = {}
    for start in range(0, len(request_ids), BATCH):
        found = connection.execute(_PAGES, {"requests": list(request_ids[start : start + BATCH])})
        for request_id, message_id in found:
            pages.setdefault(request_id, []).append(message_id)
    return pages


def _stored(row: Row[tuple[object, ...]], message_ids: tuple[int, ...]) -> StoredRequest:
    return StoredRequest(
        question=_question(row),
        state=RequestState(row.state),
        sequence=row.sequence,
        attempts=row.attempts,
        enqueued_at=row.enqueued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        message_ids=message_ids,
        answer=_answer(row),
        error_key=row.error_key,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        cluster=row.cluster,
    )


def _question(row: Row[tuple[object, ...]]) -> NewQuestion:
    return NewQuestion(
        request_id=row.request_id,
        asker=Asker(row.user_id, row.user_name, row.locale),
        destination=Destination(
            application_id=row.application_id,
            channel_id=row.channel_id,
            guild_id=row.guild_id,
            private=row.private,
            channel_route=row.channel_route,
            token=row.token,
            token_expires_at=row.token_expires_at,
        ),
        conversation_id=row.conversation_id,
        prompt=row.prompt,
        asked_at=row.asked_at,
        cost=row.cost,
        attached_text=row.material,
        think=row.think,
        weight=row.weight,
        kind=RequestKind(row.kind),
        root_id=row.root_id,
        source_message_id=row.source_message_id,
        follows=row.follows,
        options=None if row.manner is None else GenerationOptions(**json.loads(row.manner)),
        wanted_cluster=row.wanted_cluster,
    )


def _answer(row: Row[tuple[object, ...]]) -> Answer | None:
    if row.answer is None:
        return None
    answer = Answer(**{field: getattr(row, column) for column, field in ANSWER_COLUMNS.items()})
    # Answers of early versions have NULL there.
    return replace(answer, summarised=bool(answer.summarised))
