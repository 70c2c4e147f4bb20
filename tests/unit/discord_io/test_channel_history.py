"""What is read of a channel for a summary, and who may have it read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.discord_io.channel_history import History, read_history, require_member, require_readable
from bot.discord_io.history import PAGE
from bot.domain.channel_summary.messages import MOST_MESSAGES, MOST_OF_A_MESSAGE, MOST_TEXT, first_id_at
from bot.domain.channel_summary.since import SinceMessage, SinceTime, SinceVisit
from bot.domain.schedules.schedule import MARK
from bot.errors import AccessLost, DeliveryError, NothingSaid, UserError
from bot.i18n.catalogue import available_locales, say

_ME, _ADA, _BEN = 1, 2, 3
_NOW = 1_790_000_000.0
_FIRST = first_id_at(_NOW)


def _person(user_id: int, *, bot: bool = False) -> Any:  # stands for the library's
    return SimpleNamespace(id=user_id, display_name=f"person {user_id}", bot=bot)


def _message(number: int, content: str = "words", author: int = _BEN, **more: object) -> Any:
    found = {
        "id": _FIRST + number,
        "content": content,
        "author": _person(author, bot=author == _ME),
        "embeds": [],
        "components": [],
        "attachments": [],
        "stickers": [],
        "mentions": [],
        "message_snapshots": [],
        "poll": None,
        "guild": SimpleNamespace(me=_person(_ME), get_role=lambda _: None, get_channel_or_thread=lambda _: None),
        "is_system": lambda: False,
    }
    return SimpleNamespace(**(found | more))


@dataclass
class Pages:
    """The reader, over messages from old to new."""

    messages: Sequence[Any]
    error: DeliveryError | None = None
    asked: list[int | None] = field(default_factory=list)

    async def page(self, _channel: object, before: int | None) -> list[Any]:
        """The next older ones."""
        self.asked.append(before)
        if self.error is not None:
            raise self.error
        return [one for one in reversed(self.messages) if before is None or one.id < before][:PAGE]


async def _read(
    pages: Pages, since: SinceMessage | SinceTime | SinceVisit, run_at: float | None = None
) -> History:
    viewer = cast("Any", _person(_ADA))
    return await read_history(cast("Any", pages), cast("Any", None), since, viewer, run_at=run_at)


async def test_only_what_is_newer_is_read_and_no_call_is_made_in_vain() -> None:
    pages = Pages([_message(number) for number in range(250)])
    read = await _read(pages, SinceMessage(_FIRST + 120))
    assert [one.message_id - _FIRST for one in read.messages] == list(range(120, 250))
    assert pages.asked == [None, _FIRST + 150]
    assert (read.was_cut, read.visit) == (False, None)


async def test_a_visit_ends_the_reading() -> None:
    messages = [_message(0), _message(1, author=_ADA), _message(2), _message(3)]
    read = await _read(Pages(messages), SinceVisit())
    assert [one.message_id - _FIRST for one in read.messages] == [2, 3]
    assert read.visit == _FIRST + 1


async def test_her_own_messages_are_read_when_she_says_since_when() -> None:
    messages = [_message(0), _message(1, author=_ADA), _message(2)]
    read = await _read(Pages(messages), SinceTime(_NOW))
    assert len(read.messages) == 3


@pytest.mark.parametrize(
    ("text", "count"), [("words", MOST_MESSAGES), ("x" * MOST_OF_A_MESSAGE, -(-MOST_TEXT // MOST_OF_A_MESSAGE))]
)
async def test_the_newest_are_kept_of_too_many(text: str, count: int) -> None:
    pages = Pages([_message(number, text) for number in range(MOST_MESSAGES + 300)])
    read = await _read(pages, SinceVisit())
    assert len(read.messages) == count
    assert read.messages[-1].message_id == _FIRST + MOST_MESSAGES + 299
    assert read.was_cut


async def test_a_message_is_bounded_and_names_its_files() -> None:
    files = [SimpleNamespace(filename=f"file {number}.txt") for number in range(9)]
    messages = [_message(0, "x" * 4000), _message(1, "", attachments=files[:1])]
    read = await _read(Pages(messages), SinceTime(_NOW))
    assert [len(one.text) for one in read.messages] == [MOST_OF_A_MESSAGE, len("(file 0.txt)")]
    assert read.messages[0].text.endswith("…")


async def test_of_its_own_messages_the_bot_reads_what_it_said() -> None:
    """No small text, no cards; of other bots everything."""
    text = cast("Any", discord.TextDisplay.__new__(discord.TextDisplay))
    text.content = "> Why?\nBecause.\n-# a-model · 5 tokens"
    own = _message(0, "", author=_ME, components=[text])
    waiting = _message(1, "", author=_ME, components=[])
    read = await _read(Pages([own, waiting, _message(2, "beep", author=9)]), SinceTime(_NOW))
    assert [one.text for one in read.messages] == ["> Why?\nBecause.", "beep"]


async def test_hidden_is_not_the_same_as_silent() -> None:
    """Discord leaves the text out where the application may not have it."""
    for messages, key in (
        ([_message(0, "")], "error.summary_hidden"),
        ([_message(0, "", is_system=lambda: True)], "error.summary_nothing"),
        ([_message(0, "", stickers=[object()])], "error.summary_nothing"),
        ([], "error.summary_nothing"),
    ):
        with pytest.raises(UserError) as told:
            await _read(Pages(messages), SinceTime(_NOW))
        assert told.value.key == key


async def test_rights_that_end_meanwhile_are_told() -> None:
    with pytest.raises(UserError) as told:
        await _read(Pages([], AccessLost("50001")), SinceTime(_NOW))
    assert told.value.key == "error.summary_bot_unseen"


class _Thread(discord.Thread):
    """A thread that needs no server behind it."""

    __slots__ = ("members_there", "rights")

    def __init__(self, *, private: bool, members: Sequence[int] = (), manages: bool = False) -> None:
        self._type = discord.ChannelType.private_thread if private else discord.ChannelType.public_thread
        self.rights = discord.Permissions(manage_threads=manages)
        self.members_there = members

    def permissions_for(self, _obj: object, /) -> discord.Permissions:
        return self.rights

    async def fetch_member(self, member_id: int, /) -> Any:  # as far as it is looked at
        if member_id not in self.members_there:
            response = cast("Any", SimpleNamespace(status=404, reason=""))
            raise discord.NotFound(response, {"code": 10007, "message": ""})


_MEMBER = object.__new__(discord.Member)
_MEMBER._user = _person(_ADA)


@pytest.mark.parametrize(
    ("thread", "may"),
    [
        (_Thread(private=False), True),
        (_Thread(private=True), False),
        (_Thread(private=True, members=[_ADA]), True),
        (_Thread(private=True, manages=True), True),
    ],
)
async def test_a_private_thread_is_for_its_members_and_who_manages_threads(thread: _Thread, *, may: bool) -> None:
    if may:
        await require_member(thread, _MEMBER)
        return
    with pytest.raises(UserError) as told:
        await require_member(thread, _MEMBER)
    assert told.value.key == "error.summary_unseen"


def test_only_channels_of_servers_can_be_read() -> None:
    with pytest.raises(UserError) as told:
        require_readable(SimpleNamespace(), _MEMBER)
    assert told.value.key == "error.summary_server"


def _shown(number: int, text: str) -> Any:  # stands for the library's
    """A message of the bot with this text."""
    display = discord.TextDisplay.__new__(discord.TextDisplay)
    display.content = text
    return _message(number, "", author=_ME, components=[display])


async def test_a_run_of_a_schedule_reads_what_was_written_before_it_without_answers_of_schedules() -> None:
    later = first_id_at(_NOW + 60.0) - _FIRST
    report, answer = _shown(1, "-# ⏰ every day 9:00\nThe report."), _shown(2, "An answer.")
    pages = Pages([_message(0), report, answer, _message(3), _message(later)])
    read = await _read(pages, SinceTime(_NOW), run_at=_NOW + 60.0)
    assert [one.message_id - _FIRST for one in read.messages] == [0, 2, 3]
    everything = await _read(pages, SinceTime(_NOW))
    assert len(everything.messages) == 5


async def test_for_a_run_nothing_was_said_when_nobody_but_the_bot_spoke() -> None:
    for messages in ([], [_shown(1, "An answer.")], [_message(1, "")]):
        with pytest.raises(NothingSaid):
            await _read(Pages(messages), SinceTime(_NOW), run_at=_NOW + 60.0)


def test_every_answer_to_a_schedule_begins_with_the_mark() -> None:
    for locale in available_locales():
        assert say(locale, "schedule.heading", when="x", owner="y").startswith(MARK)
