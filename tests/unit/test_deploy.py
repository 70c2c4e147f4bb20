"""What the files in ``deploy`` promise agrees with the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from bot.workers import chart_drawing, documents, text_encoding
from bot.workers.subprocesses import AT_ONCE

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy/parallax-discord.service").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
CHART = ROOT / "deploy/helm/parallax-discord"
BOT_BYTES = 200_000_000
MOST_EXPOSED = 20
"""In tenths, as ``systemd-analyze security --threshold`` takes it: 0 is nothing, 100 everything."""


def tool(name: str) -> str:
    """Where a program is; skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed, so nothing here checks what it would")
    return found


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )


def number(pattern: str, text: str) -> int:
    """The number that a pattern finds in its only place."""
    (found,) = re.findall(pattern, text, flags=re.MULTILINE)
    return int(found)


def test_o3_memory_is_limited_and_enough_for_the_children() -> None:
    """The same in a container and as a service; a child ends at its own limit before the bot does."""
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    limits = [
        number(r"^ +mem_limit: (\d+)m$", COMPOSE),
        number(r"^MemoryMax=(\d+)M$", UNIT),
        number(r"^  limits: {memory: (\d+)Mi}$", values),
    ]
    assert len(set(limits)) == 1
    child = max(module.MEMORY_BYTES for module in (chart_drawing, documents, text_encoding))
    assert BOT_BYTES + AT_ONCE * child <= limits[0] * 1024 * 1024


def test_o3_processes_are_limited() -> None:
    """Threads count too: three of the database, those of asyncio and of each child."""
    limits = [number(r"^ +pids_limit: (\d+)$", COMPOSE), number(r"^TasksMax=(\d+)$", UNIT)]
    assert limits == [128, 128]


def test_q11_the_unit_does_not_repeat_what_a_start_cannot_cure() -> None:
    """Exit code 2 is a setting (``bot/cli.py``); the documents say the same."""
    assert number(r"^RestartPreventExitStatus=(\d+)$", UNIT) == 2
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert "Exit code 2 is a setting" in page
    assert "`RestartPreventExitStatus=2`" in page


def test_the_unit_leaves_the_bot_little_of_the_machine() -> None:
    """By systemd's own count."""
    done = run(
        tool("systemd-analyze"),
        "security",
        "--offline=yes",
        f"--threshold={MOST_EXPOSED}",
        ROOT / "deploy/parallax-discord.service",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    """With a program that is there in the place of the installed one."""
    unit = tmp_path / "parallax-discord.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", UNIT), encoding="utf-8")
    done = run(tool("systemd-analyze"), "verify", unit)
    assert done.returncode == 0, done.stderr
    assert "parallax-discord.service:" not in done.stderr


def test_the_image_is_not_root_and_takes_only_what_the_build_may_see() -> None:
    """As a number, which Kubernetes can compare with 0."""
    assert re.findall(r"(?m)^USER (.*)$", DOCKERFILE) == ["10001"]
    visible = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    taken = set(re.findall(r"(?m)^COPY (?!--from)(\S+) ", DOCKERFILE))
    assert taken == visible


@pytest.mark.parametrize(("bind", "healthy"), [("", True), ("127.0.0.1:{free}", False), (":{free}", False)])
def test_the_health_check_asks_where_the_bot_listens(bind: str, healthy: bool) -> None:
    """And no proxy; without an address there is nothing to ask."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        free = server.getsockname()[1]
    (check,) = re.findall(r"HEALTHCHECK [^\n]* CMD (\[(?:.|\n)*?\])\n", DOCKERFILE)
    command = json.loads(check.replace("\\\n", ""))
    assert command[:2] == ["python", "-c"]
    done = run(sys.executable, "-c", command[2], HTTP_BIND=bind.format(free=free), HTTP_PROXY="http://127.0.0.1:1")
    assert (done.returncode == 0) is healthy, done.stderr
    assert healthy or "Connection refused" in done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = run(tool("hadolint"), ROOT / "deploy/Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_chart_has_the_version_of_the_bot() -> None:
    """Its image is tagged so."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f'appVersion: "{version}"' in (CHART / "Chart.yaml").read_text(encoding="utf-8")


def test_the_chart_is_rendered_for_both_databases() -> None:
    """One pod and a volume with SQLite; two, replaced one by one, with PostgreSQL."""
    helm = tool("helm")
    sqlite = run(helm, "template", "team", CHART, "--set", "secrets.existing=bot")
    assert sqlite.returncode == 0, sqlite.stderr
    assert "replicas: 1" in sqlite.stdout
    assert "strategy: {type: Recreate}" in sqlite.stdout
    assert "kind: PersistentVolumeClaim" in sqlite.stdout
    server = run(helm, "template", "team", CHART, "--set", "secrets.existing=bot,database=postgresql")
    assert server.returncode == 0, server.stderr
    assert "replicas: 2" in server.stdout
    assert "type: RollingUpdate" in server.stdout
    assert "kind: PodDisruptionBudget" in server.stdout
    assert "PersistentVolumeClaim" not in server.stdout


def test_the_chart_refuses_what_cannot_work(tmp_path: Path) -> None:
    """No token, a token among what everybody who sees the cluster can read, and an id that Helm would round."""
    helm = tool("helm")
    assert "has no DISCORD_TOKEN" in run(helm, "template", "team", CHART).stderr
    open_token = "secrets.existing=bot,settings.DISCORD_TOKEN=x"
    assert run(helm, "template", "team", CHART, "--set", open_token).returncode != 0
    rounded = tmp_path / "values.yaml"
    rounded.write_text("settings: {ADMIN_USER_IDS: 123456789012345678}\n", encoding="utf-8")
    refused = run(helm, "template", "team", CHART, "--set", "secrets.existing=bot", "-f", rounded)
    assert "ADMIN_USER_IDS" in refused.stderr
