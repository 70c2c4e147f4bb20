"""No sentence that a user meets is written in the code: all of them come from the catalogue.

The text of commands (names, descriptions, choices) is left out: it is English in the code and localised by the
translator, with tests of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path for folder in ("bot", "cogs") for path in (ROOT / folder).rglob("*.py"))

SHOWN_FIRST = {"TextDisplay", "send_message", "send", "edit_message", "reply", "announce", "direct"}
"""What shows its text as the first argument (one of the others: as the keyword of that name)."""
SHOWN_KEYWORDS = {"content", "label", "placeholder", "title", "description", "heading", "text"}
NOT_SHOWN = {
    "command",
    "cluster_command",
    "group",
    "Group",
    "ContextMenu",
    "context_menu",
    "describe",
    "rename",
    "Choice",
    "Field",
}
"""Commands, whose arguments the translator localises, and settings, which only operators read."""

A_WORD = re.compile(r"[^\W\d_]{2,}")
NO_WORDS = re.compile(r"attachment://\S+|\{\w+\}")
"""Names of files, and of the placeholders that people may write into a prompt."""


def name_of(call: ast.Call) -> str:
    """The last part of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def literals(shown: ast.expr) -> Iterator[str]:
    """The texts written in an expression that is shown; what functions return is theirs."""
    match shown:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield from (str(part.value) for part in parts if isinstance(part, ast.Constant))
        case ast.BinOp(left=left, right=right):
            yield from (*literals(left), *literals(right))
        case ast.IfExp(body=body, orelse=other):
            yield from (*literals(body), *literals(other))
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from literals(part)
        case ast.GeneratorExp(elt=part) | ast.ListComp(elt=part) | ast.Starred(value=part) | ast.Await(value=part):
            yield from literals(part)
        case ast.Call(func=ast.Attribute(attr="join" | "format", value=value), args=args):
            for part in (value, *args):
                yield from literals(part)


def shown_by(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that a user reads."""
    if name_of(call) in NOT_SHOWN:
        return
    if name_of(call) in SHOWN_FIRST:
        yield from call.args
    yield from (keyword.value for keyword in call.keywords if keyword.arg in SHOWN_KEYWORDS)


def written(source: str) -> list[str]:
    """The sentences and words in a module that somebody would read."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    texts = [text for call in calls for shown in shown_by(call) for text in literals(shown)]
    return [text for text in texts if A_WORD.search(NO_WORDS.sub("", text))]


def test_every_sentence_comes_from_the_catalogue() -> None:
    """Markup, emoji and numbers may be written; words may not."""
    found = {str(module.relative_to(ROOT)): written(module.read_text(encoding="utf-8")) for module in MODULES}
    assert len(found) > 100
    assert {module: texts for module, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "source",
    [
        'ui.TextDisplay("Done.")',
        'ui.TextDisplay(f"### {title}\\nDone.")',
        'await press.response.send_message("Done" if done else say(locale, "failed"))',
        'ui.Button(label="Done", style=secondary)',
        'ui.Button(label=None if glyph else "Done")',
        'ui.Select(placeholder="Choose" + more)',
        'SelectOption(label=name, description="The best")',
        'super().__init__(title="A question")',
        'view.add_item(ui.TextDisplay("\\n".join([say(locale, "a"), "and so on"])))',
        'ui.Label(text="Model", component=field)',
    ],
)
def test_a_written_sentence_is_found(source: str) -> None:
    assert written(source)


@pytest.mark.parametrize(
    "source",
    [
        'ui.TextDisplay(say(locale, "queue.title"))',
        'ui.TextDisplay(f"### {say(locale, key)}\\n-# · {number}")',
        'ui.Button(label=say(locale, "control.stop"), custom_id="answer:stop:1", emoji="👍")',
        'ui.File("attachment://answer.md")',
        'app_commands.command(name="queue", description="See your questions.")',
        'log.info("queue.shown", user=user)',
    ],
)
def test_keys_marks_and_commands_are_not(source: str) -> None:
    assert written(source) == []
