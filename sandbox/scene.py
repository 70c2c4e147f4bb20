"""The demo's opening scene: a few people ask, the cluster is busy, a node drops and comes back.

It plays until it is over or until a visitor does something on the page: then it stops where it is and leaves the
cluster as it found it. Nothing in it is drawn: the people's acts and the bot's answers are real.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sandbox.discord_api import DiscordDouble, RefusedError
from sandbox.discord_api.wire import ApiError
from sandbox.parallax import ParallaxDouble

CHANNEL = "general"
WELCOME = (
    "Welcome! A short scene is about to play. Write, ask or press anything, here or in the panel at the top "
    "right, and the place is yours."
)
QUESTIONS = (
    ("ben", "What is a heap good for? Show me one in Python."),
    ("chloe", "How do I find out which query is slow?"),
    ("grace", "Write a checklist for a release on a Friday."),
    ("ben", "And when would I use a sorted list instead?"),
    ("chloe", "Explain an index to somebody who knows libraries."),
)
TIGHT_SLOTS = 1
"""Slots of each pipeline while the scene wants a line that people can see."""
AWAY = 12.0
"""Seconds for which the node stays away."""
_READY_WITHIN = 60.0
_ANSWERED_WITHIN = 120.0


class Scene:
    """One performance; belongs to the doubles' event loop. ``pace`` multiplies its pauses (0: none)."""

    def __init__(self, discord: DiscordDouble, parallax: ParallaxDouble, *, pace: float = 1.0) -> None:
        self._discord = discord
        self._parallax = parallax
        self._pace = pace
        self._lost: tuple[str, str, float] | None = None

    async def play_when_seen(self) -> bool:
        """:meth:`play`, once somebody has opened the page."""
        await self._discord.opened.wait()
        return await self.play()

    async def play(self) -> bool:
        """Play until the end, and say whether it got there; a visitor's act ends it at once.

        Safe to cancel. A bot without ``/ask`` or one that does not answer in time ends it quietly.
        """
        slots = self._parallax.slots
        playing = asyncio.create_task(self._acts(), name="scene")
        taken = asyncio.create_task(self._discord.visited.wait(), name="visitor")
        try:
            await asyncio.wait({playing, taken}, return_when=asyncio.FIRST_COMPLETED)
            return playing.done() and playing.exception() is None and not taken.done()
        finally:
            for task in (playing, taken):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RefusedError, ApiError, AssertionError, TimeoutError):
                await playing
            self._parallax.set_capacity(slots)
            self._bring_back()

    async def _acts(self) -> None:
        await self._discord.bot_ready(_READY_WITHIN)
        await self._say("grace", WELCOME)
        await self._pause(4)
        await self._crowd()
        await self._drop()
        await self._say("grace", "That was all. Be anybody by the name at the bottom left; Olga runs the cluster.")

    async def _crowd(self) -> None:
        """More questions than the cluster has room for: some wait, in turn."""
        self._parallax.set_capacity(TIGHT_SLOTS)
        before = len(self._parallax.requests)
        await self._say("ben", "Morning. Let me see whether the new model knows its data structures.")
        for who, question in QUESTIONS:
            await self._discord.person(who).slash(CHANNEL, "ask", prompt=question)
            await self._pause(0.8)
        await self._say("olga", "Five at once, three slots. Look at the positions in the queue.")
        await self._discord.person("olga").slash(CHANNEL, "status")
        await self._until(lambda: len(self._parallax.requests) >= before + len(QUESTIONS) and self._idle())

    async def _drop(self) -> None:
        """The last node dies while nothing runs on it, and joins again."""
        node = next((name for name, node in reversed(self._parallax.nodes.items()) if node.alive), None)
        if node is None or not self._idle():
            return
        self._lost = (node, self._parallax.nodes[node].gpu, self._parallax.nodes[node].memory)
        self._parallax.remove_node(node)
        await self._pause(2)
        await self._say("olga", f"{node} has just lost its power. The others carry on:")
        before = len(self._parallax.requests)
        await self._discord.person("chloe").slash(CHANNEL, "ask", prompt="Does this still work with a node less?")
        await self._discord.person("olga").slash(CHANNEL, "status")
        await self._pause(AWAY)
        await self._until(lambda: len(self._parallax.requests) > before and self._idle())
        self._bring_back()
        await self._say("olga", f"{node} is back.")

    def _bring_back(self) -> None:
        if self._lost is not None and self._lost[0] not in self._parallax.nodes:
            name, gpu, memory = self._lost
            self._parallax.add_node(name, gpu, memory, ready=True)
            self._lost = None

    def _idle(self) -> bool:
        return self._parallax.active == 0 and all(r.outcome != "open" for r in self._parallax.requests)

    async def _until(self, condition: Callable[[], bool]) -> None:
        await self._parallax.wait_until(condition, _ANSWERED_WITHIN)

    async def _say(self, who: str, text: str) -> None:
        await self._discord.person(who).say(CHANNEL, text)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._pace)
