"""A Discord on this machine: its REST API, its gateway, its rules and limits, and people who use it.

    async with DiscordDouble() as discord:
        ...  # start a bot with discord.token at discord.api_url
        await discord.bot_ready()
        asked = await discord.person("ada").slash("general", "ask", prompt="Why?")
        answer = await asked.response()
        await discord.wait_until(lambda: "Because" in answer.text)
        await discord.person("ben").click(answer, "Stop")

Nobody polls: :meth:`DiscordDouble.wait_until` is woken by every change of the world. ``answer.history`` holds
every state the message ever showed, with the real monotonic second at which it became visible.
"""

from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.double import DiscordDouble
from sandbox.discord_api.model import Channel, Message, Revision
from sandbox.discord_api.people import Invocation, Person

__all__ = ["Channel", "DiscordDouble", "Invocation", "Message", "Person", "RefusedError", "Revision"]
