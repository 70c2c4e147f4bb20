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
from typing import TypeVar

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from sandbox.scene import Scene

_HOST = "127.0.0.1"
T = TypeVar("T")


def main(argv: list[str] | None = None) -> int:
    """Run the sandbox; returns 0 after a signal."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8700, help="of Discord and of the page (default 8700)")
    parser.add_argument("--parallax-port", type=int, default=3001, help="of the scheduler (default 3001)")
    parser.add_argument("--latency", type=float, default=0.06, help="seconds of a round trip to Discord")
    parser.add_argument("--scene", action="store_true", help="play a short scene once a bot is there")
    parser.add_argument("--ready-file", type=Path, help="also write the JSON line there once all is ready")
    arguments = parser.parse_args(argv)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(arguments))
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    latency: float = arguments.latency
    async with AsyncExitStack() as stack:
        discord = await _enter(
            stack, lambda port: DiscordDouble(host=_HOST, port=port, latency=latency), arguments.port
        )
        parallax = await _enter(stack, lambda port: ParallaxDouble(host=_HOST, port=port), arguments.parallax_port)
        discord.cluster_url = parallax.url
        line = json.dumps(
            {
                "discord_api_url": discord.api_url,
                "page_url": discord.page_url,
                "token": discord.token,
                "parallax_url": parallax.url,
                "admin_user_ids": [str(i) for i in discord.operators.user_ids],
                "admin_role_ids": [str(i) for i in discord.operators.role_ids],
                "admin_guild_ids": [str(i) for i in discord.operators.guild_ids],
            }
        )
        if arguments.ready_file is not None:
            _write_whole(arguments.ready_file, line)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        playing = (
            asyncio.create_task(Scene(discord, parallax).play_when_seen(), name="scene")
            if arguments.scene
            else None
        )
        await stop.wait()
        if playing is not None:
            playing.cancel()
            (end,) = await asyncio.gather(playing, return_exceptions=True)
            if isinstance(end, Exception):
                raise end


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
