"""Login, command sync, a slash command and its answer."""

from __future__ import annotations

from typing import Any

import discord

from sandbox.discord_api import DiscordDouble


async def test_a_slash_command_is_answered_with_a_layout_view(double: DiscordDouble, bot: Any) -> None:
    """READY, the registered command, the callback with the message and its edits."""

    async def reply(interaction: discord.Interaction[Any]) -> None:
        view = discord.ui.LayoutView()
        view.add_item(discord.ui.TextDisplay("one"))
        result = await interaction.response.send_message(view=view)
        assert result.message_id is not None
        view.clear_items()
        view.add_item(discord.ui.TextDisplay("two"))
        await interaction.edit_original_response(view=view)
        await interaction.followup.send("and more")

    bot.reply = reply
    asked = await double.person("ada").slash("general", "ask", prompt="why?")
    message = await asked.response()
    await double.wait_until(lambda: asked.followups)
    assert message.text == "two"
    assert [revision.payload["components"][0]["content"] for revision in message.history] == ["one", "two"]
    assert [m.text for m in double.messages("general")] == ["two", "and more"]
    assert not bot.errors
