"""Commands about one of several clusters: their option ``cluster``, which is there only when there are several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discord import app_commands
from discord.app_commands import CommandTree, Translator
from discord.app_commands.commands import CommandCallback

from bot.discord_io.client import ParallaxBot

OPTION = "cluster"


class ClusterCommand(app_commands.Command[Any, ..., Any]):
    """A command with the option ``cluster``, a text that is None when it is not given."""

    def to_dict(self, tree: CommandTree[Any]) -> dict[str, Any]:
        """As the library's, with the names of the clusters as choices."""
        payload: dict[str, Any] = super().to_dict(tree)
        payload["options"] = _with_choices(payload["options"], tree)
        return payload

    async def get_translated_payload(self, tree: CommandTree[Any], translator: Translator) -> dict[str, Any]:
        """The same, translated."""
        payload: dict[str, Any] = await super().get_translated_payload(tree, translator)
        payload["options"] = _with_choices(payload["options"], tree)
        return payload


def _with_choices(options: list[dict[str, Any]], tree: CommandTree[Any]) -> list[dict[str, Any]]:
    bot = tree.client
    names = bot.services.clusters.shown_names if isinstance(bot, ParallaxBot) else ()
    choices = [{"name": name, "value": name} for name in names]
    told = [{**one, "choices": choices} if one["name"] == OPTION else one for one in options]
    return [one for one in told if one["name"] != OPTION or choices]


def cluster_command(*, name: str, description: str) -> Callable[[CommandCallback[Any, ..., Any]], ClusterCommand]:
    """Make a :class:`ClusterCommand` of a method, as ``app_commands.command`` makes a command."""

    def made(callback: CommandCallback[Any, ..., Any]) -> ClusterCommand:
        return ClusterCommand(name=name, description=description, callback=callback)

    return made
