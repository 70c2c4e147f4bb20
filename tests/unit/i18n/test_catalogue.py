"""Every sentence that people read exists in each locale and is filled in."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from bot.i18n.catalogue import DEFAULT_LOCALE, available_locales, fill, name_commands, resolve, say, sentences

ROOT = Path(__file__).resolve().parents[3]
ENGLISH = sentences(DEFAULT_LOCALE)


def placeholders(sentence: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def literal_keys(source: Path) -> set[str]:
    """Keys that this file names literally: in ``say`` and ``fill``, as ``key=`` and as an error's ``key``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        candidates: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            candidates += node.args[1:2] if name in {"say", "fill"} else []
            candidates += [keyword.value for keyword in node.keywords if keyword.arg == "key"]
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "key" for target in node.targets
        ):
            candidates.append(node.value)
        for candidate in candidates:
            alternatives = [candidate.body, candidate.orelse] if isinstance(candidate, ast.IfExp) else [candidate]
            found |= {
                item.value
                for item in alternatives
                if isinstance(item, ast.Constant) and isinstance(item.value, str) and "." in item.value
            }
    return found


@pytest.fixture(scope="module")
def used() -> set[tuple[str, str]]:
    """Every key that the source names, with the file. Read here and not at import, which every worker does."""
    return {
        (key, str(path.relative_to(ROOT)))
        for folder in ("bot", "cogs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for key in literal_keys(path)
    }


def test_the_scan_finds_what_the_source_says(used: set[tuple[str, str]]) -> None:
    """The scan below finds keys at all."""
    assert len({key for key, _ in used}) > 40
    assert ("error.not_allowed", "bot/errors.py") in used


def test_every_key_that_the_source_names_exists(used: set[tuple[str, str]]) -> None:
    """As itself, or in the two forms of a count."""
    missing = {
        (key, file)
        for key, file in used
        if key not in ENGLISH and not {f"{key}.one", f"{key}.other"} <= ENGLISH.keys()
    }
    assert missing == set()


@pytest.mark.parametrize("locale", available_locales())
def test_a_locale_has_only_known_keys_with_their_own_placeholders(locale: str) -> None:
    """A translation can leave a sentence out, but not invent one or lose what is filled in."""
    theirs = sentences(locale)

    assert not theirs.keys() - ENGLISH.keys()
    differing = {key for key in theirs if placeholders(theirs[key]) != placeholders(ENGLISH[key])}
    # One may be written as a word: "a token" needs no number.
    assert {key for key in differing if not key.endswith(".one")} == set()


def test_counts_have_both_forms() -> None:
    """``.one`` without ``.other`` would fail at the second thing counted."""
    stems = {key.rpartition(".")[0] for key in ENGLISH if key.rpartition(".")[2] in {"one", "other"}}
    assert all({f"{stem}.one", f"{stem}.other"} <= ENGLISH.keys() for stem in stems)


def test_a_count_picks_its_form() -> None:
    """One, and everything else."""
    assert say("en", "context.cleared", count=1) == "Forgotten: 1 turn of this channel."
    assert say("en", "context.cleared", count=0) == "Forgotten: 0 turns of this channel."
    assert say("en", "context.cleared", count=2) == "Forgotten: 2 turns of this channel."


@pytest.mark.parametrize("locale", [None, "", "en-US", "en-GB", "xx", "pt-BR-unknown"])
def test_an_unknown_locale_reads_english(locale: str | None) -> None:
    """Rather than nothing."""
    assert say(locale, "control.stop") == "Stop"


def test_a_locale_is_found_by_its_language() -> None:
    """Discord names regions that we do not distinguish."""
    for locale in available_locales():
        assert resolve(f"{locale}-XX") == locale


def test_what_is_filled_in_is_not_read_as_a_template() -> None:
    """Names and reasons are other people's text."""
    assert fill("en", "held.paused", {"reason": "{0} {reason!r} {"}).endswith("{0} {reason!r} {")


def test_a_key_nobody_wrote_is_a_programming_error() -> None:
    """Found by the scan above, never by a user."""
    with pytest.raises(KeyError):
        say("en", "no.such_key")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Frag mit /ask.", "Frag mit /frage."),
        ("`/cluster init` stellt es ein", "`/cluster einrichten` stellt es ein"),
        ("/cluster, /cluster initial", "/cluster, /cluster initial"),
        ("使用/ask提问", "使用/frage提问"),
        ("https://example.org/ask und /data/ask/x", "https://example.org/ask und /data/ask/x"),
        ("</ask:12>, /asking, tok/ask, ask", "</ask:12>, /asking, tok/ask, ask"),
    ],
)
def test_a_sentence_names_commands_in_its_own_language(written: str, shown: str) -> None:
    """The longest path that fits, and nothing that only looks like one."""
    names = {
        "command.ask.typed": "frage",
        "command.cluster.typed": "cluster",
        "command.cluster.init.typed": "einrichten",
    }
    assert name_commands({**names, "area.key": written})["area.key"] == shown


def test_an_unknown_locale_has_no_sentences_of_its_own() -> None:
    """And is answered in English."""
    assert sentences("tlh") == {}
    assert resolve("tlh") == DEFAULT_LOCALE


def test_without_names_of_commands_a_sentence_stays_as_it_is() -> None:
    """There is nothing to translate in it."""
    assert name_commands({"a.sentence": "Use /ask."}) == {"a.sentence": "Use /ask."}
