"""Places into which people brought the bot along: it is installed to their account, and not in the server.

Who may use it there, and which commands Discord offers there.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import discord
import structlog
from discord import app_commands

from bot.clock import Clock
from bot.discord_io.members import GuildMembers
from bot.errors import DeliveryError
from bot.services.access.rules import Act, Standing, refusal
from bot.services.cluster.shared_call import SharedCall

log = structlog.get_logger(__name__)

OFFERED = frozenset({"ask", "queue", "status", "models", "context"})
"""The commands that people can bring along: those about a person's own questions, and about the cluster as
everybody sees it. Never what runs a cluster or a server, nor what reads messages of the place."""

KEPT = 60.0
"""Seconds for which a membership is known: each press asks for it, and Discord takes few such calls."""
REMEMBERED = 1000
"""People, at most."""


def is_brought_along(interaction: discord.Interaction[Any]) -> bool:
    """Whether the interaction happened where the bot is only because of the person: in a server that did not
    install it, or in messages between other people."""
    if interaction.guild_id is None:
        return interaction.context.private_channel
    return not interaction.is_guild_integration()


def offer(command: app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu) -> None:
    """Have Discord offer a command to people who installed the bot for themselves, if it is among :data:`OFFERED`;
    servers have every command."""
    offered = not isinstance(command, app_commands.ContextMenu) and command.name in OFFERED
    command.allowed_installs = app_commands.AppInstallationType(guild=True, user=offered)
    if offered:
        command.allowed_contexts = app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=True
        )


class Guests:
    """Decides who may use the bot where they brought it along."""

    def __init__(self, clock: Clock, *, allowed_users: Collection[int], homes: Collection[int]) -> None:
        """``allowed_users`` may always, and so may the members of the servers ``homes``."""
        self._clock = clock
        self._allowed_users = frozenset(allowed_users)
        self._homes = tuple(homes)
        self._members: GuildMembers | None = None
        self._known: dict[int, SharedCall[bool]] = {}

    async def refusal(self, interaction: discord.Interaction[Any]) -> str | None:
        """The key of the sentence why this person may not use the bot there; None when they may. Never raises."""
        user_id = interaction.user.id
        if user_id in self._allowed_users:
            return None
        members = self._members = self._members or GuildMembers(interaction.client, self._clock)
        known = self._known.get(user_id)
        if known is None:
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            known = self._known[user_id] = SharedCall(partial(self._is_member, members, user_id), self._clock)
        try:
            is_member = await known.get(fresh=KEPT)
        except (DeliveryError, TimeoutError) as error:
            log.warning("brought_along.membership_unknown", user=user_id, detail=str(error))
            return "error.roles_unknown"
        return refusal(Act.ENTER, Standing(stranger=not is_member))

    async def _is_member(self, members: GuildMembers, user_id: int) -> bool:
        """Whether they are a member of a home. Raises :class:`DeliveryError` when Discord does not tell."""
        failure: DeliveryError | None = None
        for home in self._homes:
            try:
                if await members.roles(home, user_id) is not None:
                    return True
            except DeliveryError as error:
                failure = error
        if failure is not None:
            raise failure
        return False
