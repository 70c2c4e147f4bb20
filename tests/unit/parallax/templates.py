"""How chat templates write a prompt down, and how it comes back decoded: with its special tokens or without."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bot.domain.chat import ChatMessage, Role

Render = Callable[[Sequence[ChatMessage]], str]

_SPECIAL = re.compile(r"<[|｜][^<>]*[|｜]>|</?s>|<bos>|</?(?:start|end)_of_turn>|\[/?INST\]")
QWEN = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
LLAMA = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
HARMONY = (
    "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\n\n"
    "Reasoning: medium\n\n"
    "# Valid channels: analysis, commentary, final. Channel must be included for every message."
)


def without_special_tokens(render: Render) -> Render:
    """The same as a tokenizer decodes it when it skips special tokens."""
    return lambda messages: _SPECIAL.sub("", render(messages))


def _system(messages: Sequence[ChatMessage]) -> str:
    return "\n".join(message.content.strip() for message in messages if message.role is Role.SYSTEM)


def _others(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    return [message for message in messages if message.role is not Role.SYSTEM]


def chatml(messages: Sequence[ChatMessage]) -> str:
    """Qwen 3, Hermes, Yi."""
    turns = (f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages)
    return "".join(turns) + "<|im_start|>assistant\n"


def qwen(messages: Sequence[ChatMessage]) -> str:
    """Qwen 2.5, which has a system prompt of its own; with the empty thinking of Qwen 3."""
    own = [] if _system(messages) else [ChatMessage(Role.SYSTEM, QWEN)]
    return chatml([*own, *messages]) + "<think>\n\n</think>\n\n"


def llama3(messages: Sequence[ChatMessage]) -> str:
    """Llama 3.1 and later, whose system prompt begins with dates."""
    system = ChatMessage(Role.SYSTEM, LLAMA + _system(messages))
    turns = (
        f"<|start_header_id|>{message.role}<|end_header_id|>\n\n{message.content.strip()}<|eot_id|>"
        for message in [system, *_others(messages)]
    )
    return "<|begin_of_text|>" + "".join(turns) + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def llama2(messages: Sequence[ChatMessage]) -> str:
    """Llama 2, whose marks are plain text."""
    out, system = "", _system(messages)
    before = f"<<SYS>>\n{system}\n<</SYS>>\n\n" if system else ""
    for message in _others(messages):
        if message.role is Role.USER:
            out += f"<s>[INST] {before}{message.content.strip()} [/INST]"
            before = ""
        else:
            out += f" {message.content.strip()} </s>"
    return out


def mistral(messages: Sequence[ChatMessage]) -> str:
    """Mistral 7B, which puts the system prompt before the last question."""
    out, system, others = "<s>", _system(messages), _others(messages)
    for message in others:
        if message.role is Role.USER:
            before = f"{system}\n\n" if message is others[-1] and system else ""
            out += f"[INST] {before}{message.content}[/INST]"
        else:
            out += f" {message.content}</s>"
    return out


def gemma(messages: Sequence[ChatMessage]) -> str:
    """Gemma, which has no role for the system prompt and calls the assistant ``model``."""
    out, system = "<bos>", _system(messages)
    before = f"{system}\n\n" if system else ""
    for message in _others(messages):
        role = "user" if message.role is Role.USER else "model"
        out += f"<start_of_turn>{role}\n{before}{message.content.strip()}<end_of_turn>\n"
        before = ""
    return out + "<start_of_turn>model\n"


def vicuna(messages: Sequence[ChatMessage]) -> str:
    """Vicuna: names and colons."""
    out = f"{_system(messages)} " if _system(messages) else ""
    for message in _others(messages):
        name = "USER" if message.role is Role.USER else "ASSISTANT"
        out += f"{name}: {message.content}" + (" " if name == "USER" else "</s>")
    return out + "ASSISTANT:"


def deepseek(messages: Sequence[ChatMessage]) -> str:
    """DeepSeek: nothing is left of it without special tokens."""
    out = "<｜begin▁of▁sentence｜>" + _system(messages)
    for message in _others(messages):
        if message.role is Role.USER:
            out += f"<｜User｜>{message.content}"
        else:
            out += f"<｜Assistant｜>{message.content}<｜end▁of▁sentence｜>"
    return out + "<｜Assistant｜>"


def kimi(messages: Sequence[ChatMessage]) -> str:
    """Kimi K2: role names without a line end."""
    turns = (
        f"<|im_{message.role}|>{message.role}<|im_middle|>{message.content}<|im_end|>" for message in messages
    )
    return "".join(turns) + "<|im_assistant|>assistant<|im_middle|>"


def harmony(messages: Sequence[ChatMessage]) -> str:
    """gpt-oss: a system prompt of its own, ours as the developer's, answers in a channel."""
    out = f"<|start|>system<|message|>{HARMONY}<|end|>"
    if _system(messages):
        out += f"<|start|>developer<|message|># Instructions\n\n{_system(messages)}<|end|>"
    for message in _others(messages):
        channel = "<|channel|>final" if message.role is Role.ASSISTANT else ""
        out += f"<|start|>{message.role}{channel}<|message|>{message.content}<|end|>"
    return out + "<|start|>assistant"


def phi(messages: Sequence[ChatMessage]) -> str:
    """Phi and GLM: a special token for each role."""
    turns = (f"<|{message.role}|>\n{message.content}<|end|>\n" for message in messages)
    return "".join(turns) + "<|assistant|>\n"


MARKED: dict[str, Render] = {
    render.__name__: render
    for render in (chatml, qwen, llama3, llama2, mistral, gemma, vicuna, deepseek, kimi, harmony, phi)
}
NAMED: dict[str, Render] = {
    f"{render.__name__} decoded": without_special_tokens(render)
    for render in (chatml, qwen, llama3, gemma, kimi, harmony)
}
BARE: dict[str, Render] = {
    f"{render.__name__} decoded": without_special_tokens(render) for render in (mistral, deepseek, phi)
}
"""Nothing but the messages is left."""
