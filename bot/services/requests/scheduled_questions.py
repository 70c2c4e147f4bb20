"""Asks the question of a schedule, with the rights that its owner has at this moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from bot.domain.channel_summary.plan import ChannelMessages
from bot.domain.queue.request import Destination
from bot.domain.schedules.schedule import NewSchedule, Schedule
from bot.errors import NotAllowed, UserError
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Act, Members
from bot.services.requests.ask import AskContext, AskRequest, AskService


class Channels(Protocol):
    """The channels in which schedules answer, and their owners. Raises :class:`DeliveryError`."""

    async def is_open(self, channel_id: int, guild_id: int | None) -> bool:
        """Whether the channel is there and the bot may write in it."""
        ...

    def require_reading(self, guild_id: int | None) -> None:
        """Raise :class:`UserError` when the bot can read what people write in no channel of this server; None: in
        direct messages."""
        ...

    async def said(
        self, channel_id: int, guild_id: int, user_id: int, *, since: float, until: float
    ) -> ChannelMessages:
        """What was said there between these moments (epoch seconds), as far as this member may read it now. Raises
        :class:`UserError`, :class:`NothingSaid` when nothing was."""
        ...

    async def tell(self, user_id: int, channel_id: int, text: str) -> None:
        """Tell somebody something: directly, or in the channel when they take no direct messages. Pings nobody."""
        ...


class ScheduledQuestions:
    """Puts the questions of schedules into the queue."""

    def __init__(
        self,
        ask: AskService,
        access: Access,
        operators: Operators,
        profiles: Profiles,
        members: Members,
        channels: Channels,
        *,
        allowed_guild_ids: Collection[int] = (),
    ) -> None:
        """``allowed_guild_ids`` are the only servers in which anything is asked, none: all."""
        self._ask = ask
        self._access = access
        self._operators = operators
        self._profiles = profiles
        self._members = members
        self._channels = channels
        self._allowed_guild_ids = frozenset(allowed_guild_ids)

    async def ask(self, kept: Schedule, heard_as: int | str, *, at: float) -> None:
        """Ask the question for the run ``at`` this moment (epoch seconds); of several times with the same
        ``heard_as``, in any process, one does.

        Raises :class:`UserError` when its owner may not ask it there, or the channel is gone;
        :class:`NothingSaid` when it is about what was said, and nothing was; what :meth:`AskService.submit` does;
        and :class:`DeliveryError` when Discord does not tell.
        """
        schedule = kept.new
        person = await self._owner(schedule)
        if not await self._channels.is_open(schedule.channel_id, schedule.guild_id):
            raise UserError(f"channel {schedule.channel_id} is closed", key="error.schedule_channel")
        request = await self._request(schedule, person, heard_as)
        if schedule.with_summary:
            # Nothing is read for somebody who may not ask.
            await self._ask.admit(request.context)
            request = replace(request, messages=await self._said(kept, at))
        accepted = await self._ask.submit(request)
        if accepted is not None:
            self._ask.unannounced(accepted)

    async def check(self, schedule: NewSchedule, person: Person) -> None:
        """Raise :class:`UserError` when the owner, who is ``person``, could not ask the question now."""
        if schedule.with_summary:
            self._channels.require_reading(schedule.guild_id)
        self._ask.require_fitting(await self._request(schedule, person, ""))

    async def _request(self, schedule: NewSchedule, person: Person, heard_as: int | str) -> AskRequest:
        place = schedule.place
        profile = await self._profiles.remembered(place.ids)
        seen = await self._access.require(Act.SCHEDULE, person, place)
        return AskRequest(
            prompt=schedule.question,
            asker=schedule.asker,
            context=AskContext(seen, place, profile, self._operators.weight_of(seen)),
            destination=Destination(
                application_id=schedule.application_id,
                channel_id=schedule.channel_id,
                guild_id=schedule.guild_id,
                private=False,
                channel_route=True,
            ),
            heard_as=heard_as,
            schedule=schedule.words,
        )

    async def _said(self, kept: Schedule, at: float) -> ChannelMessages:
        """What was said since the last run, up to this one: each message is read for one of them."""
        new = kept.new
        self._channels.require_reading(new.guild_id)
        return await self._channels.said(
            new.channel_id, new.guild_id or 0, new.asker.user_id, since=kept.read_from, until=at
        )

    async def _owner(self, schedule: NewSchedule) -> Person:
        """The owner, with the roles that they have now."""
        user_id, guild_id = schedule.asker.user_id, schedule.guild_id
        if guild_id is None:
            return Person(user_id, None)
        if self._allowed_guild_ids and guild_id not in self._allowed_guild_ids:
            raise NotAllowed(f"server {guild_id} is not allowed", key="error.elsewhere")
        roles = await self._members.roles(guild_id, user_id)
        if roles is None:
            raise NotAllowed(f"user {user_id} left server {guild_id}", key="error.schedule_left")
        return Person(user_id, guild_id, roles)
