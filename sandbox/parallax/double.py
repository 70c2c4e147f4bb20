"""A Parallax scheduler that runs on this machine, for tests, benchmarks and demos."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web
from pydantic import NonNegativeInt, PositiveFloat

from sandbox.parallax import recording as recordings
from sandbox.parallax.answers import AnswerOptions
from sandbox.parallax.chat import Chat, ChatOptions
from sandbox.parallax.clock import Changes, ScaledClock
from sandbox.parallax.cluster import HANG, Cluster, ClusterOptions
from sandbox.parallax.control import Control
from sandbox.parallax.endpoints import Dialect, Endpoints
from sandbox.parallax.exchange import Exchange
from sandbox.parallax.gate import Gate
from sandbox.parallax.listener import Listener
from sandbox.parallax.log import Call, ChatRecord
from sandbox.parallax.models import MODELS
from sandbox.parallax.nodes import DEMO_NODES, Node, demo_nodes
from sandbox.parallax.recording import Recording
from sandbox.parallax.script import Delta, Fault, Script, WireStyle
from sandbox.parallax.serving import CHAT_PATH, Serving
from sandbox.parallax.tasks import Tasks
from sandbox.parallax.tokenizer import TokenizerName
from sandbox.parallax.wire import JsonObject

__all__ = ["CHAT_PATH", "CONTROL_PREFIX", "ParallaxDouble"]

CONTROL_PREFIX = "/_sandbox/"
_FROZEN = "frozen by hand"


class ParallaxDouble:
    """A scheduler with workers behind a real port, as it was recorded.

    Use it as an asynchronous context manager; everything it opened is closed at the end, and a failure
    inside it is raised there. All controls take effect at once; durations are *scheduler seconds*, which
    `time_scale` shortens, instants are real monotonic seconds. Belongs to one event loop.

        async with ParallaxDouble(time_scale=10) as parallax:
            parallax.script(["Hello", " world"])
            ...  # POST to parallax.url + "/v1/chat/completions"
            await parallax.wait_until(lambda: parallax.requests[0].outcome == "completed")
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        dialect: str = Dialect.CURRENT,
        model: str | None = "Qwen/Qwen3-8B",
        nodes: int | Sequence[tuple[str, str, float]] = DEMO_NODES,
        slots: int = 4,
        tokens_per_second: float = 40.0,
        time_scale: float = 1.0,
        lag: bool = True,
        first_heartbeat: float | None = None,
        routing_cost: float = 0.05,
        first_token_delay: float = 0.03,
        tokenizer: str = TokenizerName.COARSE,
        thinking: bool | None = None,
        style: WireStyle | None = None,
        seed: int = 7,
        recordings_dir: Path | None = None,
    ) -> None:
        """Nothing is opened before `__aenter__`.

        `model` None leaves the scheduler uninitialised; then the nodes join after the first init. `nodes` is
        a number, or (name, GPU, GB) of each; they are ready at once. `slots` are per pipeline, and a node
        that can hold the model is a pipeline. `first_heartbeat` (scheduler seconds) fixes when the counted
        slots of ready nodes are first corrected; None spreads it. `recordings_dir` is where `replay` finds
        recordings by name. Raises ValueError for an unknown dialect, model, tokenizer or a bad `time_scale`.
        """
        if model is not None and model not in MODELS:
            raise ValueError(f"the scheduler does not offer the model {model!r}")
        self._clock = ScaledClock(time_scale)
        self._changes = Changes()
        self._tasks = Tasks()
        self._gate = Gate()
        self._cluster = Cluster(
            clock=self._clock,
            gate=self._gate,
            changes=self._changes,
            tasks=self._tasks,
            options=ClusterOptions(slots, lag, first_heartbeat),
            rng=random.Random(seed),
        )
        self._endpoints = Endpoints(clock=self._clock, cluster=self._cluster, dialect=Dialect(dialect))
        self._chat = Chat(
            clock=self._clock,
            gate=self._gate,
            cluster=self._cluster,
            changed=self._changes.notify,
            options=ChatOptions(tokens_per_second, routing_cost, first_token_delay),
            answers=AnswerOptions(seed, TokenizerName(tokenizer), style or WireStyle(), thinking),
        )
        self._chat.documented = self._endpoints.documented
        self._serving = Serving(
            clock=self._clock,
            gate=self._gate,
            changes=self._changes,
            tasks=self._tasks,
            chat=self._chat,
            endpoints=self._endpoints,
        )
        self._recordings_dir = recordings_dir
        self._control = Control(self)
        self._listener = Listener(self._handle, host=host, port=port)
        self._model = model
        self._nodes = demo_nodes(nodes) if isinstance(nodes, int) else nodes

    async def __aenter__(self) -> Self:
        """Open the port and start the nodes. Raises OSError when the port is taken."""
        await self._listener.open_port()
        if self._model is not None:
            self._cluster.start_at_once(self._model, 1)
        for name, gpu, memory in self._nodes:
            self._cluster.add(name, gpu, memory, ready=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and every connection, end all tasks. Raises what had failed inside the double."""
        try:
            await self._tasks.close()
        finally:
            await self._listener.close()

    # What it looks like

    @property
    def url(self) -> str:
        """The scheduler's address, without a slash at the end."""
        return self._listener.url

    @property
    def calls(self) -> list[Call]:
        """Every HTTP request that reached the scheduler, controls left out."""
        return self._serving.calls

    @property
    def requests(self) -> list[ChatRecord]:
        """Every chat request in the order of arrival."""
        return self._chat.requests

    @property
    def nodes(self) -> dict[str, Node]:
        """The workers by name, also those that the scheduler does not list (yet, or any more)."""
        return {node.name: node for node in self._cluster.nodes}

    @property
    def model(self) -> str | None:
        """The model of the last init, also of a failed one."""
        return self._cluster.model

    @property
    def status(self) -> JsonObject:
        """What `/cluster/status` would say now, in the current dialect."""
        return self._cluster.status(documented=False)

    @property
    def available(self) -> bool:
        """Whether the cluster calls itself `available`."""
        return self._cluster.available

    @property
    def capacity(self) -> int:
        """`max_running_request`."""
        return self._cluster.capacity

    @property
    def active(self) -> int:
        """Requests that the workers really work on at the moment, those of other clients left out."""
        return sum(node.running for node in self._cluster.nodes)

    @property
    def frozen(self) -> bool:
        """Whether the server answers nothing, for whatever reason."""
        return bool(self._gate.reasons)

    @property
    def hung(self) -> bool:
        """Whether the server answers nothing until `restart`: a worker was lost with a stream open."""
        return HANG in self._gate.reasons

    @property
    def is_reachable(self) -> bool:
        """Whether the port is open."""
        return self._listener.is_open

    @property
    def speed(self) -> float:
        """Tokens per scheduler second of each stream."""
        return self._chat.options.tokens_per_second

    @property
    def slots(self) -> int:
        """Slots of each pipeline."""
        return self._cluster.options.slots

    @property
    def lag(self) -> bool:
        """Whether a finished request keeps its slot counted until the heartbeat."""
        return self._cluster.options.lag

    @property
    def dialect(self) -> Dialect:
        """The dialect in use."""
        return self._endpoints.dialect

    @property
    def time_scale(self) -> float:
        """Scheduler seconds per real second."""
        return self._clock.scale

    async def wait_until(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return as soon as `predicate()` is true; woken by changes of the double, never polling.

        `timeout` is in real seconds. Raises TimeoutError.
        """
        await self._changes.wait_until(predicate, timeout)

    # The cluster

    def add_node(
        self, name: str, gpu: str = "NVIDIA GeForce RTX 4090", memory: PositiveFloat = 24.0, ready: bool = True
    ) -> None:
        """Start a worker with `memory` GB; without `ready` it joins as in reality, in 21 to 24 s.

        Raises ValueError when the name is taken.
        """
        self._cluster.add(name, gpu, memory, ready=ready)

    def remove_node(self, name: str) -> None:
        """Stop a worker cleanly. With a stream open on it the whole scheduler hangs.

        Raises KeyError for an unknown name, ValueError when the worker has ended already.
        """
        self._cluster.remove(name)

    def kill_node(self, name: str) -> None:
        """Kill a worker: listed for half a minute more; with a stream open everything hangs.

        Raises KeyError for an unknown name, ValueError when the worker has ended already.
        """
        self._cluster.kill(name)

    def crash_front(self, name: str, seconds: PositiveFloat | None = None) -> None:
        """Crash a worker's HTTP front: still `available`, every request on it fails (recording 139), for good or
        until it has reloaded in `seconds` scheduler seconds. Raises KeyError."""
        self._cluster.set_front(name, alive=False, seconds=seconds)

    def mend_front(self, name: str) -> None:
        """Start a crashed front again. Raises KeyError."""
        self._cluster.set_front(name, alive=True)

    def set_ready(self, name: str, ready: bool) -> None:
        """Let a listed node wait again, or be ready. Raises KeyError, ValueError when it is not listed."""
        self._cluster.set_ready(name, ready=ready)

    def set_capacity(self, slots: NonNegativeInt) -> None:
        """Change the slots of each pipeline."""
        self._cluster.options.slots = slots
        self._changes.notify()

    def set_speed(self, tokens_per_second: float) -> None:
        """Change the speed of all streams, running ones too. Raises ValueError at or below 0."""
        if tokens_per_second <= 0:
            raise ValueError("tokens_per_second must be above 0")
        self._chat.options.tokens_per_second = tokens_per_second

    def set_lag(self, lag: bool) -> None:
        """Whether a finished request keeps its slot counted until the heartbeat."""
        self._cluster.options.lag = lag

    def set_dialect(self, dialect: str) -> None:
        """Speak another dialect from now on. Raises ValueError for an unknown one."""
        self._endpoints.dialect = Dialect(dialect)
        self._chat.documented = self._endpoints.documented

    def set_thinking(self, thinking: bool | None) -> None:
        """Whether the model reasons first; None goes by its name."""
        self._chat.answers.thinking = thinking

    def busy(self, slots: NonNegativeInt) -> None:
        """Let other clients hold `slots` slots; 0 frees them, which the scheduler counts at the next heartbeat.

        Counts over the pipelines that there are now; does nothing while the cluster waits.
        """
        self._cluster.occupy(slots)

    def freeze(self) -> None:
        """Answer nothing and let no byte flow until `unfreeze`; connections are still accepted."""
        self._gate.close(_FROZEN)
        self._changes.notify()

    def unfreeze(self) -> None:
        """Go on after `freeze`."""
        self._gate.open(_FROZEN)
        self._changes.notify()

    def break_streams(self) -> None:
        """Reset every connection with an answer or without one; the scheduler and its workers go on."""
        self._lose_requests()
        self._listener.drop_connections()
        self._changes.notify()

    async def unreachable(self) -> None:
        """Close the port and drop every connection: clients are refused until `reachable`."""
        self._lose_requests()
        self._listener.close_port()
        self._changes.notify()

    async def unreachable_for(self, seconds: PositiveFloat) -> None:
        """As `unreachable`, and `reachable` again after `seconds` scheduler seconds."""
        await self.unreachable()
        self._tasks.start(self._reachable_after(seconds), "reachable again")

    async def reachable(self) -> None:
        """Open the same port again. Raises OSError when something else has taken it."""
        await self._listener.open_port()
        self._changes.notify()

    async def restart(self, *, initialise: bool = True, ready: bool = True) -> None:
        """End the scheduler process and start it again, the remedy for a hang; running answers are lost.

        `initialise` also repeats its init and starts the workers that live, `ready` without their waiting.
        """
        self._lose_requests()
        await self._tasks.cancel_all()
        self._listener.drop_connections()
        self._gate.open(_FROZEN)
        self._cluster.restart(initialise=initialise, ready=ready)

    # Answers

    def script(
        self,
        tokens: Script | Iterable[str | tuple[str, float] | Delta],
        *,
        reasoning: Iterable[str] = (),
        finish: str = "stop",
        fault: str | Fault | None = None,
        delay: float | None = None,
        prompt_tokens: int | None = None,
        match: str | None = None,
    ) -> None:
        """Answer the next chat request (the next whose question contains `match`) with exactly this.

        A token is a text, a (text, scheduler seconds since the token before), or a `Delta`; `reasoning` comes
        first. `fault` is written as in a `[[fault:…]]` tag. Raises ValueError for an unknown fault.
        """
        if not isinstance(tokens, Script):
            deltas = (*(Delta(text, reasoning=True) for text in reasoning), *map(Delta.of, tokens))
            parsed = Fault.parse(fault) if isinstance(fault, str) else fault
            tokens = Script(deltas, finish, parsed, delay, prompt_tokens)
        self._chat.queue(tokens, match)

    def replay(self, source: Recording | Path | str) -> Recording:
        """Answer the next request of the recording's method and path byte for byte from it.

        A plain name is looked up in `recordings_dir`. Raises OSError, RecordingError, or ValueError for a
        name without a directory to look in.
        """
        if isinstance(source, str):
            if self._recordings_dir is None or Path(source).name != source:
                raise ValueError(f"no recording {source!r}: a plain name and recordings_dir are needed")
            source = self._recordings_dir / f"{source}.txt"
        found = source if isinstance(source, Recording) else recordings.load(source)
        self._serving.replays.add(found)
        return found

    # Serving

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = Exchange(request, self._gate)
        body = await exchange.read()
        if exchange.path.startswith(CONTROL_PREFIX):
            with self._listener.kept(request):
                return await self._control.answer(exchange.method, exchange.path, body)
        return await self._serving.answer(exchange, body)

    async def _reachable_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self.reachable()

    def _lose_requests(self) -> None:
        for record in self.requests:
            record.end("lost", self._clock.now())
