"""The API's description, as OpenAPI 3.1."""

from __future__ import annotations

from functools import cache

from bot.api.schemas import ChatCompletion

Json = dict[str, object]
_ERRORS = (400, 401, 403, 404, 413, 429, 500, 503)
_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}
_COUNT: Json = {"type": "integer", "minimum": 0}


def _maybe(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(required: dict[str, Json], *, more: bool = False) -> Json:
    return {
        "type": "object",
        "properties": required,
        "required": list(required),
        "additionalProperties": more,
    }


_MODEL = _object({"id": _TEXT, "object": {"const": "model"}, "created": _COUNT, "owned_by": _TEXT})
_SCHEMAS: dict[str, Json] = {
    "Error": _object(
        {
            "error": _object(
                {"message": _TEXT, "type": _TEXT, "param": _maybe(_TEXT), "code": _maybe(_TEXT)},
            )
        }
    ),
    "Model": _MODEL,
    "Models": _object({"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}}),
    "Cluster": _object(
        {
            "object": {"const": "cluster"},
            "status": _TEXT,
            "model": _maybe(_TEXT),
            "nodes": {
                "type": "array",
                "items": _object(
                    {
                        "status": _TEXT,
                        "gpu": _maybe(_TEXT),
                        "gpu_count": _COUNT,
                        "gpu_memory_gb": _maybe(_NUMBER),
                    }
                ),
            },
            "capacity": _maybe(_COUNT),
            "running": _COUNT,
            "waiting": _COUNT,
        }
    ),
    "Queue": _object(
        {
            "object": {"const": "list"},
            "data": {
                "type": "array",
                "items": _object(
                    {
                        "id": _TEXT,
                        "object": {"const": "queue.request"},
                        "kind": {"enum": ["api", "discord"]},
                        "state": {"enum": ["queued", "running"]},
                        "position": _maybe({"type": "integer", "minimum": 1}),
                        "estimated_wait": _maybe(_NUMBER),
                        "created": _COUNT,
                    }
                ),
            },
            "waiting": _COUNT,
            "running": _COUNT,
            "held": _maybe(_TEXT),
        }
    ),
    "ChatCompletionResponse": _object(
        {
            "id": _TEXT,
            "object": {"const": "chat.completion"},
            "created": _COUNT,
            "model": _TEXT,
            "choices": {"type": "array", "items": {"type": "object"}},
            "usage": {"type": "object"},
        },
        more=True,
    ),
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _responses(schema: str, *, is_stream: bool = False) -> Json:
    content: Json = {} if is_stream else {"application/json": {"schema": _ref(schema)}}
    if schema == "ChatCompletionResponse":
        content["text/event-stream"] = {}
    told: Json = {"200": {"description": "Done", "content": content}}
    for status in _ERRORS:
        told[str(status)] = {
            "description": "Refused",
            "content": {"application/json": {"schema": _ref("Error")}},
        }
    return told


def _get(name: str, schema: str, parameters: list[Json] | None = None) -> Json:
    return {"get": {"operationId": name, "parameters": parameters or [], "responses": _responses(schema)}}


def _post(name: str, *, is_stream: bool = False) -> Json:
    return {
        "post": {
            "operationId": name,
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("ChatCompletion")}}},
            "responses": _responses("ChatCompletionResponse", is_stream=is_stream),
        }
    }


@cache
def document() -> Json:
    """The whole description."""
    chat = ChatCompletion.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = chat.pop("$defs", {})
    name: Json = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    described: Json = {
        "openapi": "3.1.0",
        "info": {"title": "parallax-discord", "version": "1"},
        "security": [{"key": []}],
        "paths": {
            "/v1/chat/completions": _post("createChatCompletion"),
            "/v1/models": _get("listModels", "Models"),
            "/v1/models/{model}": _get("retrieveModel", "Model", [name]),
            "/cluster/info": _get("clusterInfo", "Cluster"),
            "/queue": _get("ownQueue", "Queue"),
            "/chat/stream": _post("streamChat", is_stream=True),
            "/models": _get("listModelsAlias", "Models"),
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {**_SCHEMAS, **parts, "ChatCompletion": chat},
        },
    }
    return described
