"""``python -m sandbox.demo``: the sandbox and the real bot as two processes, ready to be tried in a browser."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import signal
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.panel import Panel

from sandbox.demo_processes import (
    Addresses,
    Child,
    DiedError,
    addresses,
    bot_online,
    free_port,
    made_key,
    start_bot,
    start_sandbox,
)

READY_WITHIN = 60.0
"""Seconds until both must serve; the very first start also makes byte code of everything."""
SHOWN_LOG_LINES = 15
_LOCK = "lock"

_TO_TRY = (
    ("/ask", "prompt: Explain a heap with an example in Python"),
    ("/status", "the cluster, its machines and its queue"),
    ("/queue", "ask several times at once, then look"),
    ("/summarize", "what people wrote since your last message, with links"),
)


class _AlreadyRunningError(Exception):
    """Another demo uses the folder; the text is the address of its page."""


def main(argv: list[str] | None = None) -> int:
    """Run the demo until Ctrl-C or SIGTERM: returns 0 then, and 1 when a part of it failed."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8700, help="of the page; a free one if taken")
    parser.add_argument("--parallax-port", type=int, default=3001, help="of the cluster; a free one if taken")
    parser.add_argument("--api-port", type=int, default=8081, help="of the bot's API; a free one if taken")
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="for the bot's database and the logs; begins empty"
    )
    parser.add_argument("--no-scene", action="store_true", help="an empty place, without the people's short scene")
    arguments = parser.parse_args(argv)
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        with _claimed(arguments.folder) as lock:
            demo = _Demo(console, lock, arguments.api_port, scene=not arguments.no_scene)
            return asyncio.run(demo.run(arguments.port, arguments.parallax_port))
    except _AlreadyRunningError as running:
        console.print(f"A demo from this folder is running already: {running}")
        return 1


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """Hold the folder's lock, which ends with this process however that ends, and empty the folder.

    Yields the lock's file, in which the running demo leaves its address. Raises :class:`_AlreadyRunningError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    with path.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _AlreadyRunningError(path.read_text(encoding="utf-8").strip() or "it is starting") from None
        lock.truncate(0)
        # The sandbox's Discord is new at every start: a database that remembers an older one would confuse.
        for name in ("bot.db", "bot.db-wal", "bot.db-shm", "bot.log", "sandbox.log", "key.log"):
            (folder / name).unlink(missing_ok=True)
        yield path


class _Demo:
    """One run of the demo."""

    def __init__(self, console: Console, lock: Path, api_port: int, *, scene: bool) -> None:
        self._api_port = api_port
        self._console = console
        self._scene = scene
        self._folder = lock.parent
        self._lock = lock
        self._children: list[Child] = []

    async def run(self, port: int, parallax_port: int) -> int:
        """Start everything, say where it is, wait for the end. Returns the exit code."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        # SIGHUP is the terminal's window being closed: what is said then has no reader (_say).
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        serving = asyncio.create_task(self._serve(port, parallax_port), name="demo")
        stopping = asyncio.create_task(stop.wait(), name="signal")
        try:
            await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                self._say("Stopping (Ctrl-C again: at once)…")
            serving.cancel()
            (failure,) = await asyncio.gather(serving, return_exceptions=True)
        finally:
            stopping.cancel()
            # From here on a signal means: do not wait for answers that are being finished.
            stop.clear()
            # The bot first: what it still has to say needs a Discord that listens.
            for child in reversed(self._children):
                await child.stop(stop)
        return self._farewell(failure)

    def _say(self, what: RenderableType, *, markup: bool = True) -> None:
        with contextlib.suppress(OSError):
            self._console.print(what, markup=markup)

    async def _serve(self, port: int, parallax_port: int) -> None:
        """Start both, introduce them, and raise :class:`DiedError` as soon as one ends by itself."""
        self._say("Starting a Discord, a cluster and the bot on this machine…")
        async with asyncio.timeout(READY_WITHIN):
            sandbox = await start_sandbox(self._folder, port, parallax_port, scene=self._scene)
            self._children.append(sandbox)
            where = await addresses(sandbox)
            self._lock.write_text(f"{where.page_url}\n", encoding="utf-8")
            api = f"127.0.0.1:{free_port(self._api_port)}"
            bot = await start_bot(self._folder, where, api)
            self._children.append(bot)
            await _first(bot_online(where.page_url), bot.died(), sandbox.died())
            key = await made_key(self._folder, where)
        self._introduce(where, api, key)
        await _first(bot.died(), sandbox.died())

    def _introduce(self, where: Addresses, api: str, key: str) -> None:
        first, *others = (f"[bold]{command:<11}[/]{escape(hint)}" for command, hint in _TO_TRY)
        rows = (
            ("Open", f"[bold cyan]{where.page_url}[/]"),
            ("Type", first),
            *(("", other) for other in others),
            ("Be", "someone else by the name at the bottom left (Olga is an operator)"),
            (
                "Scene",
                "a few people begin when you open the page; it is yours as soon as you do something"
                if self._scene
                else "",
            ),
            ("API", f"http://{api}/v1 (docs/api.md)"),
            ("Key", key),
            ("Logs", escape(", ".join(str(child.log) for child in self._children))),
            ("Stop", "Ctrl-C"),
        )
        text = "\n".join(f"{name:<6}{value}" for name, value in rows if value)
        if self._console.is_terminal:
            self._say(Panel(text, title="parallax-discord", expand=False, padding=(1, 2)))
        else:
            self._say(f"parallax-discord is ready.\n{text}")

    def _farewell(self, failure: object) -> int:
        match failure:
            case None | asyncio.CancelledError():
                self._say("Stopped.")
                return 0
            case DiedError() as died:
                self._report(str(died), died.child)
            case TimeoutError():
                self._report(f"not ready after {READY_WITHIN:.0f} seconds", self._children[-1])
            case BaseException():
                raise failure
        return 1

    def _report(self, reason: str, child: Child) -> None:
        self._say(f"[bold red]The demo stopped:[/] {escape(reason)}. The end of {child.log}:")
        for line in child.last_lines(SHOWN_LOG_LINES):
            self._say(f"  {line}", markup=False)


async def _first(*works: Coroutine[None, None, None]) -> None:
    """Wait for the first of ``works`` to end and let the others go; raises what that one raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            await task


if __name__ == "__main__":
    raise SystemExit(main())
