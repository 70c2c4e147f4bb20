"""Choose the answer to a chat request: its tokens, end, fault and style."""

import json
from dataclasses import dataclass, field, replace
from typing import Final

from sandbox.parallax import models, wire
from sandbox.parallax.directives import Directives, as_messages, content_of, question_of
from sandbox.parallax.script import Delta, Script, WireStyle, deltas_of
from sandbox.parallax.text import Writer
from sandbox.parallax.tokenizer import TOKENIZERS, Tokenizer, TokenizerName
from sandbox.parallax.wire import Json, JsonObject

__all__ = ["Answer", "AnswerOptions", "compose"]

_TOOL_ARGUMENTS: Final = {"city": "Paris"}
_LIMIT_FIELDS: Final = ("max_completion_tokens", "max_tokens")


@dataclass(slots=True)
class AnswerOptions:
    """What the double's answers are like; may be changed while it runs."""

    seed: int = 7
    tokenizer: TokenizerName = TokenizerName.COARSE
    style: WireStyle = field(default_factory=WireStyle)
    thinking: bool | None = None
    """Whether the model reasons before it answers; None goes by the model's name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about an answer but its timing."""

    script: Script
    """The tokens in the order and form in which they are sent."""
    prompt_tokens: int
    style: WireStyle
    speed: float | None
    """Tokens per scheduler second that the question asked for; None follows the double's speed."""
    include_usage: bool
    decoded_prompt: str = ""
    """The prompt as the worker's front sends it back when there is no token; empty when it does not."""
    refusal: JsonObject | None = None
    """The body of the 400 that the worker's front answers instead."""


def compose(
    body: JsonObject, *, script: Script | None, model: str, options: AnswerOptions, continues: bool = False
) -> Answer:
    """The answer to a request: `script` when a test has queued one, else what the question asks for.

    `max_tokens` counts reasoning too. `continues`: of an answer whose beginning the request brings along only
    the rest is given. Raises ValueError for an unknown `[[style:…]]`.
    """
    messages = as_messages(body.get("messages"))
    contents = [content_of(message) for message in messages]
    directives = Directives.read(question_of(messages))
    style = options.style
    for name in directives.styles:
        style = style.with_option(name)
    if script is None:
        script = _written(body, directives, model, options)
        if continues and _wants_rest(body) and contents:
            script = _rest(script, contents[-1])
    outgoing = replace(script, deltas=tuple(deltas_of(script, style.reasoning))).limited(_max_tokens(body))
    counted = TOKENIZERS[options.tokenizer].prompt_tokens(contents)
    return Answer(
        script=outgoing,
        prompt_tokens=counted if outgoing.prompt_tokens is None else outgoing.prompt_tokens,
        style=style,
        speed=directives.speed,
        include_usage=_wants_usage(body),
        decoded_prompt=_decoded(body) if style.prompt_echo else "",
        refusal=_refusal(body) if continues else None,
    )


def _written(body: JsonObject, directives: Directives, model: str, options: AnswerOptions) -> Script:
    tokenizer = TOKENIZERS[options.tokenizer]
    writer = Writer(seed=options.seed, question=directives.question, tokenizer=tokenizer)
    finish = "stop"
    if directives.tool is not None and body.get("tools"):
        deltas = _tool_call(directives.tool, tokenizer)
        finish = "tool_calls"
    else:
        deltas = [Delta(text) for text in _said(body, directives, writer, tokenizer)]
    if _thinks(body, directives, model, options):
        deltas = [*(Delta(text, reasoning=True) for text in writer.thoughts()), *deltas]
    return Script(tuple(deltas), finish, directives.fault, directives.prefill)


def _said(body: JsonObject, directives: Directives, writer: Writer, tokenizer: Tokenizer) -> list[str]:
    if directives.tool is not None:
        # a model that was offered no tools writes its call as text (recording 105)
        called = json.dumps({"name": directives.tool, "arguments": _TOOL_ARGUMENTS})
        return ["<tool_call>", "\n", *tokenizer.pieces(called), "\n", "</tool_call>"]
    if directives.echo:
        return tokenizer.pieces(_listing(body))
    return writer.answer(directives.tokens)


def _tool_call(name: str, tokenizer: Tokenizer) -> list[Delta]:
    """A tool call in pieces: the name first, then the arguments (recording 104)."""
    began: JsonObject = {"index": 0, "id": "call_0123456789abcdef", "type": "function", "function": {"name": name}}
    pieces = tokenizer.pieces(json.dumps(_TOOL_ARGUMENTS))
    rest: list[JsonObject] = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    return [Delta("", tool_call=call) for call in (began, *rest)]


def _decoded(body: JsonObject) -> str:
    """The prompt in Qwen's chat template, without its special tokens."""
    messages = as_messages(body.get("messages"))
    turns = [f"{message.get('role')}\n{content_of(message)}" for message in messages]
    return "\n".join(turns if _wants_rest(body) else [*turns, "assistant\n"])


def _wants_rest(body: JsonObject) -> bool:
    return body.get("continue_final_message") is True


def _refusal(body: JsonObject) -> JsonObject | None:
    """Why vLLM would not go on with the last message (from its source)."""
    if not _wants_rest(body):
        return None
    if body.get("add_generation_prompt", True) is not False:
        return wire.BOTH_PROMPTS
    messages = as_messages(body.get("messages"))
    return None if messages and messages[-1].get("role") == "assistant" else wire.NOTHING_TO_CONTINUE


def _rest(script: Script, beginning: str) -> Script:
    """`script` without its first words, if `beginning` is those. A model that has begun does not think again."""
    said = [delta for delta in script.deltas if not delta.reasoning]
    told = ""
    while said and beginning.startswith(told + said[0].text):
        told += said.pop(0).text
    if told != beginning:
        return script
    return replace(script, deltas=tuple(said))


def _thinks(body: JsonObject, directives: Directives, model: str, options: AnswerOptions) -> bool:
    template = body.get("chat_template_kwargs")
    if isinstance(template, dict) and template.get("enable_thinking") is False:
        return False
    by_model = models.is_thinking(model) if options.thinking is None else options.thinking
    return by_model or directives.reasoning


def _listing(body: JsonObject) -> str:
    heard: list[dict[str, Json]] = [
        {"role": message.get("role"), "content": content_of(message)}
        for message in as_messages(body.get("messages"))
    ]
    return "```json\n" + json.dumps(heard, ensure_ascii=False, indent=1) + "\n```"


def _max_tokens(body: JsonObject) -> int | None:
    for name in _LIMIT_FIELDS:
        limit = body.get(name)
        if isinstance(limit, int) and not isinstance(limit, bool):
            return max(0, limit)
    return None


def _wants_usage(body: JsonObject) -> bool:
    wanted = body.get("stream_options")
    return isinstance(wanted, dict) and wanted.get("include_usage") is True
