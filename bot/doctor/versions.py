"""Which versions run here."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from bot.domain.checkup import Finding, ok
from bot.settings import Settings
from bot.version import NAME, own_version


async def check(_: Settings) -> tuple[Finding, ...]:
    """The bot's version, Python's and discord.py's."""
    own = f"{NAME} {own_version()}"
    parts = (own, f"Python {platform.python_version()}", f"discord.py {_version('discord.py')}", platform.system())
    return (ok("version", ", ".join(parts)),)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
