"""Types of settings that are written as text and checked when they are read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode


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
