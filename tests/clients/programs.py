"""Ask the API with one client, and print what worked as JSON: run in an environment that has this client.

``python programs.py CLIENT BASE KEY STEP…``; it uses nothing of the project.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather",
        "parameters": {"type": "object", "properties": {}},
    },
}
QUESTION, LONG, CALL = "Why? [[n=6]]", "Why? [[n=4000]]", "Why? [[tool:weather]]"
MODEL = "Qwen/Qwen3-8B"
Steps = dict[str, Callable[[], object]]


def asked(text: str) -> list[dict[str, str]]:
    """The messages of a question."""
    return [{"role": "user", "content": text}]


def fails_with(status: int, act: Callable[[], object]) -> bool:
    """Whether ``act`` is refused with this status."""
    try:
        act()
    except Exception as error:  # noqa: BLE001  # each client has classes of its own
        return getattr(error, "status_code", None) == status or str(status) in str(error)
    return False


def litellm(base: str, key: str) -> Steps:
    """LiteLLM's ``completion``."""
    library: Any = importlib.import_module("litellm")

    def ask(text: str, secret: str = key, **more: object) -> Any:
        return library.completion(
            model=f"openai/{MODEL}", api_base=f"{base}/v1", api_key=secret, messages=asked(text), **more
        )

    def cancelled() -> bool:
        stream = ask(LONG, stream=True)
        next(iter(stream))
        stream.completion_stream.close()
        return True

    return {
        "models": lambda: library.get_valid_models(
            check_provider_endpoint=True, custom_llm_provider="openai", api_base=base, api_key=key
        ),
        "chat": lambda: ask(QUESTION).choices[0].message.content,
        "stream": lambda: "".join(one.choices[0].delta.content or "" for one in ask(QUESTION, stream=True)),
        "tools": lambda: ask(CALL, tools=[WEATHER]).choices[0].message.tool_calls,
        "cancel": cancelled,
        "wrong_key": lambda: fails_with(401, lambda: ask(QUESTION, "plx-wrong")),
        "busy": lambda: ask(QUESTION).choices[0].message.content,
    }


def langchain(base: str, key: str) -> Steps:
    """LangChain's ``ChatOpenAI``, which lists no models."""
    library: Any = importlib.import_module("langchain_openai")

    def model(secret: str = key) -> Any:
        return library.ChatOpenAI(base_url=f"{base}/v1", api_key=secret, model=MODEL)

    def cancelled() -> bool:
        stream = model().stream(LONG)
        next(stream)
        stream.close()
        return True

    return {
        "chat": lambda: model().invoke(QUESTION).content,
        "stream": lambda: "".join(str(one.content) for one in model().stream(QUESTION)),
        "tools": lambda: model().bind_tools([WEATHER]).invoke(CALL).tool_calls,
        "cancel": cancelled,
        "wrong_key": lambda: fails_with(401, lambda: model("plx-wrong").invoke(QUESTION)),
        "busy": lambda: model().invoke(QUESTION).content,
    }


def llm(base: str, key: str) -> Steps:
    """The command ``llm``, which lists what its own file names."""
    folder = Path(tempfile.mkdtemp())
    entry = f"- model_id: plx\n  model_name: {MODEL}\n  api_base: {base}/v1\n  api_key_name: plx\n"
    (folder / "extra-openai-models.yaml").write_text(entry, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("llm")), "-m", "plx"]
    surroundings = {**os.environ, "LLM_USER_PATH": str(folder)}

    def run(*more: str, secret: str = key) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # the client itself
            [*command, *more, "--key", secret],
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def said(*more: str) -> str:
        done = run(*more, QUESTION)
        return done.stdout.strip() if done.returncode == 0 else ""

    def cancelled() -> bool:
        with subprocess.Popen(  # the client itself
            [*command, LONG, "--key", key], env=surroundings, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            process.kill()
        return True

    return {
        "chat": lambda: said("--no-stream"),
        "stream": said,
        "cancel": cancelled,
        "wrong_key": lambda: "401" in run(QUESTION, secret="plx-wrong").stderr,
        "busy": said,
    }


def aider(base: str, key: str) -> Steps:
    """The command ``aider``, with one question that changes no file."""
    folder = tempfile.mkdtemp()

    def run(*more: str) -> str:
        done = subprocess.run(  # the client itself
            [
                str(Path(sys.executable).with_name("aider")),
                *("--model", f"openai/{MODEL}", "--openai-api-base", f"{base}/v1", "--openai-api-key", key),
                *("--no-git", "--yes-always", "--no-check-update", "--no-analytics", "--no-show-model-warnings"),
                *("--no-pretty", "--no-gitignore", "--no-detect-urls", "--edit-format", "ask", *more),
            ],
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, "HOME": folder},
        )  # fmt: skip
        return done.stdout + done.stderr

    def said(*more: str) -> bool:
        return "Tokens:" in run("--message", QUESTION, *more)

    return {
        "chat": lambda: said("--no-stream"),
        "stream": lambda: said("--stream"),
        "busy": said,
    }


CLIENTS: dict[str, Callable[[str, str], Steps]] = {
    "litellm": litellm,
    "langchain-openai": langchain,
    "llm": llm,
    "aider-chat": aider,
}


def main() -> None:
    """Run the steps and print how each went."""
    name, base, key, *wanted = sys.argv[1:]
    told: dict[str, str] = {}
    for step, act in CLIENTS[name](base, key).items():
        if step not in wanted:
            continue
        try:
            told[step] = "ok" if act() else "nothing came"
        except Exception as error:  # noqa: BLE001  # each client has classes of its own
            told[step] = f"{type(error).__name__}: {error}"[:200]
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
