"""Addresses of servers, and the logins inside them, which nothing may show."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

MOST_CLUSTERS = 5
"""Schedulers that one bot may have: as many as a row of buttons has room for."""

_NAME = "[A-Za-z0-9][A-Za-z0-9_-]{0,19}"
_NAMED = re.compile(rf"({_NAME})\s*=\s*(https?://.*)", re.DOTALL)
_BETWEEN = re.compile(rf"[,;\s]+(?={_NAME}\s*=\s*https?://)")
_NEXT_ONE = re.compile(r"[,;\s]+\S*https?://")

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


def named_addresses(value: str) -> dict[str, str]:
    """The addresses in ``value`` by their names: one address without a name, which is then empty, or up to
    :data:`MOST_CLUSTERS` like ``studio=http://10.0.0.5:3001, office=http://10.0.0.9:3001``. A separator inside an
    address, as of a login, separates nothing.

    Raises :class:`ValueError`, which does not repeat the value, for names or separators that are wrong; whether
    each is an address is for the caller to check.
    """
    parts = [part.strip(" ,;") for part in _BETWEEN.split(value.strip())]
    named = [_NAMED.fullmatch(part) for part in parts]
    if len(parts) == 1 and named[0] is None and not _NEXT_ONE.search(value):
        return {"": value.strip()}
    found = {match[1]: match[2] for match in named if match is not None}
    if len(found) < len(parts) or any(_NEXT_ONE.search(address) for address in found.values()):
        raise ValueError(
            "must give each of several schedulers a name of its own, of at most 20 letters, digits, - and _, like "
            "studio=http://10.0.0.5:3001, office=http://10.0.0.9:3001"
        )
    if len({name.lower() for name in found}) < len(found) or len(set(found.values())) < len(found):
        raise ValueError("must have every name and every address only once")
    if len(found) > MOST_CLUSTERS:
        raise ValueError(f"must name at most {MOST_CLUSTERS} schedulers")
    return found


def by_name(value: str, names: Collection[str]) -> Mapping[str, str]:
    """``value`` for each of ``names``: the same text for all, or, when every part of it begins with one of the
    names and an equals sign, the rest of its part; empty for a name that has none."""
    start = "|".join(re.escape(name) for name in names if name)
    if not start or not re.match(rf"(?:{start})\s*=", value):
        return dict.fromkeys(names, value)
    parts = re.split(rf"[,;\s]+(?=(?:{start})\s*=)", value.strip())
    told = {name.strip(): text.strip(" ,;") for name, _, text in (part.partition("=") for part in parts)}
    return {name: told.get(name, "") for name in names}


def http_address(value: str) -> str:
    """``value`` without a slash at its end, when it is empty or an HTTP address; else raises
    :class:`ValueError`."""
    if not value:
        return value
    parts = parts_of(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address like http://localhost:3001")
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #, like http://localhost:3001")
    return value.rstrip("/")


def http_addresses(value: str) -> str:
    """``value`` with each of its addresses (:func:`named_addresses`) as :func:`http_address` returns it."""
    found = {name: http_address(address) for name, address in named_addresses(value).items()}
    return ", ".join(f"{name}={address}" if name else address for name, address in found.items())


def require_no_login(value: str) -> str:
    """``value``, when none of its addresses contains a login; else raises :class:`ValueError`."""
    if any("@" in urlsplit(address).netloc for address in named_addresses(value).values()):
        raise ValueError("must contain no login: use one like https://cluster.example")
    return value


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What is set for one scheduler. ``name`` is empty for the only one without a name, ``most_context`` None for
    no limit of its own."""

    name: str
    url: str = field(repr=False)
    api_key: str = field(repr=False)
    web_page: str
    most_context: int | None

    @property
    def address(self) -> str:
        """The address as it may be shown to operators, with the name."""
        address = without_login(self.url)
        return f"{self.name} ({address})" if self.name else address
