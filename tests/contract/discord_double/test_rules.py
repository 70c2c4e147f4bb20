"""The rules' numbers and error codes, as discord.py meets them.

Sources: docs.discord.com, developers/components/reference, developers/interactions/application-commands,
developers/topics/permissions, developers/topics/opcodes-and-status-codes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import discord
import pytest
from discord import app_commands, ui

from sandbox.discord_api import DiscordDouble, wire
from sandbox.discord_api.model import Overwrite
from sandbox.discord_api.permissions import Permission
from tests.unit.sandbox.discord_api.test_rules import (
    MALFORMED_COMMANDS,
    MALFORMED_COMPONENTS,
    command,
    option,
)


async def refused(request: Awaitable[object]) -> discord.HTTPException:
    """What discord.py raises."""
    with pytest.raises(discord.HTTPException) as raised:
        await request
    return raised.value


def posting(double: DiscordDouble, bot: Any, body: object, channel: str = "general") -> Awaitable[object]:
    """A message, written by hand where discord.py would refuse itself."""
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=double.channel(channel).id)
    request: Awaitable[object] = bot.http.request(route, json=body)
    return request


async def test_malformed_components_are_refused(double: DiscordDouble, bot: Any) -> None:
    """Each is an Invalid Form Body, and nothing is posted."""
    double.limits.enabled = False
    for component in MALFORMED_COMPONENTS:
        error = await refused(posting(double, bot, {"flags": 32768, "components": [component]}))
        assert error.code == 50035, component
    assert double.messages("general") == []


async def test_embeds_have_their_limits(double: DiscordDouble, bot: Any) -> None:
    """Ten of them, 25 fields each with name and value, the lengths of their parts, 6000 characters in all."""
    double.limits.enabled = False
    field = {"name": "x", "value": "y"}
    for embeds in (
        [{"title": "x"}] * 11,
        [{"title": "x" * 257}],
        [{"description": "x" * 4097}],
        [{"fields": [field] * 26}],
        [{"fields": [{"name": "x" * 257, "value": "y"}]}],
        [{"fields": [{"name": "x", "value": "y" * 1025}]}],
        [{"fields": [{"name": "x"}]}],
        [{"footer": {"text": "x" * 2049}}],
        [{"author": {"name": "x" * 257}}],
        [{"description": "x" * 4000}, {"description": "x" * 2001}],
    ):
        error = await refused(posting(double, bot, {"embeds": embeds}))
        assert error.code == 50035, embeds
    full = discord.Embed(title="x" * 256, description="y" * 4096)
    channel = bot.get_partial_messageable(double.channel("general").id)
    assert len((await channel.send(embed=full)).embeds) == 1


async def test_a_modal_has_one_to_five_components_and_a_short_title(double: DiscordDouble, bot: Any) -> None:
    """45 characters; a refused dialogue is not shown."""
    errors: list[int] = []

    async def reply(interaction: discord.Interaction[Any]) -> None:
        field = {"type": 18, "label": "Name", "component": {"type": 4, "style": 1, "custom_id": "n"}}
        many = [{**field, "component": {**field["component"], "custom_id": str(n)}} for n in range(6)]  # type: ignore[dict-item]  # the field above has values of several types
        for title, components in (("x" * 46, [field]), ("x", []), ("x", many)):
            data = {"custom_id": "m", "title": title, "components": components}
            route = discord.http.Route("POST", f"/interactions/{interaction.id}/{interaction.token}/callback")
            error = await refused(bot.http.request(route, json={"type": 9, "data": data}))
            errors.append(error.code)
        dialogue = ui.Modal(title="x" * 45)
        dialogue.add_item(ui.Label(text="Name", component=ui.TextInput()))
        await interaction.response.send_modal(dialogue)

    bot.reply = reply
    asked = await (await double.person("ada").slash("general", "ask", prompt="why?")).acked()
    assert errors == [50035] * 3
    assert asked.modal is not None
    assert asked.modal["title"] == "x" * 45


async def test_at_most_25_suggestions(double: DiscordDouble, bot: Any) -> None:
    """The 26th makes them all refused: the person is shown none."""
    bot.chosen = [app_commands.Choice(name=str(n), value=str(n)) for n in range(25)]
    ada = double.person("ada")
    assert len(await ada.autocomplete("general", "pick", "model", model="")) == 25
    codes: list[int] = []

    async def suggest(interaction: discord.Interaction[Any], _: str) -> list[app_commands.Choice[str]]:
        error = await refused(interaction.response.autocomplete([*bot.chosen, bot.chosen[0]]))
        codes.append(error.code)
        return []

    bot.tree.get_command("pick").autocomplete("model")(suggest)
    assert await ada.autocomplete("general", "pick", "model", model="") == []
    assert codes == [50035]


async def test_malformed_commands_are_refused(double: DiscordDouble, bot: Any) -> None:
    """Each is an Invalid Form Body, and what was registered stays."""
    double.limits.enabled = False
    before = [one.id for one in double.world.commands]
    for body in (*MALFORMED_COMMANDS, command(options=[option(name=f"o{n}") for n in range(26)])):
        error = await refused(bot.http.bulk_upsert_global_commands(double.application_id, [body]))
        assert error.code == 50035, body
    assert [one.id for one in double.world.commands] == before


async def test_at_most_a_hundred_slash_commands(double: DiscordDouble, bot: Any) -> None:
    """30032; a hundred are taken."""
    many = [command(name=f"c{n}") for n in range(101)]
    error = await refused(bot.http.bulk_upsert_global_commands(double.application_id, many))
    assert error.code == 30032
    assert len(await bot.http.bulk_upsert_global_commands(double.application_id, many[:100])) == 100


async def test_two_hundred_creates_a_day(double: DiscordDouble, bot: Any) -> None:
    """A new name is a create, a changed command is not: 30034 for the 201st, until the day is over."""
    app = double.application_id
    registered = len(double.world.commands)
    for number in range(2):
        count = 100 if number else 100 - registered
        await bot.http.bulk_upsert_global_commands(app, [command(name=f"c{number}-{n}") for n in range(count)])
    error = await refused(bot.http.bulk_upsert_global_commands(app, [command(name="one-more")]))
    assert error.code == 30034
    double.clock.advance(86_401)
    assert len(await bot.http.bulk_upsert_global_commands(app, [command(name="one-more")])) == 1


async def test_overwrites_apply_in_order_everyone_roles_member(double: DiscordDouble, bot: Any) -> None:
    """discord.py comes to the same conclusion by itself, and the double acts on it."""
    record = double.channel("general")
    guild = bot.get_guild(record.guild_id)
    (role,) = [one.id for one in guild.me.roles if one.id != guild.id]
    send = int(Permission.SEND_MESSAGES)
    steps = (
        (Overwrite(guild.id, 0, deny=send), False),
        (Overwrite(role, 0, allow=send), True),
        (Overwrite(guild.me.id, 1, deny=send), False),
    )
    for overwrite, may in steps:
        record.overwrites.append(overwrite)
        heard = asyncio.create_task(bot.wait_for("guild_channel_update", timeout=5))
        await asyncio.sleep(0)  # until it listens
        double.world.channel_changed(record)
        _, channel = await heard
        assert channel.permissions_for(guild.me).send_messages is may
        if may:
            await channel.send("may")
        else:
            assert (await refused(channel.send("may not"))).code == 50013


async def test_what_cannot_be_written_to(double: DiscordDouble, bot: Any) -> None:
    """A category (50024), another's words in a direct message (50003), a body that is no object (50109)."""
    assert (await refused(posting(double, bot, {"content": "x"}, "Text channels"))).code == 50024
    ada = double.person("ada")
    said = await ada.say(ada.dm, "mine")
    direct = bot.get_partial_messageable(said.channel_id)
    assert (await refused(direct.get_partial_message(said.id).delete())).code == 50003
    assert (await refused(posting(double, bot, "no object"))).code == 50109


async def test_a_message_has_one_thread(double: DiscordDouble, bot: Any) -> None:
    """160004 for the second."""
    channel = bot.get_channel(double.channel("general").id)
    message = await channel.fetch_message((await channel.send("topic")).id)
    await message.create_thread(name="Talk")
    assert (await refused(message.create_thread(name="Again"))).code == 160004


async def test_a_locked_thread_is_closed_to_a_bot_that_does_not_manage_it(double: DiscordDouble, bot: Any) -> None:
    """160005."""
    ada = double.person("ada")
    thread = await ada.start_thread(await ada.say("general", "topic"), "Talk")
    thread.locked = True
    guild = double.world.guilds[thread.guild_id or 0]
    for role in guild.roles.values():
        role.permissions &= ~int(Permission.MANAGE_THREADS)
    assert (await refused(bot.get_partial_messageable(thread.id).send("hello?"))).code == 160005


async def test_no_reply_without_the_right_to_read_the_history(double: DiscordDouble, bot: Any) -> None:
    """160002; the same message is taken when it is no reply."""
    message = await double.person("ada").say("general", "topic")
    record = double.channel("general")
    record.overwrites.append(Overwrite(bot.user.id, 1, deny=int(Permission.READ_MESSAGE_HISTORY)))
    channel = bot.get_partial_messageable(record.id)
    reference = discord.MessageReference(message_id=message.id, channel_id=record.id)
    assert (await refused(channel.send("hello", reference=reference))).code == 160002
    assert (await channel.send("hello")).content == "hello"


@pytest.mark.parametrize("code", [10014, 20028, 50021, 160006])
async def test_errors_that_no_rule_of_the_double_gives_can_be_scripted(
    double: DiscordDouble, bot: Any, code: int
) -> None:
    """With the status and the text of Discord's table; the request takes no effect."""
    double.faults.next("POST", "/channels/*/messages", code)
    error = await refused(bot.get_partial_messageable(double.channel("general").id).send("x"))
    documented = wire.refuse(code)
    assert (error.status, error.code, error.text) == (documented.status, code, documented.message)
    assert double.messages("general") == []
