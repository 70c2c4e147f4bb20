"""Calls between services run one way, as their imports do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parent
MADE_HERE = [*(ROOT / "services").rglob("*.py"), *(ROOT / "container").rglob("*.py"), ROOT / "app.py"]


def pinned(tree: ast.AST) -> Iterator[int]:
    """The lines that put a callback on an object, or offer an attribute for one."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        yield from (
            target.lineno
            for target in targets
            if isinstance(target, ast.Attribute) and target.attr.startswith("on_")
        )


def closing_over_later(tree: ast.AST) -> Iterator[int]:
    """The lines of functions inside functions that read what is assigned only further down."""
    for outer in ast.walk(tree):
        if not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = [node for node in ast.walk(outer) if isinstance(node, ast.Name)]
        first: dict[str, int] = {}
        for name in names:
            if isinstance(name.ctx, ast.Store):
                first[name.id] = min(name.lineno, first.get(name.id, name.lineno))
        for inner in ast.walk(outer):
            if inner is outer or not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            end = inner.end_lineno or inner.lineno
            yield from (
                inner.lineno
                for name in ast.walk(inner)
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load) and first.get(name.id, 0) > end
            )


@pytest.mark.parametrize("path", MADE_HERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_callback_is_pinned_and_nothing_reads_what_is_made_later(path: Path) -> None:
    """Who is to be called is given to the constructor; what happened without being asked for is put into a queue
    or sets an event."""
    tree = ast.parse(path.read_text())
    assert [*pinned(tree), *closing_over_later(tree)] == []


def test_both_kinds_are_found() -> None:
    """Else the test above could not fail."""
    wired = ast.parse("def wire(desk):\n    made = lambda: later\n    later = 1\n    desk.on_gone = made")
    assert list(pinned(wired)) == [4]
    assert list(closing_over_later(wired)) == [2]
