"""Help channels: which posts are answered by themselves, and calling a person."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.domain.conversation.help_threads import HelpCall, HelpThread, HelpThreadStore, is_solved
from bot.domain.conversation.profile import Profile
from bot.domain.queue.request import Destination, StoredRequest
from bot.domain.queue.usage import DAY
from bot.errors import DeliveryError, UserError
from bot.i18n.catalogue import say
from bot.services.access.operators import Operators, Person

log = structlog.get_logger(__name__)

CHANNELS_KEPT = 1000
"""Channels of which it is remembered that their day is full."""


class Wanted(Enum):
    """What is to be done with a message of a help channel that does not address the bot."""

    NOT_HELPED = auto()
    """No help channel decides: it is treated as anywhere else."""
    NOTHING = auto()
    ANSWER = auto()
    """It is a post that is answered, in a thread of its own."""
    GO_ON = auto()
    """It goes on in a thread whose post was answered."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message in a channel where posts may be answered.

    ``thread_id`` is the thread that it is in or is to get, ``channel_id`` the help channel; ``opens``: it begins
    the thread. ``tags`` are the names of the forum tags of its thread; ``to_others``: it addresses other people.
    """

    thread_id: int
    channel_id: int
    author: Person
    opens: bool
    tags: tuple[str, ...] = ()
    to_others: bool = False


class HelpMessenger(Protocol):
    """Calls people. Raises :class:`DeliveryError`."""

    async def call_role(self, destination: Destination, *, role_id: int, text: str) -> None:
        """Send a message to the channel that pings the role and nobody else, once."""
        ...


class HelpDesk:
    """Decides about posts in help channels, and calls the people who help there."""

    def __init__(
        self, store: HelpThreadStore, messenger: HelpMessenger, operators: Operators, clock: Clock
    ) -> None:
        self._store = store
        self._messenger = messenger
        self._operators = operators
        self._clock = clock
        self._full: OrderedDict[int, int] = OrderedDict()

    async def channels(self) -> frozenset[int]:
        """The ids of all help channels, whether or not they exist any more. Raises :class:`StorageError`."""
        return await self._store.channels()

    async def wanted(self, post: Post, profile: Profile) -> Wanted:
        """What to do with a message, by the ``profile`` of its channel. Raises :class:`StorageError`."""
        if not profile.answer_posts:
            return Wanted.NOT_HELPED
        if not post.opens:
            return await self._wanted_later(post, profile)
        passed_over = self._operators.is_operator(post.author) and not profile.answer_operators
        if post.to_others or passed_over or is_solved(post.tags, profile.solved_tag):
            return Wanted.NOTHING
        opted_out = await self._store.is_opted_out(post.author.user_id)
        return Wanted.NOTHING if opted_out else Wanted.ANSWER

    async def _wanted_later(self, post: Post, profile: Profile) -> Wanted:
        thread = await self._store.get(post.thread_id)
        if thread is None:
            return Wanted.NOT_HELPED
        if post.author.user_id != thread.opened_by:
            if _helps(post.author.role_ids, profile) and not thread.taken_over:
                await self._store.take_over(thread.thread_id)
                log.info("help.taken_over", thread=thread.thread_id)
            return Wanted.NOTHING
        over = thread.taken_over or is_solved(post.tags, profile.solved_tag)
        if post.to_others or over or await self._store.is_opted_out(post.author.user_id):
            return Wanted.NOTHING
        return Wanted.GO_ON

    async def open(self, post: Post, profile: Profile) -> bool:
        """Note that a post is answered; False when its channel has had as many as it may today. Once noted, it
        stays so: what asks for it a second time, after a restart or in another process, changes nothing. Raises
        :class:`StorageError`."""
        now = self._clock.now()
        thread = HelpThread(post.thread_id, post.channel_id, post.author.user_id, now)
        return await self._store.open(thread, day=int(now // DAY), most=profile.posts_a_day)

    def should_tell_full(self, channel_id: int) -> bool:
        """Whether nobody was told yet, by this process, that the channel has had its posts of today."""
        today = int(self._clock.now() // DAY)
        if self._full.get(channel_id) == today:
            return False
        self._full[channel_id] = today
        while len(self._full) > CHANNELS_KEPT:
            self._full.popitem(last=False)
        return True

    async def opened_by(self, thread_id: int, user_id: int) -> bool:
        """Whether this is the thread of a post of this person's that was answered. Raises
        :class:`StorageError`."""
        thread = await self._store.get(thread_id)
        return thread is not None and thread.opened_by == user_id

    async def is_opted_out(self, user_id: int) -> bool:
        """Whether this person's posts are answered only when they address the bot. Raises
        :class:`StorageError`."""
        return await self._store.is_opted_out(user_id)

    async def opt_out(self, user_id: int, *, out: bool) -> None:
        """Leave this person's posts alone from now on, or answer them again. Raises :class:`StorageError`."""
        await self._store.opt_out(user_id, at=self._clock.now() if out else None)
        log.info("help.opted_out" if out else "help.opted_in", user=user_id)

    async def call(self, request: StoredRequest, *, by: int) -> HelpCall | None:
        """Ping the role that helps, once in each thread; the earlier call when there was one, else None.

        Raises :class:`UserError` when no role is known, :class:`DeliveryError` when Discord did not take the
        message, which may be tried again then, and :class:`StorageError`.
        """
        question = request.question
        role_id = question.options.helper_role if question.options is not None else None
        if role_id is None:
            raise UserError(f"request {request.request_id} has no helper role", key="error.no_helpers")
        call = HelpCall(question.destination.channel_id, by, self._clock.now())
        first = await self._store.call(call)
        if first != call:
            return first
        text = say(question.asker.locale, "help.call", role=f"<@&{role_id}>", person=f"<@{by}>")
        try:
            await self._messenger.call_role(question.destination, role_id=role_id, text=text)
        except DeliveryError:
            await self._store.withdraw_call(call)
            raise
        log.info("help.called", thread=call.thread_id, by=by)
        return None


def _helps(role_ids: Collection[int], profile: Profile) -> bool:
    return not profile.helper_roles.isdisjoint(role_ids)
