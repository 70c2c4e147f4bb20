"""What `/model/list` offers, in the recorded order (recording 01) and in both dialects."""

import re
from typing import Final

from sandbox.parallax.wire import JsonObject

__all__ = ["MODELS", "is_thinking", "listed", "vram_gb"]

_RECORDED: Final = """\
Qwen/Qwen3-0.6B 2
moonshotai/Kimi-K2-Instruct 0
moonshotai/Kimi-K2-Instruct-0905 0
moonshotai/Kimi-K2-Thinking 0
openai/gpt-oss-20b 16
openai/gpt-oss-120b 85
openai/gpt-oss-safeguard-20b 0
openai/gpt-oss-safeguard-120b 0
zai-org/GLM-4.6 0
zai-org/GLM-4.6-FP8 0
zai-org/GLM-4.5-Air 0
zai-org/GLM-4.7 0
zai-org/GLM-4.7-Flash 0
zai-org/GLM-5.1 0
zai-org/GLM-5.1-FP8 0
zai-org/GLM-5.2 0
MiniMaxAI/MiniMax-M2.7 0
MiniMaxAI/MiniMax-M2.1 0
MiniMaxAI/MiniMax-M2 0
MiniMaxAI/MiniMax-M3 0
deepseek-ai/DeepSeek-V3.1 0
deepseek-ai/DeepSeek-V3 0
deepseek-ai/DeepSeek-V2.5-1210 0
deepseek-ai/DeepSeek-R1 0
deepseek-ai/DeepSeek-V3.2 0
stepfun-ai/Step-3.5-Flash 0
Qwen/Qwen2.5-0.5B-Instruct 2
Qwen/Qwen2.5-1.5B-Instruct 5
Qwen/Qwen2.5-3B-Instruct 9
Qwen/Qwen2.5-7B-Instruct 21
Qwen/Qwen2.5-14B-Instruct 41
Qwen/Qwen2.5-32B-Instruct 92
Qwen/Qwen2.5-72B-Instruct 205
Qwen/Qwen3-0.6B-FP8 2
Qwen/Qwen3-1.7B 5
Qwen/Qwen3-1.7B-FP8 3
Qwen/Qwen3-4B 12
Qwen/Qwen3-4B-FP8 7
Qwen/Qwen3-4B-Instruct-2507 12
Qwen/Qwen3-4B-Instruct-2507-FP8 7
Qwen/Qwen3-4B-Thinking-2507 12
Qwen/Qwen3-4B-Thinking-2507-FP8 7
Qwen/Qwen3-8B 22
Qwen/Qwen3-8B-FP8 12
Qwen/Qwen3-14B 41
Qwen/Qwen3-14B-FP8 22
Qwen/Qwen3-32B 92
Qwen/Qwen3-32B-FP8 47
Qwen/Qwen3-30B-A3B 87
Qwen/Qwen3-30B-A3B-Instruct-2507-FP8 0
Qwen/Qwen3-30B-A3B-Thinking-2507-FP8 0
Qwen/Qwen3-Next-80B-A3B-Instruct 0
Qwen/Qwen3-Next-80B-A3B-Instruct-FP8 0
Qwen/Qwen3-Next-80B-A3B-Thinking 0
Qwen/Qwen3-Next-80B-A3B-Thinking-FP8 0
Qwen/Qwen3.5-0.8B 0
Qwen/Qwen3.5-35B-A3B 0
Qwen/Qwen3.6-35B-A3B 0
Qwen/Qwen3.6-27B 0
Qwen/Qwen3-235B-A22B-Instruct-2507-FP8 0
Qwen/Qwen3-235B-A22B-Thinking-2507-FP8 0
Qwen/Qwen3-235B-A22B-GPTQ-Int4 0
nvidia/Llama-3.1-8B-Instruct-FP8 0
nvidia/Llama-3.1-70B-Instruct-FP8 0
nvidia/Llama-3.3-70B-Instruct-FP8 0
"""

MODELS: Final[dict[str, int]] = {
    name: int(gigabytes) for name, gigabytes in (line.split() for line in _RECORDED.splitlines())
}
"""Model name to the GB of memory it needs; 0 means that the scheduler does not know."""

_SIZE: Final = re.compile(r"-(\d+(?:\.\d+)?B)(?:-|$)", re.IGNORECASE)
_THINKING: Final = re.compile(r"thinking|-r1\b|gpt-oss", re.IGNORECASE)


def vram_gb(model: str) -> int:
    """The GB that `model` needs, 0 when unknown. Raises KeyError for a model that is not offered."""
    return MODELS[model]


def is_thinking(model: str) -> bool:
    """Whether the name belongs to a model that reasons before it answers."""
    return _THINKING.search(model) is not None


def listed(*, documented: bool) -> JsonObject:
    """The body of `/model/list`: `vram_gb` today, `size` and `provider` in the documented dialect."""
    if not documented:
        return {"type": "model_list", "data": [{"name": name, "vram_gb": gb} for name, gb in MODELS.items()]}
    return {"type": "model_list", "data": [_documented(name) for name in MODELS]}


def _documented(name: str) -> JsonObject:
    size = _SIZE.search(name)
    return {"name": name, "size": size.group(1) if size else "unknown", "provider": name.partition("/")[0]}
