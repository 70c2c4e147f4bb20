"""``python -m tests.reference``: docs/settings.md and docs/commands.md, as the code has settings and commands.

``make lint`` compares the files with the code; ``make tables`` writes them anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic_settings import BaseSettings

from bot.i18n.catalogue import DEFAULT_LOCALE, sentences
from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

GROUPS = [group for group in reversed(Settings.__bases__) if issubclass(group, BaseSettings)]

_SETTINGS = """# All settings

Read at the start from the environment and from `.env` in the working directory; the environment takes precedence.
Times are in seconds unless a name says otherwise. `.env.example` has the same list to copy. This page is made from
`bot/settings` (`make tables`).
"""
_COMMANDS = """# All commands

As English speakers see them; Discord shows names and descriptions in each person's own language (English, German,
Spanish, Japanese, Chinese). Who may use which is [a table of its own](operations-cluster.md#who-may). This page is
made from `bot/i18n/locales/en.toml` (`make tables`).
"""
_MENUS = """
## In a message's menu

Right click (on a phone: hold) a message, then **Apps**:
"""


def settings_page() -> str:
    """All settings by subject: name, default, meaning."""
    lines = [_SETTINGS]
    seen: set[str] = set()
    for group in GROUPS:
        lines += [
            f"## {(group.__doc__ or '').rstrip('.')}",
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
        ]
        for name, field in group.model_fields.items():
            seen.add(name)
            default = "required" if field.is_required() else _default(Settings.model_fields[name].default)
            lines.append(f"| `{name.upper()}` | {default} | {_cell(field.description or '')} |")
        lines.append("")
    if missing := Settings.model_fields.keys() - seen:
        raise AssertionError(f"settings of no group: {sorted(missing)}")
    return "\n".join(lines)


def commands_page() -> str:
    """All commands with their options."""
    said = sentences(DEFAULT_LOCALE)
    lines = [_COMMANDS]
    for path in _paths(said):
        prefix = f"command.{path}"
        lines += [f"## /{path.replace('.', ' ')}", "", said[f"{prefix}.description"], ""]
        options = [key.removeprefix(f"{prefix}.option.") for key in said if key.startswith(f"{prefix}.option.")]
        if options:
            lines += ["| option | |", "|---|---|"]
            lines += [f"| `{option}` | {_cell(said[f'{prefix}.option.{option}'])} |" for option in options]
            lines.append("")
    lines += [_MENUS, *(f"- **{said[key]}**" for key in said if key.startswith("menu.")), ""]
    return "\n".join(lines)


def _paths(said: Mapping[str, str]) -> Iterator[str]:
    keys = [key.removeprefix("command.").removesuffix(".typed") for key in said if key.endswith(".typed")]
    groups = {key.rpartition(".")[0] for key in keys}
    yield from (key for key in keys if key not in groups)


def _default(value: object) -> str:
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    text = ", ".join(map(str, value)) if isinstance(value, frozenset | dict | tuple) else str(value)
    return f"`{_cell(text)}`" if text else "empty"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def pages() -> dict[str, str]:
    """The pages by path."""
    return {"docs/settings.md": settings_page(), "docs/commands.md": commands_page()}


def of_the_repository() -> Iterator[str]:
    """One line for each page that is not as the code has it."""
    for name, text in pages().items():
        path = ROOT / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield f"{name}: is not what the code says: make tables"


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        (ROOT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
