"""REST: the application, its commands, its interactions, users, guilds and the gateway's address.

Sources: docs.discord.com, developers/interactions/{application-commands,receiving-and-responding},
developers/resources/{user,guild,webhook,application}, developers/events/gateway.
"""

from __future__ import annotations

from functools import partial

from sandbox.discord_api import commands, limits, message_shapes, payloads, webhook_messages
from sandbox.discord_api.guild_access import guild_of, member_of
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Command, Guild, Message
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Flag, Id, Listed, Record, Text
from sandbox.discord_api.wire import JSON, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
_WEBHOOK = "/webhooks/{application_id}/{token}"


@router.on("GET", "/users/@me")
def get_me(call: Call) -> Reply:
    """The bot's own account."""
    return Reply(payloads.me(call.world.bot))


@router.on("GET", "/users/@me/guilds")
def my_guilds(call: Call) -> Reply:
    """The bot's guilds."""
    return Reply([payloads.my_guild(g, call.world.bot.id) for g in call.world.guilds_of(call.world.bot.id)])


@router.on("GET", "/users/{user_id}")
def get_user(call: Call) -> Reply:
    """A user."""
    return Reply(payloads.user(call.world.user(call.id("user_id"))))


@router.on("POST", "/users/@me/channels", body={"recipient_id": Id(required=True)})
def open_dm(call: Call) -> Reply:
    """Open a direct message. That it is closed shows only when something is sent (50007)."""
    recipient = call.world.user(call.form.body["recipient_id"])
    if recipient.bot:
        raise refuse(50007)
    return Reply(payloads.channel(call.world.dm(recipient)))


@router.on("GET", "/oauth2/applications/@me")
def oauth_application(call: Call) -> Reply:
    """The application."""
    return Reply(commands.application(call.world))


@router.on("GET", "/applications/@me")
def get_application(call: Call) -> Reply:
    """The application."""
    return Reply(commands.application(call.world))


@router.on("GET", "/gateway", authorized=False)
def gateway(call: Call) -> Reply:
    """The gateway's address."""
    return Reply({"url": call.world.gateway_url})


@router.on("GET", "/gateway/bot")
def gateway_bot(call: Call) -> Reply:
    """The gateway's address, recommended shards and the session limit."""
    return Reply({"url": call.world.gateway_url, **call.world.session_starts.payload()})


@router.on("GET", "/users/@me/guilds/{guild_id}/member", major="guild_id")
def my_member(call: Call) -> Reply:
    """The bot's own membership."""
    return Reply(payloads.member(guild_of(call).members[call.world.bot.id]))


@router.on("DELETE", "/users/@me/guilds/{guild_id}", major="guild_id")
def leave_guild(call: Call) -> Reply:
    """Leave a guild."""
    call.world.remove_member(guild_of(call), call.world.bot)
    return Reply(status=204)


@router.on("GET", "/guilds/{guild_id}/members/{user_id}", major="guild_id")
def get_member(call: Call) -> Reply:
    """A member."""
    return Reply(payloads.member(member_of(call, guild_of(call))))


@router.on("PATCH", "/users/@me", body={"username": Text(low=2, high=32), "avatar": Text(null=True)})
def edit_me(call: Call) -> Reply:
    """The bot's name; an avatar is not kept."""
    bot = call.world.bot
    bot.username = call.form.body.get("username", bot.username)
    call.world.emit(WorldEvent("USER_UPDATE", payloads.me(bot)))
    return Reply(payloads.me(bot))


_APPLICATION = {"description": Text(high=400), "tags": Listed(of=Text(low=1, high=20), high=5, null=True)}


@router.on("PATCH", "/applications/@me", body=_APPLICATION)
def edit_application(call: Call) -> Reply:
    """The application's description and tags."""
    wanted = {key: call.form.body[key] for key in _APPLICATION if call.form.body.get(key) is not None}
    call.world.application |= wanted
    return Reply(commands.application(call.world))


# -- commands ----------------------------------------------------------------------------------------------


def _scope(call: Call) -> int | None:
    if call.id("application_id") != call.world.bot.id:
        raise refuse(50001)
    if "guild_id" not in call.params:
        return None
    return commands.guild_of(call.world, call.id("guild_id"))


def _list(call: Call) -> Reply:
    return Reply(call.services.commands.scope(_scope(call)))


def _replace(call: Call) -> Reply:
    return Reply(call.services.commands.replace_all(_scope(call), list(call.listed)))


def _create(call: Call) -> Reply:
    payload, created = call.services.commands.create(_scope(call), call.form.body)
    return Reply(payload, 201 if created else 200)


def _get(call: Call) -> Reply:
    return Reply(call.services.commands.get(_scope(call), call.id("command_id")).payload)


def _update(call: Call) -> Reply:
    return Reply(call.services.commands.update(_scope(call), call.id("command_id"), call.form.body))


def _delete(call: Call) -> Reply:
    call.services.commands.delete(_scope(call), call.id("command_id"))
    return Reply(status=204)


for _base in (_GLOBAL, _GUILD):
    router.on("GET", _base)(_list)
    router.on("PUT", _base, listed=Record(fields=message_shapes.COMMAND))(_replace)
    router.on("POST", _base, body=message_shapes.COMMAND)(_create)
    router.on("GET", f"{_base}/{{command_id}}")(_get)
    router.on("PATCH", f"{_base}/{{command_id}}", body=message_shapes.COMMAND)(_update)
    router.on("DELETE", f"{_base}/{{command_id}}")(_delete)


@router.on("GET", f"{_GUILD}/permissions")
def all_permissions(call: Call) -> Reply:
    """Who sees which command in a guild, where an administrator has set it."""
    guild = guild_of(call)
    found = [c for c in call.world.commands if c.guild_id in (None, guild.id)]
    shown = [_permissions(call, guild, command) for command in found]
    return Reply([one for one in shown if one["permissions"]])


@router.on("GET", f"{_GUILD}/{{command_id}}/permissions")
def command_permissions(call: Call) -> Reply:
    """Who sees a command in a guild. Raises 10066 where nobody has set it."""
    guild = guild_of(call)
    command = next((c for c in call.world.commands if c.id == call.id("command_id")), None)
    if command is None:
        raise refuse(10063)
    shown = _permissions(call, guild, command)
    if not shown["permissions"]:
        raise refuse(10066)
    return Reply(shown)


@router.on("PUT", f"{_GUILD}/{{command_id}}/permissions")
def set_permissions(_: Call) -> Reply:
    """Only a person with Manage Server may (20001)."""
    raise refuse(20001)


def _permissions(call: Call, guild: Guild, command: Command) -> JSON:
    return {
        "id": str(command.id),
        "application_id": str(call.world.bot.id),
        "guild_id": str(guild.id),
        "permissions": [
            {"id": str(one.id), "type": 2 if one.is_user else 1, "permission": one.allowed}
            for one in guild.command_permissions
            if one.command == command.name
        ],
    }


# -- interactions ------------------------------------------------------------------------------------------


@router.on(
    "POST",
    "/interactions/{interaction_id}/{token}/callback",
    rule=limits.CALLBACK,
    major="token",
    authorized=False,
    body=message_shapes.CALLBACK,
    query={"with_response": Flag()},
)
def callback(call: Call) -> Reply:
    """The first response."""
    body = call.services.interactions.respond(call.id("interaction_id"), call.params["token"], call.form)
    return Reply(body) if call.query.get("with_response") else Reply(status=204)


def _interaction(call: Call) -> Interaction:
    return call.services.interactions.webhook(call.id("application_id"), call.params["token"])


@router.on(
    "POST",
    _WEBHOOK,
    rule=limits.WEBHOOK,
    major="token",
    authorized=False,
    body=message_shapes.MESSAGE,
    query={"wait": Flag(), "thread_id": Id(), "with_components": Flag()},
)
def follow_up(call: Call) -> Reply:
    """A follow-up message, or one of a channel's webhook."""
    if (hook := webhook_messages.webhook_of(call)) is not None:
        posted = webhook_messages.execute(call, hook)
        return Reply(call.world.message_payload(posted)) if call.query.get("wait") else Reply(status=204)
    message = call.services.interactions.follow_up(_interaction(call), call.form)
    return Reply(call.world.message_payload(message))


def _hooked(call: Call) -> Message:
    if (hook := webhook_messages.webhook_of(call)) is not None:
        return webhook_messages.message_of(call, hook)
    return call.services.interactions.message_of(_interaction(call), call.params.get("message_ref", "@original"))


def _get_hooked(call: Call) -> Reply:
    return Reply(call.world.message_payload(_hooked(call)))


def _patch_hooked(call: Call) -> Reply:
    message = _hooked(call)
    if message.webhook_id is not None:
        webhook_messages.edit(call.world, message, call.form)
    else:
        call.services.interactions.edit(message, call.form)
    return Reply(call.world.message_payload(message))


def _delete_hooked(call: Call) -> Reply:
    call.world.delete_message(_hooked(call))
    return Reply(status=204)


for _one in (f"{_WEBHOOK}/messages/@original", f"{_WEBHOOK}/messages/{{message_ref}}"):
    _by_token = partial(router.on, rule=limits.WEBHOOK, major="token", authorized=False)
    _by_token("GET", _one)(_get_hooked)
    _by_token("PATCH", _one, body=message_shapes.MESSAGE)(_patch_hooked)
    _by_token("DELETE", _one)(_delete_hooked)
