"""The people of the tests: they do what a person does in Discord, and see what a person sees."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sandbox.discord_api.acts import Acts, Answers
from sandbox.discord_api.client_rules import RefusedError, Value
from sandbox.discord_api.component_tree import SELECTS, walk
from sandbox.discord_api.faults import Faults
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Channel, Message, User
from sandbox.discord_api.waiting import Waiting
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World

File = tuple[str, bytes]
"""A file a person uploads: its name and content."""


class Invocation:
    """One act that became an interaction, and how the bot answered it.

    ``message`` is the first response (after a button press that updates: the pressed message), ``followups``
    the later ones.
    """

    def __init__(self, interaction: Interaction, waiting: Waiting) -> None:
        self.interaction = interaction
        self._waiting = waiting

    @property
    def failed(self) -> bool:
        """Whether Discord has told the person "The application did not respond"."""
        return self.interaction.state == "failed"

    @property
    def is_acked(self) -> bool:
        """Whether the bot has given its first response."""
        return self.interaction.state == "acked"

    @property
    def message(self) -> Message | None:
        """The first response, once it exists (deleted or not)."""
        return self.interaction.original

    @property
    def followups(self) -> list[Message]:
        """The follow-up messages, oldest first."""
        return self.interaction.followups

    @property
    def modal(self) -> JSON | None:
        """The dialogue that stands open because of this act."""
        return self.interaction.modal

    async def acked(self, timeout: float = 5.0) -> Invocation:
        """Wait for the first response. Raises AssertionError when it does not come in time."""
        await self._waiting.until(lambda: self.interaction.state != "pending", timeout, self.interaction.channel)
        if self.failed:
            raise AssertionError(f"{self.interaction.name}: {self.interaction.error}")
        return self

    async def response(self, timeout: float = 5.0) -> Message:
        """Wait for the first response and return its message. Raises AssertionError without one."""
        await self.acked(timeout)
        if self.message is None:
            raise AssertionError(f"{self.interaction.name} was answered without a message")
        return self.message

    async def done_loading(self, timeout: float = 30.0) -> Message:
        """Like :meth:`response`, but also waits until "… is thinking" is gone."""
        message = await self.response(timeout)
        await self._waiting.until(lambda: not message.loading, timeout, self.interaction.channel)
        return message


class Person:
    """A person at a Discord client. Acts raise :class:`RefusedError` when that client would not let them.

    Channels may be given as a record or by name (``"general"``, ``"#general"``); a name is looked up among
    the channels the person sees. Acts reach Discord after half a round trip.
    """

    def __init__(self, user: User, world: World, acts: Acts, faults: Faults, waiting: Waiting) -> None:
        self.user = user
        self._world = world
        self._acts = acts
        self._faults = faults
        self._waiting = waiting

    @property
    def id(self) -> int:
        """The person's id."""
        return self.user.id

    @property
    def mention(self) -> str:
        """What to write to mention them."""
        return f"<@{self.user.id}>"

    @property
    def dm(self) -> Channel:
        """The direct messages with the bot."""
        return self._world.dm(self.user)

    def channel(self, name: str | Channel) -> Channel:
        """A channel this person sees, by name; raises :class:`RefusedError` when there is none."""
        if isinstance(name, Channel):
            return name
        for channel in self._world.channels.values():
            if channel.name == name.removeprefix("#") and self._world.can_see(self.user.id, channel):
                return channel
        raise RefusedError(f"{self.user.display_name} sees no channel “{name}”.")

    def sees(self, message: Message) -> bool:
        """Whether the message is on this person's screen when they open its channel."""
        channel = self._world.channels.get(message.channel_id)
        mine = message.ephemeral_for in (None, self.user.id)
        return channel is not None and mine and not message.deleted and self._world.can_see(self.id, channel)

    def messages(self, channel: str | Channel) -> list[Message]:
        """What the person reads in a channel, oldest first."""
        found = self._world.messages_in(self.channel(channel).id)
        return [message for message in found if self.sees(message)]

    def commands(self, channel: str | Channel) -> list[str]:
        """The names of the commands the client offers them there."""
        return self._acts.offered(self.user, self.channel(channel))

    async def slash(self, channel: str | Channel, command: str, /, **options: Value | File | Person) -> Invocation:
        """Send a slash command; a file option takes ``(name, content)``, a user option a person."""
        where = self.channel(channel)
        values = {name: self._value(value) for name, value in options.items()}
        await self._travel()
        return self._invocation(self._acts.slash(self.user, where, command, values))

    async def autocomplete(
        self, channel: str | Channel, command: str, focused: str, /, **options: Value
    ) -> list[JSON]:
        """Type into an option and return the suggestions ``[{"name", "value"}]``, empty when none came."""
        where = self.channel(channel)
        await self._travel()
        interaction = self._acts.autocomplete(self.user, where, command, focused, options)
        await self._waiting.until(lambda: interaction.state != "pending", 5.0, where)
        return interaction.choices

    async def menu(self, target: Message | User | Person, name: str, channel: str | Channel = "") -> Invocation:
        """Use an entry of the context menu of a message (or of a user, seen in ``channel``)."""
        subject = target.user if isinstance(target, Person) else target
        where = self._world.channels[subject.channel_id] if isinstance(subject, Message) else self.channel(channel)
        await self._travel()
        return self._invocation(self._acts.menu(self.user, where, name, subject))

    async def click(
        self,
        message: Message,
        label: str | None = None,
        *,
        custom_id: str | None = None,
        values: Sequence[str] = (),
    ) -> Invocation:
        """Press a button by its label or ``custom_id``, or choose ``values`` in a select."""
        target = custom_id or self._find(message, label)
        await self._travel()
        return self._invocation(self._acts.click(self.user, message, target, values))

    async def submit(self, shown: Invocation, answers: Answers) -> Invocation:
        """Fill in (by ``custom_id`` or by label) and send the dialogue that an act opened."""
        modal = shown.modal
        if modal is None:
            raise RefusedError("No dialogue is open.")
        names = _fields(modal)
        filled = {names.get(name, name): answer for name, answer in answers.items()}
        await self._travel()
        return self._invocation(self._acts.submit(self.user, shown.interaction, str(modal["custom_id"]), filled))

    async def say(
        self,
        channel: str | Channel,
        text: str,
        reply_to: Message | None = None,
        files: Sequence[File] = (),
        *,
        ping: bool = True,
    ) -> Message:
        """Write a message; ``ping`` is the reply's bell."""
        where = self.channel(channel)
        uploads = [self._world.add_file(name, content) for name, content in files]
        await self._travel()
        return self._acts.say(self.user, where, text, reply_to, uploads, ping=ping)

    async def forward(self, message: Message, channel: str | Channel) -> Message:
        """Forward a message into a channel."""
        where = self.channel(channel)
        await self._travel()
        return self._acts.forward(self.user, message, where)

    async def edit(self, message: Message, text: str) -> Message:
        """Edit one's own message."""
        await self._travel()
        return self._acts.edit(self.user, message, text)

    async def delete(self, message: Message) -> None:
        """Delete a message."""
        await self._travel()
        self._acts.delete(self.user, message)

    async def react(self, message: Message, emoji: str) -> None:
        """Put a reaction under a message."""
        await self._travel()
        self._acts.react(self.user, message, emoji)

    async def start_thread(self, message: Message, name: str) -> Channel:
        """Start a public thread on a message."""
        await self._travel()
        return self._acts.start_thread(self.user, message, name)

    async def post(self, forum: str | Channel, title: str, text: str, tags: Sequence[str] = ()) -> Channel:
        """Write a post in a forum; returns its thread, whose first message has its id."""
        where = self.channel(forum)
        await self._travel()
        return self._acts.post(self.user, where, title, text, tags)

    async def tag(self, post: Channel, tags: Sequence[str]) -> None:
        """Replace the tags of a forum post."""
        await self._travel()
        self._acts.tag(self.user, post, tags)

    async def _travel(self) -> None:
        await asyncio.sleep(self._faults.latency / 2)

    def _invocation(self, interaction: Interaction) -> Invocation:
        return Invocation(interaction, self._waiting)

    def _value(self, value: Value | File | Person) -> Value:
        if isinstance(value, Person):
            return value.user
        return self._world.add_file(*value) if isinstance(value, tuple) else value

    def _find(self, message: Message, label: str | None) -> str:
        if label is None:
            selects = [c for c in walk(message.components) if c["type"] in SELECTS]
            if len(selects) == 1:
                return str(selects[0]["custom_id"])
            raise RefusedError("Say which button or select by its label or custom_id.")
        button = message.buttons.get(label)
        if button is None or button.custom_id is None:
            raise RefusedError(f"The message has no button “{label}”, only {sorted(message.buttons)}.")
        return button.custom_id


def _fields(modal: JSON) -> Mapping[str, str]:
    """The modal's labels and the ids of their fields."""
    fields: dict[str, str] = {}
    for component in walk(modal["components"]):
        child = component.get("component") or component
        if component.get("label") and child.get("custom_id"):
            fields[str(component["label"])] = str(child["custom_id"])
    return fields
