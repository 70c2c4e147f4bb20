"""The library's state without the bot's own edits, of which the gateway sends an event each.

With a hundred answers that stream these are hundreds of events a second. The library makes a message with all its
parts of each, and a task for whoever listens. Nobody does: the bot knows what it has written, and keeps no
messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from discord.state import AutoShardedConnectionState

if TYPE_CHECKING:
    from discord.types.gateway import MessageUpdateEvent


class ConnectionState(AutoShardedConnectionState[Any]):
    """The library's own, which looks up what to do with an event by the name ``parse_…``."""

    def parse_message_update(self, data: MessageUpdateEvent) -> None:
        """Pass on the event of an edited message, unless the bot itself wrote it and the library has no view on
        it."""
        author: Mapping[str, object] = data.get("author", {})
        if author.get("id") != str(self.self_id) or self._view_store.is_message_tracked(int(data["id"])):
            super().parse_message_update(data)
