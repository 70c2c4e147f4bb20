"""Messages of a channel's webhooks, by the webhook's token.

Source: docs.discord.com, developers/resources/webhook, "Execute Webhook".
"""

from __future__ import annotations

from sandbox.discord_api import message_rules, messages
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Message, User
from sandbox.discord_api.routing import Call
from sandbox.discord_api.wire import JSON, refuse
from sandbox.discord_api.world import World


def webhook_of(call: Call) -> JSON | None:
    """The webhook that the path names; None when it names an application. Raises 50027 for a wrong token."""
    hook = call.world.webhooks.get(call.id("application_id"))
    if hook is not None and call.params["token"] != hook["token"]:
        raise refuse(50027)
    return hook


def execute(call: Call, hook: JSON) -> Message:
    """Post as a webhook, under the name that the body gives or its own. Raises what posting raises."""
    world, body = call.world, call.form.body
    channel = world.channel(int(hook["channel_id"]))
    if (thread_id := call.query.get("thread_id")) is not None:
        thread = world.channel(thread_id)
        if thread.parent_id != channel.id:
            raise refuse(10003)
        channel = thread
    author = User(int(hook["id"]), body.get("username") or hook["name"], bot=True)
    world.users.setdefault(author.id, author)
    message = messages.blank(world, author, channel)
    message.webhook_id = author.id
    message_rules.fill(world, message, call.form)
    messages.publish(world, message)
    return message


def message_of(call: Call, hook: JSON) -> Message:
    """A message that the webhook posted. Raises 10008 for any other."""
    message = call.world.messages.get(call.id("message_ref")) if "message_ref" in call.params else None
    if message is None or message.deleted or message.webhook_id != int(hook["id"]):
        raise refuse(10008)
    return message


def edit(world: World, message: Message, form: Form) -> Message:
    """Edit a message of a webhook."""
    message_rules.revise(world, message, form)
    message.edited_at = world.clock.now()
    world.message_changed(message)
    return message
