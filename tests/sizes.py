"""How long a module and a class may be, and the present classes that are longer."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

LONGEST_MODULE = 400
LONGEST_CLASS = 250
CODE = ("bot/", "cogs/", "sandbox/", "tests/")
"""Where classes are measured."""

LONGER = {
    "bot/discord_io/delivery/answer.py::AnswerDelivery": (
        360,
        "one state machine per answer: sending, editing and removing pages share what is known of them",
    ),
    "bot/markdown/blocks/parser.py::Blocks": (270, "one method for each kind of line, over one state"),
    "sandbox/parallax/double.py::ParallaxDouble": (370, "the surface that tests use: many small methods"),
}
"""Classes that are longer than :data:`LONGEST_CLASS`, each with the lines it may have and the reason.

This list may only become shorter: a class that fits is removed from it; a new class is divided, not listed.
"""


def long_module(name: str, text: str) -> Iterator[str]:
    """A line when this file has too many lines."""
    if (lines := text.count("\n")) > LONGEST_MODULE:
        yield f"{name}: has {lines} lines, more than {LONGEST_MODULE}"


def long_classes(
    sources: Mapping[str, str], longer: Mapping[str, tuple[int, str]] = LONGER, *, longest: int = LONGEST_CLASS
) -> Iterator[str]:
    """One line for each class in ``sources`` (text by path) that is too long, and for each entry of ``longer``
    that is not needed any more. Lines are counted from ``class`` to the last of the body, decorators excluded."""
    unused = set(longer)
    for name, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ClassDef):
                continue
            key, lines = f"{name}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1
            allowed = longer[key][0] if key in longer else longest
            if lines > longest:
                unused.discard(key)
            if lines > allowed:
                yield f"{name}:{node.lineno}: class {node.name} has {lines} lines, more than {allowed}"
    for key in sorted(unused):
        yield f"tests/sizes.py: {key} has at most {longest} lines, or is gone: remove it from the list"
