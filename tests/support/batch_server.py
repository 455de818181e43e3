"""A server with the batch APIs of OpenAI, Anthropic, Gemini and Mistral, and with their live APIs. It logs its bills.

    python -m support.batch_server LOG [--seconds 1] [--fail 0.1] [--expire 0.1] [--hold 1] [--lose]

It prints its port and ends when its input ends. A submission takes ``--seconds``. A share of its lines fails or expires;
which of them depends on the prompt alone. Results come in another order than the lines. ``--hold`` is the time from the
taking of a submission to the answer about it; with ``--lose`` that answer never comes. The log has a JSON line for each
thing that happens: ``submitted``, ``line`` (a paid line), ``live`` (a paid live answer), ``deleted``, ``listed``.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """What the server does. ``refuse`` is the reason for which it takes no submission, "" if it takes them."""

    seconds: float = 0.0
    fail: float = 0.0
    expire: float = 0.0
    hold: float = 0.0
    lose: bool = False
    refuse: str = ""
    status: int = 0
    listed: bool = True


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


def rows_of(batch: Batch) -> bytes:
    """Write the results of a submission as OpenAI and Mistral do."""
    rows = []
    for key, how, reply in batch.results:
        if how == "answered":
            row = {"custom_id": key, "response": {"status_code": 200, "request_id": "r1", "body": reply}, "error": None}
        elif how == "failed":
            body = {"error": {"message": "the line broke"}}
            row = {"custom_id": key, "response": {"status_code": 500, "body": body}, "error": None}
        else:
            row = {"custom_id": key, "response": None, "error": {"code": "batch_expired", "message": "it expired"}}
        rows.append(json.dumps(row))
    return ("\n".join(rows) + "\n").encode()


def application(server: BatchServer) -> Any:
    from aiohttp import web

    routes = web.RouteTableDef()

    def live(api: str) -> Any:
        async def complete(request: web.Request) -> web.Response:
            body = await request.json()
            server.note("live", key=request.headers.get("Idempotency-Key", ""))
            return web.json_response(REPLIES[api](body))

        return complete

    routes.post("/v1/chat/completions")(live("openai"))
    routes.post("/v1/messages")(live("anthropic"))

    @routes.post("/v1/files")
    async def upload(request: web.Request) -> web.Response:
        if server.does.status:
            return web.json_response({"error": {"message": "not here"}}, status=server.does.status)
        form = await request.post()
        id_ = server.name("file")
        file = form["file"]
        assert isinstance(file, web.FileField)
        server.files[id_] = file.file.read()
        return web.json_response({"id": id_})

    @routes.get("/v1/files/{id}/content")
    async def content(request: web.Request) -> web.Response:
        return web.Response(body=rows_of(server.batches[request.match_info["id"].removeprefix("out-")]))

    @routes.delete("/v1/files/{id}")
    async def delete(request: web.Request) -> web.Response:
        server.files.pop(request.match_info["id"], None)
        server.note("deleted", id=request.match_info["id"])
        return web.json_response({"deleted": True})

    def chat_batch(batch: Batch) -> Json:
        status = "completed" if batch.results else "in_progress"
        if batch.reason:
            status = "failed"
        elif batch.results and batch.count("expired"):
            status = "expired"
        return {
            "id": batch.id,
            "status": status,
            "metadata": {"flowrun": batch.tag},
            "created_at": int(batch.made),
            "input_file_id": batch.input,
            "output_file_id": f"out-{batch.id}" if batch.results else None,
            "errors": {"data": [{"message": batch.reason}]} if batch.reason else None,
            "request_counts": {"total": len(batch.lines), "completed": len(batch.results), "failed": 0},
        }

    @routes.post("/v1/batches")
    async def create(request: web.Request) -> web.Response:
        body = await request.json()
        rows = map(json.loads, server.files[body["input_file_id"]].decode().splitlines())
        lines = [(row["custom_id"], row["body"]) for row in rows]
        batch = await server.take("openai", body["metadata"]["flowrun"], lines, body["input_file_id"])
        return web.json_response(chat_batch(batch))

    @routes.get("/v1/batches")
    async def batches(request: web.Request) -> web.Response:
        server.note("listed")
        found = [chat_batch(one) for one in server.batches.values()] if server.does.listed else []
        return web.json_response({"data": found[::-1], "has_more": False})

    @routes.get("/v1/batches/{id}")
    async def look(request: web.Request) -> web.Response:
        return web.json_response(chat_batch(server.look(request.match_info["id"])))

    def job(batch: Batch) -> Json:
        status = "SUCCESS" if batch.results else "RUNNING"
        if batch.reason:
            status = "FAILED"
        elif batch.results and batch.count("expired"):
            status = "TIMEOUT_EXCEEDED"
        return {
            "id": batch.id,
            "status": status,
            "metadata": {"flowrun": batch.tag},
            "created_at": int(batch.made),
            "input_files": [batch.input],
            "output_file": f"out-{batch.id}" if batch.results else None,
            "errors": [{"message": batch.reason, "count": 1}] if batch.reason else [],
            "total_requests": len(batch.lines),
            "completed_requests": len(batch.results),
        }

    @routes.post("/v1/batch/jobs")
    async def create_job(request: web.Request) -> web.Response:
        body = await request.json()
        rows = map(json.loads, server.files[body["input_files"][0]].decode().splitlines())
        lines = [(row["custom_id"], row["body"]) for row in rows]
        assert body["model"] and not any("model" in line for _, line in lines)
        batch = await server.take("mistral", body["metadata"]["flowrun"], lines, body["input_files"][0])
        return web.json_response(job(batch))

    @routes.get("/v1/batch/jobs")
    async def jobs(request: web.Request) -> web.Response:
        server.note("listed")
        found = [job(one) for one in server.batches.values()] if server.does.listed else []
        return web.json_response({"data": found, "total": len(found)})

    @routes.get("/v1/batch/jobs/{id}")
    async def look_job(request: web.Request) -> web.Response:
        return web.json_response(job(server.look(request.match_info["id"])))

    def message_batch(batch: Batch) -> Json:
        time_ = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(batch.made))
        left = 0 if batch.results else len(batch.lines)
        return {
            "id": batch.id,
            "processing_status": "ended" if batch.results else "in_progress",
            "created_at": time_,
            "results_url": "http://127.0.0.1:1/steal",
            "request_counts": {
                "processing": left,
                "succeeded": batch.count("answered"),
                "errored": batch.count("failed"),
                "canceled": 0,
                "expired": batch.count("expired"),
            },
        }

    @routes.post("/v1/messages/batches")
    async def create_messages(request: web.Request) -> web.Response:
        body = await request.json()
        lines = [(one["custom_id"], one["params"]) for one in body["requests"]]
        return web.json_response(message_batch(await server.take("anthropic", "", lines)))

    @routes.get("/v1/messages/batches")
    async def message_batches(request: web.Request) -> web.Response:
        server.note("listed")
        found = [message_batch(one) for one in server.batches.values()] if server.does.listed else []
        return web.json_response({"data": found[::-1], "has_more": False, "last_id": None})

    @routes.get("/v1/messages/batches/{id}")
    async def look_messages(request: web.Request) -> web.Response:
        return web.json_response(message_batch(server.look(request.match_info["id"])))

    @routes.get("/v1/messages/batches/{id}/results")
    async def message_results(request: web.Request) -> web.Response:
        types = {"answered": "succeeded", "failed": "errored", "expired": "expired"}
        rows = []
        for key, how, reply in server.batches[request.match_info["id"]].results:
            result: Json = {"type": types[how]}
            if how == "answered":
                result["message"] = reply
            elif how == "failed":
                result["error"] = {"type": "error", "error": {"type": "api_error", "message": "the line broke"}}
            rows.append(json.dumps({"custom_id": key, "result": result}))
        return web.Response(text="\n".join(rows))

    def operation(batch: Batch) -> Json:
        state = "SUCCEEDED" if batch.results else "RUNNING"
        if batch.reason:
            state = "FAILED"
        by_key = {key: (how, reply) for key, how, reply in batch.results}
        responses = []
        for key, _ in batch.lines if batch.results else ():
            how, reply = by_key[key]
            row: Json = {"metadata": {"key": key}}
            row |= {"response": reply} if how == "answered" else {"error": {"code": 13, "message": "the line broke"}}
            responses.append(row)
        return {
            "name": f"batches/{batch.id}",
            "metadata": {
                "state": f"BATCH_STATE_{state}",
                "displayName": batch.tag,
                "createTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch.made)),
                "batchStats": {"requestCount": str(len(batch.lines)), "successfulRequestCount": str(len(by_key))},
            },
            "done": bool(batch.results or batch.reason),
            **({"response": {"inlinedResponses": {"inlinedResponses": responses}}} if batch.results else {}),
            **({"error": {"code": 3, "message": batch.reason}} if batch.reason else {}),
        }

    @routes.post("/v1beta/models/{call}")
    async def generate(request: web.Request) -> web.Response:
        body = await request.json()
        if request.match_info["call"].endswith(":batchGenerateContent"):
            found = body["batch"]["inputConfig"]["requests"]["requests"]
            lines = [(one["metadata"]["key"], one["request"]) for one in found]
            return web.json_response(operation(await server.take("gemini", body["batch"]["displayName"], lines)))
        server.note("live", key="")
        return web.json_response(generate_reply(body))

    @routes.get("/v1beta/batches")
    async def operations(request: web.Request) -> web.Response:
        server.note("listed")
        return web.json_response({"operations": [operation(one) for one in server.batches.values()]})

    @routes.get("/v1beta/batches/{id}")
    async def look_operation(request: web.Request) -> web.Response:
        return web.json_response(operation(server.look(request.match_info["id"])))

    app = web.Application(client_max_size=1 << 28)
    app.add_routes(routes)
    return app


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

    def until(self, at: str, count: int = 1, seconds: float = 20.0) -> None:
        """Wait until something has happened so often."""
        end = time.monotonic() + seconds
        while self.count(at) < count:
            assert time.monotonic() < end, f"{at} did not happen {count} times: {self.lines()}"
            time.sleep(0.02)


@contextmanager
def batch_server(log: Path, *options: str) -> Iterator[Served]:
    log.touch()
    command = [sys.executable, __file__, str(log), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        yield Served(f"http://127.0.0.1:{int(server.stdout.readline())}", log)
        server.stdin.close()


async def serve(log: Path, behaviour: Behaviour) -> None:
    from aiohttp import web

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
    options = vars(parser.parse_args())
    log = options.pop("log")
    asyncio.run(serve(log, Behaviour(**options)))


if __name__ == "__main__":
    main()
