"""Instructions for joining the cluster with a machine."""

from __future__ import annotations

from bot.domain.status import ClusterStatus, JoinCommand
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.presentation.status import Accent, Card, in_code

SYSTEMS = ("linux", "macos", "windows")


def joined_memory(status: ClusterStatus | None) -> float:
    """GB of all GPUs that have joined."""
    return sum(node.gpu_memory * node.gpu_count for node in status.nodes) if status is not None else 0.0


def join_card(
    locale: str,
    join: JoinCommand | None,
    status: ClusterStatus | None,
    *,
    system: str = "linux",
    came: str = "",
    cluster: str = "",
) -> Card:
    """The card about joining from this ``system``, and what joining reveals. ``came`` is a sentence about a node
    that has just joined, ``cluster`` the name of the cluster where there are several.

    Sources, in GradientHQ/parallax: the steps are docs/user_guide/install.md ("From Source", "Windows
    Application", "Docker"); ports and "lattica RPC call failed" are the FAQ of docs/user_guide/quick_start.md; the
    servers on port 18080 are in src/parallax/cli.py (``PUBLIC_RELAY_SERVERS``); a symmetric NAT ends the program
    where relays are in use ("relay does not work on this type of NAT", src/backend/server/scheduler_manage.py);
    "No peers found" is issue 286, WSL's mirrored network is issue 86. That Parallax on Windows runs in WSL 2, and
    the least card there, are from the README of GradientHQ/parallax_win_cli. The seconds until a node is listed
    were measured on the real scheduler.
    """
    named = f" · {escape_inline(cluster)}" if cluster else ""
    title = f"### {say(locale, 'join.title')}{named}"
    if join is None:
        return Card((title, say(locale, "join.not_initialised")), Accent.WAITING)
    sections = [
        title,
        f"{say(locale, 'join.command')}\n```sh\n{in_code(join.command)}\n```",
        say(locale, f"join.steps_{system}"),
        say(locale, "join.public" if join.public else "join.local"),
        say(locale, "join.obstacles_public" if join.public else "join.obstacles_local"),
        f"-# {say(locale, 'join.warning')}",
    ]
    if status is not None:
        progress = say(locale, "join.progress", ready=status.ready_nodes, total=len(status.nodes))
        sections.append(f"-# {progress}")
    if came:
        sections.append(f"✓ {came}")
    return Card(tuple(sections), Accent.GOOD)
