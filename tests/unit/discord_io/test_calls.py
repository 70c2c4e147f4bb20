"""The translation of failed calls to Discord."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest

from bot.discord_io.calls import NOBODY, send_reply, translated
from bot.errors import AccessLost, DeliveryError, HeldBack, MessageGone, TokenExpired
from tests.fakes.refusals import refusal


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (refusal(404, 10008), MessageGone),
        (refusal(404, 10003), MessageGone),
        (refusal(404, 10062), TokenExpired),
        (refusal(404, 10015), TokenExpired),
        (refusal(401, 0), TokenExpired),
        (refusal(403, 50013), AccessLost),
        (refusal(403, 0), AccessLost),
        (refusal(400, 160005), AccessLost),
        (refusal(400, 40060), DeliveryError),
        (refusal(500, 0), DeliveryError),
        (aiohttp.ClientConnectionError(), DeliveryError),
        (ConnectionResetError(), DeliveryError),
        (TimeoutError(), DeliveryError),
        (discord.ConnectionClosed(cast("Any", SimpleNamespace(close_code=1006)), shard_id=0), DeliveryError),
    ],
    ids=repr,
)
def test_each_failure_has_one_name(raised: Exception, kind: type[DeliveryError]) -> None:
    """The cause is chained."""
    with pytest.raises(DeliveryError) as caught, translated():
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised
    is_lost = not isinstance(raised, discord.HTTPException)
    assert (caught.value.key == "error.connection_lost") is is_lost, "what is not known is said as such"


@pytest.mark.parametrize("raised", [HeldBack("closed"), ValueError("ours"), discord.ClientException("ours")])
def test_anything_else_goes_through(raised: Exception) -> None:
    """Errors that no call to Discord raises are left alone."""
    with pytest.raises(type(raised)) as caught, translated():
        raise raised
    assert caught.value is raised


class Channel:
    """Refuses replies like this, and takes everything else."""

    def __init__(self, refused: Exception) -> None:
        self._refused = refused
        self.sent: list[dict[str, Any]] = []

    async def send(self, **content: Any) -> str:
        """Raise for a reply."""
        if "reference" in content:
            raise self._refused
        self.sent.append(content)
        return "a message"


REPLY = discord.MessageReference(message_id=1, channel_id=2)


@pytest.mark.parametrize(
    "refused", [refusal(403, 160002), refusal(400, 50035, field="message_reference")], ids=repr
)
async def test_d6_what_cannot_be_a_reply_is_sent_without(refused: Exception) -> None:
    """Where the bot may not read the history, and where the message is gone."""
    channel = Channel(refused)
    assert await send_reply(cast("Any", channel), REPLY, content="?") == "a message"
    assert channel.sent == [{"content": "?", "allowed_mentions": NOBODY}]


@pytest.mark.parametrize(
    "refused", [refusal(403, 50013), refusal(400, 50035, field="content"), ConnectionResetError()], ids=repr
)
async def test_d6_any_other_refusal_stands(refused: Exception) -> None:
    """Sending it again would be refused again, or be sent twice."""
    channel = Channel(refused)
    with pytest.raises(type(refused)):
        await send_reply(cast("Any", channel), REPLY, content="?")
    assert channel.sent == []
