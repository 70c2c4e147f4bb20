"""What people do: each act is checked as Discord's client checks it, then takes place in the world.

Both ways in share this module: the Python people of the tests and the people behind the web page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.discord_api import client_rules, interactions, messages, threads
from sandbox.discord_api.client_rules import OptionReader, RefusedError, Value
from sandbox.discord_api.component_tree import (
    ACTION_ROW,
    BUTTON,
    FILE_UPLOAD,
    LABEL,
    SELECTS,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    walk,
    with_custom_id,
)
from sandbox.discord_api.interactions import Interaction, Interactions
from sandbox.discord_api.localizations import LOCALES
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Attachment, Channel, ChannelType, Message, User
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON, ApiError
from sandbox.discord_api.world import World, WorldEvent

Answers = Mapping[str, str | Sequence[str]]


class Acts:
    """The acts of people. Every method raises :class:`RefusedError` when the client would not let them."""

    def __init__(self, world: World, hub: Interactions) -> None:
        self._world = world
        self._hub = hub

    def offered(self, user: User, channel: Channel) -> list[str]:
        """The names of the commands the client shows to the person there."""
        return [c.name for c in client_rules.visible_commands(self._world, user, channel)]

    def slash(self, user: User, channel: Channel, typed: str, values: Mapping[str, Value]) -> Interaction:
        """Send a slash command, ``"cluster init"`` for a sub-command."""
        self._reachable(user, channel)
        if channel.type == ChannelType.FORUM:
            raise RefusedError("There is no box to type in a forum, only in its posts.")
        leaf = client_rules.find(self._world, user, channel, typed)
        data = OptionReader(self._world, channel).data(leaf, values)
        return self._hub.start(interactions.COMMAND, user, channel, data, " ".join(leaf.path))

    def autocomplete(
        self, user: User, channel: Channel, typed: str, focused: str, values: Mapping[str, Value]
    ) -> Interaction:
        """Type into an option that completes."""
        self._reachable(user, channel)
        leaf = client_rules.find(self._world, user, channel, typed)
        schema = next((o for o in leaf.schema if o["name"] == focused), None)
        if schema is None or not schema.get("autocomplete"):
            raise RefusedError(f"“{focused}” offers no suggestions.")
        data = OptionReader(self._world, channel).data(leaf, {focused: "", **values}, focused)
        return self._hub.start(interactions.AUTOCOMPLETE, user, channel, data, " ".join(leaf.path))

    def menu(self, user: User, channel: Channel, name: str, target: Message | User) -> Interaction:
        """Use an entry of a message's or a user's context menu."""
        self._reachable(user, channel)
        kind = 2 if isinstance(target, User) else 3
        if isinstance(target, Message):
            self._sees(user, target)
        leaf = client_rules.find(self._world, user, channel, name, (kind,))
        data = OptionReader(self._world, channel).menu_data(leaf.command, target)
        return self._hub.start(interactions.COMMAND, user, channel, data, name)

    def click(self, user: User, message: Message, custom_id: str, values: Sequence[str] = ()) -> Interaction:
        """Press a button or choose in a select; anyone who sees a message can."""
        self._sees(user, message)
        component = with_custom_id(message.components, custom_id)
        if component is None or component["type"] not in (BUTTON, *SELECTS):
            raise RefusedError(f"The message has no button or select {custom_id}.")
        if component.get("disabled"):
            raise RefusedError("It is disabled.")
        data: JSON = {
            "custom_id": custom_id,
            "component_type": component["type"],
            "id": component.get("id", 0),
        }
        channel = self._world.channels[message.channel_id]
        if component["type"] in SELECTS:
            data |= self._selected(component, list(values), channel)
        return self._hub.start(interactions.COMPONENT, user, channel, data, custom_id, source=message)

    def submit(self, user: User, shown: Interaction, custom_id: str, answers: Answers) -> Interaction:
        """Fill in and send a modal that an interaction opened."""
        modal = shown.modal
        if modal is None or shown.user is not user or modal["custom_id"] != custom_id:
            raise RefusedError("There is no such dialogue open.")
        inputs = [c for c in walk(modal["components"]) if c.get("custom_id")]
        unknown = set(answers) - {str(c["custom_id"]) for c in inputs}
        if unknown:
            raise RefusedError(f"The dialogue has no field {', '.join(sorted(unknown))}.")
        resolver = _ModalReader(self._world, shown.channel, answers)
        components = [entry for c in modal["components"] for entry in resolver.entry(c)]
        data: JSON = {"custom_id": custom_id, "components": components}
        if resolver.resolved:
            data["resolved"] = resolver.resolved
        shown.modal = None
        return self._hub.start(
            interactions.MODAL_SUBMIT,
            user,
            shown.channel,
            data,
            custom_id,
            source=shown.source,
            trigger=shown,
        )

    def say(
        self,
        user: User,
        channel: Channel,
        content: str,
        reply_to: Message | None = None,
        files: Sequence[Attachment] = (),
        *,
        ping: bool = True,
    ) -> Message:
        """Write a message; a reply pings the author of its target unless ``ping`` is off."""
        self._reachable(user, channel)
        body: JSON = {"content": content}
        if reply_to is not None:
            self._sees(user, reply_to)
            body["message_reference"] = messages.reference_to(reply_to)
            if not ping:
                body["allowed_mentions"] = {"parse": ["users", "roles", "everyone"], "replied_user": False}
        try:
            return messages.create(self._world, user, channel, Form(body), attached=tuple(files))
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def forward(self, user: User, message: Message, channel: Channel) -> Message:
        """Forward a message into a channel."""
        self._sees(user, message)
        self._reachable(user, channel)
        try:
            return messages.forward(self._world, user, channel, message)
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def edit(self, user: User, message: Message, content: str) -> Message:
        """Edit one's own message."""
        self._sees(user, message)
        try:
            return messages.edit(self._world, user, message, Form({"content": content}))
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def delete(self, user: User, message: Message) -> None:
        """Delete one's own message, or another's where one may manage messages."""
        self._sees(user, message)
        try:
            messages.delete(self._world, user, message)
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def react(self, user: User, message: Message, emoji: str, *, add: bool = True) -> None:
        """Put a reaction under a message, or take one's own back; ``emoji`` is ``"👍"`` or ``"name:id"``."""
        self._sees(user, message)
        try:
            messages.react(self._world, user, message, emoji, add=add)
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def start_thread(self, user: User, message: Message, name: str) -> Channel:
        """Start a public thread on a message."""
        self._sees(user, message)
        channel = self._world.channels[message.channel_id]
        try:
            return threads.start(self._world, user, channel, {"name": name}, message)
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def post(
        self,
        user: User,
        forum: Channel,
        title: str,
        content: str,
        tags: Sequence[str] = (),
        files: Sequence[Attachment] = (),
    ) -> Channel:
        """Write a post in a forum, with the tags of these names."""
        self._reachable(user, forum)
        ids = self._tags(forum, tags)
        try:
            body: JSON = {"name": title, "applied_tags": ids}
            return threads.start_post(self._world, user, forum, body, Form({"content": content}), files)
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def tag(self, user: User, post: Channel, tags: Sequence[str]) -> Channel:
        """Replace the tags of a post."""
        self._reachable(user, post)
        ids = self._tags(self._world.channels[post.parent_id or 0], tags)
        try:
            return threads.tag(self._world, user, post, ids)
        except ApiError as error:
            raise RefusedError(_sentence(error)) from error

    def _tags(self, forum: Channel, names: Sequence[str]) -> list[int]:
        known = {tag.name: tag.id for tag in forum.available_tags}
        if unknown := set(names) - set(known):
            raise RefusedError(f"The forum has no tag {', '.join(sorted(unknown))}.")
        return [known[name] for name in names]

    def speak(self, user: User, locale: str) -> None:
        """Use Discord in another language: interactions say so from now on."""
        if locale not in LOCALES:
            raise RefusedError(f"Discord's client does not speak “{locale}”.")
        user.locale = locale
        self._world.emit(WorldEvent("people", {}))

    def _reachable(self, user: User, channel: Channel) -> None:
        if not self._world.permissions(user.id, channel) & Permission.VIEW_CHANNEL:
            raise RefusedError(f"{user.display_name} does not see this channel.")

    def _sees(self, user: User, message: Message) -> None:
        self._reachable(user, self._world.channels[message.channel_id])
        if message.deleted or message.ephemeral_for not in (None, user.id):
            raise RefusedError("There is no such message.")

    def _selected(self, component: JSON, values: list[str], channel: Channel) -> JSON:
        low, high = component.get("min_values", 1), component.get("max_values", 1)
        if not low <= len(values) <= high:
            raise RefusedError(f"Choose {low} to {high} of the options.")
        if component["type"] == STRING_SELECT:
            offered = {str(option["value"]) for option in component["options"]}
            if not set(values) <= offered:
                raise RefusedError("There is no such option.")
            return {"values": values}
        return resolve_selected(self._world, channel, int(component["type"]), values)


def resolve_selected(world: World, channel: Channel, kind: int, values: Sequence[str]) -> JSON:
    """Values and resolved data of a select for users (5), roles (6), mentionables (7) or channels (8)."""
    reader = OptionReader(world, channel)
    read = {5: reader.user, 6: reader.role, 7: reader.mentionable, 8: reader.channel}[kind]
    chosen = [read({"name": "choice"}, value) for value in values]
    return {"values": chosen, "resolved": reader.resolved}


class _ModalReader:
    """Turns the fields of a modal and a person's answers into the submitted components."""

    def __init__(self, world: World, channel: Channel, answers: Answers) -> None:
        self._world = world
        self._channel = channel
        self._answers = answers
        self.resolved: JSON = {}

    def entry(self, component: JSON) -> list[JSON]:
        """The submitted form of a top-level component."""
        base = {"type": component["type"], "id": component.get("id", 0)}
        if component["type"] == ACTION_ROW:
            return [{**base, "components": [self._field(c, c) for c in component["components"]]}]
        if component["type"] == LABEL:
            return [{**base, "component": self._field(component["component"], component)}]
        return [base] if component["type"] == TEXT_DISPLAY else []

    def _field(self, component: JSON, labelled: JSON) -> JSON:
        label = labelled.get("label") or component["custom_id"]
        answer = self._answers.get(str(component["custom_id"]))
        base: JSON = {
            "type": component["type"],
            "id": component.get("id", 0),
            "custom_id": component["custom_id"],
        }
        if component["type"] == TEXT_INPUT:
            return base | {"value": _text(component, label, answer)}
        values = [] if answer is None else [answer] if isinstance(answer, str) else list(answer)
        if not values and component.get("required", True):
            raise RefusedError(f"“{label}” is required.")
        if component["type"] == FILE_UPLOAD:
            reader = OptionReader(self._world, self._channel)
            values = [reader.attachment({"name": label}, value) for value in values]
            self._merge(reader.resolved)
        elif component["type"] in SELECTS and component["type"] != STRING_SELECT:
            selected = resolve_selected(self._world, self._channel, int(component["type"]), values)
            values = selected["values"]
            self._merge(selected["resolved"])
        elif component["type"] == STRING_SELECT:
            offered = {str(option["value"]) for option in component["options"]}
            if not set(values) <= offered:
                raise RefusedError(f"“{label}” has no such option.")
        return base | {"values": values}

    def _merge(self, resolved: JSON) -> None:
        for kind, found in resolved.items():
            self.resolved.setdefault(kind, {}).update(found)


def _text(component: JSON, label: str, answer: str | Sequence[str] | None) -> str:
    if answer is None:
        answer = str(component.get("value") or "")
    if not isinstance(answer, str):
        raise RefusedError(f"“{label}” takes a text.")
    if not answer:
        if component.get("required", True):
            raise RefusedError(f"“{label}” is required.")
        return ""
    low, high = component.get("min_length") or 0, component.get("max_length") or 4000
    if not low <= len(answer) <= high:
        raise RefusedError(f"“{label}” must be {low} to {high} characters long.")
    return answer


def _sentence(error: ApiError) -> str:
    return error.message if error.message.endswith(".") else f"{error.message}."
