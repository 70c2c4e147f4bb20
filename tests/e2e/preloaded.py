"""What every forked bot has in common: imported by the process that bots are forked from, and by nothing else.

All that a bot imports and reads in its first second is here already, and the garbage collector leaves it alone: a
collection in a forked process writes to every object, which copies the whole memory.
"""

from __future__ import annotations

import gc
import importlib

from bot.discord_io.client import COGS
from bot.i18n.catalogue import available_locales, sentences

_BOT = ("bot.app", "bot.cli", "bot.settings", "bot.telemetry.logs")
_AT_FIRST_USE = ("anyio._backends._asyncio", "encodings.idna", "uvloop")
"""What libraries import when it is first needed."""

# A bot runs the modules of its cogs anew when it loads them, but not what they import.
for _name in (*_BOT, *_AT_FIRST_USE, *COGS):
    importlib.import_module(_name)
for _locale in available_locales():
    sentences(_locale)
gc.collect()
gc.freeze()
