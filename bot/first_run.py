"""The first ``run`` in a folder without settings, on a terminal: asks for them, checks them, writes ``.env``."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm, Prompt

from bot.doctor import discord_api, schedulers
from bot.domain.checkup import Finding, Level
from bot.errors import ConfigError
from bot.settings import Settings, render_env_example
from bot.storage.backup.folder import written
from bot.telemetry.logs import Redactor

ENV = Path(".env")

_PLAIN = re.compile(r"[\w.,:;/@=+\-]*")
_UNSAFE = re.compile(r"['\\\x00-\x1f\x7f]")
_MARKS = {Level.OK: "[green]✓[/]", Level.WARNING: "[yellow]![/]", Level.BROKEN: "[red]✗[/]"}

_PORTAL = "https://discord.com/developers/applications"
_INTRO = f"""[bold]There are no settings in this folder yet.[/] A few questions, and the bot starts.
Ctrl-C writes nothing.

You need an application at {_PORTAL} (New Application). On its page [bold]Bot[/],
press [bold]Reset Token[/] and copy the token. It is not shown here, and kept in .env, which only you may read."""

Check = Callable[[Settings], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Question:
    """One setting that is asked for: its ``name`` in the settings, and what checks an answer at once."""

    name: str
    text: str
    default: str = ""
    secret: bool = False
    check: Check | None = None
    subject: str = ""
    """The finding without which the answer is asked for again."""


QUESTIONS = (
    Question("discord_token", "The bot's token", secret=True, check=discord_api.check, subject="discord"),
    Question(
        "parallax_url",
        "The scheduler's address",
        default=str(Settings.model_fields["parallax_url"].default),
        check=schedulers.look,
        subject="scheduler",
    ),
    Question("admin_user_ids", "Your user id on Discord, or several, comma-separated (operators; may be empty)"),
    Question("allowed_guild_ids", "The ids of your servers, comma-separated (empty: all that add the bot)"),
)


def is_wanted() -> bool:
    """Whether to ask: there is a terminal, no ``.env``, and no token in the environment."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not ENV.exists() and not os.environ.get("DISCORD_TOKEN")


def set_up(console: Console | None = None) -> None:
    """Ask for the settings that the environment does not have, check each answer, and write :data:`ENV`, which
    only its owner may read. Not inside of an event loop.

    Raises :class:`ConfigError` when the person stops, :class:`StorageError` when the file cannot be written; then
    there is no file.
    """
    console = console or Console(stderr=True, highlight=False)
    console.print(_INTRO)
    answers: dict[str, str] = {}
    try:
        for question in QUESTIONS:
            if not os.environ.get(question.name.upper()):
                answers[question.name] = _answer(console, question, answers)
    except (KeyboardInterrupt, EOFError):
        raise ConfigError("stopped: nothing was written") from None
    with written(ENV) as partial:
        partial.write_text(filled_in(answers), encoding="utf-8")
    console.print(f"Written to {ENV}, with all other settings and what they mean. Starting the bot…")


def _answer(console: Console, question: Question, answers: dict[str, str]) -> str:
    """Ask until the answer may be used, or the person wants it in spite of what was found."""
    while True:
        answer = Prompt.ask(
            question.text,
            console=console,
            password=question.secret,
            default=question.default,
            show_default=bool(question.default),
        ).strip()
        fault = _fault(question, answer, answers)
        if fault:
            console.print(f"{_MARKS[Level.BROKEN]} {escape(fault)}")
        elif question.check is None or _is_well(console, question, {**answers, question.name: answer}):
            return answer


def _fault(question: Question, answer: str, answers: dict[str, str]) -> str:
    """Why the bot could not be given this answer; empty when it could."""
    if _UNSAFE.search(answer) or (question.secret and not answer.isascii()):
        return "that has characters which do not belong there"
    if question.secret and not answer:
        return "without it the bot cannot start"
    try:
        _settings({**answers, question.name: answer})
    except ValidationError as error:
        # Only the reason: the text of the error repeats the value.
        return "; ".join(item["msg"].removeprefix("Value error, ") for item in error.errors())
    return ""


def _is_well(console: Console, question: Question, answers: dict[str, str]) -> bool:
    settings = _settings(answers)
    assert question.check is not None  # noqa: S101  # the caller looked
    with console.status("Checking…"):
        findings = asyncio.run(_checked(question.check, settings))
    clean = Redactor(settings.secrets).clean
    found = [one for one in findings if one.what == question.subject]
    for one in found:
        console.print(f"{_MARKS[one.level]} {escape(clean(one.sentence))}")
    if all(one.good for one in found):
        return True
    return Confirm.ask("Use it all the same?", console=console, default=False)


async def _checked(check: Check, settings: Settings) -> Sequence[Finding]:
    return await check(settings)


def _settings(answers: dict[str, str]) -> Settings:
    """Settings with these answers; the token's place is taken until it is known."""
    given = {"discord_token": "none yet", **answers}
    return Settings(_env_file=None, **{name: value for name, value in given.items() if value})  # type: ignore[arg-type]  # pydantic reads the text


def filled_in(answers: dict[str, str]) -> str:
    """The text of ``.env``: all settings with their meanings, and these values."""
    head = "# Made by the first run; `python -m bot env-example` prints the same without values."
    text = "\n".join([head, *render_env_example().splitlines()[1:], ""])
    for name, value in answers.items():
        if value:
            line = f"{name.upper()}={value if _PLAIN.fullmatch(value) else quoted(value)}"
            text = re.sub(rf"(?m)^(?:# )?{name.upper()}=.*$", line.replace("\\", r"\\"), text)
    return text


def quoted(value: str) -> str:
    """The value in the quotes in which nothing has a meaning; it contains none of them."""
    return f"'{value}'"
