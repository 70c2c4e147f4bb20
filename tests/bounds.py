"""``python -m tests.bounds``: the bounds of everything that comes from outside, as docs/reliability.md lists them.

Two tables of that document are made from the code: the scheduler's bounds (``bot/parallax/bounds.py``) and the
numbers among the settings. In the others, written by hand, rows name a constant, whose value is compared. All of
it is part of ``make lint``; this module writes the first two anew.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = "docs/reliability.md"

_ROW = re.compile(r"(?m)^\| [^|]+ \| ([\d,.]+)[^|]* \| [^|]+ \| `(bot|cogs)/([\w/]+)\.py::(\w+(?:\.\w+)?)` \|$")
_BEYOND = re.compile(r"[Bb]eyond(?: it,?|:)\s+(.*?)\.(?:\s|$)", re.DOTALL)
_FIRST_SENTENCE = re.compile(r"(.*?[.:])(?:\s|$)", re.DOTALL)


def scheduler_table(source: str) -> str:
    """A row for each constant of ``bot/parallax/bounds.py``: name, value, the first sentence about it, and the one
    that begins with "Beyond:"."""
    rows = ["| bound | value | what | beyond it |", "|---|---|---|---|"]
    lines = ast.parse(source).body
    for statement, about in itertools.pairwise(lines):
        if not isinstance(statement, ast.Assign):
            continue
        said = ast.literal_eval(about.value) if isinstance(about, ast.Expr) else ""
        told = _FIRST_SENTENCE.match(said)
        (target,) = statement.targets
        names = [ast.unparse(one) for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
        module = importlib.import_module("bot.parallax.bounds")
        values = [getattr(module, name) for name in names]
        beyond = _BEYOND.search(said)
        what, then = _cell(told[1] if told else said), _cell(beyond[1]) if beyond else "as told above"
        rows.append(f"| {_listed(names)} | {', '.join(map(_written, values))} | {what} | {then} |")
    return "\n".join(rows)


def settings_table() -> str:
    """A row for each setting that is a number: name, default, and the range that is accepted."""
    rows = ["| setting | default | accepted |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if field.annotation not in {int, float}:
            continue
        limits = {
            sign: getattr(one, attribute)
            for one in field.metadata
            for attribute, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
            if getattr(one, attribute, None) is not None
        }
        accepted = " and ".join(f"{sign} {_written(value)}" for sign, value in limits.items())
        rows.append(f"| `{name.upper()}` | {_written(field.default)} | {accepted} |")
    return "\n".join(rows)


def wrong_rows(document: str) -> Iterator[str]:
    """One line for each row of the document that names a constant with another value, or one that is gone."""
    for number, package, path, name in _ROW.findall(document):
        module = importlib.import_module(".".join((package, *path.split("/"))))
        value: object = module
        for part in name.split("."):
            value = getattr(value, part, None)
        if not isinstance(value, int | float) or float(number.replace(",", "")) != float(value):
            yield f"{DOCUMENT}: says {number} of {package}/{path}.py::{name}, which is {value}"


def findings(document: str, bounds: str) -> Iterator[str]:
    """One line for each table that is not as the code has it, and for each wrong row."""
    for table in (scheduler_table(bounds), settings_table()):
        if f"\n\n{table}\n" not in document:
            yield f"{DOCUMENT}: the table below is not in it as the code has it (make tables):\n{table}"
    if not _ROW.search(document):
        yield f"{DOCUMENT}: has no row that names a constant"
    yield from wrong_rows(document)


def of_the_repository() -> Iterator[str]:
    """:func:`findings` of this repository."""
    document = (ROOT / DOCUMENT).read_text(encoding="utf-8")
    yield from findings(document, (ROOT / "bot/parallax/bounds.py").read_text(encoding="utf-8"))


def replace_table(document: str, table: str) -> str:
    """The document with this table in the place of the one that has the same heading."""
    heading = table.partition("\n")[0]
    return re.sub(rf"(?m)^{re.escape(heading)}\n(?:\|.*\n)*", lambda _: f"{table}\n", document)


def _cell(text: str) -> str:
    return " ".join(text.split()).rstrip(":.").replace("|", "\\|").replace("``", "`")


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _written(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def main() -> int:
    """Write the tables that are made from the code into the document."""
    path, bounds = ROOT / DOCUMENT, (ROOT / "bot/parallax/bounds.py").read_text(encoding="utf-8")
    document = path.read_text(encoding="utf-8")
    for table in (scheduler_table(bounds), settings_table()):
        document = replace_table(document, table)
    path.write_text(document, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
