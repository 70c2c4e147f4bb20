"""What a program may ask: the request of OpenAI's chat completions, checked where the bot relies on it.

What the bot does not read itself is passed on as it is: the cluster's engine knows which sampling options it has.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from bot.api import bounds
from bot.api.errors import ApiError, invalid

Json = dict[str, JsonValue]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Takes whole numbers that are written like 5.0, which JSON does not tell apart."""


class Message(BaseModel):
    """A message of the chat. ``content`` is a text, or OpenAI's list of parts."""

    model_config = ConfigDict(extra="allow", strict=True)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Json] | None = None


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = ConfigDict(extra="ignore", strict=True)

    include_usage: bool = False


class ChatCompletion(BaseModel):
    """A request for an answer. Numbers are in OpenAI's ranges; None: the cluster's own."""

    model_config = ConfigDict(extra="ignore", strict=True)

    messages: Annotated[list[Message], Field(min_length=1, max_length=bounds.MESSAGES)]
    model: Annotated[str, Field(max_length=bounds.NAME)] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000), WHOLE] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=10_000_000), WHOLE] | None = None
    n: Annotated[int, Field(ge=1, le=1), WHOLE] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=10_000), WHOLE] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), WHOLE] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20), WHOLE] | None = None
    logit_bias: dict[str, float] | None = None
    tools: Annotated[list[Json], Field(max_length=bounds.TOOLS)] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[Json], Field(max_length=bounds.TOOLS)] | None = None
    function_call: str | Json | None = None
    response_format: Json | None = None
    reasoning_effort: Annotated[str, Field(max_length=20)] | None = None
    chat_template_kwargs: Json | None = None
    parallax_metrics: bool = False


_OWN = {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "parallax_metrics"}
"""What the bot sets or reads itself."""


def read_chat(raw: bytes) -> ChatCompletion:
    """The request in a body. Raises :class:`ApiError` that names the field which is wrong."""
    try:
        return ChatCompletion.model_validate_json(raw)
    except ValidationError as error:
        raise _told(error) from None


def _told(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if not where:
        return invalid("The body is not a JSON object of a chat completion.")
    return invalid(f"{where}: {first['msg']}", str(first["loc"][0]))


def asked(request: ChatCompletion, *, model: str | None, most: int) -> dict[str, object]:
    """What the scheduler is asked: ``model`` is the one that runs, None for one that nobody names, ``most`` the
    longest answer in tokens."""
    body: dict[str, object] = request.model_dump(mode="json", exclude_none=True, exclude=_OWN)
    if model is not None:
        body["model"] = model
    wanted = request.max_completion_tokens or request.max_tokens or most
    body["max_tokens"] = min(wanted, most)
    return body
