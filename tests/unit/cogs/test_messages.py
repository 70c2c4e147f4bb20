"""Which messages are questions, what they are about, and what their authors read when they are refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import Guard
from bot.domain.interaction_rates import InteractionRates, RateLimit
from bot.errors import NotAllowed, QueueFull, StorageError, UserError
from bot.i18n.catalogue import say
from cogs.message_events import ConversationEvents
from cogs.messages import AskAbout, Messages
from cogs.ui.ask_flow import Asking
from tests.fakes.clocks import FastClock
from tests.fakes.questions import question
from tests.fakes.refusals import refusal

ME, ADA, ROOM, TEAM = 9, 1, 71, 8


@dataclass(eq=False)
class Channel:
    """A channel that keeps what is sent to it, or refuses it."""

    id: int = ROOM
    refuses: Exception | None = None
    sent: list[str] = field(default_factory=list)

    async def send(self, *, view: discord.ui.LayoutView, **_: object) -> None:
        """Keep the text."""
        if self.refuses is not None:
            raise self.refuses
        texts = (item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay))
        self.sent.append("\n".join(texts))


def message(content: str = "", *, number: int = 5, author: int = ADA, **more: Any) -> discord.Message:
    """Somebody's message, in a direct message to the bot unless ``more`` says otherwise."""
    made = discord.Message.__new__(discord.Message)
    facts: dict[str, Any] = {
        "id": number,
        "webhook_id": None,
        "content": content,
        "author": SimpleNamespace(id=author, bot=author == ME, display_name=f"user {author}"),
        "channel": Channel(),
        "guild": None,
        "type": discord.MessageType.default,
        "mentions": [],
        "role_mentions": [],
        "reference": None,
        "attachments": [],
        "embeds": [],
        "components": [],
        "message_snapshots": [],
        "poll": None,
        "_state": None,
    }
    for name, value in {**facts, **more}.items():
        setattr(made, name, value)
    return made


def reply_to(target: discord.Message, content: str = "", **more: Any) -> discord.Message:
    """A reply to this message."""
    reference = SimpleNamespace(
        message_id=target.id, resolved=target, type=discord.MessageReferenceType.default, channel_id=ROOM
    )
    return message(content, number=6, reference=reference, **more)


@dataclass(eq=False)
class Taken:
    """The way to ask, which records the questions, or raises what a test has set."""

    error: Exception | None = None
    questions: list[dict[str, Any]] = field(default_factory=list)

    async def by_message(self, source: discord.Message, prompt: str, **more: Any) -> None:
        """Take a message's question."""
        if self.error is not None:
            raise self.error
        self.questions.append({"prompt": prompt, **more})

    async def by_interaction(self, interaction: object, prompt: str, **more: Any) -> None:
        """Take a dialogue's question."""
        self.questions.append({"prompt": prompt, **more})


@dataclass(eq=False)
class Room:
    """The cog, and what is around it. ``shown`` are the requests that messages show, by message id."""

    taken: Taken = field(default_factory=Taken)
    allowed: tuple[int, ...] = ()
    proxied: bool = False
    shown: dict[int, Any] = field(default_factory=dict)
    forgets: Exception | None = None

    def __post_init__(self) -> None:
        """Put the parts together."""
        clock = FastClock(1.0)
        rates = InteractionRates(RateLimit(1000, 1000.0), clock)
        services = SimpleNamespace(
            proxied_messages=self.proxied,
            help=None,
            actions=SimpleNamespace(shown_in=self._shown_in),
            access=SimpleNamespace(require=self._permitted),
            personal=SimpleNamespace(message_deleted=self._forget),
            catch_up=None,
            history=None,
        )
        bot = SimpleNamespace(
            services=services,
            guard=Guard(rates, clock, allowed_guild_ids=self.allowed),
            user=SimpleNamespace(id=ME),
            intents=discord.Intents.none(),
        )
        self.cog = Messages(cast("ParallaxBot", bot), cast("Asking", self.taken))

    async def _shown_in(self, message_id: int) -> Any:
        return self.shown.get(message_id)

    async def _permitted(self, *_: object, **__: object) -> None:
        """Everybody may."""

    async def _forget(self, message_id: int) -> None:
        if self.forgets is not None:
            raise self.forgets

    async def hears(self, heard: discord.Message) -> list[str]:
        """What the author of a message reads."""
        await self.cog.on_message(heard)
        channel = heard.channel
        assert isinstance(channel, Channel)
        return channel.sent


def answer_of(request_id: str, *, private: bool = False, root: str | None = None) -> SimpleNamespace:
    """A stored request that is shown in the room."""
    asked = question(request_id, root=root, private=private)
    return SimpleNamespace(question=asked, request_id=request_id)


async def test_bots_and_servers_that_are_not_allowed_are_not_heard() -> None:
    """Nor what Discord itself writes, such as that somebody came."""
    room = Room(allowed=(TEAM,))
    elsewhere = SimpleNamespace(id=666, get_role=lambda _id: None, preferred_locale=discord.Locale.german)
    for unheard in (
        message("hello", author=ME),
        message("hello", type=discord.MessageType.new_member),
        message("hello", guild=elsewhere, mentions=[SimpleNamespace(id=ME)]),
    ):
        assert await room.hears(unheard) == []
    assert room.taken.questions == []
    assert await room.hears(message("hello")) == []
    assert [asked["prompt"] for asked in room.taken.questions] == ["hello"]


async def test_a_reply_follows_the_answer_that_it_replies_to() -> None:
    """Not a private one, which others must not learn of, nor one of another channel."""
    for shown, follows in (
        (answer_of("q"), "q"),
        (answer_of("q2", root="q"), "q"),
        (answer_of("q", private=True), None),
        (SimpleNamespace(question=question("q", conversation=2), request_id="q"), None),
    ):
        room = Room(shown={5: shown})
        await room.hears(reply_to(message("an answer", author=ME), "and then?"))
        (asked,) = room.taken.questions
        assert (asked["prompt"], asked["follows"], asked["attached_text"]) == ("and then?", follows, "")


async def test_a_reply_to_somebody_else_is_about_their_message() -> None:
    """A message of the bot's own that answers nothing is no material."""
    room = Room()
    await room.hears(reply_to(message("the sky is green", author=2), "is it?"))
    await room.hears(reply_to(message("I am restarting", author=ME), "when?"))
    about, plain = room.taken.questions
    assert "the sky is green" in about["attached_text"]
    assert "user 2" in about["attached_text"]
    assert (plain["attached_text"], plain["follows"]) == ("", None)


@pytest.mark.parametrize("about", [None, message("", author=2)], ids=["no words", "nothing in the other one"])
async def test_a_message_without_anything_to_read_is_said_to_have_nothing(about: discord.Message | None) -> None:
    """In the language of the place, in one sentence."""
    room = Room()
    heard = message("") if about is None else reply_to(about, "")
    assert await room.hears(heard) == [say("en", "error.nothing_to_read")]
    assert room.taken.questions == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (QueueFull("full", count=3), None),
        (NotAllowed("blocked", key="error.ask_blocked"), ""),
        (RuntimeError("a bug"), say("en", "error.unexpected")),
    ],
    ids=["refused", "blocked", "bug"],
)
async def test_a_refusal_is_told_but_to_those_who_are_blocked(error: Exception, told: str | None) -> None:
    """They would only be told again and again. A bug is one sentence without its details."""
    room = Room(taken=Taken(error))
    sent = await room.hears(message("hello"))
    assert len(sent) == (told != "")
    if told:
        assert sent == [told]


async def test_a_refusal_that_cannot_be_told_is_only_logged() -> None:
    """The bot may not write there."""
    room = Room(taken=Taken(StorageError("disk full")))
    closed = Channel(refuses=refusal(403, 50013))
    assert await room.hears(message("hello", channel=closed)) == []


async def test_a_repetition_whose_original_cannot_be_forgotten_is_refused() -> None:
    """It would count twice against its asker's limit."""
    room = Room(proxied=True, forgets=StorageError("disk full"))
    now = dt.datetime.now(dt.UTC)
    snowflake = discord.utils.time_snowflake(now)
    await room.hears(message("A: who are you?", number=snowflake))
    repetition = message("who are you?", number=snowflake + 1, webhook_id=3)
    assert await room.hears(repetition) == []
    room.taken.questions.clear()
    deleted = SimpleNamespace(message_id=snowflake)
    await room.cog.on_raw_message_delete(cast("discord.RawMessageDeleteEvent", deleted))
    assert room.taken.questions == []
    assert len(cast("Channel", repetition.channel).sent) == 1


async def test_a_menu_asks_about_what_can_be_read_alone() -> None:
    """An empty message is refused; an answer of the bot's is followed, another message goes along."""
    room = Room(shown={5: answer_of("q")})
    dialogues: list[AskAbout] = []

    async def send_modal(dialogue: AskAbout) -> None:
        dialogues.append(dialogue)

    interaction = cast(
        "discord.Interaction[Any]",
        SimpleNamespace(
            user=SimpleNamespace(id=ADA),
            guild_id=None,
            context=SimpleNamespace(private_channel=False),
            guild=None,
            channel=None,
            channel_id=ROOM,
            client=None,
            locale=discord.Locale.american_english,
            extras={},
            response=SimpleNamespace(send_modal=send_modal, is_done=lambda: False),
        ),
    )
    with pytest.raises(UserError) as refused:
        await room.cog.ask_about(interaction, message("", number=4))
    assert refused.value.key == "error.nothing_to_read"
    for target in (message("an answer", author=ME), message("the sky is green", number=4, author=2)):
        await room.cog.ask_about(interaction, target)
        dialogues[-1]._question._value = "Why?"
        await dialogues[-1].on_submit(interaction)
    followed, about = room.taken.questions
    assert followed == {"prompt": "Why?", "follows": "q"}
    assert "the sky is green" in about["attached_text"]


async def test_edits_by_bots_and_previews_of_links_change_no_question() -> None:
    """Discord sends the same event for them; only a person's edit rewords a question."""
    reworded: list[tuple[int, str]] = []

    async def message_edited(message_id: int, words: str) -> None:
        reworded.append((message_id, words))

    personal = SimpleNamespace(message_edited=message_edited)
    bot = SimpleNamespace(user=SimpleNamespace(id=ME))
    events = ConversationEvents(
        cast("ParallaxBot", bot), cast("Any", None), cast("Any", personal), cast("Any", None)
    )
    now = dt.datetime.now(dt.UTC)
    for edited in (
        message("by a bot", author=ME, _edited_timestamp=now),
        message("a preview", _edited_timestamp=None),
        message(f"<@{ME}> better words", _edited_timestamp=now),
    ):
        event = SimpleNamespace(message=edited, message_id=edited.id)
        await events.on_raw_message_edit(cast("discord.RawMessageUpdateEvent", event))
    assert reworded == [(5, "better words")]


async def test_each_of_many_deleted_messages_is_looked_at() -> None:
    """A moderator deletes up to a hundred at once."""
    seen: list[tuple[str, int]] = []

    def noting(what: str) -> Any:
        async def message_deleted(message_id: int) -> None:
            seen.append((what, message_id))

        return SimpleNamespace(message_deleted=message_deleted)

    events = ConversationEvents(cast("ParallaxBot", None), noting("answer"), noting("question"), cast("Any", None))
    many = SimpleNamespace(message_ids={5, 6})
    await events.on_raw_bulk_message_delete(cast("discord.RawBulkMessageDeleteEvent", many))
    assert sorted(seen) == [("answer", 5), ("answer", 6), ("question", 5), ("question", 6)]
