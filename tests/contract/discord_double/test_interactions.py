"""The life of an interaction, seen by discord.py and by the person who acted.

Source of every rule here: docs.discord.com, developers/interactions/receiving-and-responding.
"""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands, ui

from sandbox.discord_api import DiscordDouble, RefusedError

Ask = discord.Interaction[Any]


def layout(*texts: str) -> ui.LayoutView:
    """A V2 view of some texts."""
    view = ui.LayoutView(timeout=None)
    for text in texts:
        view.add_item(ui.TextDisplay(text))
    return view


def error_of(bot: Any) -> discord.HTTPException:
    """The only error the bot met."""
    (error,) = bot.errors
    assert isinstance(error, discord.HTTPException)
    return error


async def test_an_answer_after_three_seconds_is_too_late(double: DiscordDouble, bot: Any) -> None:
    """ "You must respond within 3 seconds": the person reads that the application did not respond."""
    go = asyncio.Event()

    async def reply(interaction: Ask) -> None:
        await go.wait()
        await interaction.response.send_message("late")

    bot.reply = reply
    asked = await double.person("ada").slash("general", "ask", prompt="why?")
    double.clock.advance(3.1)
    await double.wait_until(lambda: asked.failed)
    go.set()
    await double.wait_until(lambda: bot.errors)
    assert (error_of(bot).status, error_of(bot).code) == (404, 10062)
    assert double.messages("general") == []
    with pytest.raises(AssertionError, match="did not respond"):
        await asked.acked()


async def test_only_one_first_response(double: DiscordDouble, bot: Any) -> None:
    """A second callback gets 40060."""

    async def reply(interaction: Ask) -> None:
        await interaction.response.send_message("one")
        interaction.response._response_type = None  # else the library itself refuses
        await interaction.response.send_message("two")

    bot.reply = reply
    await double.person("ada").slash("general", "ask", prompt="why?")
    await double.wait_until(lambda: bot.errors)
    assert (error_of(bot).status, error_of(bot).code) == (400, 40060)


async def test_the_token_dies_after_fifteen_minutes_but_the_channel_route_lives(
    double: DiscordDouble, bot: Any
) -> None:
    """ "Interaction tokens are valid for 15 minutes": 401 with 50027; the bot's token still edits."""

    async def reply(interaction: Ask) -> None:
        result = await interaction.response.send_message(view=layout("one"))
        double.clock.advance(14 * 60)
        await interaction.edit_original_response(view=layout("two"))
        double.clock.advance(61)
        with pytest.raises(discord.HTTPException) as refused:
            await interaction.edit_original_response(view=layout("three"))
        assert (refused.value.status, refused.value.code) == (401, 50027)
        channel = bot.get_partial_messageable(interaction.channel_id)
        await channel.get_partial_message(result.message_id).edit(view=layout("four"))

    bot.reply = reply
    asked = await double.person("ada").slash("general", "ask", prompt="why?")
    message = await asked.response()
    await double.wait_until(lambda: message.text == "four" or bot.errors)
    assert [r.payload["components"][0]["content"] for r in message.history] == ["one", "two", "four"]


async def test_tokens_can_be_expired_at_once(double: DiscordDouble, bot: Any) -> None:
    """A double's own switch, with the same effect as fifteen minutes."""

    async def reply(interaction: Ask) -> None:
        await interaction.response.send_message("one")
        double.expire_tokens()
        await interaction.followup.send("two")

    bot.reply = reply
    await double.person("ada").slash("general", "ask", prompt="why?")
    await double.wait_until(lambda: bot.errors)
    assert error_of(bot).code == 50027


async def test_a_private_answer_belongs_to_one_person_and_to_the_token(double: DiscordDouble, bot: Any) -> None:
    """Flag 64: nobody else sees it, the bot's own routes do not know it, the token edits it."""
    ids: list[int] = []

    async def reply(interaction: Ask) -> None:
        result = await interaction.response.send_message(view=layout("secret"), ephemeral=True)
        assert result.message_id is not None
        ids.append(result.message_id)
        partial = bot.get_partial_messageable(interaction.channel_id).get_partial_message(result.message_id)
        with pytest.raises(discord.NotFound) as refused:
            await partial.edit(view=layout("public?"))
        assert refused.value.code == 10008
        await interaction.edit_original_response(view=layout("still secret"))
        await interaction.delete_original_response()

    bot.reply = reply
    ada, ben = double.person("ada"), double.person("ben")
    message = await (await ada.slash("general", "ask", prompt="why?")).response()
    assert message.ephemeral_for == ada.id
    assert ada.sees(message)
    assert not ben.sees(message)
    with pytest.raises(RefusedError):
        await ben.say("general", "what?", reply_to=message)
    await double.wait_until(lambda: message.deleted or bot.errors)
    assert [r.payload["flags"] & 64 for r in message.history] == [64, 64]
    assert bot.seen == []
    assert bot.raw_deletes == []


async def test_a_deferral_fixes_ephemerality_and_its_first_edit_ends_the_loading(
    double: DiscordDouble, bot: Any
) -> None:
    """Type 5 shows "thinking" (LOADING, 128); V2 comes with the edit; 64 stays what the deferral said."""

    async def reply(interaction: Ask) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(view=layout("done"))

    bot.reply = reply
    asked = await double.person("ada").slash("general", "ask", prompt="why?")
    message = await asked.done_loading()
    assert [r.payload["flags"] for r in message.history] == [128 | 64, 32768 | 64]
    assert message.text == "done"
    assert message.edited_at is None


async def test_the_first_follow_up_of_a_deferral_is_the_deferred_message(double: DiscordDouble, bot: Any) -> None:
    """The follow-up fills the loading message; the next one is a message of its own."""

    async def reply(interaction: Ask) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.followup.send("first")
        await interaction.followup.send("second")

    bot.reply = reply
    asked = await double.person("ada").slash("general", "ask", prompt="why?")
    await double.wait_until(lambda: asked.followups)
    assert [m.text for m in double.messages("general")] == ["first", "second"]
    assert asked.message is double.messages("general")[0]


async def test_nothing_can_be_done_with_a_token_before_the_first_response(double: DiscordDouble, bot: Any) -> None:
    """A follow-up before the first response gets 10015."""

    async def reply(interaction: Ask) -> None:
        await interaction.followup.send("too early")

    bot.reply = reply
    await double.person("ada").slash("general", "ask", prompt="why?")
    await double.wait_until(lambda: bot.errors)
    assert (error_of(bot).status, error_of(bot).code) == (404, 10015)


async def test_a_press_can_update_its_message(double: DiscordDouble, bot: Any) -> None:
    """Type 7 edits the pressed message, type 6 leaves it; each press has a token of its own."""

    async def reply(interaction: Ask) -> None:
        view = layout("one")
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(ui.Button(label="Stop", custom_id="answer:stop"))
        view.add_item(row)
        await interaction.response.send_message(view=view)

    async def pressed(interaction: Ask) -> None:
        await interaction.response.edit_message(view=layout(f"stopped by {interaction.user.display_name}"))

    bot.reply, bot.pressed = reply, pressed
    message = await (await double.person("ada").slash("general", "ask", prompt="why?")).response()
    ben = double.person("ben")
    press = await (await ben.click(message, "Stop")).acked()
    assert press.message is message
    assert message.text == "stopped by Ben"
    with pytest.raises(RefusedError, match="no button"):
        await ben.click(message, "Stop")


async def test_a_press_can_be_acknowledged_silently_and_answered_privately(
    double: DiscordDouble, bot: Any
) -> None:
    """Type 6, then an ephemeral follow-up that only the presser sees."""

    async def reply(interaction: Ask) -> None:
        view = ui.View(timeout=None)
        view.add_item(ui.Select(custom_id="s", options=[discord.SelectOption(label="A", value="a")]))
        await interaction.response.send_message("choose", view=view)

    async def pressed(interaction: Ask) -> None:
        assert interaction.data is not None
        await interaction.response.defer()
        await interaction.followup.send(f"you chose {interaction.data['values']}", ephemeral=True)  # type: ignore[typeddict-item]  # of a press, which has values

    bot.reply, bot.pressed = reply, pressed
    message = await (await double.person("ada").slash("general", "ask", prompt="why?")).response()
    ben = double.person("ben")
    with pytest.raises(RefusedError):
        await ben.click(message, values=["b"])
    press = await ben.click(message, values=["a"])
    await double.wait_until(lambda: press.followups or bot.errors)
    assert press.followups[0].text == "you chose ['a']"
    assert press.followups[0].ephemeral_for == ben.id


class Feedback(ui.Modal, title="Feedback"):
    """A modal with a labelled text and a classic one."""

    note: ui.TextInput[Any] = ui.TextInput(label="Note", custom_id="note", max_length=10)


async def test_a_modal_is_shown_filled_in_and_submitted(double: DiscordDouble, bot: Any) -> None:
    """Type 9 as the first response; MODAL_SUBMIT is an interaction of its own."""
    answers: list[str] = []

    class Asked(Feedback):
        async def on_submit(self, interaction: Ask, /) -> None:
            answers.append(self.note.value)
            await interaction.response.send_message("thanks", ephemeral=True)

    async def nothing(_: Ask) -> None:
        return

    async def reply(interaction: Ask) -> None:
        await interaction.response.send_modal(Asked())

    bot.reply, bot.submitted = reply, nothing
    ada = double.person("ada")
    asked = await (await ada.slash("general", "ask", prompt="why?")).acked()
    assert asked.modal is not None
    assert asked.modal["title"] == "Feedback"
    with pytest.raises(RefusedError, match="0 to 10"):
        await ada.submit(asked, {"note": "much too long"})
    sent = await ada.submit(asked, {"Note": "good"})
    assert (await sent.response()).text == "thanks"
    assert answers == ["good"]


async def test_autocomplete_suggests_and_is_never_a_message(double: DiscordDouble, bot: Any) -> None:
    """Type 8, filtered by the bot; the client shows what came."""
    bot.chosen = [app_commands.Choice(name=name, value=name) for name in ("qwen", "quark", "llama")]
    found = await double.person("ada").autocomplete("general", "pick", "model", model="q")
    assert [choice["name"] for choice in found] == ["qwen", "quark"]
    with pytest.raises(RefusedError, match="no suggestions"):
        await double.person("ada").autocomplete("general", "ask", "prompt", prompt="q")


async def test_a_message_menu_brings_its_target(double: DiscordDouble, bot: Any) -> None:
    """The target comes in ``resolved``, with its content although the bot lacks the intent."""
    seen: list[str] = []

    async def reply(interaction: Ask) -> None:
        seen.append(interaction.extras["target"].content)
        await interaction.response.send_message("ok")

    bot.reply = reply
    said = await double.person("ada").say("general", "a fine thought")
    asked = await double.person("ben").menu(said, "Ask about this")
    message = await asked.response()
    assert seen == ["a fine thought"]
    assert message.type == 23


async def test_an_attachment_option_can_be_read(double: DiscordDouble, bot: Any) -> None:
    """The attachment is resolved and its url answers."""
    seen: list[tuple[str, bytes]] = []

    async def reply(interaction: Ask) -> None:
        attachment = interaction.extras["attachment"]
        seen.append((attachment.filename, await attachment.read()))
        await interaction.response.send_message("ok")

    bot.reply = reply
    asked = await double.person("ada").slash(
        "general", "ask", prompt="read", attachment=("notes.txt", b"remember")
    )
    await asked.response()
    assert seen == [("notes.txt", b"remember")]


async def test_the_interaction_tells_where_and_by_whom(double: DiscordDouble, bot: Any) -> None:
    """Permissions, locale, context and size limit, in a guild and in a direct message."""
    seen: list[Ask] = []

    async def reply(interaction: Ask) -> None:
        seen.append(interaction)
        await interaction.response.send_message("ok")

    bot.reply = reply
    await (await double.person("admin").slash("ops", "ask", prompt="why?")).response()
    ada = double.person("ada")
    await (await ada.slash(ada.dm, "ask", prompt="why?")).response()
    guild, direct = seen
    assert guild.permissions.administrator
    assert guild.app_permissions.send_messages
    assert not guild.app_permissions.mention_everyone
    assert guild.filesize_limit == 10 * 1024 * 1024
    assert str(guild.locale) == str(guild.guild_locale) == "en-US"
    assert guild.context.guild
    assert guild.is_guild_integration()
    assert direct.context.dm_channel
    assert direct.guild is None
    assert isinstance(direct.channel, discord.DMChannel)


async def test_the_client_offers_only_what_a_person_may_use(double: DiscordDouble, bot: Any) -> None:
    """``default_member_permissions``, channel visibility and option rules are the client's own checks."""
    ada, admin, sam = double.person("ada"), double.person("admin"), double.person("stranger")
    assert "manage" not in ada.commands("general")
    assert "manage" in admin.commands("general")
    with pytest.raises(RefusedError, match="no command /manage"):
        await ada.slash("general", "manage")
    with pytest.raises(RefusedError, match="sees no channel"):
        await sam.slash("general", "ask", prompt="why?")
    with pytest.raises(RefusedError, match="sees no channel"):
        await ada.slash("ops", "ask", prompt="why?")
    with pytest.raises(RefusedError, match="required"):
        await ada.slash("general", "ask")
    with pytest.raises(RefusedError, match="1 to 100"):
        await ada.slash("general", "ask", prompt="x" * 101)
    with pytest.raises(RefusedError, match="no option"):
        await ada.slash("general", "ask", prompt="x", colour="red")
    assert (await (await sam.slash("lobby", "ask", prompt="hi")).response()).text == "hello"


async def test_an_app_that_a_person_brings_along_has_five_follow_ups(double: DiscordDouble, bot: Any) -> None:
    """Not installed in the server: only the person's own commands, no permissions, 40094 for the sixth."""
    ada, ben = double.person("ada"), double.person("ben")
    team = next(guild for guild in double.world.guilds.values() if guild.name == "Team")
    for command in double.world.commands:
        command.payload["integration_types"] = [0, 1]
    double.world.user_installs.add(ada.id)
    double.world.remove_member(team, double.world.bot)
    assert "ask" in ada.commands("general")
    assert "ask" not in ben.commands("general")
    codes: list[int] = []

    async def chatter(interaction: discord.Interaction[Any]) -> None:
        assert not interaction.is_guild_integration()
        assert interaction.is_user_integration()
        await interaction.response.send_message("one")
        try:
            for number in range(6):
                await interaction.followup.send(f"more {number}")
        except discord.HTTPException as error:
            codes.append(error.code)
            double.world.touch()

    bot.reply = chatter
    asked = await ada.slash("general", "ask", prompt="why")
    await double.wait_until(lambda: codes)
    assert codes == [40094]
    assert len(asked.followups) == 5
