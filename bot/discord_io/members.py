"""Lookup of a server's members: the bot keeps no list of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import discord
import structlog

from bot.clock import Clock
from bot.discord_io.calls import translated
from bot.errors import DeliveryError
from bot.services.cluster.shared_call import SharedCall
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

Roles = frozenset[int]

WITHIN = 20.0
"""Seconds: who is not told of by then is refused. An interaction is answered meanwhile
(:mod:`bot.discord_io.first_answer`)."""
NAMED_WITHIN = 1.0
"""Seconds: a name is not worth a long wait."""
KEPT = 3.0
"""Seconds for which what Discord said of a person is used again while many are looked up. It tells changes of
members only to applications with a privileged intent: so long may a role count then that was taken away
(docs/decisions/0025-a-thousand-in-one-moment.md)."""
REMEMBERED = 2000
"""People, at most."""

CALLS_AT_ONCE = 4
"""Lookups by a call each. Discord takes few of them in a second; more are looked up together over the gateway."""
TOGETHER = 100
"""People in one request over the gateway (docs, events/gateway-events, "Request Guild Members")."""
GATHERED_FOR = 0.1
"""Seconds until such a request leaves: Discord takes 120 messages a minute, of all kinds."""
TOLD_WITHIN = 3.0
"""Seconds until those who were asked for together are asked for by calls."""

# Discord docs, topics/opcodes-and-status-codes: unknown member, unknown user.
_NO_MEMBER = frozenset({10007, 10013})


class GuildMembers:
    """Asks Discord, once for everybody who asks for the same person at the same time."""

    def __init__(self, client: discord.Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._people: dict[tuple[int, int], SharedCall[Roles | None]] = {}
        self._rolls: dict[int, _Roll] = {}
        self._calling = 0

    async def roles(self, guild_id: int, user_id: int) -> Roles | None:
        """The roles of a server's member, as Discord tells them now; None when the person is no member. While many
        are looked up, what Discord said within the last :data:`KEPT` seconds counts. Raises
        :class:`DeliveryError`, also for a server that the bot is not in."""
        with translated():
            async with asyncio.timeout(WITHIN):
                return await self._person(guild_id, user_id).get(fresh=KEPT if self._is_busy else 0.0)

    @property
    def _is_busy(self) -> bool:
        return self._calling >= CALLS_AT_ONCE

    def _person(self, guild_id: int, user_id: int) -> SharedCall[Roles | None]:
        known = self._people.get((guild_id, user_id))
        if known is None:
            if len(self._people) >= REMEMBERED:
                # The one that has been known for longest; who waits for that call still does.
                del self._people[next(iter(self._people))]
            look_up = partial(self._look_up, guild_id, user_id)
            known = self._people[guild_id, user_id] = SharedCall(look_up, self._clock)
        return known

    async def _look_up(self, guild_id: int, user_id: int) -> Roles | None:
        guild = self._client.get_guild(guild_id)
        if guild is not None and self._is_busy:
            roll = self._rolls.setdefault(guild_id, _Roll(guild, self._clock))
            found = await roll.roles(user_id)
            if found is not None:
                return found
            # Nobody is refused because of what a list did not contain.
        self._calling += 1
        try:
            member = await self._client.http.get_member(guild_id, user_id)
        except discord.HTTPException as error:
            if error.code in _NO_MEMBER:
                return None
            raise
        finally:
            self._calling -= 1
        return frozenset(int(role) for role in member["roles"])

    async def names(self, guild_id: int, user_ids: Sequence[int]) -> dict[int, str]:
        """The names of a server's members, by id; without those that Discord does not tell in time."""
        asked = {
            asyncio.create_task(self._name(guild_id, user_id), name=f"name-{user_id}"): user_id
            for user_id in user_ids
        }
        try:
            done, _ = await asyncio.wait(asked, timeout=NAMED_WITHIN)
        finally:
            for task in asked:
                task.cancel()
        return {asked[task]: name for task in done if (name := task.result()) is not None}

    async def _name(self, guild_id: int, user_id: int) -> str | None:
        try:
            with translated():
                member = await self._client.http.get_member(guild_id, user_id)
        except DeliveryError:
            return None
        return member.get("nick") or member["user"].get("global_name") or member["user"]["username"]


class _Roll:
    """Looks many members of one server up together, over the gateway."""

    def __init__(self, guild: discord.Guild, clock: Clock) -> None:
        self._guild = guild
        self._clock = clock
        self._waiting: dict[int, asyncio.Future[Roles | None]] = {}
        self._calling: asyncio.Task[None] | None = None
        self._background = Background()

    async def roles(self, user_id: int) -> Roles | None:
        """The person's roles; None when Discord told nothing about them. One task at a time asks for a person."""
        told: asyncio.Future[Roles | None] = asyncio.get_running_loop().create_future()
        self._waiting[user_id] = told
        if self._calling is None or self._calling.done():
            self._calling = self._background.spawn(self._call(), name="roll")
        return await told

    async def _call(self) -> None:
        while self._waiting:
            await self._clock.sleep(GATHERED_FOR)
            asked = dict(list(self._waiting.items())[:TOGETHER])
            for user_id in asked:
                del self._waiting[user_id]
            told: Mapping[int, Roles] = {}
            try:
                wanted = [user_id for user_id, future in asked.items() if not future.done()]
                told = await self._told(wanted) if wanted else {}
            finally:
                for user_id, future in asked.items():
                    if not future.done():
                        future.set_result(told.get(user_id))

    async def _told(self, user_ids: list[int]) -> Mapping[int, Roles]:
        """The roles of these people, as far as Discord tells them in time."""
        try:
            async with asyncio.timeout(TOLD_WITHIN):
                found = await self._guild.query_members(user_ids=user_ids, limit=TOGETHER, cache=False)
        except (discord.DiscordException, OSError, RuntimeError) as error:
            # The gateway is not connected, or does not answer.
            log.info("members.not_told", guild=self._guild.id, people=len(user_ids), error=type(error).__name__)
            return {}
        # The library counts the role that everybody has, whose id is the server's; a call does not tell it.
        return {one.id: frozenset(role.id for role in one.roles) - {self._guild.id} for one in found}
