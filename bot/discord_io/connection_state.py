"""The library's state, with two differences in what becomes of the gateway's events.

The gateway sends an event for each of the bot's own edits. With a hundred answers that stream these are hundreds
of events a second. The library makes a message with all its parts of each, and a task for whoever listens. Nobody
does: the bot knows what it has written, and keeps no messages.

What a message's buttons and a dialogue do, the library keeps in memory. A press or a dialogue of which it knows
nothing it drops without a word, so that Discord tells the person that the bot did not respond. Here it becomes an
event of its own (:mod:`bot.discord_io.unclaimed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from discord import InteractionType
from discord.state import AutoShardedConnectionState

if TYPE_CHECKING:
    from discord.types.gateway import InteractionCreateEvent, MessageUpdateEvent
    from discord.ui.view import BaseView


class ConnectionState(AutoShardedConnectionState[Any]):
    """The library's own, which looks up what to do with an event by the name ``parse_…``."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # as the library's
        super().__init__(**options)
        self._kept = asyncio.Event()

    def parse_message_update(self, data: MessageUpdateEvent) -> None:
        """Pass on the event of an edited message, unless the bot itself wrote it and the library has no view on
        it."""
        author: Mapping[str, object] = data.get("author", {})
        if author.get("id") != str(self.self_id) or self._view_store.is_message_tracked(int(data["id"])):
            super().parse_message_update(data)

    def parse_interaction_create(self, data: InteractionCreateEvent) -> None:
        """Pass on an interaction; a press or a dialogue of which nothing is known becomes the event
        ``unclaimed``."""
        if self.knows(data):
            super().parse_interaction_create(data)
        else:
            self.dispatch("unclaimed", data)

    def store_view(self, view: BaseView, message_id: int | None = None) -> None:
        """Keep what a message's buttons or a dialogue do, and wake those who wait for it."""
        super().store_view(view, message_id)
        self._kept.set()
        self._kept = asyncio.Event()

    async def until_known(self, data: InteractionCreateEvent) -> None:
        """Wait until it is known what this press or dialogue does."""
        while not self.knows(data):
            await self._kept.wait()

    def knows(self, data: InteractionCreateEvent) -> bool:
        """Whether somebody here handles this interaction; of a command that is always so."""
        store, about = self._view_store, cast("Mapping[str, Any]", data.get("data"))
        if data["type"] == InteractionType.modal_submit.value:
            return about["custom_id"] in store._modals  # noqa: SLF001  # the library offers no way to ask
        if data["type"] != InteractionType.component.value:
            return True
        views = store._views  # noqa: SLF001  # as above
        control = (about["component_type"], about["custom_id"])
        pressed = cast("Mapping[str, str]", data.get("message") or {})
        if control in views.get(None, ()) or control in views.get(int(pressed.get("id", 0)), ()):
            return True
        templates = store._dynamic_items  # noqa: SLF001  # as above
        return any(template.fullmatch(about["custom_id"]) for template in templates)
