"""Each scheduler: whether it answers, how fast, what it runs, and who else reaches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from bot.addresses import ClusterSettings, without_login
from bot.clock import SystemClock
from bot.domain.chat import ChatMessage, ChatRequest, Role, Text
from bot.domain.checkup import Finding, broken, ok, warning
from bot.errors import BotError, RequestRefused, SchedulerError
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.settings import Settings

PATIENCE = 10.0
"""Seconds for one request."""

SLOW = 1.0
"""Seconds of a report, from which the scheduler or the way to it is slow."""

# Every model can continue this; a model that is not shown its own beginning counts from the start, or chats.
_COUNTING = ChatRequest(
    messages=(
        ChatMessage(Role.USER, "Count from one to nine in English words, separated by commas. Only the words."),
        ChatMessage(Role.ASSISTANT, "one, two, three, four,"),
    ),
    max_tokens=8,
    temperature=0.0,
    think=False,
    goes_on=True,
)
_NEXT = "five"
_LISTENS = "0A"  # the state of a socket in /proc/net/tcp (proc_pid_net(5))
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")


async def check(settings: Settings) -> tuple[Finding, ...]:
    """The findings of each scheduler, side by side; one that is ready is asked a short question."""
    return await _each(settings, asks=True)


async def look(settings: Settings) -> tuple[Finding, ...]:
    """The same without the question."""
    return await _each(settings, asks=False)


async def _each(settings: Settings, *, asks: bool) -> tuple[Finding, ...]:
    found = await asyncio.gather(*(_cluster(settings, cluster, asks=asks) for cluster in settings.clusters))
    return tuple(finding for findings in found for finding in findings)


async def _cluster(settings: Settings, cluster: ClusterSettings, *, asks: bool) -> Sequence[Finding]:
    """What is found, with the cluster's name after each subject where it has one."""
    found = [finding async for finding in _findings(settings, cluster, asks=asks)]
    return [replace(one, what=f"{one.what} {cluster.name}".strip()) for one in found]


async def _findings(settings: Settings, cluster: ClusterSettings, *, asks: bool) -> AsyncIterator[Finding]:
    clock = SystemClock()
    async with _client(settings, cluster, cluster.api_key) as client:
        try:
            began = clock.monotonic()
            status = await client.status()
            took = clock.monotonic() - began
        except BotError as error:
            yield broken("scheduler", f"{without_login(cluster.url)}: {error}")
            return
        nodes = f"{status.ready_nodes} of {len(status.nodes)} nodes ready"
        detail = f"{status.model or 'no model yet'}, {status.state.value}, {nodes}"
        dialect = "documented" if status.capacity is None else "current"
        if took > SLOW:
            remedy = "look at the machine's load and the way to it"
            yield warning("scheduler", f"{detail}; it took {took:.1f} s to answer", remedy)
        else:
            yield ok("scheduler", f"{detail}; {took * 1000:.0f} ms, the {dialect} dialect")
        yield await _stream(client)
        yield await _others(settings, cluster)
        if asks and status.ready_nodes:
            yield await _prefix(client, wanted=settings.parallax_assistant_prefix)


@asynccontextmanager
async def _client(settings: Settings, cluster: ClusterSettings, api_key: str) -> AsyncIterator[ParallaxClient]:
    timeouts = Timeouts(connect=settings.parallax_connect_timeout, first_byte=PATIENCE, control=PATIENCE)
    client = ParallaxClient(cluster.url, timeouts=timeouts, clock=SystemClock(), api_key=api_key)
    try:
        yield client
    finally:
        await client.aclose()


async def _stream(client: ParallaxClient) -> Finding:
    what = "status stream"
    try:
        async with client.watch_status() as reports:
            await anext(reports)
    except BotError as error:
        return broken(
            what, f"no report came: {error}", "look whether a proxy before the scheduler holds streams back"
        )
    return ok(what, "reports come")


async def _others(settings: Settings, cluster: ClusterSettings) -> Finding:
    """Who else reaches the scheduler, which has no login of its own."""
    what, parts = "access", urlsplit(cluster.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        listening = await asyncio.to_thread(_sockets)
        if listens_openly(listening, port):
            remedy = (
                "let it listen on 127.0.0.1, or put a firewall before it: whoever reaches it may use and change it"
            )
            return warning(what, f"port {port} listens on every address of this machine", remedy)
        return ok(what, f"port {port} listens on this machine only" if listening else "on this machine")
    if "@" in parts.netloc or cluster.api_key:
        return await _without_login(settings, cluster)
    remedy = "let a firewall pass only this machine and the nodes, or put a proxy with a login before it"
    return warning(what, "whoever reaches the scheduler may use and change it: it wants no login", remedy)


async def _without_login(settings: Settings, cluster: ClusterSettings) -> Finding:
    bare = replace(cluster, url=without_login(cluster.url))
    async with _client(settings, bare, "") as stranger:
        try:
            await stranger.status()
        except BotError:
            return ok("access", "a login is wanted")
    remedy = "configure the proxy so that it refuses requests without one"
    return warning("access", "the scheduler answers without the login too", remedy)


def _sockets() -> str:
    found = []
    for name in ("tcp", "tcp6"):
        try:
            found.append(Path("/proc/net", name).read_text(encoding="ascii"))
        except OSError:
            continue  # not Linux
    return "".join(found)


def listens_openly(sockets: str, port: int) -> bool:
    """Whether a socket of this machine listens on ``port`` for others too, by the text of /proc/net/tcp and
    tcp6."""
    for line in sockets.splitlines():
        parts = line.split()
        if len(parts) > 3 and parts[3] == _LISTENS:
            address, _, number = parts[1].partition(":")
            if number == f"{port:04X}" and address not in _LOOPBACK:
                return True
    return False


async def _prefix(client: ParallaxClient, *, wanted: bool) -> Finding:
    what = "answers"
    try:
        async with client.stream_chat(_COUNTING) as events:
            text = "".join([event.text async for event in events if isinstance(event, Text)])
    except RequestRefused:
        text = ""
    except SchedulerError as error:
        return broken(what, f"the cluster did not answer a short question: {error}")
    if text.strip().lower().startswith(_NEXT):
        advice = "" if wanted else "PARALLAX_ASSISTANT_PREFIX=true makes use of it"
        return ok(what, "the nodes go on with an answer that broke off", advice)
    detail = "the nodes start again when an answer broke off"
    return broken(what, detail, "set PARALLAX_ASSISTANT_PREFIX=false") if wanted else ok(what, detail)
