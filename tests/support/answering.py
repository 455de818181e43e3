"""A chat server in a thread of the test, whose answers a function makes from the prompt."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[str, str, int], str]
"""Makes the answer from the prompt, the model and the number of earlier answers to this prompt of this model.

A number such as "400" is the status of a refusal. A text that ends with a word of ``ENDS`` ends so."""
ENDS = {" [cut]": "length", " [filtered]": "content_filter"}


@dataclass
class Answering:
    """A running server. ``prompts`` are the prompts of all requests that came, once for each wanted answer.

    ``billed`` has the model, the tokens of the prompt and those of the answers of each request that it answered.
    """

    url: str
    prompts: list[str] = field(default_factory=list)
    billed: list[tuple[str, int, int]] = field(default_factory=list)


@contextmanager
def answering(answer: Answer, most: int = 128, cached: int = 0) -> Iterator[Answering]:
    """Serve Chat Completions on loopback. Each answer has 20 tokens of prompt, some of them cached, and 3 of text.

    A request gets at most ``most`` answers, whatever it asks for.
    """
    served, seen, lock = Answering(""), dict[tuple[str, str], int](), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt, model, count = body["messages"][-1]["content"], body["model"], min(most, body.get("n", 1))
            with lock:
                served.prompts += [prompt] * count
                texts = []
                for _ in range(count):
                    number = seen.get((prompt, model), 0)
                    seen[prompt, model] = number + 1
                    texts.append(answer(prompt, model, number))
            if texts[0].isdecimal() and len(texts[0]) == 3:
                self._send(int(texts[0]), {"error": {"message": "the test refuses this"}})
                return
            wrapped = body.get("response_format") is not None
            choices = [(at, *_ended(one, wrapped)) for at, one in enumerate(texts)]
            usage: dict[str, object] = {"prompt_tokens": 20, "completion_tokens": 3 * count}
            if cached:
                usage["prompt_tokens_details"] = {"cached_tokens": cached}
            served.billed.append((model, 20, 3 * count))
            if body.get("stream"):
                self._stream(choices, usage)
                return
            told = {"logprobs": {"content": _tokens(choices[0][1], prompt)}} if body.get("logprobs") else {}
            messages = [
                {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": end, **told}
                for at, text, end in choices
            ]
            self._send(200, {"choices": messages, "usage": usage})

        def _stream(self, choices: list[tuple[int, str, str]], usage: object) -> None:
            parts = [
                {"choices": [{"index": at, "delta": {"content": part}, "finish_reason": end}]}
                for at, text, last in choices
                for part, end in ((text[:2], None), (text[2:], last))
            ]
            events = [*map(json.dumps, [*parts, {"choices": [], "usage": usage}]), "[DONE]"]
            self._send(200, "".join(f"data: {one}\n\n" for one in events), "text/event-stream")

        def _send(self, status: int, data: object, kind: str = "application/json") -> None:
            raw = (data if isinstance(data, str) else json.dumps(data)).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        yield served
        server.shutdown()
        thread.join()


def _tokens(text: str, prompt: str) -> list[dict[str, object]]:
    """Return the tokens of an answer as `logprobs` tells them: a word has 0.5 where the prompt says `doubt`."""
    share = math.log(0.5) if "doubt" in prompt else 0.0
    found = [{"token": one, "logprob": share if one.isalpha() else 0.0} for one in re.findall(r"\w+|\W", text)]
    return [one | {"bytes": None, "top_logprobs": [one]} for one in found]


def _ended(text: str, wrapped: bool) -> tuple[str, str]:
    """Return what the server writes, and its reason for the end. An answer that was cut is as it is."""
    for mark, end in ENDS.items():
        if text.endswith(mark):
            return text.removesuffix(mark), end
    return _written(text, wrapped), "stop"


def _written(text: str, wrapped: bool) -> str:
    """Write an answer as a server with structured output does."""
    if not wrapped:
        return text
    try:
        return json.dumps({"answer": json.loads(text)})
    except ValueError:
        return json.dumps({"answer": text})
