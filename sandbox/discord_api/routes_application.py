"""REST: the application, its commands, its interactions, users, guilds and the gateway's address.

Sources: docs.discord.com, developers/interactions/{application-commands,receiving-and-responding},
developers/resources/{user,guild,webhook,application}, developers/events/gateway.
"""

from __future__ import annotations

from functools import partial

from sandbox.discord_api import commands, limits, message_shapes, payloads
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Message
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Flag, Id, Record
from sandbox.discord_api.wire import refuse

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
    return Reply([payloads.guild_summary(g) for g in call.world.guilds_of(call.world.bot.id)])


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


# -- guilds ------------------------------------------------------------------------------------------------


@router.on("GET", "/guilds/{guild_id}", major="guild_id")
def get_guild(call: Call) -> Reply:
    """A guild of the bot."""
    guild = call.world.guild(call.id("guild_id"))
    if call.world.bot.id not in guild.members:
        raise refuse(50001)
    return Reply(payloads.guild_summary(guild) | {"approximate_member_count": len(guild.members)})


@router.on("GET", "/guilds/{guild_id}/members/{user_id}", major="guild_id")
def get_member(call: Call) -> Reply:
    """A member."""
    guild = call.world.guild(call.id("guild_id"))
    user = call.world.user(call.id("user_id"))
    if user.id not in guild.members:
        raise refuse(10007)
    return Reply(payloads.member(guild.members[user.id]))


@router.on("GET", "/guilds/{guild_id}/roles", major="guild_id")
def get_roles(call: Call) -> Reply:
    """The roles of a guild."""
    return Reply([payloads.role(r) for r in call.world.guild(call.id("guild_id")).roles.values()])


@router.on("GET", "/guilds/{guild_id}/channels", major="guild_id")
def get_channels(call: Call) -> Reply:
    """The channels of a guild that the bot sees, without threads."""
    guild = call.world.guild(call.id("guild_id"))
    seen = [c for c in call.world.channels_of(guild.id) if call.world.can_see(call.world.bot.id, c)]
    return Reply([payloads.channel(c) for c in seen if not c.is_thread])


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


@router.on("POST", _WEBHOOK, rule=limits.WEBHOOK, major="token", authorized=False, body=message_shapes.MESSAGE)
def follow_up(call: Call) -> Reply:
    """A follow-up message."""
    message = call.services.interactions.follow_up(_interaction(call), call.form)
    return Reply(call.world.message_payload(message))


def _hooked(call: Call) -> Message:
    return call.services.interactions.message_of(_interaction(call), call.params.get("message_ref", "@original"))


def _get_hooked(call: Call) -> Reply:
    return Reply(call.world.message_payload(_hooked(call)))


def _patch_hooked(call: Call) -> Reply:
    return Reply(call.world.message_payload(call.services.interactions.edit(_hooked(call), call.form)))


def _delete_hooked(call: Call) -> Reply:
    call.services.interactions.delete(_hooked(call))
    return Reply(status=204)


for _one in (f"{_WEBHOOK}/messages/@original", f"{_WEBHOOK}/messages/{{message_ref}}"):
    _by_token = partial(router.on, rule=limits.WEBHOOK, major="token", authorized=False)
    _by_token("GET", _one)(_get_hooked)
    _by_token("PATCH", _one, body=message_shapes.MESSAGE)(_patch_hooked)
    _by_token("DELETE", _one)(_delete_hooked)
