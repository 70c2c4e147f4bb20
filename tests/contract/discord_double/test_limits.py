"""The rate limits, and discord.py's way of living with them.

Sources: docs.discord.com, developers/topics/rate-limits; discord-api-docs issues 2761 and 8073 (PATCH and POST
of a channel), 2701 (interaction tokens), 367 and 4043 (the hidden limit of webhooks).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.discord_api import DiscordDouble


class Api:
    """A client without any manners: it asks and looks at the answer."""

    def __init__(self, double: DiscordDouble, session: aiohttp.ClientSession) -> None:
        self._double = double
        self._session = session

    async def __call__(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
    ) -> tuple[int, Any, Any]:
        """Status, headers and body."""
        headers = {"Authorization": f"Bot {token or self._double.token}"}
        url = self._double.api_url + path
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            is_json = answer.headers.get("Content-Type") == "application/json"
            return answer.status, answer.headers, await (answer.json() if is_json else answer.text())


@pytest.fixture
async def double() -> AsyncIterator[DiscordDouble]:
    """A double without latency."""
    async with DiscordDouble(latency=0) as running:
        yield running


@pytest.fixture
async def api(double: DiscordDouble) -> AsyncIterator[Api]:
    """Raw requests to the double."""
    async with aiohttp.ClientSession() as session:
        yield Api(double, session)


async def posted(double: DiscordDouble, api: Api, channel: str = "general") -> str:
    """The path of a message that was just posted."""
    path = f"/channels/{double.channel(channel).id}/messages"
    _, _, message = await api("POST", path, {"content": "x"})
    return f"{path}/{message['id']}"


async def test_every_answer_carries_the_state_of_its_bucket(double: DiscordDouble, api: Api) -> None:
    """Limit, remaining, reset and bucket; a fixed window begins with the first request."""
    path = f"/channels/{double.channel('general').id}/messages"
    _, first, _ = await api("POST", path, {"content": "1"})
    _, second, _ = await api("POST", path, {"content": "2"})
    assert first["X-RateLimit-Limit"] == "5"
    assert [h["X-RateLimit-Remaining"] for h in (first, second)] == ["4", "3"]
    assert 4.5 < float(first["X-RateLimit-Reset-After"]) <= 5.0
    assert float(second["X-RateLimit-Reset-After"]) <= float(first["X-RateLimit-Reset-After"])
    assert abs(float(first["X-RateLimit-Reset"]) - time.time() - 5) < 1
    assert first["Content-Type"] == "application/json"


async def test_the_sixth_edit_in_a_channel_is_refused(double: DiscordDouble, api: Api) -> None:
    """5 edits in 5 s over all messages of a channel; posts are counted apart, other channels too."""
    one, two = await posted(double, api), await posted(double, api)
    answers = [await api("PATCH", one if number % 2 else two, {"content": str(number)}) for number in range(5)]
    assert [status for status, _, _ in answers] == [200] * 5
    status, refused, body = await api("PATCH", one, {"content": "no"})
    assert status == 429
    assert refused["Via"] == "1.1 google"
    assert refused["X-RateLimit-Scope"] == "user"
    assert int(refused["Retry-After"]) >= body["retry_after"] > 0
    assert body["message"] == "You are being rate limited."
    assert body["global"] is False
    assert refused["X-RateLimit-Remaining"] == "0"
    _, post, _ = await api("POST", one.rsplit("/", 1)[0], {"content": "still fine"})
    assert post["X-RateLimit-Bucket"] == answers[0][1]["X-RateLimit-Bucket"]
    other = await posted(double, api, "random")
    assert (await api("PATCH", other, {"content": "fine"}))[0] == 200
    (rejection,) = double.limits.rejections
    assert rejection.counter == "PATCH channel message"
    assert rejection.path == one
    assert double.world.messages[int(one.rsplit("/", 1)[1])].text == "3"
    assert len(double.limits.traces["PATCH channel message", str(double.channel("general").id)]) == 5


async def test_edits_of_old_messages_are_rarer(double: DiscordDouble, api: Api) -> None:
    """Messages older than an hour: 3 in 6 s, and a code of its own (30046)."""
    path = await posted(double, api)
    double.clock.advance(3601)
    statuses = [(await api("PATCH", path, {"content": str(n)}))[0] for n in range(3)]
    status, _, body = await api("PATCH", path, {"content": "no"})
    assert statuses == [200, 200, 200]
    assert (status, body["code"]) == (429, 30046)


async def test_the_sixth_typing_in_a_channel_is_refused(double: DiscordDouble, api: Api) -> None:
    """5 in 5 s, counted apart from messages."""
    path = f"/channels/{double.channel('general').id}"
    assert [(await api("POST", f"{path}/typing"))[0] for _ in range(6)] == [204] * 5 + [429]
    assert (await api("POST", f"{path}/messages", {"content": "still fine"}))[0] == 200


async def test_the_global_limit_counts_everything(double: DiscordDouble, api: Api) -> None:
    """50 requests a second over all routes of the token, with ``global`` in the refusal."""
    roles = [f"/guilds/{guild_id}/roles" for guild_id in double.world.guilds]
    answers = await asyncio.gather(*(api("GET", roles[n % 2]) for n in range(60)))
    refused = [(headers, body) for status, headers, body in answers if status == 429]
    assert len(refused) == 10
    assert all(body["global"] and headers["X-RateLimit-Scope"] == "global" for headers, body in refused)
    assert refused[0][0]["X-RateLimit-Global"] == "true"


async def test_invalid_requests_are_counted_and_finally_banned(double: DiscordDouble, api: Api) -> None:
    """401, 403 and 429 count towards 10,000 in ten minutes; then the answer has no Via header."""
    status, _, _ = await api("GET", "/users/@me", token="wrong")
    assert status == 401
    assert len(double.limits.invalid) == 1
    for _ in range(9_999):
        double.limits.count_invalid(403, None)
    status, headers, _ = await api("GET", "/users/@me")
    assert status == 429
    assert "Via" not in headers


async def test_unknown_paths_and_methods(api: Api) -> None:
    """Discord's own bodies for 404 and 405."""
    assert (await api("GET", "/nothing/here"))[::2] == (404, {"message": "404: Not Found", "code": 0})
    assert (await api("PATCH", "/users/@me/guilds"))[::2] == (
        405,
        {"message": "405: Method Not Allowed", "code": 0},
    )


async def test_limits_can_be_switched_off(double: DiscordDouble, api: Api) -> None:
    """For tests that are about something else."""
    double.limits.enabled = False
    path = await posted(double, api)
    assert {(await api("PATCH", path, {"content": str(n)}))[0] for n in range(12)} == {200}


async def test_each_interaction_token_has_its_own_budget(double: DiscordDouble, bot: Any, api: Api) -> None:
    """5 in 2 s over edits and follow-ups of one token together; another token is not concerned."""
    statuses = []
    for number in range(2):
        asked = await double.person("ada").slash("general", "ask", prompt=str(number))
        await asked.response()
        hook = f"/webhooks/{double.application_id}/{asked.interaction.token}"
        for edit in range(3):
            statuses.append((await api("PATCH", f"{hook}/messages/@original", {"content": str(edit)}))[0])
            statuses.append((await api("POST", hook, {"content": str(edit)}))[0])
    assert statuses == [200, 200, 200, 200, 200, 429] * 2
    assert {r.counter for r in double.limits.rejections} == {"interaction webhook"}


async def test_the_hidden_webhook_limit(double: DiscordDouble, bot: Any, api: Api) -> None:
    """30 in 60 s over all webhooks of a channel, scope ``shared``; off unless it is switched on."""
    double.limits.hidden_webhook_limit = True
    answers = []
    for number in range(8):
        asked = await double.person("ada").slash("general", "ask", prompt=str(number))
        await asked.response()
        path = f"/webhooks/{double.application_id}/{asked.interaction.token}/messages/@original"
        for edit in range(4):
            status, headers, _ = await api("PATCH", path, {"content": str(edit)})
            answers.append((status, headers.get("X-RateLimit-Scope")))
    assert answers == [(200, None)] * 30 + [(429, "shared")] * 2
    assert not double.limits.invalid


async def test_discord_py_waits_and_repeats_after_a_429(double: DiscordDouble, bot: Any, api: Api) -> None:
    """The library obeys ``retry_after`` of a 429 that has a Via header; deleting has the shortest window."""
    channel = bot.get_partial_messageable(double.channel("general").id)
    double.limits.enabled = False  # while the messages are made: posting is not the subject
    sent = [await posted(double, api) for _ in range(5)]
    message = await channel.send("the sixth")
    double.limits.enabled = True
    for path in sent:
        assert (await api("DELETE", path))[0] == 204
    await channel.get_partial_message(message.id).delete()
    times = double.limits.traces["DELETE channel message", str(channel.id)]
    assert [r.counter for r in double.limits.rejections] == ["DELETE channel message"]
    assert times[5] - times[0] >= 1.0
    assert double.messages("general") == []
