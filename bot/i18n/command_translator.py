"""What commands and their options are called and say of themselves, in the languages of the catalogue.

The key follows from the place, so a cog writes names and descriptions once, in English, and nothing more:
``command.<qualified name>.typed`` and ``.description`` (a group's too), ``.option_typed.<option>`` and
``.option.<option>`` below it and, for an entry of a context menu, ``menu.<name>``, lower case and joined by
underscores. A choice has no place of its own and carries its key: ``locale_str("Fast", key="choice.fast")``; so
may anything else.

Discord shows a command by its name in the reader's language and sends the bot the English one in any case (docs,
interactions/application-commands, "Localization"): handlers, permissions and logs know no other. Sentences name a
command as their reader sees it, see :mod:`bot.i18n.catalogue`.
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
        """The name or sentence in ``locale``, None where what the command says in English is right already."""
        language = resolve(locale.value)
        if language == DEFAULT_LOCALE:
            return None
        key = string.extras.get("key") or key_of(context)
        return sentences(language).get(key) if isinstance(key, str) else None


def key_of(context: TranslationContextTypes) -> str | None:
    """The catalogue key of what stands in this place; None for what is not translated."""
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
