"""The description of the HTTP interface in OpenAPI 3.1.1 (spec.openapis.org/oas/v3.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schemas import Schema
from .tools import Tool

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_RUN = {"$ref": "#/components/schemas/Run"}
_COUNT = {"type": "integer", "minimum": 0}


def openapi(tools: Mapping[str, Tool], version: str) -> dict[str, Any]:
    """Return the description of a server."""
    paths: dict[str, Any] = {}
    for name, tool in tools.items():
        paths[f"/flows/{name}"] = {"post": _call(tool)}
        paths[f"/flows/{name}/runs"] = {"post": _begin(tool)}
    paths["/runs/{id}"] = {"parameters": [_ID], "get": _SHOW, "delete": _STOP}
    paths["/health"] = {"get": _plain("health", "Tell that the server lives.")}
    paths["/ready"] = {"get": _plain("ready", "Tell whether the server takes runs.") | {"security": []}}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "flowrun",
            "version": version,
            "description": "Flows of calls to language models. Answers are kept in a journal, and are not paid twice.",
        },
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _call(tool: Tool) -> dict[str, Any]:
    result = {"allOf": [_RUN, {"type": "object", "properties": {"value": _value(tool)}}]}
    return {
        "operationId": f"call_{tool.name}",
        "summary": f"Run the flow {tool.name}, and wait for its value.",
        "description": f"{tool.description}\n\nA client that hangs up stops the run.",
        "parameters": [_KEY, _STREAM],
        "requestBody": _body(tool),
        "responses": {
            "200": {
                "description": "The value and the account of the run.",
                "content": {
                    "application/json": {"schema": result},
                    "text/event-stream": {
                        "schema": {
                            "type": "string",
                            "description": "Events `progress`, and at last the event `result` with the same JSON.",
                        }
                    },
                },
            },
            **_failures("400", "401", "403", "413", "415", "422", "429", "503"),
            **{code: _ended(text) for code, text in _ENDS.items()},
        },
    }


def _begin(tool: Tool) -> dict[str, Any]:
    return {
        "operationId": f"begin_{tool.name}",
        "summary": f"Begin a run of the flow {tool.name} that goes on without its client.",
        "description": tool.description,
        "parameters": [_KEY],
        "requestBody": _body(tool),
        "responses": {
            "202": {
                "description": "The run has begun.",
                "headers": {"Location": {"schema": {"type": "string"}, "description": "the path of the run"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Begun"}}},
            },
            **_failures("400", "401", "402", "403", "413", "415", "422", "429", "503"),
        },
    }


def _value(tool: Tool) -> Schema:
    """Return the schema of a value. Without one, it is null."""
    from flowrun.dsl import types

    return {"anyOf": [types.json_schema(tool.plan.type), {"type": "null"}]}


def _body(tool: Tool) -> dict[str, Any]:
    return {"required": bool(tool.inputs["required"]), "content": {"application/json": {"schema": tool.inputs}}}


_WORDS = {
    "400": "The body is not JSON.",
    "401": "The token is missing or wrong.",
    "402": "The budget is spent.",
    "403": "This host or origin is not served.",
    "404": "There is no such run.",
    "413": "The body is too long.",
    "415": "The body is no JSON by its type.",
    "422": "An input is wrong; or the Idempotency-Key belongs to another request.",
    "429": "As many runs go on as the server takes: try again later.",
    "503": "The server ends.",
}
_ENDS = {
    "402": "The budget of the run or of the server was spent before the flow had its value.",
    "409": "The run was stopped.",
    "502": "The flow failed: `failures` tells why, and the journal keeps the answers so far.",
    "507": "The journal cannot be written.",
}


def _failures(*codes: str) -> dict[str, Any]:
    return {
        code: {"description": _WORDS[code], "content": {"application/json": {"schema": _PROBLEM}}} for code in codes
    }


def _ended(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"anyOf": [_RUN, _PROBLEM]}}},
    }


def _plain(name: str, summary: str) -> dict[str, Any]:
    answer = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": "Yes.", "content": {"application/json": {"schema": answer}}},
            **(_failures("503") if name == "ready" else {}),
        },
    }


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "the run"}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "A second request with the same key, flow and inputs gets the run of the first one.",
}
_STREAM = {
    "name": "stream",
    "in": "query",
    "required": False,
    "allowEmptyValue": True,
    "schema": {"type": "string"},
    "description": "Send the progress as server-sent events, as `Accept: text/event-stream` does.",
}
_SHOWN = {
    "description": "The progress of a run that goes on, or the account of one that has ended.",
    "content": {"application/json": {"schema": {"anyOf": [_RUN, {"$ref": "#/components/schemas/Running"}]}}},
}
_SHOW = {
    "operationId": "show_run",
    "summary": "Show a run. The server remembers the last ones; the journal has all.",
    "responses": {"200": _SHOWN, **_failures("401", "403", "404")},
}
_STOP = {
    "operationId": "stop_run",
    "summary": "Stop a run. It sends nothing more, and keeps the answers of the requests under way.",
    "responses": {
        "200": _SHOWN,
        "202": {**_SHOWN, "description": "Requests are still under way."},
        **_failures("401", "403", "404"),
    },
}
_SCHEMAS = {
    "Problem": {
        "type": "object",
        "properties": {"error": {"type": "string", "description": "the reason and the way out"}},
        "required": ["error"],
    },
    "Begun": {
        "type": "object",
        "properties": {"run": {"type": "string"}, "url": {"type": "string"}},
        "required": ["run", "url"],
    },
    "Running": {
        "type": "object",
        "properties": {
            "run": {"type": "string"},
            "status": {"type": "string", "enum": ["running", "stopping"]},
            "progress": {
                "type": "object",
                "properties": {
                    **dict.fromkeys(("calls", "recalled", "steps", "known_steps", "lost"), _COUNT),
                    "most_calls": {"type": ["integer", "null"]},
                },
            },
        },
        "required": ["run", "status"],
    },
    "Run": {
        "type": "object",
        "description": "The account of a run, as `flowrun FILE --json` prints it.",
        "properties": {
            "flow": {"type": "string"},
            "status": {"type": "string", "description": "done, partial, failed, budget, stopped, disk or refused"},
            "run": {"type": ["string", "null"], "description": "its name in the journal"},
            "value": {},
            "failures": {"type": "array", "items": {"type": "object"}},
            "losses": {"type": "array", "items": {"type": "object"}},
            "calls": _COUNT,
            "recalled": _COUNT,
            "cost": {"type": ["number", "null"], "description": "dollars"},
            "error": {"type": "string"},
        },
        "required": ["status", "value"],
    },
}
