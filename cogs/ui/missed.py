"""Questions that were asked while the bot was away: found in the channels' histories, and taken once.

Nothing is noted for each message. What is done already shows in what is stored, where a question has the id of its
message, and in Discord, where the bot's reply says what became of it. So a crash at any moment repeats nothing
(docs/decisions/0033-what-was-missed-is-read-again.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

import discord
import structlog

from bot.discord_io.client import ParallaxBot
from bot.discord_io.message_text import files_of, words_of
from bot.domain.queue.missed import HeardPlace, Post, choose, in_turn
from bot.errors import DeliveryError, Draining, NotTakenNow, QueueFull, StorageError, UserLimitReached
from bot.i18n.catalogue import say
from cogs.ui.convert import locale_of_message

log = structlog.get_logger(__name__)

MOST_IN_A_CHANNEL = 10
"""Questions taken of one channel: more answers at once would fill it. The newest are taken, as their askers may
still be there, and people are told how many are not."""

MOST_READ_PLACES = 600
"""Channels and threads read after one absence, in a minute."""

HEARD_KEPT = 4_096
"""Newest messages to the bot that were heard over the gateway, and as many that were taken because they were not:
one that is both is taken once."""

SERVERS_TOLD_WITHIN = 5.0
"""Seconds after which a server that Discord has not told of counts as one that the bot is not in."""

AGAIN_AFTER = 10.0
"""Seconds until what failed, or found no room in the queue, is tried again."""

ROUNDS = 8
"""How often a channel is tried that Discord gives no answer about: each pause is twice as long as the one before,
so for twenty minutes."""

LONGEST_PAUSE = 640.0
"""Seconds between two tries while Discord answers nothing, or the database does not."""

OUTAGE = 3
"""Channels in a row that cannot be read: then it is Discord that does not answer, and the mark waits for it."""

PATIENCE = 600.0
"""Seconds for which questions wait outside of the queue while it, or their asker's part of it, is full."""

_Members = dict[tuple[int, int], discord.Member | None]
"""By server and person; None for somebody who has left."""

_NO_ROOM = (UserLimitReached, QueueFull, NotTakenNow)


class Questions(Protocol):
    """Takes messages as questions."""

    async def asks(self, message: discord.Message) -> bool:
        """Whether the message asks the bot, and its text can be read. Raises :class:`StorageError`."""
        ...

    async def take_missed(self, message: discord.Message) -> None:
        """Take the message as a question. Raises what asking does."""
        ...

    async def refuse(self, message: discord.Message, error: Exception) -> None:
        """Say why the message was not taken."""
        ...

    async def say(self, message: discord.Message, sentence: str) -> None:
        """Reply with a sentence."""
        ...


class MissedQuestions:
    """Finds and takes what was missed before the sessions of this process's shards began."""

    def __init__(self, bot: ParallaxBot, questions: Questions) -> None:
        self._bot = bot
        self._questions = questions
        self._catch_up = bot.services.catch_up
        self._history = bot.services.history
        self._ready: set[int] = set()
        self._is_wanted = self._is_running = False
        self._heard: OrderedDict[int, None] = OrderedDict()
        self._taken: OrderedDict[int, None] = OrderedDict()

    def heard(self, message_id: int) -> bool:
        """Note that this message to the bot was heard: whatever becomes of it, it was not missed. False when it
        was read and taken before Discord told of it."""
        _keep(self._heard, message_id)
        return message_id not in self._taken

    def begin(self, shard_id: int) -> None:
        """Catch up with what was missed on this shard, whose servers Discord has told of. Returns at once."""
        if not self._catch_up.is_on:
            return
        self._ready.add(shard_id)
        self._is_wanted = True
        if not self._is_running:
            self._is_running = True
            self._bot.services.operations.background.follow(self._run(), name="catch up")

    async def _run(self) -> None:
        try:
            failures = 0
            while self._is_wanted:
                self._is_wanted = False
                try:
                    complete = await self._round(is_last=failures + 1 >= ROUNDS)
                except Draining:
                    # The next start begins where this one did.
                    return
                except (DeliveryError, StorageError) as error:
                    log.warning("catch_up.interrupted", error=type(error).__name__, detail=str(error))
                    complete = False
                failures = 0 if complete else failures + 1
                if not complete:
                    self._is_wanted = True
                    await self._catch_up.wait(min(LONGEST_PAUSE, AGAIN_AFTER * 2 ** (failures - 1)))
        finally:
            self._is_running = False

    async def _round(self, *, is_last: bool) -> bool:
        """Find and take everything once; returns whether that is done. In the last round a channel that cannot be
        read counts as read. Raises :class:`Draining`, :class:`DeliveryError`, :class:`StorageError`."""
        due = self._catch_up.due()
        sessions = {shard_id: number for shard_id, number in due.items() if shard_id in self._ready}
        count = self._bot.shard_count or 1
        gaps = await self._catch_up.gaps(sessions, count) if sessions else {}
        complete = True
        if gaps:
            found, complete = await self._find(gaps, count)
            await self._take_all(found)
        complete = complete or is_last
        if sessions and complete:
            await self._catch_up.done(sessions, count)
            log.info("catch_up.done", shards=sorted(sessions))
        return complete

    async def _find(self, gaps: Mapping[int, int], count: int) -> tuple[Mapping[int, discord.Message], bool]:
        """The questions by message id, and whether every channel could be read. Raises :class:`DeliveryError`."""
        places = await self._places(gaps, count)
        found: dict[int, discord.Message] = {}
        complete = True
        read = hidden = in_a_row = 0
        for place in places:
            try:
                questions, texts, unreadable = await self._in_place(place, gaps[place.shard(count)])
            except DeliveryError as error:
                log.info("catch_up.not_read", channel=place.channel_id, detail=str(error))
                complete, in_a_row = False, in_a_row + 1
                if in_a_row == OUTAGE:
                    raise
                continue
            in_a_row = 0
            found |= {message.id: message for message in questions}
            read, hidden = read + texts, hidden + unreadable
        if hidden:
            log.warning(
                "catch_up.text_hidden",
                messages=hidden,
                remedy="MESSAGE_CONTENT_INTENT=true lets the bot read replies and threads without a mention",
            )
        log.info("catch_up.read", channels=len(places), messages=read, questions=len(found), complete=complete)
        return found, complete

    async def _places(self, gaps: Mapping[int, int], count: int) -> Sequence[HeardPlace]:
        guard = self._bot.guard
        places = [
            place
            for place in await self._catch_up.places()
            if place.shard(count) in gaps and guard.refusal_in(place.guild_id) is None
        ]
        if not all(map(self._history.knows, places)):
            await self._catch_up.wait(SERVERS_TOLD_WITHIN)
            places = [place for place in places if self._history.knows(place)]
        everywhere = dict.fromkeys(places)
        for place in places:
            everywhere |= dict.fromkeys(self._history.threads(place))
        return list(everywhere)[:MOST_READ_PLACES]

    async def _in_place(self, place: HeardPlace, since: int) -> tuple[Sequence[discord.Message], int, int]:
        """The questions of one channel, how many messages were read, and how many could not."""
        channel = await self._history.channel(place)
        messages = await self._history.read(channel, since) if channel is not None else ()
        me = self._me
        replied = {
            message.reference.message_id
            for message in messages
            if message.author.id == me and message.reference is not None
        }
        posts: dict[int, Post] = {}
        hidden = 0
        for message in messages:
            if message.author.id == me:
                continue
            hidden += not message.content and not files_of(message) and self._is_hidden(message)
            is_question = await self._questions.asks(message)
            words = " ".join((words_of(message, me), *(file.filename for file in files_of(message))))
            opened = message.thread is not None and message.thread.owner_id == me
            has_reply = opened or any(message.id in done for done in (replied, self._heard, self._taken))
            posts[message.id] = Post(message.id, message.author.id, words, is_question, has_reply)
        choice = choose(posts.values(), most=MOST_IN_A_CHANNEL)
        by_id = {message.id: message for message in messages}
        if choice.left_out:
            newest = by_id[choice.left_out[-1]]
            count = len(choice.left_out)
            sentence = say(locale_of_message(newest), "missed.left_out", count=count, most=MOST_IN_A_CHANNEL)
            await self._questions.say(newest, sentence)
            log.info("catch_up.left_out", channel=place.channel_id, questions=count)
        return [by_id[message_id] for message_id in choice.taken], len(messages), hidden

    async def _take_all(self, found: Mapping[int, discord.Message]) -> None:
        """Take the questions in turn. While somebody's part of the queue is full, theirs wait in their order."""
        pending = in_turn({message_id: message.author.id for message_id, message in found.items()})
        asked: set[int] = set()
        members: _Members = {}
        waited = 0.0
        while pending:
            full: set[int] = set()
            postponed: list[int] = []
            for message_id in pending:
                message = found[message_id]
                if message.author.id in full:
                    postponed.append(message_id)
                    continue
                try:
                    await self._take(message, asked, members)
                except _NO_ROOM as error:
                    if waited >= PATIENCE:
                        await self._questions.refuse(message, error)
                        continue
                    full.add(message.author.id)
                    postponed.append(message_id)
            pending = postponed
            if pending:
                waited += AGAIN_AFTER
                await self._catch_up.wait(AGAIN_AFTER)

    async def _take(self, message: discord.Message, asked: set[int], members: _Members) -> None:
        """Take one question, unless that was done, or its author has asked again since. ``asked`` are those
        that this was tried with before, which no other process takes, ``members`` those whose roles are known."""
        guard, author_id = self._bot.guard, message.author.id
        if guard.in_hand.is_ending or guard.in_hand.is_left_to_others:
            raise Draining
        channel_id = message.channel.id
        if not await self._catch_up.is_open(message.id, author_id=author_id, channel_id=channel_id):
            return
        if message.id not in asked and (message.id in self._heard or not await guard.hears(message.id)):
            return
        if message.guild is not None:
            member = await self._member(message.guild, author_id, members)
            if member is None:
                log.info("catch_up.asker_left", user=author_id)
                return
            message.author = member
        asked.add(message.id)
        _keep(self._taken, message.id)
        try:
            await self._questions.take_missed(message)
            log.info("catch_up.taken", user=author_id, channel=channel_id)
        except (Draining, *_NO_ROOM):
            self._taken.pop(message.id, None)
            raise
        except Exception as error:  # noqa: BLE001  # the person is told, and the others are asked
            await self._questions.refuse(message, error)

    async def _member(self, guild: discord.Guild, user_id: int, known: _Members) -> discord.Member | None:
        """The member with their roles, asked for once for all that they asked."""
        if (guild.id, user_id) not in known:
            known[guild.id, user_id] = await self._history.member(guild, user_id)
        return known[guild.id, user_id]

    def _is_hidden(self, message: discord.Message) -> bool:
        return message.guild is not None and not self._bot.intents.message_content

    @property
    def _me(self) -> int:
        return self._bot.user.id if self._bot.user is not None else 0


def _keep(ids: OrderedDict[int, None], message_id: int) -> None:
    ids[message_id] = None
    if len(ids) > HEARD_KEPT:
        ids.popitem(last=False)
