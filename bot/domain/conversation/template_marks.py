"""Marks of chat templates, which people's texts must not bring into a prompt.

A chat template puts such marks between the messages of a prompt, and a tokenizer reads them wherever they stand: a
question that contains one could end itself and begin a message of somebody else. Sources: the chat templates of
Qwen, Llama, Mistral, Gemma, Phi, DeepSeek, GLM and gpt-oss (``tokenizer_config.json`` and ``chat_template.jinja``
on Hugging Face).
"""

from __future__ import annotations

import re

_BARS = "|｜"
_MARK = re.compile(
    rf"""
      <(?=/?[{_BARS}][^{_BARS}<>\n]{{1,64}}[{_BARS}]>)        # <|im_end|>, <|eot_id|>, <｜User｜>, <|channel|>
    | <(?=/?(?:s|bos|eos|pad|unk|sop|eop|eod)>)               # <s>, </s>, <bos>
    | <(?=(?:start|end)_of_(?:turn|image|text)>|unused\d+>)   # <start_of_turn>
    | <(?=/?(?:think|tool_call|tool_response|tools?)>)        # <tool_call>, </think>
    | <(?=</?SYS>>)                                           # <<SYS>>
    | \[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|IMG|g?MASK)\])  # [INST]
    """,
    re.VERBOSE | re.IGNORECASE,
)


def break_marks(text: str) -> str:
    """``text`` with a space after the first character of every mark, so that no tokenizer reads it as one."""
    return _MARK.sub(r"\g<0> ", text)
