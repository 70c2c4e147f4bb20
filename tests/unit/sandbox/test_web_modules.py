"""The page's pure modules, tested by Node's own test runner."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from sandbox import discord_api

_WEB = Path(discord_api.__file__).parent / "web"
_NODE = shutil.which("node")


@pytest.mark.skipif(_NODE is None and "CI" not in os.environ, reason="Node is not installed")
async def test_the_pages_modules() -> None:
    """Markdown, state, commands, formats and contrast: ``node --test`` passes."""
    assert _NODE is not None, "CI needs Node"
    tests = sorted(str(path) for path in (_WEB / "tests").glob("*.test.mjs"))
    assert tests
    process = await asyncio.create_subprocess_exec(
        _NODE, "--test", *tests, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
