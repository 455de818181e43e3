"""A server of Chat Completions that keeps the bodies of requests and answers by the body alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Json = Any


@dataclass
class Recorder:
    """A running server. ``spoil`` makes the first answer to each prompt one that does not fit."""

    url: str = ""
    spoil: bool = False
    bodies: list[Json] = field(default_factory=list)

    def taken(self) -> list[str]:
        """Return the requests so far, in one order, with one for each sample. Forget them."""
        found = []
        for body in self.bodies:
            count = body.pop("n", 1)
            found += [json.dumps(body, sort_keys=True)] * count
        self.bodies = []
        return sorted(found)


def value_for(schema: Json, digest: int) -> Json:
    """Return a value of a schema that depends on a number."""
    if "anyOf" in schema:
        return value_for(schema["anyOf"][digest % len(schema["anyOf"])], digest // 7)
    if "enum" in schema:
        return schema["enum"][digest % len(schema["enum"])]
    match schema.get("type"):
        case "integer":
            low = schema.get("minimum", 0)
            return low + digest % (schema.get("maximum", 9) - low + 1)
        case "number":
            return schema.get("minimum", 0)
        case "boolean":
            return digest % 2 == 0
        case "null":
            return None
        case "array":
            return [value_for(schema["items"], digest // (3 + at)) for at in range(max(2, schema.get("minItems", 0)))]
        case "object":
            return {
                name: value_for(one, digest // (5 + at)) for at, (name, one) in enumerate(schema["properties"].items())
            }
    return f"word {digest % 1000}"


def can_spoil(form: Json) -> bool:
    """Tell whether an answer can have the outer shape and not fit: then a run does not doubt the server."""
    return "enum" not in form["json_schema"]["schema"]["properties"].get("answer", {})


def spoilt(schema: Json) -> Json:
    """Return a value that does not fit a schema, and has its outer shape."""
    inner = schema["properties"].get("answer")
    if inner is None:
        return dict.fromkeys(schema["properties"])
    return {"answer": {"integer": 99, "array": [[]]}.get(inner.get("type"), {})}


@contextmanager
def chat_recorder(*, spoil: bool = False) -> Iterator[Recorder]:
    recorder = Recorder(spoil=spoil)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            recorder.bodies.append(body)
            digest = int(sha256(json.dumps(body["messages"]).encode()).hexdigest()[:12], 16)
            form = body.get("response_format")
            text = (
                f"text {digest % 100}" if form is None else json.dumps(value_for(form["json_schema"]["schema"], digest))
            )
            if recorder.spoil and form is not None and len(body["messages"]) < 3:
                text = json.dumps(spoilt(form["json_schema"]["schema"])) if can_spoil(form) else text
            choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            count = body.get("n", 1)
            reply = json.dumps({"choices": [{**choice, "index": at} for at in range(count)], "usage": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    recorder.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
