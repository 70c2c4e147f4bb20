"""An operator's steps through a switch of the model."""

from __future__ import annotations

from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation, Person
from tests.e2e.bot_process import Stage
from tests.e2e.reading import PATIENCE, until_shows

INIT = ("POST", "/scheduler/init")
FIELD = "The model's name, to confirm"


def inits(stage: Stage) -> int:
    """How many inits the scheduler was sent."""
    return sum((call.method, call.path) == INIT for call in stage.parallax.calls)


async def typed(who: Person, message: Message, button: str, name: str) -> Invocation:
    """Press a button that asks for the model's name, and type ``name``."""
    shown = await (await who.click(message, button)).acked()
    return await (await who.submit(shown, {FIELD: name})).acked()


async def begun(stage: Stage, who: Person, room: Channel, model: str, *, nodes: int = 1) -> Message:
    """``/cluster init`` confirmed while something runs; the message that follows the switch."""
    message = await (await who.slash(room, "cluster init", model=model, nodes=nodes)).response()
    await typed(who, message, "Switch …", model)
    await until_shows(stage, message, "Switching to")
    return message


async def stop_workers(stage: Stage, message: Message) -> list[tuple[str, str, float]]:
    """What people do when the message tells them to; returns the workers."""
    await until_shows(stage, message, "stop all workers now")
    workers = [(node.name, node.gpu, node.memory) for node in stage.parallax.nodes.values() if node.alive]
    for name, _, _ in workers:
        stage.parallax.remove_node(name)
    await stage.parallax.wait_until(lambda: not stage.parallax.nodes, PATIENCE)
    return workers


async def start_workers(stage: Stage, message: Message, workers: list[tuple[str, str, float]]) -> None:
    """Start them when the message tells to."""
    await until_shows(stage, message, "model set, start the workers again", "parallax join")
    for name, gpu, memory in workers:
        stage.parallax.add_node(name, gpu, memory)
