"""Which API the double speaks, and the key that it may ask for."""

import hmac
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ApiOptions", "Dialect"]


class Dialect(StrEnum):
    """Which server is simulated."""

    CURRENT = "current"
    """A scheduler as it runs today (July 2026)."""
    DOCUMENTED = "documented"
    """A scheduler as Parallax's API reference promised, and as older clusters speak."""
    NODE = "node"
    """One node without a scheduler (`parallax serve`): models and chats only, and `model` must be named."""


@dataclass(slots=True)
class ApiOptions:
    """May be changed while the double runs."""

    dialect: Dialect = Dialect.CURRENT
    key: str | None = None
    """The bearer token that every request needs, as behind a proxy with a login; None asks for nothing."""
    key_refusal: int = 401
    """The status without the right key: 401 or 403."""

    @property
    def documented(self) -> bool:
        """Whether the documented dialect is spoken."""
        return self.dialect is Dialect.DOCUMENTED

    def admits(self, authorization: str) -> bool:
        """Whether a request with this `Authorization` header may pass."""
        return self.key is None or hmac.compare_digest(authorization.encode(), f"Bearer {self.key}".encode())
