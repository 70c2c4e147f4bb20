"""``python -m tests.sandbox_clients FOLDER``: let other libraries in at the sandbox and print what each can do.

FOLDER holds an environment for each library, as ``make sandbox-clients`` makes them. A library whose environment
is missing misses every step. With nothing changed but the API's address and the token, each has to log in, get
READY and the guilds, register a command, hear a message and answer the command.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.discord_api import DiscordDouble

HERE = Path(__file__).parent
STEPS = ("ready", "guild", "commands", "message", "answered")
SECONDS = 40.0


@dataclass(slots=True)
class Client:
    """A library: its environment's folder, its script and further arguments."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    told: set[str] = field(default_factory=set)

    def command(self, folder: Path) -> list[str]:
        """How it is started."""
        if self.script.endswith(".cjs"):
            return ["node", str(HERE / self.script)]
        return [str(folder / self.name / "bin" / "python"), str(HERE / self.script)]


def clients() -> list[Client]:
    """Every library that is tried."""
    forks = [Client(name, "forks_client.py", (name,)) for name in ("nextcord", "disnake", "py-cord")]
    return [
        Client("hikari", "hikari_client.py"),
        *forks,
        Client("discord-py-interactions", "interactions_client.py"),
        Client("discord.js", "discord_js_client.cjs"),
    ]


async def run(client: Client, folder: Path) -> None:
    """Let one client in and do what it has to notice; what it told is in ``client.told``."""
    async with DiscordDouble(latency=0.0) as double:
        address = double.api_url.removesuffix("/v10")
        environment = {**os.environ, "NODE_PATH": str(folder / client.name / "node_modules")}
        process = await asyncio.create_subprocess_exec(
            *client.command(folder),
            address,
            double.token,
            *client.arguments,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
        )
        listening = asyncio.create_task(_listen(client, process, double))
        try:
            await double.wait_until(lambda: "commands" in client.told and double.world.commands, SECONDS)
            await double.person("ada").say("general", "is anybody there?")
            asked = await double.person("ada").slash("general", "hello")
            await asked.response()
            await double.wait_until(lambda: client.told.issuperset(STEPS), SECONDS)
        except AssertionError:
            return  # what is missing in ``told`` says it
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await listening


async def _listen(client: Client, process: asyncio.subprocess.Process, double: DiscordDouble) -> None:
    if process.stdout is None:
        return
    async for line in process.stdout:
        client.told.add(line.decode().strip())
        double.world.touch()


async def main(folder: Path) -> int:
    """Try all, one after the other; returns the number of clients that missed a step."""
    failed = 0
    for client in clients():
        try:
            await run(client, folder)
        except FileNotFoundError:
            client.told = set()
        missing = [step for step in STEPS if step not in client.told]
        failed += bool(missing)
        sys.stdout.write(f"{client.name}: {'every step' if not missing else 'missing ' + ', '.join(missing)}\n")
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
