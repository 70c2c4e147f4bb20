"""The buttons that outlive a restart are answered as long as the cog that shows them is loaded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from cogs.ask import Ask
from cogs.cluster_admin import ClusterCommands
from cogs.status import Cluster
from cogs.ui.answer_buttons import AnswerControl
from cogs.ui.base import DurableButton
from cogs.ui.help_buttons import HelpChoice
from cogs.ui.status_buttons import StatusControl
from cogs.ui.switch import SwitchControl


class Registry:
    """The part of the bot that registers buttons."""

    def __init__(self) -> None:
        self.services = SimpleNamespace(clusters=None, queue=None, operators=None)
        self.application_id = 9
        self.answered: set[type[Any]] = set()

    def add_dynamic_items(self, *items: type[Any]) -> None:
        """Answer them."""
        self.answered.update(items)

    def remove_dynamic_items(self, *items: type[Any]) -> None:
        """Stop answering them."""
        self.answered.difference_update(items)


@pytest.mark.parametrize(
    ("cog", "buttons"),
    [(Ask, {AnswerControl, HelpChoice}), (Cluster, {StatusControl}), (ClusterCommands, {SwitchControl})],
)
async def test_each_cog_answers_its_own(
    cog: type[Ask | Cluster | ClusterCommands], buttons: set[type[DurableButton]]
) -> None:
    """From the moment the cog is loaded until it is unloaded."""
    bot = Registry()
    made: commands.Cog = cog(cast("ParallaxBot", bot))
    assert bot.answered == set()
    await made.cog_load()
    assert bot.answered == buttons
    await made.cog_unload()
    assert bot.answered == set()
