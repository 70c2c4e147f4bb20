"""The translation of failed calls to Discord."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest

from bot.discord_io.calls import translated
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


@pytest.mark.parametrize("raised", [HeldBack("closed"), ValueError("ours"), discord.ClientException("ours")])
def test_anything_else_goes_through(raised: Exception) -> None:
    """Errors that no call to Discord raises are left alone."""
    with pytest.raises(type(raised)) as caught, translated():
        raise raised
    assert caught.value is raised
