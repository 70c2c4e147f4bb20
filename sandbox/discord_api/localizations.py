"""Localizations of commands: which locales there are, and what their names and descriptions may be.

Sources: docs.discord.com, developers/reference ("Locales"), developers/interactions/application-commands
("Localization": values "follow the same restrictions" as the field they localize; "Application Command Naming").
The places and codes of the errors are those that people reported: an unknown locale at its own key
(kordlib/kord#594), a bad name of a command at ``name_localizations`` as a whole and one of an option at its locale
(discord/discord-api-docs#7712). That two commands or options of one list may not share a name in a locale follows
from the same restrictions; its error is the one of the names themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sandbox.discord_api.wire import JSON, ApiError, form_error

LOCALES = (
    "id",
    "da",
    "de",
    "en-GB",
    "en-US",
    "es-ES",
    "es-419",
    "fr",
    "hr",
    "it",
    "lt",
    "hu",
    "nl",
    "no",
    "pl",
    "pt-BR",
    "ro",
    "fi",
    "sv-SE",
    "vi",
    "tr",
    "cs",
    "el",
    "bg",
    "ru",
    "uk",
    "hi",
    "th",
    "zh-CN",
    "ja",
    "zh-TW",
    "ko",
)
"""Every locale of Discord's client, in the order of the documentation."""

# Letters and digits of every script; of Devanagari and Thai the vowel signs too, which Python's \w leaves out.
_NAME = re.compile(r"[-_'\w\u0900-\u0963\u0966-\u097f\ua8e0-\ua8ff\u0e01-\u0e3a\u0e40-\u0e5b]{1,32}")


def is_name(text: str) -> bool:
    """Whether a slash command or an option may be called this."""
    return bool(_NAME.fullmatch(text)) and text == text.lower()


def check_localizations(body: JSON, path: str, *, typed: bool, top: bool = False) -> None:
    """Raises 50035 for localizations that Discord would refuse.

    ``typed``: the name follows the rule of slash commands, not that of menus and choices. ``top``: this is a
    command, not an option or a choice; ``path`` is its place in the request.
    """
    for locale, text in _localized(body, "name", path):
        here = f"{at(path, 'name_localizations')}.{locale}"
        if typed and not is_name(text):
            place = at(path, "name_localizations") if top else here
            raise form_error(place, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        _length(text, here, 32 if top else 100)
    for locale, text in _localized(body, "description", path):
        _length(text, f"{at(path, 'description_localizations')}.{locale}", 100)


def shared_name(siblings: Sequence[JSON]) -> int | None:
    """The place of the first command or option that is called like an earlier one, by default or in a locale."""
    for locale in (None, *LOCALES):
        seen: set[str] = set()
        for index, each in enumerate(siblings):
            name = _called(each, locale)
            if name in seen:
                return index
            seen.add(name)
    return None


def _called(body: JSON, locale: str | None) -> str:
    localized = (body.get("name_localizations") or {}).get(locale)
    return str(body.get("name") if localized is None else localized)


def _localized(body: JSON, field: str, path: str) -> Iterator[tuple[str, str]]:
    for locale, text in (body.get(f"{field}_localizations") or {}).items():
        if locale not in LOCALES:
            raise _unknown_locale(f"{at(path, f'{field}_localizations')}.{locale}")
        if text is not None:
            yield locale, str(text)


def _unknown_locale(path: str) -> ApiError:
    known = ", ".join(f"'{locale}'" for locale in LOCALES)
    return form_error(path, "BASE_TYPE_CHOICES", f"Value must be one of ({known}).")


def _length(text: str, path: str, high: int) -> None:
    if not 1 <= len(text) <= high:
        raise form_error(path, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {high} in length.")


def at(path: str, key: str) -> str:
    """The place of a field within the place of its object, which is empty for the request's body itself."""
    return f"{path}.{key}" if path else key
