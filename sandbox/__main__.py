"""``python -m sandbox``: a Discord and a Parallax to point a bot at, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sandbox import optional
from sandbox.discord_api import DiscordDouble, world_file

if TYPE_CHECKING:
    from sandbox.parallax import ParallaxDouble

_HOST = "127.0.0.1"
INTENTS = ("members", "presences", "message_content")
T = TypeVar("T")


def main(argv: list[str] | None = None) -> int:
    """Run the sandbox; returns 0 after a signal."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8700, help="of Discord and of the page (default 8700)")
    parser.add_argument("--parallax-port", type=int, default=3001, help="of the scheduler (default 3001)")
    parser.add_argument("--latency", type=float, default=0.06, help="seconds of a round trip to Discord")
    parser.add_argument("--scene", action="store_true", help="play a short scene once a bot is there")
    parser.add_argument("--ready-file", type=Path, help="also write the JSON line there once all is ready")
    add_options(parser)
    arguments = parser.parse_args(argv)
    if arguments.scene and arguments.guilds is not None:
        parser.error("--scene plays in the default guilds: leave --guilds out")
    if arguments.scene and optional.cluster() is None:
        parser.error(optional.NEEDED)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(arguments))
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what the sandbox's Discord is like."""
    parser.add_argument("--token", help="the bot's token (default: one as Discord writes them)")
    parser.add_argument(
        "--intents",
        type=_intents,
        default=[],
        metavar="NAMES",
        help=f"privileged intents that are ticked for the bot: {', '.join(INTENTS)}, with commas",
    )
    parser.add_argument(
        "--permissions",
        type=_permissions,
        metavar="NAMES",
        help="of the bot's own role: names with commas (manage_roles,kick_members), or a number",
    )
    parser.add_argument(
        "--guilds",
        type=_guilds,
        metavar="FILE",
        help="guilds, roles, channels and people, as TOML or JSON",
    )


def _intents(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := set(names) - set(INTENTS):
        raise argparse.ArgumentTypeError(f"no privileged intent: {', '.join(sorted(unknown))}")
    return names


def _permissions(text: str) -> int:
    try:
        return world_file.permissions(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _guilds(text: str) -> world_file.Table:
    try:
        described = world_file.load(Path(text))
        DiscordDouble(guilds=described)  # so that a mistake is told before anything is opened
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return described


def discord_on(arguments: argparse.Namespace, port: int) -> DiscordDouble:
    """The Discord that the options describe, not yet opened."""
    return DiscordDouble(
        host=_HOST,
        port=port,
        latency=arguments.latency,
        token=arguments.token,
        privileged_intents=arguments.intents,
        permissions=arguments.permissions,
        guilds=arguments.guilds,
    )


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        discord = await _enter(stack, lambda port: discord_on(arguments, port), arguments.port)
        parallax = await _cluster(stack, arguments.parallax_port)
        discord.cluster_url = parallax.url if parallax is not None else None
        line = json.dumps(
            {
                "discord_api_url": discord.api_url,
                "page_url": discord.page_url,
                "gateway_url": discord.gateway_url,
                "application_id": str(discord.application_id),
                "intents": discord.privileged_intents,
                "token": discord.token,
                "parallax_url": discord.cluster_url,
                "admin_user_ids": [str(i) for i in discord.operators.user_ids],
                "admin_role_ids": [str(i) for i in discord.operators.role_ids],
                "admin_guild_ids": [str(i) for i in discord.operators.guild_ids],
            }
        )
        if arguments.ready_file is not None:
            _write_whole(arguments.ready_file, line)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        playing: asyncio.Task[bool] | None = None
        if arguments.scene and parallax is not None:
            from sandbox.scene import Scene

            playing = asyncio.create_task(Scene(discord, parallax).play_when_seen(), name="scene")
        await stop.wait()
        if playing is not None:
            playing.cancel()
            (end,) = await asyncio.gather(playing, return_exceptions=True)
            if isinstance(end, Exception):
                raise end


async def _cluster(stack: AsyncExitStack, port: int) -> ParallaxDouble | None:
    if optional.cluster() is None:
        return None
    from sandbox.parallax import ParallaxDouble

    return await _enter(stack, lambda port: ParallaxDouble(host=_HOST, port=port), port)


async def _enter(stack: AsyncExitStack, build: Callable[[int], AbstractAsyncContextManager[T]], port: int) -> T:
    """Open a double on ``port``, or on a free one when that is taken."""
    try:
        return await stack.enter_async_context(build(port))
    except OSError:
        if port == 0:
            raise
        return await stack.enter_async_context(build(0))


def _write_whole(path: Path, line: str) -> None:
    """A reader who waits for the file never finds half of it."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(f"{line}\n", encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())
