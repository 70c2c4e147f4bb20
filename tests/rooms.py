"""``python -m tests.rooms``: which room of ``bot/services`` imports which, as docs/architecture.md lists it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "bot.services"


def read_sources(root: Path = ROOT) -> dict[str, str]:
    """The modules of ``bot/services`` by dotted name, as text."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted((root / PACKAGE.replace(".", "/")).rglob("*.py"))
        if path.name != "__init__.py"
    }


def arrows(sources: Mapping[str, str]) -> list[tuple[str, str]]:
    """The pairs (importing room, imported room) of ``sources``, sorted, each once.

    A room is a package below ``bot.services``, or a module directly in it. Imports inside functions and under
    ``TYPE_CHECKING`` count: they tie two rooms together like any other.
    """
    found = set()
    for module, text in sources.items():
        room = _room_of(module)
        found |= {(room, other) for name in _imported(text) if (other := _room_of(name)) and other != room}
    return sorted(found)


def render(pairs: list[tuple[str, str]]) -> str:
    """The arrows as text: one line for each importing room."""
    rooms = dict.fromkeys(room for room, _ in pairs)
    return "\n".join(f"{room} → {', '.join(to for start, to in pairs if start == room)}" for room in rooms)


def _room_of(module: str) -> str:
    prefix, _, rest = module.partition(f"{PACKAGE}.")
    return rest.split(".")[0] if not prefix else ""


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    sys.stdout.write(f"{render(arrows(read_sources()))}\n")
