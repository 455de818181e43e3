"""A server with the batch APIs of OpenAI, Anthropic, Gemini and Mistral, and with their live APIs. It logs its bills.

    python -m support.batch_server LOG [--seconds 1] [--fail 0.1] [--expire 0.1] [--hold 1] [--lose] [--hide]

It prints its port and ends when its input ends. A submission takes ``--seconds``. A share of its lines fails or
expires; which of them depends on the prompt alone. Results come in another order than the lines. ``--hold`` is the time
from the taking of a submission to the answer about it; with ``--lose`` that answer never comes. ``--hide``
leaves the list of submissions empty. The log has a JSON line for each thing that happens: ``submitted``, ``line`` (a
paid line), ``live`` (a paid live answer), ``deleted``, ``listed``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.patience import eventually

if TYPE_CHECKING:
    from aiohttp import web

Json = Any


def share(text: str, salt: str) -> float:
    """Return a number from 0 to 1 that depends on the text alone."""
    return int(hashlib.sha256(f"{salt}{text}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def prompt_of(body: Json) -> str:
    return json.dumps(body.get("messages") or body.get("contents"), sort_keys=True)


def word_for(body: Json) -> str:
    """Return the answer to a request, always the same."""
    prompt = prompt_of(body)
    return "yes" if share(prompt, "answer") < 0.5 else "no"


def chat_reply(body: Json) -> Json:
    text = word_for(body)
    if "response_format" in body:
        text = json.dumps({"answer": text})
    count = body.get("n", 1)
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} for at in range(count)
    ]
    usage = {"prompt_tokens": 100, "completion_tokens": 10 * count}
    return {"id": "reply", "choices": choices, "usage": usage}


def messages_reply(body: Json) -> Json:
    text = word_for(body)
    if "output_config" in body:
        text = json.dumps({"answer": text})
    usage = {"input_tokens": 100, "output_tokens": 10}
    return {"id": "reply", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}


def generate_reply(body: Json) -> Json:
    count = body.get("generationConfig", {}).get("candidateCount", 1)
    one = {"content": {"parts": [{"text": word_for(body)}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 10 * count}
    return {"candidates": [one] * count, "usageMetadata": usage}


REPLIES = {"openai": chat_reply, "mistral": chat_reply, "anthropic": messages_reply, "gemini": generate_reply}


@dataclass
class Batch:
    """A submission at the server: its lines as pairs of a key and a body, and its results."""

    id: str
    api: str
    tag: str
    lines: list[tuple[str, Json]]
    made: float
    input: str = ""
    reason: str = ""
    results: list[tuple[str, str, Json]] = field(default_factory=list)
    """Each result is its key, ``answered``, ``failed`` or ``expired``, and the reply."""

    def count(self, how: str) -> int:
        return sum(kind == how for _, kind, _ in self.results)


@dataclass
class Behaviour:
    """The behaviour of the server. ``refuse`` is the reason for which it takes no submission, "" if it takes them.

    ``answers`` gets each request that looks at a submission or reads it, and may return another answer to it; ``posts``
    gets the others.
    """

    seconds: float = 0.0
    fail: float = 0.0
    expire: float = 0.0
    hold: float = 0.0
    lose: bool = False
    refuse: str = ""
    status: int = 0
    listed: bool = True
    answers: Callable[[web.Request], web.StreamResponse | None] = lambda request: None
    posts: Callable[[web.Request], web.StreamResponse | None] = lambda request: None


class BatchServer:
    """The state of the server. ``note`` hears of all that happens."""

    def __init__(self, behaviour: Behaviour, note: Any) -> None:
        self.does = behaviour
        self.note = note
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self._count = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    async def take(self, api: str, tag: str, lines: list[tuple[str, Json]], file: str = "") -> Batch:
        batch = Batch(self.name("batch"), api, tag, lines, time.time(), file, self.does.refuse)
        self.batches[batch.id] = batch
        self.note("submitted", id=batch.id, lines=len(lines))
        if self.does.lose:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.does.hold)
        return batch

    def look(self, id_: str) -> Batch:
        batch = self.batches[id_]
        if not batch.results and not batch.reason and time.time() >= batch.made + self.does.seconds:
            for key, body in sorted(batch.lines, key=lambda line: share(line[0], "order")):
                prompt = prompt_of(body)
                if share(prompt, "fail") < self.does.fail:
                    batch.results.append((key, "failed", None))
                elif share(prompt, "expire") < self.does.expire:
                    batch.results.append((key, "expired", None))
                else:
                    self.note("line", key=key, id=id_)
                    batch.results.append((key, "answered", REPLIES[batch.api](body)))
        return batch


@dataclass
class Served:
    """A running server in a process of its own, and its log."""

    url: str
    log: Path

    def lines(self) -> list[Json]:
        return [json.loads(line) for line in self.log.read_text().splitlines(True) if line.endswith("\n")]

    def count(self, at: str) -> int:
        return sum(line["at"] == at for line in self.lines())

    def paid(self) -> Counter[str]:
        """Count how often each line was paid, by its key."""
        return Counter(line["key"] for line in self.lines() if line["at"] == "line")

    def until(self, at: str, count: int = 1) -> None:
        """Wait until something has happened so often."""
        eventually(lambda: self.count(at) >= count, lambda: f"{at} did not happen {count} times: {self.lines()}")


@contextmanager
def batch_server(log: Path, *options: str) -> Iterator[Served]:
    log.touch()
    command = [sys.executable, "-m", "support.batch_server", str(log), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    ) as server:
        assert server.stdout is not None and server.stdin is not None
        yield Served(f"http://127.0.0.1:{int(server.stdout.readline())}", log)
        server.stdin.close()


async def serve(log: Path, behaviour: Behaviour) -> None:
    from aiohttp import web

    from support.batch_routes import application

    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(at: str, **more: Json) -> None:
        os.write(written, json.dumps({"at": at, "time": time.monotonic(), **more}).encode() + b"\n")

    runner = web.AppRunner(application(BatchServer(behaviour, note)), access_log=None, handler_cancellation=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Requests that are held back must not keep the process.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    for name in ("seconds", "fail", "expire", "hold"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--lose", action="store_true")
    parser.add_argument("--hide", action="store_true")
    options = vars(parser.parse_args())
    options["listed"] = not options.pop("hide")
    log = options.pop("log")
    asyncio.run(serve(log, Behaviour(**options)))


if __name__ == "__main__":
    main()
