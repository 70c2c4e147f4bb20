"""Settings that take effect while the bot runs."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from bot.errors import ConfigError
from bot.services.access.operators import Operators
from bot.services.access.quotas import Quotas
from bot.settings import Settings, load_settings
from bot.telemetry.logs import set_level

log = structlog.get_logger(__name__)

RELOADED = (
    "admin_user_ids",
    "admin_role_ids",
    "operator_weight",
    "quota_tokens_per_day",
    "quota_roles",
    "log_level",
)
"""The settings that :meth:`Reloading.reload` brings into effect; each is read in one place only. All others need a
restart (docs/operations.md lists both)."""


@dataclass(eq=False, slots=True)
class CurrentSettings:
    """The settings that are in effect."""

    settings: Settings


class Reloading:
    """Reads the settings again and brings those of :data:`RELOADED` into effect, all or none."""

    def __init__(self, current: CurrentSettings, operators: Operators, quotas: Quotas) -> None:
        self._current = current
        self._operators = operators
        self._quotas = quotas

    def reload(self) -> None:
        """Read the environment and ``.env`` again. With a wrong value everything stays as it was, and the log says
        which; the log also names the settings that changed and need a restart. Values are never logged."""
        try:
            new = load_settings()
        except (ConfigError, OSError, ValueError) as error:
            # A file that is no text names its bytes in the error: only our own sentences are shown.
            detail = str(error) if isinstance(error, ConfigError) else f".env: {type(error).__name__}"
            log.error("settings.refused", detail=f"{detail}; the settings stay as they were")
            return
        old = self._current.settings
        changed = [name for name in Settings.model_fields if getattr(new, name) != getattr(old, name)]
        here = {name: getattr(new, name) for name in changed if name in RELOADED}
        self._current.settings = now = old.model_copy(update=here)
        self._operators.change(
            user_ids=now.admin_user_ids, role_ids=now.admin_role_ids, weight=now.operator_weight
        )
        self._quotas.change(per_user=now.quota_tokens_per_day, roles=now.quota_roles)
        set_level(now.log_level)
        waiting = [name.upper() for name in changed if name not in RELOADED]
        # A warning, because it is to be read at every level that people choose.
        log.warning("settings.reloaded", changed=[name.upper() for name in here], need_restart=waiting)
