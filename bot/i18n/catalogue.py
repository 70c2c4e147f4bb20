"""The catalogue: every sentence that people read, by key and locale.

``bot/i18n/locales/<locale>.toml`` has a table for each area with ``name = "text with {placeholders}"``. English is
complete and the fallback for a missing locale or key. A count picks between ``key.one`` and ``key.other``.
Discord's locales (``en-US``, ``zh-CN``) are matched by their language.

Every file names a command by its English path (``/cluster init``). When it is read, the path becomes the command's
name in that locale (``command.<path>.typed``), so a sentence never shows an old name.

Numbers are passed in as numbers and formatted here for the locale; durations are sentences (``duration.*``). The
same in every locale are the units GB, kB and tok/s, the glyphs, file names such as ``answer.md`` and the
instructions for the model.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

DEFAULT_LOCALE = "en"


@dataclass(frozen=True, slots=True)
class _Digits:
    """How a language writes numbers; ``grouped_from`` is the smallest number whose thousands are set apart."""

    group: str
    point: str
    grouped_from: int = 1_000


# Unicode CLDR, "Number Symbols" and minimumGroupingDigits: Spanish leaves four digits together.
_DIGITS = {
    "en": _Digits(",", "."),
    "de": _Digits(".", ","),
    "es": _Digits(".", ",", 10_000),
    "es-419": _Digits(",", ".", 10_000),
    "ja": _Digits(",", "."),
    "zh": _Digits(",", "."),
}


def _flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = str(value)
    return flat


def _command_paths(flat: Mapping[str, str]) -> dict[str, str]:
    """Every command's English path, and the locale's: ``cluster init`` → ``cluster einrichten``.

    A group's names come from its own entry, so entries are read from the shortest to the longest.
    """
    paths: dict[str, str] = {}
    for key in sorted(flat, key=len):
        if key.startswith("command.") and key.endswith(".typed"):
            path = key.removeprefix("command.").removesuffix(".typed").replace(".", " ")
            group = path.rpartition(" ")[0]
            paths[path] = f"{paths.get(group, group)} {flat[key]}".lstrip()
    return paths


def name_commands(flat: Mapping[str, str]) -> dict[str, str]:
    """The sentences with the locale's names of commands; addresses, paths and ``</name:id>`` stay unchanged."""
    paths = _command_paths(flat)
    if not paths:
        return dict(flat)
    longest_first = "|".join(re.escape(path) for path in sorted(paths, key=len, reverse=True))
    # Only ASCII counts as part of a word: Japanese and Chinese put no space between a word and a command.
    named = re.compile(rf"(?<![A-Za-z0-9_./:<~-])/({longest_first})(?![A-Za-z0-9_/-])")
    return {key: named.sub(lambda found: f"/{paths[found[1]]}", text) for key, text in flat.items()}


@cache
def available_locales() -> tuple[str, ...]:
    """The locales that have sentences."""
    names = (entry.name for entry in files("bot.i18n").joinpath("locales").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def sentences(locale: str) -> Mapping[str, str]:
    """All sentences of one locale by key, with its names of commands, without fallback; empty for an unknown
    locale."""
    source = files("bot.i18n").joinpath("locales", f"{locale}.toml")
    if not source.is_file():
        return {}
    return name_commands(_flatten(tomllib.loads(source.read_text(encoding="utf-8"))))


def forget_sentences() -> None:
    """Free the memory of all sentences; a locale is read again when it is needed."""
    sentences.cache_clear()


@cache
def resolve(locale: str | None) -> str:
    """The catalogue's locale for one of Discord's locales (``zh-TW`` → ``zh``, unknown → ``en``)."""
    language = (locale or DEFAULT_LOCALE).split("-")[0].lower()
    return language if language in available_locales() else DEFAULT_LOCALE


def say(locale: str | None, key: str, /, *, count: int | None = None, **params: object) -> str:
    """The sentence for ``key`` in ``locale``, filled in. Raises KeyError for a key that English does not have."""
    if count is not None:
        params["count"] = count
        key = f"{key}.one" if count == 1 else f"{key}.other"
    return fill(locale, key, params)


def number(locale: str | None, value: float) -> str:
    """``value`` as the locale writes it: ``1,024`` and ``0.3`` in English, ``1.024`` and ``0,3`` in German.

    Whole numbers keep every digit, others six significant ones.
    """
    if isinstance(value, int) and -1000 < value < 1000:
        return str(value)
    digits = _DIGITS.get(locale or "") or _DIGITS[resolve(locale)]
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    group = digits.group if abs(value) >= digits.grouped_from else ""
    return text.translate({ord(","): group, ord("."): digits.point})


def fill(locale: str | None, key: str, params: Mapping[str, object]) -> str:
    """As :func:`say`, with ``params`` that come as a mapping (of errors, of holds) and never choose a plural.
    Numbers among them are written as :func:`number` does."""
    template = sentences(resolve(locale)).get(key) or sentences(DEFAULT_LOCALE)[key]
    if not params:
        return template
    return template.format_map({name: _shown(locale, value) for name, value in params.items()})


def _shown(locale: str | None, value: object) -> object:
    return number(locale, value) if isinstance(value, int | float) and not isinstance(value, bool) else value
