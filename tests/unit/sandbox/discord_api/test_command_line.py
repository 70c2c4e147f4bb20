"""``python -m sandbox`` as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp


async def test_it_says_where_it_is_and_ends_with_a_signal(tmp_path: Path) -> None:
    """One JSON line, the same in the ready file; a taken port is no obstacle; exit code 0."""
    taken = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    ready = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox", "--port", str(port), "--parallax-port", "0", "--ready-file", str(ready)),
        *("--token", "mine", "--intents", "members,message_content", "--permissions", "manage_roles"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        told = json.loads(line)
        assert json.loads(ready.read_text()) == told
        assert f":{port}/" not in told["page_url"]
        assert (told["token"], told["intents"]) == ("mine", ["members", "message_content"])
        assert told["gateway_url"].startswith("ws://")
        assert told["application_id"].isdecimal()
        assert {len(told[key]) for key in ("admin_user_ids", "admin_role_ids", "admin_guild_ids")} == {1}
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bot {told['token']}"}
            async with session.get(f"{told['discord_api_url']}/users/@me", headers=headers) as answer:
                assert answer.status == 200
            async with session.get(f"{told['parallax_url']}/cluster/status_json") as answer:
                assert answer.status < 500
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        taken.close()
        await taken.wait_closed()
