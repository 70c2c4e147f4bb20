"""Types of settings that are written as text and checked when they are read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_settings import NoDecode

from bot.addresses import http_address, http_addresses, named_addresses, parts_of, require_no_login

SERVER_SCHEMES = frozenset({"postgresql+asyncpg", "postgresql", "postgres"})
"""How a DATABASE_URL on a PostgreSQL server may begin."""

MOST_SHARDS = 16_384
"""Far beyond what any bot needs: a larger number is a mistake."""


def _ids_in_ranges(value: object) -> object:
    if not isinstance(value, str):
        return value
    ids: set[int] = set()
    for part in filter(str.strip, value.replace(";", ",").split(",")):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError("must look like 0-3,7")
        start, end = int(first), int(last or first)
        if not start <= end < MOST_SHARDS:
            raise ValueError("must look like 0-3,7, the smaller number of a range first")
        ids.update(range(start, end + 1))
    return tuple(sorted(ids))


def _below_count(value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
    count = info.data.get("shard_count")
    if value and count == 0:
        raise ValueError("needs SHARD_COUNT, the number of shards of all processes together")
    if value and count is not None and max(value) >= count:
        raise ValueError("must be below SHARD_COUNT, because shards are counted from 0")
    return value


def known_database(value: str) -> str:
    """``value``, when it may be a ``DATABASE_URL``; else raises :class:`ValueError`, which does not repeat it."""
    if value.startswith("sqlite+aiosqlite:///"):
        return value
    parts = parts_of(value)
    if parts is None or parts.scheme not in SERVER_SCHEMES or not parts.path.strip("/"):
        raise ValueError(
            "must look like sqlite+aiosqlite:///data/bot.db or postgresql+asyncpg://user:password@host/database"
        )
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.replace(";", ",").split(",") if part.strip())
    return value


def _ids(value: object) -> object:
    if isinstance(value, str):
        try:
            return frozenset(int(part) for part in value.replace(";", ",").split(",") if part.strip())
        except ValueError:
            # Without the value, which may be a secret written there by mistake.
            raise ValueError("must be ids separated by commas") from None
    return value


def _quotas(value: object) -> object:
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.replace(";", ",").split(",") if part.strip()]
        try:
            return {int(role): int(tokens) for role, _, tokens in parts}
        except ValueError:
            raise ValueError("must look like 123=50000,456=0") from None
    return value


def _is_origin(value: str) -> bool:
    parts = urlsplit(value)
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and value == f"{parts.scheme}://{parts.netloc}"
    )


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_is_origin(value) for value in values):
        raise ValueError("must be origins like https://chat.example, separated by commas, without a path")
    return values


def _hosts(values: tuple[str, ...]) -> tuple[str, ...]:
    if any("/" in value or "*" in value or "@" in value for value in values):
        raise ValueError("must be names like api.example or api.example:8443, separated by commas")
    return tuple(value.lower() for value in values)


def _bind(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value and not (colon and host and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise ValueError("must look like 127.0.0.1:8081, or be empty")
    return value


def _split_context(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.replace(";", ",").split(",") if part.strip()]
    found = {name.strip(): tokens.strip() for name, _, tokens in parts}
    if not all(tokens.isdecimal() and int(tokens) >= 256 for tokens in found.values()):
        raise ValueError("must look like studio=4000,office=16000, each at least 256")
    if not found.keys() <= named_addresses(str(info.data.get("parallax_url", ""))).keys():
        raise ValueError("must have names of PARALLAX_URL")
    return found


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_origins)]
"""Origins of web pages (RFC 6454, section 6.1), compared as they are."""
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_hosts)]
"""Values of the header Host, in lower case."""
Bind = Annotated[str, AfterValidator(_bind)]
"""An address with a port to listen on, or empty."""
Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)]
"""Discord's ids, separated by commas."""
Quotas = Annotated[dict[int, int], NoDecode, BeforeValidator(_quotas)]
"""Tokens a day by role."""
ShardIds = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_ids_in_ranges), AfterValidator(_below_count)]
DatabaseUrl = Annotated[str, AfterValidator(known_database)]


Address = Annotated[str, AfterValidator(http_address)]
Addresses = Annotated[str, AfterValidator(http_addresses)]
WithoutLogin = Annotated[str, AfterValidator(http_addresses), AfterValidator(require_no_login)]
ContextTokens = Annotated[dict[str, int], NoDecode, BeforeValidator(_split_context)]
