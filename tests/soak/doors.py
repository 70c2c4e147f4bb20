"""What people and operators do during a soak: every way to ask, every button, every view."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation, Person
from tests.soak.world import World, pause

TOPICS = ("queues", "a red kite", "the tides", "bread", "a list of rivers", "emphasis beside 「漢字」", "tables")
TAGS = ("", "", "", "[[reasoning]]", "[[style:vllm_rs]]", "[[style:split]]", "[[style:think]]", "[[prefill=20]]")
MODELS = ("Qwen/Qwen3-8B", "Qwen/Qwen3-4B")
ENDING = ("stop", "cancel")
FIELD = "The model's name, to confirm"
SWITCH_WITHIN = 25.0


class Doors:
    """Acts in one world. Each act is one coroutine; what the client refuses counts as not done."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._bot = f"<@{world.stage.discord.world.bot.id}>"
        self._acts: dict[Callable[[], Awaitable[None]], int] = {
            self.ask: 10,
            self.ask_all_at_once: 1,
            self.ask_privately: 3,
            self.ask_in_a_thread: 1,
            self.mention: 5,
            self.reply: 4,
            self.direct_message: 3,
            self.in_a_thread: 3,
            self.menu: 2,
            self.press_under_an_answer: 8,
            self.stop: 3,
            self.delete: 2,
            self.look: 10,
        }
        self._operations: dict[Callable[[], Awaitable[None]], int] = {
            self.pause_and_resume: 4,
            self.clear: 3,
            self.switch_model: 2,
            self.operators_look: 4,
        }

    async def act(self) -> None:
        """One act of a person, drawn by weight."""
        await self._one_of(self._acts)

    async def operate(self) -> None:
        """One act of an operator, drawn by weight."""
        await self._one_of(self._operations)

    async def _one_of(self, acts: dict[Callable[[], Awaitable[None]], int]) -> None:
        (act,) = self._world.rng.choices(list(acts), list(acts.values()))
        name = getattr(act, "__name__", "act")
        try:
            await act()
        except (RefusedError, AssertionError, LookupError):
            # The client offers it no more, Discord failed, or the bot is away: people meet that too.
            self._world.counts[f"not done:{name}"] += 1
        else:
            self._world.counts[f"act:{name}"] += 1

    # -- asking --------------------------------------------------------------------------------------------

    async def ask(self) -> None:
        await self._command(self._somebody(), self._room(), "ask", prompt=self._question())

    async def ask_all_at_once(self) -> None:
        room = self._room()
        await asyncio.gather(
            *(self._command(one, room, "ask", prompt=self._question()) for one in self._world.people for _ in "12")
        )

    async def ask_privately(self) -> None:
        await self._command(self._somebody(), self._room(), "ask", prompt=self._question(), private=True)

    async def ask_in_a_thread(self) -> None:
        await self._command(self._somebody(), self._room(), "ask", prompt=self._question(), thread=True)

    async def mention(self) -> None:
        await self._say(self._somebody(), self._room())

    async def reply(self) -> None:
        room = self._room()
        await self._say(self._somebody(), room, to=self._world.rng.choice(self._world.shown(room)))

    async def direct_message(self) -> None:
        person = self._somebody()
        await self._say(person, person.dm)

    async def in_a_thread(self) -> None:
        threads = [c for c in self._world.stage.discord.world.channels.values() if c.is_thread]
        await self._say(self._somebody(), self._world.rng.choice(threads))

    async def menu(self) -> None:
        room, person = self._room(), self._somebody()
        about = self._world.rng.choice(self._world.shown(room))
        shown = await person.menu(about, "Ask about this")
        await shown.acked()
        self._note("menu", await person.submit(shown, {"question": self._question()}))

    # -- what is there already -----------------------------------------------------------------------------

    async def press_under_an_answer(self) -> None:
        await self._press(self._world.shown(self._room()), ended=True)

    async def stop(self) -> None:
        messages = [message for room in self._world.rooms for message in self._world.shown(room)]
        await self._press(messages, ended=False)

    async def delete(self) -> None:
        person, message = self._world.rng.choice(self._world.said[-20:])
        await person.delete(message)

    async def look(self) -> None:
        command = self._world.rng.choice(("status", "models", "join", "queue", "context show", "usage"))
        await self._command(self._somebody(), self._room(), command)

    # -- operators -----------------------------------------------------------------------------------------

    async def pause_and_resume(self) -> None:
        olga, ops = self._operator()
        with self._world.trouble("pause"):
            await self._command(olga, ops, "cluster pause", reason="the soak")
            await pause(self._world.rng.uniform(0.5, 4.0))
            await self._command(olga, ops, "cluster resume")

    async def clear(self) -> None:
        olga, ops = self._operator()
        queue = await (await olga.slash(ops, "cluster queue")).response()
        await (await olga.click(queue, "Clear the queue")).acked()
        await (await olga.click(queue, "Clear the queue")).acked()

    async def operators_look(self) -> None:
        olga, ops = self._operator()
        await self._command(
            olga, ops, self._world.rng.choice(("cluster audit", "cluster queue", "cluster switch"))
        )

    async def switch_model(self) -> None:
        """A whole switch: confirmed, workers stopped, model set, workers started; cancelled where it hangs."""
        olga, ops = self._operator()
        parallax = self._world.stage.parallax
        model = next(name for name in MODELS if name != parallax.model)
        asked = await (await olga.slash(ops, "cluster init", model=model, nodes=1)).response()
        dialogue = await (await olga.click(asked, "Switch …")).acked()
        with self._world.trouble("switch"):
            await (await olga.submit(dialogue, {FIELD: model})).acked()
            workers = [(node.name, node.gpu, node.memory) for node in parallax.nodes.values() if node.alive]
            try:
                await self._shows(asked, "stop all workers now")
                for name, _, _ in workers:
                    parallax.remove_node(name)
                await self._shows(asked, "start the workers again")
                self._start(workers)
                await self._shows(asked, "✓")
                self._world.counts["switched"] += 1
            except AssertionError:
                # Workers that still had a stream of a question given up have frozen the scheduler: restart it.
                await parallax.restart()
                self._start(workers)
                await (await olga.click(asked, "Cancel the switch")).acked()
                raise

    def _start(self, workers: list[tuple[str, str, float]]) -> None:
        """Start those workers that do not run."""
        parallax = self._world.stage.parallax
        for name, gpu, memory in workers:
            if name not in parallax.nodes:
                parallax.add_node(name, gpu, memory)

    async def _shows(self, message: Message, words: str) -> None:
        await self._world.stage.discord.wait_until(lambda: words in message.text, SWITCH_WITHIN)

    # -- inside --------------------------------------------------------------------------------------------

    def _somebody(self) -> Person:
        return self._world.rng.choice(self._world.people)

    def _operator(self) -> tuple[Person, Channel]:
        discord = self._world.stage.discord
        return discord.person("olga"), discord.channel("ops")

    def _room(self) -> Channel:
        return self._world.rng.choice(self._world.rooms)

    def _question(self) -> str:
        rng = self._world.rng
        number, tokens = next(self._world.numbers), rng.choice((5, 20, 80, 160, 400))
        self._world.counts["questions"] += 1
        return f"soak{number}, tell me about {rng.choice(TOPICS)} [[n={tokens}]]{rng.choice(TAGS)}"

    def _note(self, name: str, invocation: Invocation) -> None:
        self._world.invocations.append((time.monotonic(), name, invocation))

    async def _command(self, person: Person, room: Channel, command: str, **options: str | bool) -> None:
        self._note(command, await person.slash(room, command, **options))

    async def _say(self, person: Person, room: Channel, to: Message | None = None) -> None:
        message = await person.say(room, f"{self._bot} {self._question()}", reply_to=to)
        self._world.said.append((person, message))

    async def _press(self, messages: list[Message], *, ended: bool) -> None:
        """Press a button under one of the messages: of an answer that has ended, or one that ends it."""
        offered = [
            (message, action, str(button.custom_id))
            for message in messages
            for button in message.buttons.values()
            for prefix, _, action in (str(button.custom_id).rpartition(":")[0].partition(":"),)
            if prefix == "answer" and (action not in ENDING) is ended
        ]
        message, action, custom_id = self._world.rng.choice(offered)
        asker = (message.interaction_metadata or {}).get("user", {}).get("id")
        person = self._world.stage.discord.person(int(asker)) if asker else self._somebody()
        self._note(action, await person.click(message, custom_id=custom_id))


async def load(world: World, doors: Doors, *, until: float, per_second: float) -> None:
    """Acts at random moments, ``per_second`` on average, and an operator's every 10 to 20 s, until ``until``."""
    async with asyncio.TaskGroup() as group:
        next_operation = time.monotonic() + 10.0
        while time.monotonic() < until:
            await pause(min(2.0, world.rng.expovariate(per_second)))
            group.create_task(doors.act())
            if time.monotonic() >= next_operation:
                next_operation += world.rng.uniform(10.0, 20.0)
                group.create_task(doors.operate())
