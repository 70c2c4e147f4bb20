"""Which words of the catalogue name and describe a command, in which language."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContext, TranslationContextTypes, locale_str
from discord.app_commands import TranslationContextLocation as Place

from bot.i18n.catalogue import sentences
from bot.i18n.command_translator import CatalogueTranslator, key_of

ENGLISH = locale_str("Ask the team's own AI cluster.")


@app_commands.command(name="ask", description=ENGLISH)
@app_commands.describe(prompt="Your question.")
async def ask(_interaction: discord.Interaction, prompt: str) -> None:
    """A command as a cog writes it."""


async def about_a_message(_interaction: discord.Interaction, _message: discord.Message) -> None:
    """An entry of a message's menu."""


CLUSTER = app_commands.Group(name="cluster", description="Manage the cluster.")


@CLUSTER.command(name="pause", description="Pause the queue.")
async def pause(_interaction: discord.Interaction, reason: str) -> None:
    """A command of a group."""


DESCRIBED: TranslationContextTypes = TranslationContext(Place.command_description, ask)
NAMED: TranslationContextTypes = TranslationContext(Place.command_name, ask)
CHOICE: TranslationContextTypes = TranslationContext(
    Place.choice_name, app_commands.Choice(name="Stop", value="stop")
)


def option(command: app_commands.Command[Any, ..., None], name: str) -> TranslationContextTypes:
    """Where the description of an option stands."""
    parameter = command.get_parameter(name)
    assert parameter is not None
    return TranslationContext(Place.parameter_description, parameter)


def test_the_key_follows_from_the_place() -> None:
    """Commands, groups, their commands and options; an entry of a menu, which nobody types, by its name."""
    group: TranslationContextTypes = TranslationContext(Place.group_description, CLUSTER)
    inner: TranslationContextTypes = TranslationContext(Place.command_description, pause)
    menu: TranslationContextTypes = TranslationContext(
        Place.command_name, app_commands.ContextMenu(name="Ask about this", callback=about_a_message)
    )
    assert key_of(DESCRIBED) == "command.ask.description"
    assert key_of(option(ask, "prompt")) == "command.ask.option.prompt"
    assert key_of(group) == "command.cluster.description"
    assert key_of(inner) == "command.cluster.pause.description"
    assert key_of(option(pause, "reason")) == "command.cluster.pause.option.reason"
    assert key_of(menu) == "menu.ask_about_this"


def test_what_is_typed_has_a_key() -> None:
    """Names of commands, groups and options; a choice has none of its own."""
    parameter = pause.get_parameter("reason")
    assert parameter is not None
    inner: TranslationContextTypes = TranslationContext(Place.command_name, pause)
    assert key_of(NAMED) == "command.ask.typed"
    assert key_of(TranslationContext(Place.group_name, CLUSTER)) == "command.cluster.typed"
    assert key_of(inner) == "command.cluster.pause.typed"
    assert (
        key_of(TranslationContext(Place.parameter_name, parameter)) == "command.cluster.pause.option_typed.reason"
    )
    assert key_of(CHOICE) is None


async def test_it_speaks_the_catalogues_languages() -> None:
    """And leaves the rest to the English that the command carries itself."""
    translate = CatalogueTranslator().translate
    assert await translate(ENGLISH, discord.Locale.german, DESCRIBED) == "Frag den KI-Cluster deines Teams."
    chinese = sentences("zh")["command.ask.description"]
    assert await translate(ENGLISH, discord.Locale.chinese, DESCRIBED) == chinese
    assert await translate(ENGLISH, discord.Locale.taiwan_chinese, DESCRIBED) == chinese
    assert await translate(ENGLISH, discord.Locale.british_english, DESCRIBED) is None
    assert await translate(ENGLISH, discord.Locale.french, DESCRIBED) is None
    assert await translate(locale_str("ask"), discord.Locale.german, NAMED) == "frage"
    assert await translate(locale_str("ask"), discord.Locale.latin_american_spanish, NAMED) == "preguntar"
    assert await translate(locale_str("ask"), discord.Locale.american_english, NAMED) is None


async def test_a_choice_carries_its_key() -> None:
    """Its key cannot be derived; a key without a sentence leaves the English text."""
    translate = CatalogueTranslator().translate
    german = discord.Locale.german
    assert await translate(locale_str("Stop", key="control.stop"), german, CHOICE) == "Stopp"
    assert await translate(locale_str("Stop", key="no.such_key"), german, CHOICE) is None
    assert await translate(locale_str("Stop"), german, CHOICE) is None
