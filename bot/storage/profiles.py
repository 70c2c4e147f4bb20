"""Profiles and usage on the database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields

from sqlalchemy import Connection, delete, func, insert, select

from bot.domain.conversation.profile import Chosen, ChosenScopes
from bot.domain.queue.usage import UsageRow
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.statements import put_row
from bot.storage.tables import audit, facts, profiles, usage

VERSION = "profiles.version"
"""The fact that is another one after every change of a profile; there is none before the first."""


class SqlProfiles:
    """Options set for scopes: :class:`bot.services.access.profiles.ProfileStore`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """The options of each scope that has any, by scope id."""
        return await self._transactions.read(lambda connection: _chosen(connection, scope_ids), urgent=True)

    async def scopes(self) -> ChosenScopes:
        """The scopes that have any options, and the version of all of them."""
        return await self._transactions.read(_scopes, urgent=True)

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Change some options of a scope and record who changed them, in one transaction."""

        def change(connection: Connection) -> None:
            hold_queue(connection)
            before = _chosen(connection, [scope_id]).get(scope_id, {})
            after = {name: value for name, value in {**before, **changes}.items() if value is not None}
            if after:
                row = {"choices": json.dumps(after, ensure_ascii=False), "changed_at": now, "changed_by": by}
                put_row(connection, profiles, {"scope_id": scope_id}, row)
            else:
                connection.execute(delete(profiles).where(profiles.c.scope_id == scope_id))
            put_row(connection, facts, {"key": VERSION}, {"value": secrets.token_hex(8)})
            detail = {
                "scope": scope_id,
                "changes": {name: [before.get(name), value] for name, value in changes.items()},
            }
            connection.execute(
                insert(audit).values(
                    at=now,
                    actor_id=by,
                    action="settings.changed",
                    detail=json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
                )
            )

        await self._transactions.write(change)


class SqlUsage:
    """Usage by person and day: :class:`bot.domain.queue.usage.UsageStore`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def of_user(self, user_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """A person's days since ``since_day``, oldest first, all servers summed up."""
        theirs = (
            select(
                usage.c.day,
                usage.c.user_id,
                func.max(usage.c.user_name),
                func.sum(usage.c.questions),
                func.sum(usage.c.tokens),
                func.sum(usage.c.waited),
            )
            .where(usage.c.user_id == user_id, usage.c.day >= since_day)
            .group_by(usage.c.day, usage.c.user_id)
            .order_by(usage.c.day)
        )
        return await self._transactions.read(
            lambda connection: [UsageRow(*row) for row in connection.execute(theirs)], urgent=True
        )

    async def of_server(self, guild_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """A server's days and people since ``since_day``, oldest first."""
        theirs = (
            select(*(usage.c[field.name] for field in fields(UsageRow)))
            .where(usage.c.guild_id == guild_id, usage.c.day >= since_day)
            .order_by(usage.c.day, usage.c.user_id)
        )
        return await self._transactions.read(
            lambda connection: [UsageRow(*row) for row in connection.execute(theirs)]
        )


def _scopes(connection: Connection) -> ChosenScopes:
    # Within a read transaction both see the same commit.
    version = connection.scalar(select(facts.c.value).where(facts.c.key == VERSION))
    return ChosenScopes(version or "", frozenset(connection.scalars(select(profiles.c.scope_id))))


def _chosen(connection: Connection, scope_ids: Sequence[int]) -> dict[int, dict[str, object]]:
    found = connection.execute(
        select(profiles.c.scope_id, profiles.c.choices).where(profiles.c.scope_id.in_(scope_ids))
    )
    return {row.scope_id: json.loads(row.choices) for row in found}
