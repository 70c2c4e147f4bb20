"""Adapter: the scheduler's HTTP, SSE and NDJSON to :mod:`bot.inference`'s types."""

from bot.scheduler.client import ParallaxClient
from bot.scheduler.timeouts import Timeouts

__all__ = ["ParallaxClient", "Timeouts"]
