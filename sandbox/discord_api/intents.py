"""Which session hears which event, and with how much of a message.

Source: docs.discord.com, developers/events/gateway, "List of Intents" and "Message Content Intent".
"""

from __future__ import annotations

from sandbox.discord_api import payloads
from sandbox.discord_api.model import Message
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World, WorldEvent

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_PRESENCES = 1 << 8
GUILD_MODERATION = 1 << 2
GUILD_EXPRESSIONS = 1 << 3
GUILD_WEBHOOKS = 1 << 5
GUILD_INVITES = 1 << 6
GUILD_VOICE_STATES = 1 << 7
GUILD_MESSAGES = 1 << 9
GUILD_MESSAGE_REACTIONS = 1 << 10
GUILD_MESSAGE_TYPING = 1 << 11
DIRECT_MESSAGES = 1 << 12
DIRECT_MESSAGE_REACTIONS = 1 << 13
DIRECT_MESSAGE_TYPING = 1 << 14
MESSAGE_CONTENT = 1 << 15
GUILD_SCHEDULED_EVENTS = 1 << 16
AUTO_MODERATION_CONFIGURATION = 1 << 20
GUILD_MESSAGE_POLLS = 1 << 24
DIRECT_MESSAGE_POLLS = 1 << 25
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
KNOWN = (1 << 18) - 1 | 3 << 20 | 3 << 24
"""Every intent that may be asked for: the bits 18, 19, 22 and 23 mean nothing. Bit 17 has no name, but a bot of
interactions.py that says nothing of intents asks for it."""
_NOBODY = 1 << 60  # since v8 a bot hears of a direct message's channel only through its messages
_BLANKED: JSON = {"content": "", "embeds": [], "attachments": [], "components": [], "message_snapshots": []}

_BY_PREFIX = (
    ("MESSAGE_POLL_", GUILD_MESSAGE_POLLS, DIRECT_MESSAGE_POLLS),
    ("MESSAGE_REACTION_", GUILD_MESSAGE_REACTIONS, DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_", GUILD_MESSAGES, DIRECT_MESSAGES),
    ("TYPING_", GUILD_MESSAGE_TYPING, DIRECT_MESSAGE_TYPING),
    ("GUILD_MEMBER_", GUILD_MEMBERS, GUILD_MEMBERS),
    ("GUILD_BAN_", GUILD_MODERATION, GUILD_MODERATION),
    ("GUILD_AUDIT_", GUILD_MODERATION, GUILD_MODERATION),
    ("GUILD_EMOJIS_", GUILD_EXPRESSIONS, GUILD_EXPRESSIONS),
    ("GUILD_SCHEDULED_", GUILD_SCHEDULED_EVENTS, GUILD_SCHEDULED_EVENTS),
    ("WEBHOOKS_", GUILD_WEBHOOKS, GUILD_WEBHOOKS),
    ("INVITE_", GUILD_INVITES, GUILD_INVITES),
    ("VOICE_STATE_", GUILD_VOICE_STATES, GUILD_VOICE_STATES),
    ("AUTO_MODERATION_RULE_", AUTO_MODERATION_CONFIGURATION, AUTO_MODERATION_CONFIGURATION),
    ("CHANNEL_PINS_", GUILDS, DIRECT_MESSAGES),
    ("CHANNEL_", GUILDS, _NOBODY),
    ("THREAD_", GUILDS, GUILDS),
    ("GUILD_", GUILDS, GUILDS),
)


def visible(world: World, intents: int, event: WorldEvent) -> JSON | None:
    """The event as a session with these intents gets it; ``None`` when it does not get it."""
    needed = 0
    for prefix, in_guild, direct in _BY_PREFIX:
        if event.name.startswith(prefix):
            needed = direct if event.guild_id is None else in_guild
            break
    if needed and not intents & needed:
        return None
    if event.message is None or event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        return event.data
    return _message(world, intents, event.message, event.data)


def without_content(world: World, message: Message, payload: JSON, granted: int) -> JSON:
    """A message object without what an application may not read, the message it replies to included."""
    if granted & MESSAGE_CONTENT:
        return payload
    shown = payload if _may_read(world, message) else {**payload, **_BLANKED}
    target = message.referenced
    if target is not None and shown.get("referenced_message") and not _may_read(world, target):
        shown = {**shown, "referenced_message": {**shown["referenced_message"], **_BLANKED}}
    return shown


def _message(world: World, intents: int, message: Message, payload: JSON) -> JSON:
    shown = without_content(world, message, payload, intents)
    if message.guild_id is None:
        return shown
    shown = {**shown, "guild_id": str(message.guild_id)}
    member = world.guilds[message.guild_id].members.get(message.author.id)
    if member is not None:
        shown["member"] = payloads.member(member, with_user=False)
    return shown


def _may_read(world: World, message: Message) -> bool:
    bot = world.bot
    if message.author is bot or message.guild_id is None:
        return True
    if bot.id not in message.mentions.users:
        return False
    if f"<@{bot.id}>" in message.content or f"<@!{bot.id}>" in message.content:
        return True
    target = message.referenced
    return target is not None and target.interaction_id is None
