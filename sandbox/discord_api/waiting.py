"""Waiting for the world to become as a test expects it, woken by its changes and never by a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.discord_api.bot_state import BotState
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.world import World


class Waiting:
    """Waits on one world."""

    def __init__(self, world: World, bot: BotState) -> None:
        self._world = world
        self._bot = bot

    async def until(
        self, predicate: Callable[[], object], timeout: float = 10.0, channel: Channel | None = None
    ) -> None:
        """Return once ``predicate()`` is truthy; looked at again after every change, and once more at the end.

        Raises AssertionError after ``timeout`` real seconds, with the state of the bot and a dump of ``channel``
        (default: every channel with messages).
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    change = self._world.next_change
                    if predicate():
                        return
                    await change.wait()
        except TimeoutError:
            if predicate():  # what it looks at may have changed beside the world, which wakes nobody
                return
            shown = f"{self._bot.text()}\n{self.dump(channel)}"
            raise AssertionError(f"it did not happen within {timeout:g} s; what is there:\n{shown}") from None

    def dump(self, channel: Channel | None = None) -> str:
        """What the channel (or every channel) shows, for a reader of a failed test."""
        channels = [channel] if channel is not None else list(self._world.channels.values())
        lines: list[str] = []
        for one in channels:
            found = [m for m in self._world.messages.values() if m.channel_id == one.id]
            if found or channel is not None:
                lines.append(f"#{one.name or 'direct messages'}")
                lines += [f"  {_line(message)}" for message in found]
        return "\n".join(lines) or "(nothing)"


def _line(message: Message) -> str:
    marks = [
        name
        for name, on in (
            ("deleted", message.deleted),
            ("ephemeral", message.ephemeral),
            ("loading", message.loading),
        )
        if on
    ]
    text = message.text if len(message.text) <= 300 else f"{message.text[:300]}… ({len(message.text)} characters)"
    mark = f" [{', '.join(marks)}]" if marks else ""
    buttons = "".join(f" [{label}]" for label in message.buttons)
    return f"{message.author.display_name}{mark}: {text!r}{buttons} ({len(message.history)} revisions)"
