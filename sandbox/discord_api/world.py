"""The world's state and the one place that tells everyone about its changes."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from sandbox.clock import Clock
from sandbox.discord_api import payloads
from sandbox.discord_api.model import (
    Attachment,
    Channel,
    ChannelType,
    Command,
    Guild,
    Member,
    Message,
    Revision,
    Role,
    User,
)
from sandbox.discord_api.permissions import DM, TIMED_OUT, Permission, channel_permissions
from sandbox.discord_api.session_starts import SessionStarts
from sandbox.discord_api.snowflakes import Snowflakes
from sandbox.discord_api.wire import JSON, refuse


@dataclass(frozen=True, slots=True)
class WorldEvent:
    """A change: ``name`` is the gateway's event name, or a lower-case one that only people's views hear.

    ``user_id`` set means: only this person may hear of it.
    """

    name: str
    data: JSON
    guild_id: int | None = None
    channel_id: int | None = None
    message: Message | None = None
    user_id: int | None = None


Listener = Callable[[WorldEvent], None]


class World:
    """Users, guilds, channels, messages and commands; every change goes out through :meth:`emit`."""

    def __init__(self, clock: Clock, bot: User) -> None:
        self.clock = clock
        self.ids = Snowflakes(clock)
        self.bot = bot
        self.base_url = ""
        self.users: dict[int, User] = {bot.id: bot}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.commands: list[Command] = []
        self.files: dict[int, Attachment] = {}
        self.privileged_intents = 0
        self.session_starts = SessionStarts(clock)
        self.user_installs: set[int] = set()
        self.application: JSON = {}
        """Fields of the application object that were changed by PATCH."""
        self.webhooks: dict[int, JSON] = {}
        self.invites: dict[str, JSON] = {}
        self.emojis: dict[int, JSON] = {}
        self._listeners: list[Listener] = []
        self._changed = asyncio.Event()

    @property
    def gateway_url(self) -> str:
        """Where the gateway listens."""
        return f"ws{self.base_url.removeprefix('http')}/gateway"

    # -- changes -------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` for every later change, in order, before :meth:`emit` returns."""
        self._listeners.append(listener)

    def emit(self, event: WorldEvent) -> None:
        """Tell everyone about a change that has been made."""
        for listener in self._listeners:
            listener(event)
        self.touch()

    def touch(self) -> None:
        """Wake everyone who waits for any change."""
        self._changed, changed = asyncio.Event(), self._changed
        changed.set()

    @property
    def next_change(self) -> asyncio.Event:
        """Set at the next change; take it *before* looking at the state you wait for."""
        return self._changed

    # -- finding -------------------------------------------------------------------------------------------

    def user(self, user_id: int) -> User:
        """Raises 10013 for an unknown id."""
        if user_id not in self.users:
            raise refuse(10013)
        return self.users[user_id]

    def guild(self, guild_id: int) -> Guild:
        """Raises 10004 for an unknown id."""
        if guild_id not in self.guilds:
            raise refuse(10004)
        return self.guilds[guild_id]

    def channel(self, channel_id: int) -> Channel:
        """Raises 10003 for an unknown id."""
        if channel_id not in self.channels:
            raise refuse(10003)
        return self.channels[channel_id]

    def message(self, channel_id: int, message_id: int) -> Message:
        """Raises 10008 for a message that is unknown, deleted or in another channel."""
        message = self.messages.get(message_id)
        if message is None or message.deleted or message.channel_id != channel_id:
            raise refuse(10008)
        return message

    def messages_in(self, channel_id: int) -> list[Message]:
        """The channel's messages that still exist, oldest first, ephemeral ones included."""
        return [m for m in self.messages.values() if m.channel_id == channel_id and not m.deleted]

    def channels_of(self, guild_id: int) -> list[Channel]:
        """A guild's channels and threads."""
        return [c for c in self.channels.values() if c.guild_id == guild_id]

    def guilds_of(self, user_id: int) -> list[Guild]:
        """The guilds someone is a member of."""
        return [g for g in self.guilds.values() if user_id in g.members]

    def permissions(self, user_id: int, channel: Channel) -> int:
        """What someone may do in a channel; 0 when they cannot see it."""
        if channel.guild_id is None:
            return int(DM) if any(u.id == user_id for u in channel.recipients) else 0
        base = channel
        if channel.is_thread and channel.parent_id is not None:
            base = self.channels[channel.parent_id]
        guild = self.guilds[channel.guild_id]
        value = channel_permissions(guild, base, user_id)
        member = guild.members.get(user_id)
        if member is not None and (member.timeout_until or 0.0) > self.clock.now():
            value = value if value & Permission.ADMINISTRATOR else value & TIMED_OUT
        hidden = channel.type == ChannelType.PRIVATE_THREAD and user_id not in channel.thread_members
        return 0 if hidden and not value & Permission.MANAGE_THREADS else value

    def guild_installed(self, guild_id: int | None) -> bool:
        """Whether the bot is a member there; in direct messages it always is at home."""
        return guild_id is None or self.bot.id in self.guilds[guild_id].members

    def can_see(self, user_id: int, channel: Channel) -> bool:
        """Whether someone sees the channel at all."""
        return bool(self.permissions(user_id, channel) & Permission.VIEW_CHANNEL)

    def viewers(self, channel: Channel) -> set[int]:
        """Everyone who sees the channel."""
        if channel.guild_id is None:
            return {u.id for u in channel.recipients}
        return {user_id for user_id in self.guilds[channel.guild_id].members if self.can_see(user_id, channel)}

    def dm(self, user: User) -> Channel:
        """The direct-message channel of a person and the bot, created when it is needed first."""
        for channel in self.channels.values():
            if channel.type == ChannelType.DM and user in channel.recipients:
                return channel
        channel = Channel(self.ids.next(), ChannelType.DM, recipients=[user, self.bot])
        self.add_channel(channel)
        return channel

    # -- adding --------------------------------------------------------------------------------------------

    def add_user(self, user: User, guilds: Iterable[Guild] = (), roles: Iterable[Role] = ()) -> User:
        """Add a person and make them a member of ``guilds`` with those of ``roles`` that exist there."""
        self.users[user.id] = user
        role_ids = [role.id for role in roles]
        for guild in guilds:
            member = Member(user, [role_id for role_id in role_ids if role_id in guild.roles])
            guild.members[user.id] = member
            data = payloads.member(member) | {"guild_id": str(guild.id)}
            self.emit(WorldEvent("GUILD_MEMBER_ADD", data, guild.id))
        return user

    def remove_member(self, guild: Guild, user: User) -> None:
        """Take someone out of a guild; of its own removal the bot hears as GUILD_DELETE."""
        guild.members.pop(user.id, None)
        if user is self.bot:
            self.emit(WorldEvent("GUILD_DELETE", {"id": str(guild.id)}, guild.id))
            return
        data = {"guild_id": str(guild.id), "user": payloads.user(user)}
        self.emit(WorldEvent("GUILD_MEMBER_REMOVE", data, guild.id))

    def set_roles(self, guild: Guild, user: User, roles: Iterable[Role]) -> None:
        """Replace a member's roles."""
        member = guild.members[user.id]
        member.roles = [role.id for role in roles]
        data = payloads.member(member) | {"guild_id": str(guild.id)}
        self.emit(WorldEvent("GUILD_MEMBER_UPDATE", data, guild.id))

    def add_channel(self, channel: Channel) -> Channel:
        """Add a channel, direct message or thread."""
        self.channels[channel.id] = channel
        name = "THREAD_CREATE" if channel.is_thread else "CHANNEL_CREATE"
        data = payloads.channel(channel)
        if channel.is_thread:
            data["newly_created"] = True
        self.emit(WorldEvent(name, data, channel.guild_id, channel.id))
        return channel

    def channel_changed(self, channel: Channel) -> None:
        """Tell about a channel whose record was changed."""
        name = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self.emit(WorldEvent(name, payloads.channel(channel), channel.guild_id, channel.id))

    def remove_channel(self, channel: Channel) -> None:
        """Delete a channel with its messages and threads."""
        for thread in [c for c in self.channels.values() if c.is_thread and c.parent_id == channel.id]:
            self.remove_channel(thread)
        for message in self.messages_in(channel.id):
            message.deleted = True
        name = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
        data = payloads.channel(channel)
        self.emit(WorldEvent(name, data, channel.guild_id, channel.id))
        del self.channels[channel.id]

    def add_file(
        self, filename: str, content: bytes, content_type: str | None = None, description: str | None = None
    ) -> Attachment:
        """Keep an uploaded file; it is served under the url of the attachment."""
        file_id = self.ids.next()
        kind = content_type or mimetypes.guess_type(filename)[0]
        url = f"{self.base_url}/attachments/{file_id}/{quote(filename)}"
        attachment = Attachment(file_id, filename, content, kind, url, description)
        self.files[file_id] = attachment
        return attachment

    # -- messages ------------------------------------------------------------------------------------------

    def message_payload(self, message: Message) -> JSON:
        """The message object as the API returns it."""
        thread = self.channels.get(message.thread_id) if message.thread_id else None
        return payloads.message(message, lambda user_id: self.users[user_id], thread)

    def message_added(self, message: Message) -> None:
        """Store a new message, stamp it and tell about it."""
        self.messages[message.id] = message
        channel = self.channels[message.channel_id]
        channel.last_message_id = message.id
        # A forum post's first message is not counted ("message_count").
        if channel.is_thread and message.id != channel.id:
            channel.message_count += 1
        self._publish("MESSAGE_CREATE", message)

    def message_changed(self, message: Message) -> None:
        """Stamp a message whose record was changed and tell about it."""
        self._publish("MESSAGE_UPDATE", message)

    def delete_message(self, message: Message) -> None:
        """Delete a message; it stays in :attr:`messages`, marked."""
        message.deleted = True
        data: JSON = {"id": str(message.id), "channel_id": str(message.channel_id)}
        if message.guild_id:
            data["guild_id"] = str(message.guild_id)
        self.emit(
            WorldEvent(
                "MESSAGE_DELETE", data, message.guild_id, message.channel_id, message, message.ephemeral_for
            )
        )

    def message_reacted(self, message: Message, who: User, emoji: str, *, added: bool) -> None:
        """Tell about a reaction that was put or taken back."""
        data: JSON = {
            "user_id": str(who.id),
            "channel_id": str(message.channel_id),
            "message_id": str(message.id),
            "emoji": payloads.emoji(emoji),
            "burst": False,
            "type": 0,
        }
        if message.guild_id is not None:
            data["guild_id"] = str(message.guild_id)
            data["member"] = payloads.member(self.guilds[message.guild_id].members[who.id])
        name = "MESSAGE_REACTION_ADD" if added else "MESSAGE_REACTION_REMOVE"
        self.emit(WorldEvent(name, data, message.guild_id, message.channel_id, message))

    def _publish(self, name: str, message: Message) -> None:
        payload = self.message_payload(message)
        message.history.append(Revision(self.clock.monotonic(), payload))
        self.emit(WorldEvent(name, payload, message.guild_id, message.channel_id, message, message.ephemeral_for))
