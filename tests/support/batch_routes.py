"""The routes of the server with batch APIs: those of each API, and the live ones."""

from __future__ import annotations

import json
import time
from typing import Any

from aiohttp import web

from support.batch_server import REPLIES, Batch, BatchServer, generate_reply

Json = Any


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


def application(server: BatchServer) -> web.Application:
    routes = web.RouteTableDef()
    for add in (_live, _files, _openai, _mistral, _anthropic, _gemini):
        add(routes, server)

    @web.middleware
    async def other(request: web.Request, handler: Any) -> web.StreamResponse:
        does = server.does
        another = does.answers(request) if request.method == "GET" else does.posts(request)
        return another or await handler(request)

    app = web.Application(client_max_size=1 << 28, middlewares=[other])
    app.add_routes(routes)
    return app


def _live(routes: web.RouteTableDef, server: BatchServer) -> None:
    def live(api: str) -> Any:
        async def complete(request: web.Request) -> web.Response:
            body = await request.json()
            server.note("live", key=request.headers.get("Idempotency-Key", ""))
            return web.json_response(REPLIES[api](body))

        return complete

    routes.post("/v1/chat/completions")(live("openai"))
    routes.post("/v1/messages")(live("anthropic"))


def _files(routes: web.RouteTableDef, server: BatchServer) -> None:
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


def _openai(routes: web.RouteTableDef, server: BatchServer) -> None:
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


def _mistral(routes: web.RouteTableDef, server: BatchServer) -> None:
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


def _anthropic(routes: web.RouteTableDef, server: BatchServer) -> None:
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


def _gemini(routes: web.RouteTableDef, server: BatchServer) -> None:
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
