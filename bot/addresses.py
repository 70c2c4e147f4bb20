"""Addresses of servers, and the logins inside them, which nothing may show."""

from __future__ import annotations

import base64
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

_SHORTEST_SECRET = 4
"""Characters. A shorter password occurs in too many words to be redacted by its text alone."""


def without_login(url: str) -> str:
    """The address without user name, password, query and fragment; empty when ``url`` is no address."""
    parts = parts_of(url)
    if parts is None:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def logins_in(url: str, *, user_is_token: bool = True) -> tuple[str, ...]:
    """Every form in which an address's password may appear: as written, decoded, and as a Basic header. A user
    name without a password is treated as a token, if ``user_is_token``."""
    parts = parts_of(url)
    if parts is None:
        return ()
    login, at, _ = parts.netloc.rpartition("@")
    found: list[str] = []
    user, _, password = login.partition(":")
    if at and (password or user_is_token):
        basic = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
        found += [password or user, unquote(password or user), basic]
    found += [value for name, value in parse_qsl(parts.query) if "pass" in name.lower()]
    return tuple(dict.fromkeys(text for text in found if len(text) >= _SHORTEST_SECRET))


def parts_of(url: str) -> SplitResult | None:
    """The parts of an address; None when it is not valid. The library's own error would repeat the address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
