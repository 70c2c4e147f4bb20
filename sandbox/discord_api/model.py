"""What exists in the double's world. Plain records; who may do what is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, NamedTuple

from sandbox.discord_api.component_tree import Button, buttons_of, texts_of
from sandbox.discord_api.wire import JSON

Kind = Literal["stranger", "member", "admin", "operator", "bot"]


class MessageFlag(IntEnum):
    """docs.discord.com, developers/resources/message, "Message Flags". A message's flags are a plain number."""

    SUPPRESS_EMBEDS = 4
    HAS_THREAD = 32
    EPHEMERAL = 64
    LOADING = 128
    SUPPRESS_NOTIFICATIONS = 4096
    IS_COMPONENTS_V2 = 32768


class ChannelType:
    """docs.discord.com, developers/resources/channel, "Channel Types"."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15
    THREADS = (10, 11, 12)
    VOICES = (2, 13)


@dataclass(slots=True, eq=False)
class User:
    """A Discord account."""

    id: int
    username: str
    global_name: str | None = None
    bot: bool = False
    kind: Kind = "member"
    avatar_color: str = "#5865f2"
    is_default: bool = False
    dm_open: bool = True
    locale: str = "en-US"

    @property
    def display_name(self) -> str:
        """What others see above the person's messages."""
        return self.global_name or self.username


@dataclass(slots=True, eq=False)
class Role:
    """A role of a guild; the one whose id is the guild's is @everyone. ``bot_id``: the bot whose own role it
    is."""

    id: int
    name: str
    permissions: int = 0
    color: int = 0
    position: int = 1
    mentionable: bool = False
    managed: bool = False
    bot_id: int | None = None
    hoist: bool = False


@dataclass(slots=True, eq=False)
class Member:
    """A user in a guild."""

    user: User
    roles: list[int] = field(default_factory=list)
    nick: str | None = None
    joined_at: float = 1_735_689_600.0
    timeout_until: float | None = None
    mute: bool = False
    deaf: bool = False

    def called(self, prefix: str) -> bool:
        """Whether the name, nickname or display name begins so (``prefix`` in lower case)."""
        names = (self.user.username, self.nick or "", self.user.display_name)
        return any(name.lower().startswith(prefix) for name in names)


@dataclass(slots=True)
class Overwrite:
    """A channel's exception for a role (type 0) or a member (type 1)."""

    id: int
    type: int
    allow: int = 0
    deny: int = 0


@dataclass(frozen=True, slots=True)
class ForumTag:
    """A tag of a forum (developers/resources/channel, "Forum Tag Structure")."""

    id: int
    name: str


@dataclass(slots=True, eq=False)
class Channel:
    """A text channel, a category, a forum, a thread or a direct message.

    ``available_tags`` are a forum's, ``applied_tags`` the ids of those that a post of it, which is a thread, has.
    """

    id: int
    type: int
    name: str = ""
    guild_id: int | None = None
    topic: str | None = None
    parent_id: int | None = None
    position: int = 0
    overwrites: list[Overwrite] = field(default_factory=list)
    last_message_id: int | None = None
    recipients: list[User] = field(default_factory=list)
    owner_id: int | None = None
    archived: bool = False
    locked: bool = False
    auto_archive_duration: int = 1440
    archive_timestamp: float = 0.0
    thread_members: set[int] = field(default_factory=set)
    message_count: int = 0
    rate_limit_per_user: int = 0
    available_tags: list[ForumTag] = field(default_factory=list)
    applied_tags: list[int] = field(default_factory=list)
    nsfw: bool = False
    invitable: bool = True

    @property
    def is_thread(self) -> bool:
        """Whether this is a thread of another channel."""
        return self.type in ChannelType.THREADS


@dataclass(frozen=True, slots=True)
class CommandPermission:
    """Who sees a command: what an administrator sets for a role or a person in Server Settings → Integrations.

    Discord takes it from a person with Manage Server only, never from a bot. ``command`` is the top-level name.
    """

    command: str
    id: int
    is_user: bool
    allowed: bool


@dataclass(slots=True, eq=False)
class Guild:
    """A server."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    locale: str = "en-US"
    command_permissions: list[CommandPermission] = field(default_factory=list)
    voice_states: dict[int, JSON] = field(default_factory=dict)
    description: str | None = None
    settings: JSON = field(default_factory=dict)
    """Fields of the guild object that were changed by PATCH and that nothing here depends on."""
    bans: dict[int, str | None] = field(default_factory=dict)
    emojis: dict[int, JSON] = field(default_factory=dict)
    events: dict[int, JSON] = field(default_factory=dict)
    audit_log: list[JSON] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Attachment:
    """A file that was uploaded; ``content`` is served under its url."""

    id: int
    filename: str
    content: bytes
    content_type: str | None
    url: str
    description: str | None = None


class Revision(NamedTuple):
    """One applied state of a message: real monotonic seconds of the application, and the message object."""

    applied_at: float
    payload: JSON


@dataclass(slots=True)
class Mentions:
    """Who a message's text mentions, after its ``allowed_mentions``."""

    users: list[int] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    everyone: bool = False


@dataclass(slots=True, eq=False)
class Message:
    """A message, its present content and everything it ever showed."""

    id: int
    channel_id: int
    author: User
    created_at: float
    content: str = ""
    guild_id: int | None = None
    type: int = 0
    flags: int = 0
    embeds: list[JSON] = field(default_factory=list)
    components: list[JSON] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    mentions: Mentions = field(default_factory=Mentions)
    notified: frozenset[int] = frozenset()
    edited_at: float | None = None
    nonce: str | int | None = None
    reference: JSON | None = None
    referenced: Message | None = None
    snapshots: list[JSON] = field(default_factory=list)
    webhook_id: int | None = None
    interaction_id: int | None = None
    interaction_metadata: JSON | None = None
    poll: JSON | None = None
    votes: dict[int, list[int]] = field(default_factory=dict)
    ephemeral_for: int | None = None
    reactions: dict[str, list[int]] = field(default_factory=dict)
    pinned: bool = False
    pinned_at: float = 0.0
    deleted: bool = False
    thread_id: int | None = None
    history: list[Revision] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Content and every TextDisplay in reading order, one per line: what a person can read."""
        parts = [self.content, *texts_of(self.components)]
        return "\n".join(part for part in parts if part)

    @property
    def buttons(self) -> dict[str, Button]:
        """The buttons by label (a button without a label: by its emoji)."""
        return buttons_of(self.components)

    @property
    def loading(self) -> bool:
        """Whether it still shows "… is thinking"."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self.ephemeral_for is not None

    def file(self, filename: str) -> bytes:
        """The content of an attachment; raises KeyError when there is none of that name."""
        for attachment in self.attachments:
            if attachment.filename == filename:
                return attachment.content
        raise KeyError(filename)


@dataclass(slots=True, eq=False)
class Command:
    """An application command as the bot registered it."""

    id: int
    guild_id: int | None
    version: int
    payload: JSON

    @property
    def name(self) -> str:
        """The top-level name."""
        return str(self.payload["name"])

    @property
    def type(self) -> int:
        """1 slash, 2 user menu, 3 message menu."""
        return int(self.payload.get("type", 1))
