"""Edits and sends with a payload of our own: the library could not tell them from its own calls."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from bot.clock import Clock
from bot.discord_io.calls import NOBODY
from bot.discord_io.components import page_components, to_files
from bot.discord_io.delivery.message_calls import MessageCalls
from bot.markdown.files import File
from bot.presentation.page import Control, Page
from tests.fakes.clocks import LoopClock
from tests.unit.discord_io.test_components import REQUEST, library_layout

CLOCK: Clock = LoopClock()
APPLICATION, TOKEN, CHANNEL, MESSAGE = 1, "token", 77, 5
LOCALE = "de"
PAGES = [
    Page("> Frage\nAntwort ▍", "-# 12 tok/s", (Control.STOP,)),
    Page("Ende", "-# Beleg", (Control.CONTINUE, Control.LIKE), (File("answer.md", b"all of it"),)),
]
USER = {"id": "9", "username": "bot", "discriminator": "0", "avatar": None, "global_name": None, "bot": True}
SENT: Mapping[str, object] = {
    "id": str(MESSAGE),
    "channel_id": str(CHANNEL),
    "author": USER,
    "content": "",
    "timestamp": "2026-01-01T00:00:00+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [],
    "pinned": False,
    "type": 0,
    "components": [],
    "flags": 1 << 15,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What Discord answers: by default, that the bucket has room."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: bucket(remaining=4))
    body: Mapping[str, object] = field(default_factory=lambda: SENT)


def bucket(*, remaining: int, reset_after: float = 2.0) -> dict[str, str]:
    """The headers of a bucket."""
    return {
        "X-Ratelimit-Limit": "5",
        "X-Ratelimit-Remaining": str(remaining),
        "X-Ratelimit-Reset-After": str(reset_after),
        "X-Ratelimit-Bucket": "messages",
    }


def refused(seconds: float, *, everywhere: bool = False) -> Answer:
    """A 429 of a bucket, or of the limit that all routes share."""
    headers = {"Via": "1.1 google", **bucket(remaining=0, reset_after=seconds)}
    return Answer(429, headers, {"retry_after": seconds, "global": everywhere, "message": "slower"})


@dataclass(eq=False)
class Session:
    """An HTTP session that keeps what is sent and when, and answers as told (else that it went well)."""

    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[str, str, object, object]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def request(
        self, method: str, url: str, *, data: object = None, params: object = None, **_: object
    ) -> AbstractAsyncContextManager[Any]:
        """Take a request."""
        self.at.append(CLOCK.monotonic())
        self.sent.append((method, url.removeprefix(discord.http.Route.BASE), written(data), params))
        return self._answered(self.answers.pop(0) if self.answers else Answer())

    @asynccontextmanager
    async def _answered(self, answer: Answer) -> AsyncIterator[Any]:
        async def text(**_: object) -> str:
            return json.dumps(answer.body)

        headers = {**answer.headers, "content-type": "application/json"}
        yield SimpleNamespace(status=answer.status, headers=headers, text=text, reason="")


def written(data: object) -> object:
    """The bytes of a body, part by part when there are files."""
    if not isinstance(data, aiohttp.FormData):
        return data
    return [
        (dict(options), dict(headers), value if isinstance(value, str) else value.read())
        for options, headers, value in data._fields
    ]


@dataclass(eq=False)
class Wire:
    """Our calls and the library's, both through one session."""

    client: discord.Client
    session: Session

    @property
    def calls(self) -> MessageCalls:
        """Ours."""
        return MessageCalls(self.client)

    @property
    def channel(self) -> discord.PartialMessageable:
        """The library's way by the bot's token."""
        return self.client.get_partial_messageable(CHANNEL)

    @property
    def webhook(self) -> discord.Webhook:
        """The library's way by an interaction's token."""
        return self.calls.webhook(APPLICATION, TOKEN)

    def edit(self, number: int = 0) -> Awaitable[None]:
        """An edit of ours by the bot's token."""
        return self.calls.edit(CHANNEL, MESSAGE, components(PAGES[number]), PAGES[number].files)

    def edit_response(self, number: int = 0) -> Awaitable[None]:
        """An edit of ours by the interaction's token."""
        page = PAGES[number]
        return self.calls.edit_response(APPLICATION, TOKEN, None, components(page), page.files)


@pytest.fixture
async def wire() -> Wire:
    """A client that is logged in to a session of the test's."""
    client = discord.Client(intents=discord.Intents.none(), allowed_mentions=NOBODY)
    session = Session()
    client.http._HTTPClient__session = session  # type: ignore[attr-defined]  # which a login would set
    client.http._global_over = asyncio.Event()
    client.http._global_over.set()
    return Wire(client, session)


def components(page: Page) -> list[dict[str, Any]]:
    """The page as ours are sent."""
    return page_components(page, REQUEST, LOCALE)


@pytest.mark.parametrize("page", PAGES, ids=["text", "file"])
async def test_an_edit_sends_the_bytes_of_the_librarys_own(wire: Wire, page: Page) -> None:
    """By either token."""
    view = library_layout(page, LOCALE, 0)
    await wire.calls.edit(CHANNEL, MESSAGE, components(page), page.files)
    await wire.channel.get_partial_message(MESSAGE).edit(
        view=view, attachments=to_files(page.files), allowed_mentions=NOBODY
    )
    for message_id in (None, MESSAGE):
        await wire.calls.edit_response(APPLICATION, TOKEN, message_id, components(page), page.files)
        target: Any = "@original" if message_id is None else message_id
        await wire.webhook.edit_message(
            target, view=view, attachments=to_files(page.files), allowed_mentions=NOBODY
        )

    sent = wire.session.sent
    assert len(sent) == 6
    assert sent[0::2] == sent[1::2]
    assert len(set(map(str, sent))) == 3


@pytest.mark.parametrize("page", PAGES, ids=["text", "file"])
@pytest.mark.parametrize("private", [False, True])
async def test_a_message_is_sent_as_the_library_would(wire: Wire, page: Page, private: bool) -> None:
    """By either token; its id is known afterwards."""
    view = library_layout(page, LOCALE, 0)
    view.stop()
    ids = [
        await wire.calls.send(CHANNEL, components(page), page.files, nonce="n-0"),
        (await wire.channel.send(view=view, files=to_files(page.files), allowed_mentions=NOBODY, nonce="n-0")).id,
        await wire.calls.follow_up(APPLICATION, TOKEN, components(page), page.files, private=private),
        (
            await wire.webhook.send(
                view=view, files=to_files(page.files), ephemeral=private, allowed_mentions=NOBODY, wait=True
            )
        ).id,
    ]

    sent = wire.session.sent
    assert ids == [MESSAGE] * 4
    assert sent[0::2] == sent[1::2]


Edit = Callable[[Wire], Awaitable[None]]
ROUTES: list[Edit] = [Wire.edit, Wire.edit_response]


@pytest.mark.parametrize("edit", ROUTES, ids=["bot token", "interaction token"])
async def test_a_used_up_bucket_is_waited_for(wire: Wire, edit: Edit) -> None:
    """By the library, which knows the bucket from its headers."""
    wire.session.answers.append(Answer(headers=bucket(remaining=0, reset_after=1.5)))
    await edit(wire)
    await edit(wire)
    assert wire.session.at[1] - wire.session.at[0] == pytest.approx(1.5)


@pytest.mark.parametrize("edit", ROUTES, ids=["bot token", "interaction token"])
@pytest.mark.parametrize(
    ("answer", "waits"), [(refused(0.7), 0.7), (Answer(502, {}, {}), 1.0)], ids=["429", "502"]
)
async def test_what_is_refused_for_a_moment_is_repeated(
    wire: Wire, edit: Edit, answer: Answer, waits: float
) -> None:
    """After as long as Discord says, or a second after a failure of its own; with the same bytes."""
    wire.session.answers.append(answer)
    await edit(wire)
    first, second = wire.session.sent
    assert first == second
    assert wire.session.at[1] - wire.session.at[0] == pytest.approx(waits)


async def test_a_file_is_sent_whole_when_the_call_is_repeated(wire: Wire) -> None:
    """The library rewinds it."""
    wire.session.answers += [refused(0.1), Answer(), refused(0.1)]
    await wire.edit(1)
    await wire.edit_response(1)
    assert all("all of it" in str(body) for _, _, body, _ in wire.session.sent)
    assert len(wire.session.sent) == 4


async def test_the_limit_of_all_routes_holds_back_every_call_of_the_bots_token(wire: Wire) -> None:
    """What one call met, the next one waits for."""
    wire.session.answers.append(refused(3.0, everywhere=True))
    first = asyncio.ensure_future(wire.edit())
    await CLOCK.sleep(0.5)
    began = CLOCK.monotonic()
    await wire.calls.edit(CHANNEL + 1, MESSAGE, components(PAGES[0]))
    assert CLOCK.monotonic() - began == pytest.approx(2.5)
    await first


@pytest.mark.parametrize(
    ("status", "raised"), [(403, discord.Forbidden), (404, discord.NotFound), (401, discord.HTTPException)]
)
@pytest.mark.parametrize("edit", ROUTES, ids=["bot token", "interaction token"])
async def test_a_refusal_for_good_is_raised_at_once(
    wire: Wire, edit: Edit, status: int, raised: type[discord.HTTPException]
) -> None:
    """As by the library's own calls."""
    wire.session.answers.append(Answer(status, {}, {"code": 10008, "message": "no"}))
    with pytest.raises(raised):
        await edit(wire)
    assert len(wire.session.sent) == 1


async def test_no_layout_is_kept_by_the_library(wire: Wire) -> None:
    """Neither for its buttons nor by the message's id."""
    await wire.edit()
    await wire.edit_response()
    await wire.calls.send(CHANNEL, components(PAGES[0]), nonce="n-0")
    await wire.calls.follow_up(APPLICATION, TOKEN, components(PAGES[0]), private=True)
    store = wire.client._connection._view_store
    assert not store._views
    assert not store._synced_message_views
