"""What an error of PostgreSQL, of asyncpg or of the connection means for the transaction that met it."""

from __future__ import annotations

import enum

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError

from bot.errors import DatabaseLocked, StorageError, ValueRefused


class Failure(enum.Enum):
    """Why a transaction failed."""

    CONFLICT = "conflict"
    """It met another transaction, and was undone: it may be repeated."""

    CONTRADICTION = "contradiction"
    """It contradicts a row that is there. When another transaction has just written that row, it passes once it is
    repeated."""

    LOST = "lost"
    """The connection or the server is gone, or this server takes no writes any more."""

    LOCKED = "locked"
    """A lock or a statement took too long; nothing was changed."""

    REFUSED = "refused"
    """The same values would be refused again."""

    OTHER = "other"
    """Anything else that the server says, for example that a table is missing."""


# SQLSTATE codes and classes, https://www.postgresql.org/docs/current/errcodes-appendix.html
_CONFLICTS = {"40001", "40P01"}
_CONTRADICTIONS = {"23503", "23505"}
_LOST = {"57P01", "57P02", "57P03", "57P05", "53300", "25P03"}
_LOCKED = {"55P03", "57014"}
_LOST_CLASS, _REFUSED_CLASSES = "08", {"22", "23"}


def failure_of(error: Exception) -> Failure | None:
    """What ``error`` means; None when it does not come from the database."""
    if isinstance(error, OSError | TimeoutError):
        return Failure.LOST
    if isinstance(error, OverflowError | UnicodeError):
        return Failure.REFUSED
    state = sqlstate_of(error)
    if state is not None:
        return Failure.LOST if getattr(error, "connection_invalidated", False) else _of_state(state)
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or "closed" in str(error.orig):
            return Failure.LOST
        # asyncpg checks values before it sends them (asyncpg.DataError is an InterfaceError).
        return Failure.REFUSED if isinstance(error, InterfaceError) else Failure.OTHER
    return Failure.OTHER if isinstance(error, SQLAlchemyError) or _is_asyncpgs(error) else None


def _of_state(state: str) -> Failure:
    for failure, states in (
        (Failure.CONFLICT, _CONFLICTS),
        (Failure.CONTRADICTION, _CONTRADICTIONS),
        (Failure.LOST, _LOST),
        (Failure.LOCKED, _LOCKED),
    ):
        if state in states:
            return failure
    if state[:2] == _LOST_CLASS:
        return Failure.LOST
    return Failure.REFUSED if state[:2] in _REFUSED_CLASSES else Failure.OTHER


def sqlstate_of(error: Exception) -> str | None:
    """The server's code for ``error``; None when the server did not say it."""
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _is_asyncpgs(error: Exception) -> bool:
    return type(error).__module__.startswith("asyncpg")


def storage_error(error: Exception, failure: Failure) -> StorageError:
    """The error of ours for one of the database's. Its text has no values and no address."""
    cause = getattr(error, "orig", None) or error
    # The driver's own class, not SQLAlchemy's in between; and the first line only: others may repeat values.
    source = cause.__cause__ or cause
    lines = str(source).splitlines() or [""]
    text = f"database: {type(source).__name__}: {lines[0]}"
    if failure in {Failure.REFUSED, Failure.CONTRADICTION}:
        return ValueRefused(text)
    if failure in {Failure.LOCKED, Failure.LOST, Failure.CONFLICT}:
        return DatabaseLocked(text)
    return StorageError(text)
