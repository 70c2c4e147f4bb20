"""Messages in help channels, where posts are answered without a mention."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import discord
import structlog

from bot.discord_io.client import ParallaxBot
from bot.domain.conversation.profile import Profile
from bot.errors import BotError
from bot.services.requests.help_desk import Post, Wanted
from cogs.ui.convert import author_of, place_of

log = structlog.get_logger(__name__)

CHANNELS_NOTED = 1000


@dataclass(frozen=True, slots=True)
class HelpMessage:
    """What is to be done with a message; ``post`` and ``profile`` are there when a help channel decides."""

    wanted: Wanted
    post: Post | None = None
    profile: Profile | None = None


_NOT_HELPED = HelpMessage(Wanted.NOT_HELPED)


class HelpPosts:
    """Reads what help channels need of a message, and asks whether it is to be answered."""

    def __init__(self, bot: ParallaxBot) -> None:
        self._bot = bot
        self._help = bot.services.help
        self._hidden: deque[int] = deque(maxlen=CHANNELS_NOTED)

    async def look(self, message: discord.Message, *, to_others: bool) -> HelpMessage:
        """What to do with somebody's message that does not address the bot, or begins a post. Never fails: a
        message that was not meant for the bot is no reason to write anything."""
        try:
            return await self._look(message, to_others=to_others)
        except BotError as error:
            log.warning("help.not_looked_up", channel=message.channel.id, detail=str(error))
            return _NOT_HELPED

    async def _look(self, message: discord.Message, *, to_others: bool) -> HelpMessage:
        channel = message.channel
        if message.guild is None or not isinstance(channel, discord.TextChannel | discord.Thread):
            return _NOT_HELPED
        place = place_of(channel, channel.id, message.guild)
        profile = await self._bot.services.profiles.remembered(place.ids)
        if not profile.answer_posts:
            return _NOT_HELPED
        post = _post(message, to_others=to_others)
        wanted = await self._help.wanted(post, profile)
        if wanted in (Wanted.ANSWER, Wanted.GO_ON) and self._is_hidden(message):
            self._note_hidden(post.channel_id)
            wanted = Wanted.NOTHING
        return HelpMessage(wanted, post, profile)

    async def open(self, found: HelpMessage) -> bool:
        """Note that a post is answered; False when its channel has had its posts of today. Raises
        :class:`StorageError`."""
        if found.wanted is not Wanted.ANSWER or found.post is None or found.profile is None:
            return True
        return await self._help.open(found.post, found.profile)

    def should_tell_full(self, found: HelpMessage) -> bool:
        """Whether this is the first post of the day that its channel has no answer for."""
        return found.post is not None and self._help.should_tell_full(found.post.channel_id)

    def _is_hidden(self, message: discord.Message) -> bool:
        """Whether Discord leaves out what the message says (docs, events/gateway, "Message Content Intent")."""
        return not (self._bot.intents.message_content or message.content or message.attachments)

    def _note_hidden(self, channel_id: int) -> None:
        if channel_id not in self._hidden:
            self._hidden.append(channel_id)
            log.warning("help.posts_hidden", channel=channel_id, remedy="MESSAGE_CONTENT_INTENT=true")


def with_title(message: discord.Message, words: str) -> str:
    """The words of a message; of one that begins a forum post with its title above them, which is half of the
    question."""
    channel = message.channel
    if isinstance(channel, discord.Thread) and channel.id == message.id:
        return f"{channel.name}\n\n{words}".strip()
    return words


def _post(message: discord.Message, *, to_others: bool) -> Post:
    channel, author = message.channel, author_of(message)[0]
    if not isinstance(channel, discord.Thread):
        # A thread that is opened on a message gets its id.
        is_reply = message.reference is not None
        return Post(message.id, channel.id, author, opens=True, to_others=to_others or is_reply)
    return Post(
        channel.id,
        channel.parent_id,
        author,
        opens=channel.id == message.id,
        tags=tuple(tag.name for tag in channel.applied_tags),
        to_others=to_others,
    )
