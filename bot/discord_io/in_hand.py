"""What came from Discord and is being handled at the moment: the end of the process waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import discord

# Seconds until a handler that was cancelled is cancelled once more: it may wait for a part of its work that it has
# put into a task of its own.
_CANCELLED_WITHIN = 0.5


class InHand:
    """The tasks that handle interactions and events, until they end.

    It is open at first. After :meth:`leave` others that hear the same answer it, if they do so at once. After
    :meth:`end` no further interaction is taken up, and the person reads that the bot restarts. After :meth:`close`
    nothing can be answered any more, because the HTTP session closes too.
    """

    def __init__(self) -> None:
        self._handlers: dict[asyncio.Task[Any], discord.Interaction[Any] | None] = {}
        self.is_left_to_others = False
        self.is_ending = False
        self.is_closed = False

    def __len__(self) -> int:
        """How many are in hand."""
        return len(self._handlers)

    def begin(self, handler: asyncio.Task[Any], interaction: discord.Interaction[Any] | None = None) -> None:
        """Count ``handler`` until it ends; ``interaction`` None: it handles an event, such as a message."""
        if handler not in self._handlers:
            handler.add_done_callback(self._ended)
        self._handlers[handler] = interaction

    def leave(self) -> None:
        """Let others that hear the same answer it; what they do not answer is taken up as before."""
        self.is_left_to_others = True

    def end(self) -> None:
        """Take up no further interaction."""
        self.is_ending = True

    def close(self) -> None:
        """Answer nothing any more."""
        self.is_ending = self.is_closed = True

    async def drop(self, after: float) -> Mapping[asyncio.Task[Any], discord.Interaction[Any] | None]:
        """Wait until what is in hand now has ended, at most ``after`` seconds, and cancel the rest; returns the
        cancelled handlers with their interactions. What begins meanwhile is not waited for: in a large server
        something always does."""
        handlers = dict(self._handlers)
        if handlers:
            await asyncio.wait(handlers, timeout=after)
        dropped = {handler: interaction for handler, interaction in handlers.items() if not handler.done()}
        for _ in range(2):
            running = {handler for handler in dropped if not handler.done()}
            for handler in running:
                handler.cancel()
            if running:
                await asyncio.wait(running, timeout=_CANCELLED_WITHIN)
        return dropped

    def _ended(self, handler: asyncio.Task[Any]) -> None:
        self._handlers.pop(handler, None)
