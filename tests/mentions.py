"""Files that documents and code name have to exist."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)")
_DOCUMENT = re.compile(r"(?<![\w./-])(?:[\w.-]+/)*[\w-]+\.md\b")
_FILE_NAME = re.compile(r"[\w.-]+\.md$")
_CODE_PATH = re.compile(r"`((?:bot|cogs|sandbox|migrations|tests|benchmarks|deploy|docs|requirements)/[\w./-]+)")
_OF_PARALLAX = frozenset({"docs/user_guide/install.md", "docs/user_guide/quick_start.md"})
"""Documents of GradientHQ/parallax that the code names as a source."""

_NO_FILES = frozenset({"benchmarks/results", "docs/decisions/NNNN-title.md"})
"""What ``make bench`` makes, and a pattern of names."""


def dead_links(path: Path, name: str, text: str) -> Iterator[str]:
    """Relative links of a Markdown file that lead nowhere."""
    for match in _LINK.finditer(text):
        if not (path.parent / match[1]).exists():
            yield f"{name}:{_line(text, match.start())}: links to {match[1]}, which does not exist"


def dead_code_paths(name: str, text: str, root: Path = ROOT) -> Iterator[str]:
    """Paths in backticks in a Markdown file, from the repository's root, that do not exist."""
    for match in _CODE_PATH.finditer(text):
        path = match[1].rstrip("./")
        if path not in _NO_FILES and not (root / path).exists():
            yield f"{name}:{_line(text, match.start())}: names {path}, which does not exist"


def attachment_names(text: str) -> set[str]:
    """Names such as ``answer.md`` that this Python code gives to files it sends or receives."""
    tree = ast.parse(text)
    described = {id(node) for node in _descriptions(tree)}
    return {
        match[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described
        if (match := _FILE_NAME.search(node.value))
    }


def missing_documents(name: str, text: str, attachments: set[str], root: Path = ROOT) -> Iterator[str]:
    """Documents that comments and docstrings of a Python file mention and that do not exist.

    A path is looked up from ``root``; a name alone in ``docs`` and in ``root``, unless it is one of the
    ``attachments``.
    """
    for start, said in _prose(text):
        for match in _DOCUMENT.finditer(said):
            mentioned = match[0]
            if mentioned in _OF_PARALLAX or mentioned in attachments:
                continue
            places = (root,) if "/" in mentioned else (root / "docs", root)
            if not any((place / mentioned).is_file() for place in places):
                line = start + said.count("\n", 0, match.start())
                yield f"{name}:{line}: mentions {mentioned}, which does not exist"


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Comments and docstrings with the line on which each begins."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in _descriptions(ast.parse(text)):
        yield node.lineno, str(node.value)


def _descriptions(tree: ast.AST) -> Iterator[ast.Constant]:
    """Strings that stand alone as a statement: docstrings, also those below an attribute."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
