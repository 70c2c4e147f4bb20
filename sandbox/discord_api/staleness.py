"""How old what people read was: the gaps between the visible states of each answer that grew by edits."""

from __future__ import annotations

from itertools import pairwise

from sandbox.discord_api.model import Message
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World

SHOWN_ANSWERS = 6
SHOWN_GAPS = 120
_LEAST_STATES = 3
"""Fewer states are an answer that came in one piece, which says nothing about pacing."""


def report(world: World) -> list[JSON]:
    """The latest answers of the bot that grew by edits, newest first.

    ``gaps`` are the real seconds between two states that became visible after each other, oldest first (the
    latest :data:`SHOWN_GAPS`); just before the next state, that is how old the shown one was at most.
    ``since`` is the seconds since the latest state, and ``channel`` the channel's name.
    """
    grown = [m for m in world.messages.values() if m.author is world.bot and len(m.history) >= _LEAST_STATES]
    newest = sorted(grown, key=lambda m: m.history[0].applied_at, reverse=True)[:SHOWN_ANSWERS]
    return [_answer(world, message) for message in newest]


def _answer(world: World, message: Message) -> JSON:
    times = [revision.applied_at for revision in message.history]
    gaps = [round(later - earlier, 3) for earlier, later in pairwise(times)]
    channel = world.channels.get(message.channel_id)
    return {
        "message_id": str(message.id),
        "channel": channel.name if channel is not None else "",
        "opening": message.text.lstrip("> ")[:60].split("\n", 1)[0],
        "states": len(times),
        "gaps": gaps[-SHOWN_GAPS:],
        "longest": max(gaps),
        "since": round(world.clock.monotonic() - times[-1], 3),
    }
