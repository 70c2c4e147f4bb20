"""What Discord's own client lets a person do: which commands it shows, which values it accepts.

Sources: docs.discord.com, developers/interactions/application-commands ("Permissions", "Contexts",
"Application Command Option Structure").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.discord_api import payloads
from sandbox.discord_api.model import Attachment, Channel, Command, Guild, Message, User
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World

_SLASH, _USER_MENU, _MESSAGE_MENU = 1, 2, 3
_SUB_COMMAND, _SUB_GROUP = 1, 2
_GUILD_INSTALL, _USER_INSTALL = 0, 1
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
Value = str | int | float | bool | User | Channel | Attachment


class RefusedError(Exception):
    """Discord's client would not let the person do this; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A command, resolved to the sub-command a person typed."""

    command: Command
    path: tuple[str, ...]
    schema: tuple[JSON, ...]


def visible_commands(world: World, user: User, channel: Channel) -> list[Command]:
    """The commands the client offers to this person in this channel."""
    return [c for c in world.commands if _is_visible(world, c, user, channel)]


def _is_visible(world: World, command: Command, user: User, channel: Channel) -> bool:
    if not world.can_see(user.id, channel):
        return False
    if channel.guild_id is None:
        contexts = command.payload.get("contexts")
        here = command.payload.get("dm_permission", True) if contexts is None else 1 in contexts
        return command.guild_id is None and bool(here)
    if command.guild_id not in (None, channel.guild_id):
        return False
    if not world.guild_installed(channel.guild_id) and not _is_carried(world, command, user):
        return False
    contexts = command.payload.get("contexts")
    if command.guild_id is None and contexts is not None and 0 not in contexts:
        return False
    have = world.permissions(user.id, channel)
    if not have & Permission.USE_APPLICATION_COMMANDS:
        return False
    needed = command.payload.get("default_member_permissions")
    if have & Permission.ADMINISTRATOR:
        return True
    granted = integration_setting(world.guilds[channel.guild_id], command.name, user)
    if granted is not None or needed is None:
        return granted is not False
    return needed != "0" and have & int(needed) == int(needed)


def integration_setting(guild: Guild, command: str, user: User) -> bool | None:
    """What the server's administrators set for this person: their own entry counts before their roles', these
    before everybody's; None when there is none and the command's default holds."""
    settings = [one for one in guild.command_permissions if one.command == command]
    member = guild.members.get(user.id)
    roles = set(member.roles) if member is not None else set()
    ranks = (
        [one.allowed for one in settings if one.is_user and one.id == user.id],
        [one.allowed for one in settings if not one.is_user and one.id in roles],
        [one.allowed for one in settings if not one.is_user and one.id == guild.id],
    )
    return next((any(rank) for rank in ranks if rank), None)


def _is_carried(world: World, command: Command, user: User) -> bool:
    """Whether somebody brings the command along: the app installed to their account, the command made for it."""
    types = command.payload.get("integration_types") or [_GUILD_INSTALL]
    return user.id in world.user_installs and _USER_INSTALL in types


def find(world: World, user: User, channel: Channel, typed: str, kinds: tuple[int, ...] = (_SLASH,)) -> Leaf:
    """The command behind ``"cluster init"``. Raises :class:`RefusedError` when it is not offered."""
    if _SLASH not in kinds:
        for command in _named(world, typed, kinds):
            if _is_visible(world, command, user, channel):
                return Leaf(command, (typed,), ())
        raise RefusedError(f"There is no menu entry “{typed}” for {user.display_name} here.")
    parts = typed.removeprefix("/").split()
    for command in sorted(_named(world, "".join(parts[:1]), kinds), key=lambda c: c.guild_id is None):
        if _is_visible(world, command, user, channel):
            return _descend(command, tuple(parts))
    raise RefusedError(f"There is no command /{' '.join(parts)} for {user.display_name} here.")


def _named(world: World, name: str, kinds: tuple[int, ...]) -> list[Command]:
    return [command for command in world.commands if command.name == name and command.type in kinds]


def _descend(command: Command, parts: tuple[str, ...]) -> Leaf:
    options: list[JSON] = command.payload.get("options") or []
    for part in parts[1:]:
        found = next((o for o in options if o["name"] == part and o["type"] in (1, 2)), None)
        if found is None:
            raise RefusedError(f"/{command.name} has no sub-command “{part}”.")
        options = found.get("options") or []
    if any(o["type"] in (_SUB_COMMAND, _SUB_GROUP) for o in options):
        raise RefusedError(f"/{' '.join(parts)} needs one of its sub-commands.")
    return Leaf(command, parts, tuple(options))


class OptionReader:
    """Builds an interaction's ``data`` from what a person filled in."""

    def __init__(self, world: World, channel: Channel) -> None:
        self._world = world
        self._channel = channel
        self.resolved: JSON = {}

    def data(self, leaf: Leaf, values: Mapping[str, Value], focused: str | None = None) -> JSON:
        """Raises :class:`RefusedError` for a value the client does not accept.

        With ``focused`` (autocomplete) required options may still be missing.
        """
        unknown = set(values) - {str(o["name"]) for o in leaf.schema}
        if unknown:
            raise RefusedError(f"/{' '.join(leaf.path)} has no option {', '.join(sorted(unknown))}.")
        options: list[JSON] = []
        for schema in leaf.schema:
            name = str(schema["name"])
            if name in values:
                entry = {"name": name, "type": schema["type"]}
                entry["value"] = self._value(schema, values[name], partial=name == focused)
                options.append(entry | ({"focused": True} if name == focused else {}))
            elif schema.get("required") and focused is None:
                raise RefusedError(f"The option “{name}” is required.")
        return self._wrap(leaf, options)

    def _wrap(self, leaf: Leaf, options: list[JSON]) -> JSON:
        depth = len(leaf.path)
        for level, name in zip(range(depth - 1, 0, -1), reversed(leaf.path), strict=False):
            kind = _SUB_COMMAND if level == depth - 1 else _SUB_GROUP
            options = [{"name": name, "type": kind, "options": options}]
        data = base_data(leaf.command)
        data["options"] = options
        if self.resolved:
            data["resolved"] = self.resolved
        return data

    def _value(self, schema: JSON, value: Value, *, partial: bool) -> str | int | float | bool:
        kind = int(schema["type"])
        if partial:
            return value if isinstance(value, int | float | bool) else str(value)
        choices = schema.get("choices")
        if choices:
            return _choice(schema, value)
        return _READERS[kind](self, schema, value)

    def string(self, schema: JSON, value: Value) -> str:
        """A text within its length."""
        text = str(value)
        low, high = schema.get("min_length") or 0, schema.get("max_length") or 6000
        if not low <= len(text) <= high:
            raise RefusedError(f"“{schema['name']}” must be {low} to {high} characters long.")
        return text

    def integer(self, schema: JSON, value: Value) -> int:
        """A whole number within its range."""
        if not isinstance(value, int | str) or isinstance(value, bool) or not _is_integer(value):
            raise RefusedError(f"“{schema['name']}” must be a whole number.")
        return int(_in_range(schema, int(value)))

    def number(self, schema: JSON, value: Value) -> float:
        """A number within its range."""
        try:
            return _in_range(schema, float(str(value)))
        except ValueError:
            raise RefusedError(f"“{schema['name']}” must be a number.") from None

    def boolean(self, schema: JSON, value: Value) -> bool:
        """True or false."""
        words = {"true": True, "false": False}
        found = value if isinstance(value, bool) else words.get(str(value).lower())
        if found is None:
            raise RefusedError(f"“{schema['name']}” must be true or false.")
        return found

    def user(self, schema: JSON, value: Value) -> str:
        """A user, with member data where they are one."""
        user = self._world.users.get(_id_of(value))
        if user is None:
            raise RefusedError(f"“{schema['name']}” must be a user.")
        self.resolve_user(user)
        return str(user.id)

    def resolve_user(self, user: User) -> None:
        """Add someone to the resolved data."""
        self._put("users", user.id, payloads.user(user))
        guild_id = self._channel.guild_id
        member = self._world.guilds[guild_id].members.get(user.id) if guild_id is not None else None
        if member is not None:
            permissions = self._world.permissions(user.id, self._channel)
            self._put("members", user.id, payloads.member(member, with_user=False, permissions=permissions))

    def channel(self, schema: JSON, value: Value) -> str:
        """A channel of the guild, of an allowed type."""
        channel = self._world.channels.get(_id_of(value))
        wanted = schema.get("channel_types")
        if channel is None or (wanted and channel.type not in wanted):
            raise RefusedError(f"“{schema['name']}” must be a channel of the right kind.")
        partial = payloads.channel(channel) | {"permissions": "0"}
        self._put("channels", channel.id, partial)
        return str(channel.id)

    def role(self, schema: JSON, value: Value) -> str:
        """A role of the guild."""
        guild_id = self._channel.guild_id
        role = self._world.guilds[guild_id].roles.get(_id_of(value)) if guild_id is not None else None
        if role is None:
            raise RefusedError(f"“{schema['name']}” must be a role.")
        self._put("roles", role.id, payloads.role(role))
        return str(role.id)

    def mentionable(self, schema: JSON, value: Value) -> str:
        """A user or a role."""
        if _id_of(value) in self._world.users:
            return self.user(schema, value)
        return self.role(schema, value)

    def attachment(self, schema: JSON, value: Value) -> str:
        """An uploaded file."""
        file = self._world.files.get(value.id if isinstance(value, Attachment) else _id_of(value))
        if file is None:
            raise RefusedError(f"“{schema['name']}” must be an uploaded file.")
        self._put("attachments", file.id, payloads.attachment(file) | {"ephemeral": True})
        return str(file.id)

    def menu_data(self, command: Command, target: Message | User) -> JSON:
        """The data of a context-menu command."""
        if isinstance(target, User):
            self.resolve_user(target)
        else:
            self._put("messages", target.id, self._world.message_payload(target))
        data = base_data(command)
        return data | {"target_id": str(target.id), "resolved": self.resolved}

    def _put(self, kind: str, snowflake: int, payload: JSON) -> None:
        self.resolved.setdefault(kind, {})[str(snowflake)] = payload


_READERS: dict[int, Callable[[OptionReader, JSON, Value], str | int | float | bool]] = {
    STRING: OptionReader.string,
    INTEGER: OptionReader.integer,
    BOOLEAN: OptionReader.boolean,
    USER: OptionReader.user,
    CHANNEL: OptionReader.channel,
    ROLE: OptionReader.role,
    MENTIONABLE: OptionReader.mentionable,
    NUMBER: OptionReader.number,
    ATTACHMENT: OptionReader.attachment,
}


def base_data(command: Command) -> JSON:
    """The fields every command interaction has."""
    data: JSON = {"id": str(command.id), "name": command.name, "type": command.type}
    if command.guild_id is not None:
        data["guild_id"] = str(command.guild_id)
    return data


def _choice(schema: JSON, value: Value) -> str | int | float | bool:
    for choice in schema["choices"]:
        found: str | int | float | bool = choice["value"]
        if value == found or str(value) in (choice["name"], str(found)):
            return found
    names = ", ".join(str(c["name"]) for c in itertools.islice(schema["choices"], 25))
    raise RefusedError(f"“{schema['name']}” must be one of: {names}.")


def _in_range(schema: JSON, value: float) -> float:
    low, high = schema.get("min_value"), schema.get("max_value")
    if (low is not None and value < low) or (high is not None and value > high):
        raise RefusedError(f"“{schema['name']}” must be between {low} and {high}.")
    return value


def _is_integer(value: int | str) -> bool:
    return isinstance(value, int) or value.removeprefix("-").isdecimal()


def _id_of(value: Value) -> int:
    if isinstance(value, User | Channel | Attachment):
        return value.id
    text = str(value).strip("<@!#&>")
    return int(text) if text.isdecimal() else 0
