"""Help channels: what is answered, how often, and calling a person, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.domain.conversation.help_threads import HelpCall, HelpThread, KeptHelp
from bot.domain.conversation.profile import Profile
from bot.domain.queue.request import Destination, GenerationOptions, RequestState, StoredRequest
from bot.errors import AccessLost, UserError
from bot.services.access.operators import Operators, Person
from bot.services.requests.help_desk import HelpDesk, Post, Wanted
from bot.storage.database import Database
from tests.fakes.clocks import HandClock
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import question

TEAM, FORUM, POST, ADA, BEN, CHLOE, OLGA, HELPERS = 8, 70, 71, 1, 2, 3, 99, 30
PROFILE = Profile("", 6000, 2000, answer_posts=True, posts_a_day=2, helper_roles=frozenset({HELPERS}), origins={})
DAY = 86_400.0


@dataclass
class Messenger:
    """Keeps what was sent, or refuses it."""

    refuses: bool = False
    sent: list[tuple[int, int, str]] = field(default_factory=list)

    async def call_role(self, destination: Destination, *, role_id: int, text: str) -> None:
        """Keep the call."""
        if self.refuses:
            raise AccessLost("50013")
        self.sent.append((destination.channel_id, role_id, text))


@dataclass
class Desk:
    """The desk with what is around it."""

    database: Database
    clock: HandClock
    messenger: Messenger = field(default_factory=Messenger)

    def __post_init__(self) -> None:
        """Put it together."""
        operators = Operators(user_ids=[OLGA], role_ids=[], guild_ids=[])
        self.desk = HelpDesk(self.database.help_threads, self.messenger, operators, self.clock)


@pytest.fixture(params=ENGINES)
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """On an empty database of each kind."""
    async with Database.open(await empty_database(request.param, tmp_path)) as database:
        yield Desk(database, HandClock(1000.0))


def person(user_id: int, *roles: int) -> Person:
    return Person(user_id, TEAM, frozenset(roles))


def post(author: Person | None = None, **more: object) -> Post:
    made = Post(POST, FORUM, author or person(ADA), opens=True)
    return replace(made, **more)  # type: ignore[arg-type]  # fields of Post


async def test_what_begins_a_thread(desk: Desk) -> None:
    """Everybody's post, unless it is for others, solved, an unwanted operator's, or of who wants none."""
    wanted = desk.desk.wanted
    assert await wanted(post(), Profile("", 6000, 2000)) is Wanted.NOT_HELPED
    assert await wanted(post(), PROFILE) is Wanted.ANSWER
    assert await wanted(post(to_others=True), PROFILE) is Wanted.NOTHING
    assert await wanted(post(tags=("bug", "Gelöst ✅")), PROFILE) is Wanted.NOTHING
    assert await wanted(post(tags=("solved",)), replace(PROFILE, solved_tag="Done")) is Wanted.ANSWER
    assert await wanted(post(person(OLGA)), PROFILE) is Wanted.ANSWER
    assert await wanted(post(person(OLGA)), replace(PROFILE, answer_operators=False)) is Wanted.NOTHING
    await desk.desk.opt_out(ADA, out=True)
    assert await wanted(post(), PROFILE) is Wanted.NOTHING
    await desk.desk.opt_out(ADA, out=False)
    assert await wanted(post(), PROFILE) is Wanted.ANSWER


async def test_what_goes_on_in_it(desk: Desk) -> None:
    """The asker, until a helper has written."""
    wanted, later = desk.desk.wanted, post(opens=False)
    assert await wanted(later, PROFILE) is Wanted.NOT_HELPED
    assert await desk.desk.open(post(), PROFILE)
    assert await wanted(later, PROFILE) is Wanted.GO_ON
    assert await wanted(replace(later, to_others=True), PROFILE) is Wanted.NOTHING
    assert await wanted(replace(later, tags=("solved",)), PROFILE) is Wanted.NOTHING
    assert await wanted(replace(later, author=person(BEN)), PROFILE) is Wanted.NOTHING
    assert await wanted(later, PROFILE) is Wanted.GO_ON
    assert await wanted(replace(later, author=person(CHLOE, HELPERS)), PROFILE) is Wanted.NOTHING
    assert await wanted(later, PROFILE) is Wanted.NOTHING
    assert await desk.desk.opened_by(POST, ADA)
    assert not await desk.desk.opened_by(POST, BEN)


async def test_so_many_a_day_and_each_once(desk: Desk) -> None:
    """What is noted already is no further one; the next day begins anew; one person is told."""
    for number in (1, 2, 1, 2):
        assert await desk.desk.open(post(thread_id=number), PROFILE)
    assert not await desk.desk.open(post(thread_id=3), PROFILE)
    assert await desk.desk.open(post(thread_id=3, channel_id=FORUM + 1), PROFILE)
    assert [desk.desk.should_tell_full(FORUM) for _ in range(2)] == [True, False]
    desk.clock.advance(DAY)
    assert await desk.desk.open(post(thread_id=4), PROFILE)
    assert desk.desk.should_tell_full(FORUM)


def asked(role: int | None = HELPERS) -> StoredRequest:
    options = GenerationOptions("", 6000, 2000, helper_role=role)
    destination = Destination(9, POST, TEAM, private=False, channel_route=True)
    made = replace(question("a"), options=options, destination=destination)
    return StoredRequest(made, RequestState.DELIVERED, 1, 1.0)


async def test_a_person_is_called_once(desk: Desk) -> None:
    """A call that Discord refuses may be repeated; later ones are told of the first."""
    desk.messenger.refuses = True
    with pytest.raises(AccessLost):
        await desk.desk.call(asked(), by=ADA)
    desk.messenger.refuses = False
    assert await desk.desk.call(asked(), by=ADA) is None
    assert await desk.desk.call(asked(), by=BEN) == HelpCall(POST, ADA, 1000.0)
    assert desk.messenger.sent == [(POST, HELPERS, f"<@&{HELPERS}> <@{ADA}> asks for a person here.")]
    with pytest.raises(UserError) as refused:
        await desk.desk.call(asked(None), by=ADA)
    assert refused.value.key == "error.no_helpers"


async def test_the_help_channels_are_listed(desk: Desk) -> None:
    """Those that were switched on, and no others."""
    choose = desk.database.profiles.choose
    await choose(FORUM, {"answer_posts": True}, by=OLGA, now=1.0)
    await choose(FORUM + 1, {"persona": "Be kind."}, by=OLGA, now=1.0)
    assert await desk.desk.channels() == {FORUM}


async def test_what_is_kept_of_a_person(desk: Desk) -> None:
    """It is exported, erased on request, and expires; a call stays made, by nobody."""
    store = desk.database.help_threads
    await desk.desk.open(post(), PROFILE)
    await desk.desk.call(asked(), by=ADA)
    await desk.desk.opt_out(ADA, out=True)
    thread, call = HelpThread(POST, FORUM, ADA, 1000.0), HelpCall(POST, ADA, 1000.0)
    assert await store.kept_of(ADA) == KeptHelp((thread,), (call,), 1000.0)
    await desk.database.personal.forget_user(ADA, today=0)
    assert await store.kept_of(ADA) == KeptHelp()
    assert await desk.desk.call(asked(), by=ADA) == HelpCall(POST, 0, 1000.0)
    await desk.desk.open(post(), PROFILE)
    assert await store.expire(before=1000.0) == 0
    assert await store.expire(before=1000.1) == 1
    assert await desk.desk.call(asked(), by=ADA) is None
