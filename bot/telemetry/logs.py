"""Structured logs on standard error: console for people, JSON for machines; secrets are removed."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

_SECRET_KEYS = frozenset({"token", "interaction_token", "authorization", "discord_token", "password"})
# A user name and a password before the host of an address, whatever its scheme.
_LOGIN_IN_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://)[^\s/?#\"']*@", re.IGNORECASE)
# Interaction tokens travel in paths: /webhooks/<application>/<token>/… and /interactions/<id>/<token>/callback.
_TOKEN_IN_PATH = re.compile(r"((?:webhooks|interactions)/\d+/)[^/\s\"']+")


class Redactor:
    """A structlog processor that hides secrets by key, by value, and inside Discord's paths."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)

    def clean(self, text: str) -> str:
        """``text`` without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        if "/" not in text:
            return text
        return _LOGIN_IN_ADDRESS.sub(r"\1[secret]@", _TOKEN_IN_PATH.sub(r"\1[secret]", text))

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Clean one event."""
        for key, value in event.items():
            if key in _SECRET_KEYS:
                event[key] = "[secret]"
            else:
                event[key] = self._cleaned(value)
        return event

    def _cleaned(self, value: object) -> object:
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, BaseException):
            return self.clean(repr(value))
        if isinstance(value, dict):
            return {key: self._cleaned(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._cleaned(one) for one in value]
        return value


def configure_logging(level: str, style: Literal["console", "json"], *, secrets: tuple[str, ...] = ()) -> None:
    """Send structlog and the standard library's loggers through one pipeline to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if style == "console":
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Before the redaction, so that a secret in a traceback is removed too.
            structlog.processors.format_exc_info,
            Redactor(secrets),
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)
    structlog.configure(
        # First, so that an event which is not written costs next to nothing.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def set_level(level: str) -> None:
    """Log from this level on, now and later."""
    logging.getLogger().setLevel(level)
    # httpx logs every request at INFO; at DEBUG, discord.py logs every heartbeat and payload, and aiosqlite every
    # statement with its parameters (prompts and tokens included).
    for noisy in ("httpx", "httpcore", "asyncio", "discord", "aiosqlite"):
        logging.getLogger(noisy).setLevel(max(logging.getLevelName(level), logging.WARNING))
