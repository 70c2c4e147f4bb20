"""The bot's command line with two commands more, which run the sandbox in place of a Discord and a cluster."""

from __future__ import annotations

import sys

import typer

from bot.cli import app

__all__ = ["app"]

# The sandbox reads its own arguments.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def demo(context: typer.Context) -> None:
    """Try it: a Discord, a cluster and the bot on this machine, in a browser; no account needed."""
    from sandbox.demo import main

    sys.exit(main(context.args))


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def sandbox(context: typer.Context) -> None:
    """Run a Discord and a cluster on this machine, to point a bot at."""
    from sandbox.__main__ import main

    sys.exit(main(context.args))
