"""Translated names and descriptions of commands and their options.

Cogs write names and descriptions in English. The catalogue key is derived from where a text is used:
``command.<qualified name>.typed`` and ``.description`` (a group's too), ``.option_typed.<option>`` and
``.option.<option>`` below it and, for an entry of a context menu, ``menu.<name>``, lower case and joined by
underscores. Where it cannot be derived, it is given: ``locale_str("Fast", key="choice.fast")``.

Discord shows a command's name in the reader's language but always sends the English one to the bot (docs,
interactions/application-commands, "Localization"). So handlers, permissions and logs use only English names.
Sentences name a command in their reader's language, see :mod:`bot.i18n.catalogue`.
"""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Place
from discord.app_commands import TranslationContextTypes, locale_str

from bot.i18n.catalogue import DEFAULT_LOCALE, resolve, sentences


class CatalogueTranslator(app_commands.Translator):
    """Looks names and descriptions up in the catalogue."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        """The name or sentence in ``locale``; None where the English text of the command is right already."""
        language = resolve(locale.value)
        if language == DEFAULT_LOCALE:
            return None
        key = string.extras.get("key") or key_of(context)
        return sentences(language).get(key) if isinstance(key, str) else None


def key_of(context: TranslationContextTypes) -> str | None:
    """The catalogue key of a text used in this context; None when it is not translated."""
    match context.location:
        case Place.command_name | Place.group_name:
            if isinstance(context.data, app_commands.ContextMenu):
                return f"menu.{context.data.name.lower().replace(' ', '_')}"
            return f"command.{_path(context.data)}.typed"
        case Place.command_description | Place.group_description:
            return f"command.{_path(context.data)}.description"
        case Place.parameter_description:
            return f"command.{_path(context.data.command)}.option.{context.data.name}"
        case Place.parameter_name:
            return f"command.{_path(context.data.command)}.option_typed.{context.data.name}"
        case _:
            return None


def _path(command: app_commands.Command[Any, ..., Any] | app_commands.Group) -> str:
    return command.qualified_name.replace(" ", ".")
