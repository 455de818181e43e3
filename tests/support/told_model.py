"""A model for pages: a server on loopback whose answers depend on the words of the prompt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

Answers = Mapping[str, Sequence[Any]]
"""The answers to prompts with these words. Samples of one prompt take them in turn; the first words that fit count."""


def content(answer: Any, body: Mapping[str, Any]) -> str:
    """Return an answer in the form that the request asks for."""
    form = body.get("response_format") or {}
    schema = form.get("json_schema", {}).get("schema", {})
    if "answer" in schema.get("properties", {}):
        return json.dumps({"answer": answer})
    return answer if isinstance(answer, str) else json.dumps(answer)


@contextmanager
def told_model(answers: Answers) -> Iterator[str]:
    """Serve Chat Completions, and give the address. A prompt without an answer is refused."""
    given: Counter[str] = Counter()
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = "\n".join(message["content"] for message in body["messages"])
            words = next((words for words in answers if words in prompt), None)
            if words is None:
                self.reply(400, {"error": {"message": f"the page has no answer to: {prompt}"}})
                return
            with lock:
                start = given[prompt]
                given[prompt] += body.get("n") or 1
            row = answers[words]
            said = [content(row[(start + at) % len(row)], body) for at in range(body.get("n") or 1)]
            choices = [
                {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                for at, text in enumerate(said)
            ]
            usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": sum(len(text) // 4 + 1 for text in said)}
            self.reply(200, {"choices": choices, "usage": usage})

        def reply(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the output of the tests clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()
