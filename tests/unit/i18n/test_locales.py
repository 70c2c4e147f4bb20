"""The translations: complete, filled in like the English, short enough for where they are shown."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from bot.domain.cluster.events import EventKind
from bot.domain.cluster.switch_steps import Step, SwitchState
from bot.domain.conversation.profile import FIELDS
from bot.i18n.catalogue import DEFAULT_LOCALE, available_locales, fill, resolve, sentences
from bot.presentation.page import Control
from bot.presentation.status import REMEDIES

ROOT = Path(__file__).resolve().parents[3]
ENGLISH = sentences(DEFAULT_LOCALE)
TRANSLATED = tuple(locale for locale in available_locales() if locale != DEFAULT_LOCALE)

# What is written the same way: units, a sentence made of placeholders, a word both languages share.
SAME_EVERYWHERE = {
    "footer.speed",
    "outcome.failed",
    "models.memory",
    "settings.field.top_k",
    "join.linux",
    "join.macos",
    "join.windows",
}
SAME_AS_ENGLISH = {
    "de": {
        *(key for key in ENGLISH if key.startswith("duration.")),
        *(key for key in ENGLISH if key.endswith(".option_typed.cluster")),
        "context.turn",
        "settings.persona",
        "usage.tokens",
        "status.live",
        "command.ask.option_typed.thread",
        "command.cluster.typed",
        "command.cluster.name.option_typed.name",
        "command.context.export.typed",
        "command.status.typed",
        "command.usage.option_typed.server",
    },
    "es": {
        *(key for key in ENGLISH if key.startswith("duration.")),
        "receipt.tokens.one",
        "receipt.tokens.other",
        "context.turn",
        "usage.tokens",
    },
    "ja": {"context.turn"},
    "zh": set[str](),
}

# Keys that are put together where they are used, and from what.
MADE_UP = (
    re.compile(
        r"command\..+"
    ),  # bot/i18n/command_translator.py; the registered commands are compared in tests/e2e
    re.compile(r"menu\..+"),
    re.compile(r"summary\.(visit|today|yesterday)"),  # cogs/summaries.py
    re.compile(r"ordinal\.([123]|n[123]?)"),  # bot/presentation/answer.py
    re.compile(rf"control\.({'|'.join(Control)})"),  # bot/discord_io/components.py, cogs/queue.py
    re.compile(
        r"outcome\.(stopped|stopped_before|stopped_early|interrupted|length|cancelled|expired|failed|empty"
        r"|node_failed|length_thinking|tool_call|cut|withdrawn|cancelled_before|elsewhere)"
    ),  # bot/services/answers/completion.py, bot/services/answers/final_views.py
    re.compile(
        r"status\.(usable|starting|no_model|model_unlisted|model_failed|standalone|unreachable|unknown|full)"
    ),  # bot/presentation/status.py
    re.compile(r"held\.(model_unlisted|model_failed)"),  # bot/services/queue/gate.py
    re.compile(r"status\.(frozen|failing|stranded|wants_key|live|chart|join)"),
    re.compile(rf"status\.remedy_({'|'.join(REMEDIES)})"),  # bot/presentation/status.py
    re.compile(r"join\.(steps_)?(linux|macos|windows)"),  # bot/presentation/join.py
    re.compile(
        rf"switch\.({'|'.join(SwitchState)}|(now|done|later|late)_({'|'.join(Step)}))"
    ),  # bot/presentation/model_switch.py
    re.compile(rf"alert\.({'|'.join(EventKind)})(_over)?"),  # bot/presentation/alerts.py
    re.compile(r"chart\.(queue|speed|nodes|ttft)"),  # bot/presentation/cluster_chart.py
    re.compile(r"status\.node_(ready|joining|unknown)"),
    re.compile(r"queue\.(running|kept)"),  # cogs/queue.py
    re.compile(rf"settings\.field\.({'|'.join(FIELDS)})"),  # cogs/settings.py and its dialogues
    re.compile(r"settings\.scope\.(thread|channel|category|server|direct)"),
    re.compile(r"settings\.none_(allowed_roles|allowed_users|blocked_users|channels)"),
    re.compile(r"settings\.none_(first_line|helper_roles|solved_tag)"),
    re.compile(r"settings\.posts\.(off|everybody|not_operators)"),  # cogs/ui/help_modal.py
    re.compile(r"help\.opt_(in|out)"),  # cogs/ui/help_buttons.py
    re.compile(r"settings\.(persona|numbers|switches|people|help)"),
    re.compile(r"settings\.(inherit|on|off)"),
    re.compile(r"chart\.(speed|ttft|queue|nodes)"),  # bot/presentation/cluster_chart.py
    re.compile(r"error\.schedules_(person|channel|server)"),  # bot/services/requests/schedules.py
    re.compile(r"schedule\.(done_)?(pause|resume|run|delete)"),  # cogs/ui/schedule_list.py
    re.compile(r"audit\.action\..+"),  # bot/presentation/audit.py: stored names of actions
)

BUTTONS = (
    *(key for key in ENGLISH if key.startswith("control.")),
    "init.yes",
    "init.no",
    "queue_admin.clear",
    "models.next",
    "models.previous",
    "queue.ping_off",
    "queue.ping_on",
    "status.open_page",
    "status.live",
    "status.chart",
    "status.join",
    "models.search",
    "init.switch_button",
    "schedule.pause",
    "schedule.resume",
    "schedule.run",
    "schedule.delete",
    "switch.cancel",
    "switch.give_up",
    "switch.back",
)

TYPED = {
    key for key in ENGLISH if key.startswith("command.") and (key.endswith(".typed") or ".option_typed." in key)
}
"""The names of commands and options."""

# The longest things that typically stand in for a placeholder.
TYPICAL: dict[str, object] = {
    "by": "<@123456789012345678>",
    "asker": "<@123456789012345678>",
    "model": "Qwen3-Coder-480B-A35B-Instruct-FP8",
    "name": "quarterly-report-final.pdf",
    "minutes": 1_440,
    "duration": "59 min 59 s",
    "since": "<t:1700000000:t>",
    "reason": "the rack is being moved to another room",
    "incident": "7f3a",
    "count": 500,
    "tokens": 131_072,
    "limit": 131_072,
    "size": 25_000,
    "rate": "180",
    "position": "500th",
    "part": 9,
    "node": "…gBN4ALJG",
    "cluster": "the-studio-in-berlin",
    "names": "the-studio-in-berlin, office",
    "number": 10,
    "of": 10,
    "ready": 12,
    "wanted": 16,
    "pages": 100,
    "field": "Context budget (tokens)",
    "low": 256,
    "high": 131_072,
    "used": 131_072,
    "resets": "<t:1700000000:R>",
}


def placeholders(sentence: str) -> list[str]:
    """The names in braces, sorted."""
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


@pytest.fixture(scope="module")
def sources() -> dict[str, ast.Module]:
    """Every module people's sentences come from, by the name of its file."""
    paths = (path for folder in ("bot", "cogs") for path in sorted((ROOT / folder).rglob("*.py")))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def literals(trees: Iterable[ast.Module]) -> set[str]:
    """Every string the source writes out."""
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def calls_of_say(trees: Iterable[ast.Module]) -> Iterator[tuple[str, bool]]:
    """The keys that ``say`` is called with, and whether something is counted."""
    keys = stems() | ENGLISH.keys()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                counts = any(keyword.arg == "count" for keyword in node.keywords)
                for part in ast.walk(node.args[1]):
                    if isinstance(part, ast.Constant) and str(part.value) in keys:
                        yield str(part.value), counts


def stems() -> set[str]:
    """Keys that have a form for one and one for more."""
    return {key.removesuffix(".one") for key in ENGLISH if key.endswith(".one")}


def test_there_are_five_languages() -> None:
    """And Discord's locales find theirs."""
    assert available_locales() == ("de", "en", "es", "ja", "zh")
    found = {
        locale: resolve(locale) for locale in ("de", "es-ES", "es-419", "ja", "zh-CN", "zh-TW", "en-GB", "fr")
    }
    assert list(found.values()) == ["de", "es", "es", "ja", "zh", "zh", "en", "en"]


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_is_complete(locale: str) -> None:
    """It has the keys of English, each with the same things filled in."""
    theirs = sentences(locale)

    assert theirs.keys() == ENGLISH.keys()
    assert [key for key in ENGLISH if placeholders(theirs[key]) != placeholders(ENGLISH[key])] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_nothing_is_left_in_english(locale: str) -> None:
    """Except what is written the same way in both, named above; and nothing is named in vain."""
    theirs = sentences(locale)
    assert {key for key in ENGLISH if theirs[key] == ENGLISH[key]} == SAME_EVERYWHERE | SAME_AS_ENGLISH[locale]


def test_no_sentence_is_kept_that_nobody_says(sources: dict[str, ast.Module]) -> None:
    """A key is named in the source, or made up there in one of the ways listed."""
    said = literals(sources.values())
    unsaid = {
        key
        for key in ENGLISH
        if key not in said
        and key.removesuffix(".one").removesuffix(".other") not in said
        and not any(pattern.fullmatch(key) for pattern in MADE_UP)
    }
    assert unsaid == set()


def test_what_is_counted_has_two_forms(sources: dict[str, ast.Module]) -> None:
    """``say`` with a count looks for them, and without one would not find either."""
    calls = set(calls_of_say(sources.values()))
    assert len(calls) > 40
    assert {key for key, counts in calls if counts != (key in stems())} == set()


@pytest.mark.parametrize("locale", available_locales())
def test_labels_and_descriptions_fit(locale: str) -> None:
    """Discord refuses a longer one: button labels 80, placeholders of selects 150 (docs, components/reference),
    descriptions of commands and options 100, names of context menus 32 (docs, application-commands)."""
    said = sentences(locale)
    limits = dict.fromkeys(BUTTONS, 80) | {"queue_admin.cancel": 150}
    limits |= {key: 100 for key in ENGLISH if key.startswith("command.")}
    limits |= {key: 32 for key in ENGLISH if key.startswith("menu.") or key in TYPED}

    assert {key: said[key] for key, limit in limits.items() if not 1 <= len(said[key]) <= limit} == {}


@pytest.mark.parametrize("locale", available_locales())
def test_names_can_be_typed(locale: str) -> None:
    """By Discord's rule (docs, interactions/application-commands, "Application Command Naming"), without the
    apostrophe; and no two names of one list are the same, or nobody could tell them apart."""
    said = sentences(locale)
    assert {key: said[key] for key in TYPED if not re.fullmatch(r"[\w-]{1,32}", said[key])} == {}
    assert {key: said[key] for key in TYPED if said[key] != said[key].lower()} == {}

    lists: dict[str, list[str]] = {}
    for key in TYPED:
        path = key.removesuffix(".typed") if key.endswith(".typed") else key
        lists.setdefault(path.rpartition(".")[0], []).append(said[key])
    assert len(lists["command"]) == 12
    assert len(lists["command.ask.option_typed"]) == 7
    assert {where: names for where, names in lists.items() if len(set(names)) < len(names)} == {}


def paths(locale: str) -> dict[str, str]:
    """Every command that can be sent, by its English path, as the locale's people see it."""
    said = sentences(locale)
    commands = [key.split(".")[1:-1] for key in TYPED if key.endswith(".typed")]
    return {
        " ".join(parts): " ".join(
            said[f"command.{'.'.join(parts[: depth + 1])}.typed"] for depth in range(len(parts))
        )
        for parts in commands
        if not any(len(other) > len(parts) and other[: len(parts)] == parts for other in commands)
    }


def slashed(text: str) -> list[str]:
    """What follows each slash that is written as a command's: at the start of a word, outside shell commands."""
    prose = re.sub(r"`[^`]*`", lambda code: code[0] if code[0].startswith("`/") else "", text)
    return re.findall(r"(?<![A-Za-z0-9_/:.<])/([^\W_].*)", prose)


@pytest.mark.parametrize("locale", available_locales())
def test_a_sentence_names_commands_as_its_reader_sees_them(locale: str) -> None:
    """Each one that is named exists, and is written in no other form."""
    source = tomllib.loads((ROOT / "bot" / "i18n" / "locales" / f"{locale}.toml").read_text(encoding="utf-8"))
    written, shown = flat(source), sentences(locale)
    here = paths(locale)
    named: set[str] = set()
    for key, text in written.items():
        before, after = slashed(text), slashed(shown[key])
        assert len(before) == len(after), key
        for english, local in zip(before, after, strict=True):
            path = max((path for path in here if english.startswith(path)), key=len, default="")
            assert path, f"{key}: there is no command /{english}"
            assert local.startswith(here[path]), key
            assert not re.match(r"[\w-]", english.removeprefix(path)) or locale in {"ja", "zh"}, key
            named.add(path)
    assert named >= {"join", "status", "cluster init", "context export"}


def flat(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """The sentences as the file has them."""
    found: dict[str, str] = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: str(value)}
    return found


def test_no_code_names_a_command_past_the_catalogue(sources: dict[str, ast.Module]) -> None:
    """A sentence put together in the source would name it in English to everybody. What operators read in the
    terminal and in ``.env.example`` is English."""
    named = re.compile(rf"(?<![\w/.:])/({'|'.join(paths(DEFAULT_LOCALE))})(?![\w/-])")
    said = {(file, text) for file, tree in sources.items() for text in undocumented(tree)}
    # In the API, `/queue` and `/models` are paths of HTTP.
    of_http = {("bot/api/cluster.py", "/queue"), ("bot/api/models.py", "/models")}
    of_http |= {("bot/api/openapi.py", path) for path in ("/queue", "/models")}
    read = {(file, text) for file, text in said if not file.startswith("bot/settings/")}
    assert {(file, text) for file, text in read if named.search(text)} == of_http


def undocumented(tree: ast.Module) -> Iterator[str]:
    """The strings that are not docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("locale", available_locales())
def test_small_print_is_small(locale: str) -> None:
    """A reason, an outcome or a refusal is at most three lines on a phone, with everything filled in."""
    areas = ("footer.", "held.", "outcome.", "receipt.", "error.", "notice.")
    keys = [key for key in ENGLISH if key.startswith(areas)]
    longest = {key: TYPICAL | {"sentence": fill(locale, "error.unexpected", TYPICAL)} for key in keys}

    assert {key: text for key in keys if len(text := fill(locale, key, longest[key])) > 250} == {}
