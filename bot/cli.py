"""The command line: run the bot, prepare its database, check its settings."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import BotError, ConfigError, DatabaseInUse, StorageError

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys for programs that use the API.")
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="parallax-discord: your team's own AI cluster, in Discord.",
)

app.add_typer(keys, name="key")

# Discord's permission bits: view channels, send messages, send in threads, embed links, attach files,
# read message history (docs, topics/permissions).
PERMISSIONS = 1 << 10 | 1 << 11 | 1 << 38 | 1 << 14 | 1 << 15 | 1 << 16


def _print_version(wanted: bool) -> None:
    if wanted:
        from bot.version import NAME, own_version

        typer.echo(f"{NAME} {own_version()}")
        raise typer.Exit


@app.callback()
def _before_commands(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options that go without a command."""


@app.command()
def run() -> None:
    """Run the bot with the settings from the environment and .env; without any, a terminal is asked for them."""

    def work() -> None:
        from bot import event_loop
        from bot.app import run as run_app
        from bot.settings import load_settings
        from bot.telemetry.logs import configure_logging

        try:
            settings = load_settings()
        except ConfigError:
            if not _set_up():
                raise
            settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, secrets=settings.secrets)
        event_loop.run(run_app(settings), settings.event_loop)

    _guarded(work)


def _set_up() -> bool:
    """Ask for the settings when nobody has made any yet and somebody can answer."""
    from bot import first_run  # loads the doctor, which no other start needs

    if not first_run.is_wanted():
        return False
    first_run.set_up()
    return True


@app.command()
def migrate(
    to: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Move everything to this database instead, which is empty: a DATABASE_URL. The bot must not run. "
            "Run it again if it was stopped.",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="With --to: print the result as JSON.")] = False,
) -> None:
    """Bring the database to the newest schema (run does this by itself), or move it to another one."""
    if to:
        _guarded(lambda: _move(to, as_json=as_json))
    elif as_json:
        raise typer.BadParameter("--json goes with --to")
    else:
        _guarded(_migrate)


def _migrate() -> None:
    from bot.clock import SystemClock
    from bot.settings import DatabaseSettings
    from bot.storage.migrate import HEAD, upgrade_sync
    from bot.storage.processes import entered

    url = DatabaseSettings().database_url

    async def upgraded() -> str | None:
        async with entered(url, SystemClock(), wait=False):
            return await asyncio.to_thread(upgrade_sync, url)

    try:
        before = asyncio.run(upgraded())
    except DatabaseInUse as error:
        raise StorageError(f"{error}: nothing was changed, stop it first (run migrates by itself)") from error
    typer.echo(f"schema {before or 'none'} → {HEAD}")


def _move(to: str, *, as_json: bool) -> None:
    from bot.moving import move_and_tell
    from bot.settings import DatabaseSettings

    if not move_and_tell(DatabaseSettings().database_url, to, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def backup(
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder for backups; else `backups` beside the database."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Remove all but the newest N; with --every: 28.")
    ] = None,
    every: Annotated[
        str, typer.Option(metavar="TIME", help="Go on, and make one every 90m, 6h or 1d, until SIGTERM.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Copy the database into a file named with the time, and check the copy. The bot may run meanwhile."""

    def work() -> None:
        from bot import backups
        from bot.settings import DatabaseSettings

        url = DatabaseSettings().database_url
        if every:
            backups.keep_backing_up(url, to, every=backups.seconds_of(every), keep=keep)
        else:
            backups.back_up_and_tell(url, to, keep=keep, as_json=as_json)

    if every and as_json:
        raise typer.BadParameter("--json does not go with --every, which logs")
    _guarded(work)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also when the database holds newer data, which is kept beside it.")
    ] = False,
) -> None:
    """Put a backup in the place of the database, which is kept beside it. The bot must not run."""

    def work() -> None:
        from bot.backups import restore_and_tell
        from bot.settings import DatabaseSettings

        restore_and_tell(DatabaseSettings().database_url, file, replace=replace)

    _guarded(work)


@app.command()
def invite(
    application_id: Annotated[int, typer.Argument(help="From the application's General page.")],
) -> None:
    """Print the link that adds the bot to a server."""
    typer.echo(
        f"https://discord.com/oauth2/authorize?client_id={application_id}"
        f"&scope=bot+applications.commands&permissions={PERMISSIONS}"
    )


@app.command(name="env-example")
def env_example() -> None:
    """Print .env.example."""
    from bot.settings import render_env_example

    typer.echo(render_env_example(), nl=False)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check settings, database, schedulers and Discord. Exit code 0: all well, 1: warnings, 2: broken."""

    def work() -> None:
        from bot.doctor import EXIT_CODES, as_data, examine
        from bot.domain.checkup import Level, broken, worst
        from bot.settings import load_settings

        try:
            settings = load_settings()
        except ConfigError as error:
            if as_json:
                typer.echo(json.dumps(as_data([broken("settings", str(error))]), ensure_ascii=False))
            raise
        findings = asyncio.run(examine(settings))
        if as_json:
            typer.echo(json.dumps(as_data(findings), ensure_ascii=False))
        else:
            marks = {Level.OK: "ok  ", Level.WARNING: "WARN", Level.BROKEN: "BAD "}
            for finding in findings:
                typer.echo(f"{marks[finding.level]} {finding.what}: {finding.sentence}")
        raise typer.Exit(EXIT_CODES[worst(findings)])

    _guarded(work)


@keys.command(name="create")
def create_key(
    user: Annotated[int, typer.Option(min=1, help="The person whose rights and quota count, by Discord's id.")],
    guild: Annotated[
        int, typer.Option(min=0, help="The server whose roles and settings count; 0: as in direct messages.")
    ] = 0,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "machine",
    days: Annotated[int, typer.Option(min=0, max=3650, help="Days until it stops working; 0: never.")] = 0,
) -> None:
    """Make a key for a machine and print it. The bot may run meanwhile."""

    def work() -> None:
        from bot.addresses import logins_in
        from bot.machine_keys import create
        from bot.settings import DatabaseSettings
        from bot.telemetry.logs import configure_logging

        url = DatabaseSettings().database_url
        configure_logging("WARNING", "console", secrets=logins_in(url))
        typer.echo(asyncio.run(create(url, user_id=user, guild_id=guild or None, name=name, days=days)))

    _guarded(work)


def _guarded(work: Callable[[], None]) -> None:
    """Run ``work``; a :class:`BotError` becomes one line on standard error and exit code 1 (2 for settings)."""
    try:
        work()
    except ConfigError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except BotError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def main() -> None:
    """The entry point."""
    app()
