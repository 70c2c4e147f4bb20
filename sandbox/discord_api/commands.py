"""The application's registered commands, under Discord's limits.

Source: docs.discord.com, developers/interactions/application-commands ("Registering a Command", "Application
Command Naming", "Limitations").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sandbox.discord_api import payloads
from sandbox.discord_api.localizations import at, check_localizations, is_name, shared_name
from sandbox.discord_api.model import Command
from sandbox.discord_api.wire import JSON, ApiError, form_error, refuse
from sandbox.discord_api.world import World, WorldEvent

_SLASH, _USER, _MESSAGE = 1, 2, 3
_LIMITS = {_SLASH: 100, _USER: 15, _MESSAGE: 15}
_SUB_COMMAND, _SUB_GROUP, _STRING = 1, 2, 3
_CREATES_A_DAY = 200
_DAY = 86_400.0
_COPIED = (
    "name_localizations",
    "description_localizations",
    "default_member_permissions",
    "contexts",
    "integration_types",
)


class CommandRegistry:
    """Global and guild commands. Every method raises :class:`ApiError` as the API would."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._creates: dict[int | None, deque[float]] = {}

    def scope(self, guild_id: int | None) -> list[JSON]:
        """The commands of a guild, or the global ones."""
        return [c.payload for c in self._world.commands if c.guild_id == guild_id]

    def get(self, guild_id: int | None, command_id: int) -> Command:
        """Raises 10063 for an unknown id."""
        for command in self._world.commands:
            if command.id == command_id and command.guild_id == guild_id:
                return command
        raise refuse(10063)

    def replace_all(self, guild_id: int | None, bodies: list[JSON]) -> list[JSON]:
        """Bulk overwrite: a command that keeps its name and type keeps its id."""
        _count_and_uniqueness(bodies)
        for index, body in enumerate(bodies):
            validate(body, f"{index}")
        old = {(c.name, c.type): c for c in self._world.commands if c.guild_id == guild_id}
        fresh = [b for b in bodies if (str(b["name"]), int(b.get("type", 1))) not in old]
        self._count_creates(guild_id, len(fresh))
        made = [self._make(guild_id, b, old.get((str(b["name"]), int(b.get("type", 1))))) for b in bodies]
        others = [c for c in self._world.commands if c.guild_id != guild_id]
        self._world.commands = [*others, *made]
        self._announce()
        return self.scope(guild_id)

    def create(self, guild_id: int | None, body: JSON) -> tuple[JSON, bool]:
        """Create or, with a name that exists, overwrite; also tells whether it was created."""
        validate(body, "")
        key = (str(body["name"]), int(body.get("type", 1)))
        self._alone(guild_id, key[1], body, key[0])
        old = {(c.name, c.type): c for c in self._world.commands if c.guild_id == guild_id}
        existing = old.get(key)
        if existing is None:
            if sum(1 for _, kind in old if kind == key[1]) >= _LIMITS[key[1]]:
                raise refuse(30032)
            self._count_creates(guild_id, 1)
        else:
            self._world.commands.remove(existing)
        command = self._make(guild_id, body, existing)
        self._world.commands.append(command)
        self._announce()
        return command.payload, existing is None

    def update(self, guild_id: int | None, command_id: int, body: JSON) -> JSON:
        """Change some fields of a command."""
        command = self.get(guild_id, command_id)
        merged = {**command.payload, **body, "type": command.type}
        validate(merged, "")
        self._alone(guild_id, command.type, merged, command.name)
        changed = self._make(guild_id, merged, command)
        self._world.commands[self._world.commands.index(command)] = changed
        self._announce()
        return changed.payload

    def delete(self, guild_id: int | None, command_id: int) -> None:
        """Remove a command."""
        self._world.commands.remove(self.get(guild_id, command_id))
        self._announce()

    def _alone(self, guild_id: int | None, kind: int, body: JSON, instead_of: str) -> None:
        others = [c.payload for c in self._world.commands if c.guild_id == guild_id and c.type == kind]
        if shared_name([*(other for other in others if other["name"] != instead_of), body]) is not None:
            raise _duplicate("name")

    def _announce(self) -> None:
        self._world.emit(WorldEvent("commands", {"commands": [c.payload for c in self._world.commands]}))

    def _count_creates(self, guild_id: int | None, fresh: int) -> None:
        created = self._creates.setdefault(guild_id, deque())
        now = self._world.clock.now()
        while created and created[0] <= now - _DAY:
            created.popleft()
        if len(created) + fresh > _CREATES_A_DAY:
            raise refuse(30034)
        created.extend([now] * fresh)

    def _make(self, guild_id: int | None, body: JSON, old: Command | None) -> Command:
        command_id = old.id if old else self._world.ids.next()
        version = self._world.ids.next()
        kind = int(body.get("type") or _SLASH)
        payload: JSON = {
            "id": str(command_id),
            "application_id": str(self._world.bot.id),
            "version": str(version),
            "type": kind,
            "name": body["name"],
            "description": body.get("description") or "",
            "nsfw": bool(body.get("nsfw", False)),
            "dm_permission": body.get("dm_permission", True),
            **{key: body.get(key) for key in _COPIED},
        }
        payload["integration_types"] = body.get("integration_types") or [0]
        if body.get("options"):
            payload["options"] = body["options"]
        if guild_id is not None:
            payload["guild_id"] = str(guild_id)
        permissions = payload["default_member_permissions"]
        if permissions is not None:
            payload["default_member_permissions"] = str(permissions)
        return Command(command_id, guild_id, version, payload)


def guild_of(world: World, guild_id: int) -> int:
    """Check that the application may have commands there; raises 50001 otherwise."""
    if guild_id not in world.guilds or world.bot.id not in world.guilds[guild_id].members:
        raise refuse(50001)
    return guild_id


def _count_and_uniqueness(bodies: list[JSON]) -> None:
    for kind, limit in _LIMITS.items():
        places = [index for index, body in enumerate(bodies) if int(body.get("type") or _SLASH) == kind]
        shared = shared_name([bodies[index] for index in places])
        if shared is not None:
            raise _duplicate(f"{places[shared]}")
        if len(places) > limit:
            raise refuse(30032)


def _duplicate(path: str) -> ApiError:
    return form_error(path, "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")


def validate(body: JSON, path: str) -> None:
    """Raises 50035 for a command that Discord would refuse; ``path`` is its place in the request."""
    kind = int(body.get("type") or _SLASH)
    if kind not in _LIMITS:
        raise form_error(at(path, "type"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3}.")
    if kind == _SLASH:
        _name(body, path)
        check_localizations(body, path, typed=True, top=True)
        _length(body, "description", path, 1, 100)
        _options(body.get("options") or [], path, depth=0)
        if _size(body) > 8000:
            raise form_error(
                path or "options", "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)"
            )
        return
    _length(body, "name", path, 1, 32)
    check_localizations(body, path, typed=False, top=True)
    if body.get("description") or body.get("options"):
        raise form_error(
            at(path, "description"),
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION",
            "Context menu commands cannot have description",
        )


def _length(body: JSON, key: str, path: str, low: int, high: int) -> None:
    value = body.get(key)
    if value is None:
        raise form_error(at(path, key), "BASE_TYPE_REQUIRED", "This field is required")
    if not low <= len(str(value)) <= high:
        raise form_error(at(path, key), "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")


def _name(body: JSON, path: str) -> None:
    _length(body, "name", path, 1, 32)
    name = str(body["name"])
    if not is_name(name):
        raise form_error(
            at(path, "name"),
            "APPLICATION_COMMAND_INVALID_NAME",
            "Command name is invalid",
        )


def _options(options: list[JSON], path: str, *, depth: int) -> None:
    if len(options) > 25:
        raise form_error(at(path, "options"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    optional = False
    for index, option in enumerate(options):
        here = at(path, f"options.{index}")
        _name(option, here)
        check_localizations(option, here, typed=True)
        _length(option, "description", here, 1, 100)
        kind = option.get("type")
        if kind in (_SUB_COMMAND, _SUB_GROUP):
            if depth > 1 or (kind == _SUB_GROUP and depth > 0):
                raise form_error(here, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Invalid nesting")
            _options(option.get("options") or [], here, depth=depth + 1)
            continue
        if option.get("required") and optional:
            raise form_error(
                here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional = optional or not option.get("required")
        _leaf(option, here)
    shared = shared_name(options)
    if shared is not None:
        here = at(path, f"options.{shared}")
        raise form_error(here, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")


def _leaf(option: JSON, path: str) -> None:
    kind = option.get("type")
    if kind not in range(3, 12):
        raise form_error(at(path, "type"), "BASE_TYPE_CHOICES", "Value must be one of {1, …, 11}.")
    choices = option.get("choices") or []
    if len(choices) > 25:
        raise form_error(at(path, "choices"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    if choices and option.get("autocomplete"):
        raise form_error(
            at(path, "autocomplete"),
            "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES",
            "Options with autocomplete cannot have choices",
        )
    for index, choice in enumerate(choices):
        validate_choice(choice, at(path, f"choices.{index}"))
    for key, low in (("min_length", 0), ("max_length", 1)):
        value = option.get(key)
        if value is not None and not (kind == _STRING and low <= value <= 6000):
            raise form_error(
                at(path, key), "NUMBER_TYPE_MAX", f"{key} must be between {low} and 6000 on a string option."
            )


def validate_choice(choice: JSON, path: str) -> None:
    """Raises 50035 for a choice whose name or text value is not 1–100 characters long."""
    _length(choice, "name", path, 1, 100)
    check_localizations(choice, path, typed=False)
    value = choice.get("value")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise form_error(at(path, "value"), "BASE_TYPE_REQUIRED", "This field is required")
    if isinstance(value, str) and not 1 <= len(value) <= 100:
        raise form_error(at(path, "value"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")


def _size(body: JSON) -> int:
    """Names, descriptions and values, the longest localization counting (Limitations, "8000 characters")."""
    total = 0
    for key in ("name", "description"):
        texts = [str(body.get(key) or ""), *(body.get(f"{key}_localizations") or {}).values()]
        total += max(len(text) for text in texts)
    total += sum(_size(option) for option in body.get("options") or [])
    total += sum(len(str(c.get("name"))) + len(str(c.get("value"))) for c in body.get("choices") or [])
    return total


PayloadOf = Callable[[World, int], JSON]


def application(world: World) -> JSON:
    """The application object of ``GET /applications/@me``."""
    return {
        "id": str(world.bot.id),
        "name": world.bot.username,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": _application_flags(world.privileged_intents),
        "hook": True,
        "team": None,
        "owner": payloads.user(next(u for u in world.users.values() if u.kind == "admin")),
        "bot": payloads.user(world.bot),
        "approximate_guild_count": len(world.guilds_of(world.bot.id)),
        "approximate_user_install_count": 0,
        "integration_types_config": {"0": {}},
        "type": None,
        "flags_new": str(_application_flags(world.privileged_intents)),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        **world.application,
    }


def _application_flags(intents: int) -> int:
    limited = {1 << 8: 1 << 13, 1 << 1: 1 << 15, 1 << 15: 1 << 19}
    return sum(flag for intent, flag in limited.items() if intents & intent)
