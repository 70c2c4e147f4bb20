"""The checks of ``python -m tests.repository`` find what they are there to find, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.parallax import bounds as scheduler_bounds
from tests import bounds, licences
from tests.mentions import attachment_names, dead_code_paths, dead_links, missing_documents
from tests.repository import undrawn_arrows, undrawn_contracts
from tests.rooms import arrows, read_sources, render
from tests.sizes import LONGER, LONGEST_CLASS, LONGEST_MODULE, long_classes, long_module
from tests.sleeps import sleeping


def _class(lines: int, name: str = "Long") -> str:
    return f"class {name}:\n" + "    x = 1\n" * (lines - 1)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two documents and one module."""
    for name in ("docs/guide.md", "docs/decisions/0001-why.md", "README.md", "bot/app.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_module_may_have_four_hundred_lines_and_no_more() -> None:
    assert LONGEST_MODULE == 400
    assert list(long_module("bot/a.py", "x = 1\n" * 400)) == []
    assert list(long_module("bot/a.py", "x = 1\n" * 401)) == ["bot/a.py: has 401 lines, more than 400"]


def test_a_class_may_have_250_lines_and_no_more() -> None:
    assert LONGEST_CLASS == 250
    assert list(long_classes({"bot/a.py": _class(250)}, {})) == []
    assert list(long_classes({"bot/a.py": _class(251)}, {})) == [
        "bot/a.py:1: class Long has 251 lines, more than 250"
    ]


def test_a_class_inside_another_is_measured_too() -> None:
    inner = "".join(f"    {line}\n" for line in _class(251, "Inner").splitlines())
    found = list(long_classes({"bot/a.py": f"def outer():\n{inner}"}, {}))
    assert found == ["bot/a.py:2: class Inner has 251 lines, more than 250"]


def test_a_listed_class_may_be_as_long_as_the_list_says() -> None:
    listed = {"bot/a.py::Long": (300, "for a reason")}
    assert list(long_classes({"bot/a.py": _class(300)}, listed)) == []
    assert list(long_classes({"bot/a.py": _class(301)}, listed)) == [
        "bot/a.py:1: class Long has 301 lines, more than 300"
    ]


@pytest.mark.parametrize("text", [_class(250), _class(300, "Renamed"), ""])
def test_an_exception_that_is_not_needed_any_more_has_to_go(text: str) -> None:
    listed = {"bot/a.py::Long": (300, "for a reason")}
    assert any("remove it from the list" in line for line in long_classes({"bot/a.py": text}, listed))


def test_every_exception_is_longer_than_others_may_be_and_has_a_reason() -> None:
    assert all(lines > LONGEST_CLASS and reason for lines, reason in LONGER.values())


@pytest.mark.parametrize(
    "code",
    [
        '"""See docs/gone.md."""\n',
        "# The figures are in gone.md.\n",
        'x = 1\n"""Why: docs/decisions/0002-gone.md."""\n',
        'def f():\n    """Measured (gone.md, "Load")."""\n',
    ],
)
def test_a_comment_or_docstring_mentions_documents_that_exist(code: str, tree: Path) -> None:
    found = list(missing_documents("bot/a.py", code, set(), tree))
    assert len(found) == 1
    assert "gone.md, which does not exist" in found[0]
    line = 1 + code[: code.index("gone.md")].count("\n")
    assert found[0].startswith(f"bot/a.py:{line}: ")


def test_documents_that_exist_and_names_of_attachments_are_no_findings(tree: Path) -> None:
    code = (
        '"""See docs/guide.md, guide.md, README.md and docs/decisions/0001-why.md; ``answer.md`` is sent."""\n'
        'name = "elsewhere.md"\n'
        "state.md.inline.tokenize(state)  # state.md_inline\n"
    )
    assert list(missing_documents("bot/a.py", code, {"answer.md"}, tree)) == []


def test_a_document_is_looked_up_by_its_whole_path(tree: Path) -> None:
    found = list(missing_documents("bot/a.py", "# docs/0001-why.md\n", set(), tree))
    assert found == ["bot/a.py:1: mentions docs/0001-why.md, which does not exist"]


def test_attachments_are_what_the_code_names_so_and_not_what_it_writes_about() -> None:
    code = '"""Not plan.md."""\nfiles = ["answer.md", File("attachment://more.md"), "see docs/guide.md or so"]\n'
    assert attachment_names(code) == {"answer.md", "more.md"}


def test_links_lead_somewhere(tree: Path) -> None:
    text = "[a](guide.md) [b](../README.md#use) [c](https://example.org/x.md) [d](#here)\n[e](lost.md#there)\n"
    assert list(dead_links(tree / "docs" / "guide.md", "docs/guide.md", text)) == [
        "docs/guide.md:2: links to lost.md, which does not exist"
    ]


def test_paths_of_code_in_documents_exist(tree: Path) -> None:
    text = "`bot/app.py`, `bot`, `services/x.py`,\n`bot/door.py` and `bot/app.py::run`\n"
    assert list(dead_code_paths("docs/guide.md", text, tree)) == [
        "docs/guide.md:2: names bot/door.py, which does not exist"
    ]


def test_every_contract_is_named() -> None:
    pyproject = '[[tool.importlinter.contracts]]\nname = "one"\n[[tool.importlinter.contracts]]\nname = "two"\n'
    assert list(undrawn_contracts("one and two", pyproject)) == []
    assert list(undrawn_contracts("one", pyproject)) == [
        "docs/architecture.md: does not name the contract 'two' of pyproject.toml"
    ]


def test_the_arrows_are_those_of_the_imports() -> None:
    sources = {
        "bot.services.queue.gate": "from bot.services.cluster.news import X\nfrom bot.services.queue import x\n",
        "bot.services.queue.signal": "def f():\n    import bot.services.answers.live\n",
        "bot.services.answers.live": "from bot.services import ports\nfrom bot.domain import chat\n",
        "bot.services.ports": "import asyncio\n",
    }
    assert arrows(sources) == [("answers", "ports"), ("queue", "answers"), ("queue", "cluster")]
    assert render(arrows(sources)) == "answers → ports\nqueue → answers, cluster"


def test_arrows_that_the_document_does_not_have_are_a_finding() -> None:
    assert list(undrawn_arrows("```\na → b\n```", "a → b")) == []
    assert len(list(undrawn_arrows("```\na → b\nb → c\n```", "a → b"))) == 1


def test_the_rooms_of_the_services_have_few_arrows_and_no_circle() -> None:
    pairs = arrows(read_sources())
    assert 0 < len(pairs) <= 14
    rest = set(pairs)
    while rest:
        targets = {to for _, to in rest}
        free = {pair for pair in rest if pair[0] not in targets}
        assert free, f"a circle: {sorted(rest)}"
        rest -= free


@pytest.mark.parametrize(
    "call", ["asyncio.sleep(0.1)", "clock.sleep(PAUSE)", "time.sleep(1)", "LoopClock().sleep(2.0)"]
)
def test_a_test_that_sleeps_is_found(call: str) -> None:
    found = list(sleeping({"tests/unit/test_a.py": f"async def test_it():\n    {call}\n"}, {}))
    assert len(found) == 1
    assert found[0].startswith("tests/unit/test_a.py:2: sleeps")


def test_turns_for_others_virtual_time_and_listed_files_are_no_sleep() -> None:
    sources = {
        "tests/unit/test_a.py": "asyncio.sleep(0)\nclock.asleep()\n",
        "tests/unit/timing/conftest.py": "from tests.fakes.loops import VirtualTimeLoop\n",
        "tests/unit/timing/deep/test_b.py": "asyncio.sleep(60.0)\n",
        "tests/unit/test_c.py": "asyncio.sleep(60.0)\n",
    }
    assert list(sleeping(sources, {"tests/unit/test_c.py": "for a reason"})) == []


def test_a_file_that_does_not_sleep_any_more_leaves_the_list() -> None:
    found = list(
        sleeping({"tests/unit/test_a.py": "asyncio.sleep(0)\n"}, {"tests/unit/test_a.py": "for a reason"})
    )
    assert found == ["tests/sleeps.py: tests/unit/test_a.py does not sleep, or is gone: remove it from the list"]


SOURCE = '''"""About."""

NODES = 512
"""Nodes of a cluster: some tens join one."""

STATUS_LEAST, STATUS_MOST = 100, 599
"""Statuses | of ``HTTP``. More about them. Beyond it the
answer ends."""
'''


def test_the_schedulers_bounds_are_listed_with_their_meaning() -> None:
    assert bounds.scheduler_table(SOURCE).splitlines()[2:] == [
        "| `NODES` | 512 | Nodes of a cluster | as told above |",
        "| `STATUS_LEAST`, `STATUS_MOST` | 100, 599 | Statuses \\| of `HTTP` | the answer ends |",
    ]


def test_every_bound_of_the_scheduler_is_in_the_table() -> None:
    source = Path(scheduler_bounds.__file__).read_text(encoding="utf-8")
    table = bounds.scheduler_table(source)
    assert all(f"`{name}`" in table for name in vars(scheduler_bounds) if name.isupper())


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("| refusals | 8 | wait | `bot/discord_io/command_tree.py::REFUSALS_AT_ONCE` |", False),
        ("| refusals | 9 | wait | `bot/discord_io/command_tree.py::REFUSALS_AT_ONCE` |", True),
        ("| refusals | 8 | wait | `bot/discord_io/command_tree.py::NO_SUCH_CONSTANT` |", True),
        ("| people | 10,000 | forgotten | `bot/domain/interaction_rates.py::MOST_PEOPLE` |", False),
        (
            "| completions | 20, then 5 a second | none | `bot/domain/interaction_rates.py::COMPLETIONS.burst` |",
            False,
        ),
        (
            "| completions | 21, then 5 a second | none | `bot/domain/interaction_rates.py::COMPLETIONS.burst` |",
            True,
        ),
        ("| questions | `QUEUE_MAX_TOTAL` | refused | setting |", False),
    ],
)
def test_a_documented_bound_is_the_constants_value(row: str, wrong: bool) -> None:
    assert bool(list(bounds.wrong_rows(f"{row}\n"))) == wrong


def test_a_document_without_the_tables_is_found() -> None:
    found = list(bounds.findings("# Reliability\n", SOURCE))
    assert len(found) == 3
    assert "has no row that names a constant" in found[-1]


def test_a_table_is_replaced_by_the_one_with_its_heading() -> None:
    document = "# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nText.\n\n| c |\n|---|\n| 3 |\n"
    assert bounds.replace_table(document, "| a | b |\n|---|---|\n| 5 | \\6 |\n| 7 | 8 |") == document.replace(
        "| 1 | 2 |", "| 5 | \\6 |\n| 7 | 8 |"
    )


REQUIREMENTS = "httpx==0.28.1 \\\n    --hash=sha256:00\nidna==3.20 ; python_version < '4' \\\n    # via httpx\n"
TABLE = "| package | licence |\n|---|---|\n| `httpx` | BSD-3-Clause |\n| `idna` | BSD-3-Clause |\n"
STATED: dict[str, str | None] = {"httpx": "BSD-3-Clause", "idna": "BSD-3-Clause"}


def test_a_true_table_of_licences_is_found_to_be_true() -> None:
    assert list(licences.findings(REQUIREMENTS, TABLE, STATED)) == []
    assert list(licences.findings(REQUIREMENTS, TABLE, {"httpx": None, "idna": None})) == []


@pytest.mark.parametrize(
    ("table", "stated", "found"),
    [
        (TABLE.replace("| `idna` | BSD-3-Clause |\n", ""), STATED, "lacks idna"),
        (f"{TABLE}| `gone` | MIT |\n", STATED, "lists gone"),
        (TABLE, STATED | {"idna": "MIT"}, "which states MIT"),
        (TABLE.replace("`idna` | BSD-3-Clause", "`idna` | GPL-3.0"), STATED | {"idna": "GPL-3.0"}, "not allow"),
    ],
)
def test_a_wrong_table_of_licences_is_found(table: str, stated: dict[str, str | None], found: str) -> None:
    lines = list(licences.findings(REQUIREMENTS, table, stated))
    assert len(lines) == 1
    assert found in lines[0]


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND PSF-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("(GPL-3.0-only OR MIT) AND Zlib", True),
        ("unknown", False),
    ],
)
def test_which_licences_may_be_used(expression: str, allowed: bool) -> None:
    assert licences.is_allowed(expression) is allowed
