"""The gateway's events of the bot's own edits cost nothing, and those of others are passed on."""

from __future__ import annotations

from typing import Any

import discord

from bot.discord_io.connection_state import ConnectionState

BOT, SOMEBODY = 1, 2


class Client(discord.AutoShardedClient):
    """A client that notes what it is told."""

    told: list[str]

    def _get_state(self, **options: Any) -> ConnectionState:
        return ConnectionState(
            dispatch=self.dispatch, handlers=self._handlers, hooks=self._hooks, http=self.http, **options
        )

    def dispatch(self, event: str, /, *_: Any, **__: Any) -> None:
        """Note the event."""
        self.told.append(event)


def user(number: int) -> dict[str, object]:
    return {
        "id": str(number),
        "username": f"user{number}",
        "discriminator": "0",
        "avatar": None,
        "bot": number == BOT,
    }


def edited(author: int) -> dict[str, object]:
    return {
        "id": "10",
        "channel_id": "20",
        "type": 0,
        "content": "new words",
        "edited_timestamp": None,
        "pinned": False,
        "tts": False,
        "mention_everyone": False,
        "author": user(author),
        **{name: [] for name in ("attachments", "embeds", "mentions", "mention_roles", "components")},
    }


async def test_only_edits_of_others_are_passed_on() -> None:
    client = Client(intents=discord.Intents.none(), max_messages=None)
    client.told = []
    state: Any = client._connection
    state.user = discord.ClientUser(state=state, data=user(BOT))  # type: ignore[arg-type]  # a user's object, as Discord sends it
    state.parsers["MESSAGE_UPDATE"](edited(BOT))
    assert client.told == []
    state.parsers["MESSAGE_UPDATE"](edited(SOMEBODY))
    assert client.told == ["raw_message_edit"]
