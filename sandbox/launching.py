"""``discord-sandbox run -- COMMAND``: a Discord on this machine, and a bot in it that is started as it is.

The bot's own files stay as they are: its library is told the sandbox's addresses as soon as it is loaded
(``sandbox/hooks``), and the token stands in the environment under the usual names.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.__main__ import INTENTS, add_options, discord_on
from sandbox.discord_api import DiscordDouble

HOOKS = Path(__file__).resolve().parent / "hooks"
TOKENS = ("DISCORD_TOKEN", "DISCORD_BOT_TOKEN", "BOT_TOKEN", "TOKEN")
"""The names under which bots look for their token."""
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_FORWARDED = tuple(getattr(signal, name) for name in _SIGNALS if hasattr(signal, name))


def main(argv: Sequence[str]) -> int:
    """Start the sandbox and the bot; returns the bot's exit code, 128 and its number after a signal."""
    parser = argparse.ArgumentParser(
        prog="discord-sandbox run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="of Discord and of the page (default: a free one)")
    parser.add_argument("--latency", type=float, default=0.06, help="seconds of a round trip to Discord")
    add_options(parser)
    parser.set_defaults(intents=list(INTENTS))
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and what starts the bot")
    arguments = parser.parse_args(argv)
    command: list[str] = arguments.command
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        parser.error("say what starts the bot: discord-sandbox run -- python bot.py")
    try:
        return asyncio.run(_run(arguments, command))
    except OSError as error:  # the port is taken
        parser.error(str(error))


def environment(double: DiscordDouble, before: Mapping[str, str]) -> dict[str, str]:
    """The environment of a bot: what was there, with the sandbox's addresses, the token and the hooks."""
    root = double.api_url.removesuffix("/v10")
    told = {
        "DISCORD_SANDBOX_API": root,
        "DISCORD_SANDBOX_GATEWAY": double.gateway_url,
        "DISCORD_SANDBOX_PAGE": double.page_url,
        "DISCORD_APPLICATION_ID": str(double.application_id),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HOOKS), before.get("PYTHONPATH")))),
        "NODE_OPTIONS": " ".join(filter(None, (before.get("NODE_OPTIONS"), f'--require "{HOOKS / "node.cjs"}"'))),
    }
    return {**before, **told, **dict.fromkeys(TOKENS, double.token)}


async def _run(arguments: argparse.Namespace, command: list[str]) -> int:
    async with discord_on(arguments, arguments.port) as double:
        sys.stderr.write(f"Discord for the bot: {double.page_url}\n")
        try:
            bot = await asyncio.create_subprocess_exec(*command, env=environment(double, os.environ))
        except FileNotFoundError:
            sys.stderr.write(f"discord-sandbox: there is no command {command[0]}\n")
            return _NOT_FOUND
        except PermissionError:
            sys.stderr.write(f"discord-sandbox: {command[0]} cannot be executed\n")
            return _NOT_EXECUTABLE
        _forward(bot)
        code = await bot.wait()
    return code if code >= 0 else 128 - code


def _forward(bot: asyncio.subprocess.Process) -> None:
    """Pass signals on. A terminal gives its Ctrl-C to the bot by itself: passed on, it would come twice."""
    loop = asyncio.get_running_loop()
    for number in _FORWARDED:
        given = number is signal.SIGINT and sys.stdin is not None and sys.stdin.isatty()
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(number, _pass_on, bot, None if given else number)


def _pass_on(bot: asyncio.subprocess.Process, number: signal.Signals | None) -> None:
    if number is not None:
        with contextlib.suppress(ProcessLookupError):
            bot.send_signal(number)
