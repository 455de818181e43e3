"""Every fault of a server ends in the class that the wire promises, within its bounds, and never shows the key."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from flowrun.runtime.providers import http, open_provider
from flowrun.runtime.providers.endpoints import endpoint
from flowrun.runtime.providers.openai import PROVIDER as OPENAI
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, InDoubtError, PermanentError, RefusedError
from support.patience import PATIENCE

KEY = "sk-planted-0123456789-secret"
GOOD = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}


def request(timeout: float = 5.0) -> Request:
    return Request((Message("user", "hello"),), timeout=timeout)


def openai(url: str, **environ: str) -> Provider:
    return open_provider("openai:m", Surroundings({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1", **environ}))


async def failure(provider: Provider, timeout: float = 5.0) -> CallError:
    try:
        with pytest.raises(CallError) as caught:
            await provider.complete(request(timeout))
    finally:
        await provider.close()
    error = caught.value
    shown = [str(error), repr(error), repr(error.__dict__), "".join(traceback.format_exception(error))]
    assert not any(KEY in text for text in shown)
    assert error.__context__ is None or KEY not in repr(error.__context__)
    assert "openai:m" in str(error)
    assert str(error).isprintable()
    return error


def said(sentence: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": sentence, **more}}


STATUSES = {
    400: PermanentError, 401: PermanentError, 403: PermanentError, 404: PermanentError, 413: PermanentError,
    408: RefusedError, 429: RefusedError, 503: RefusedError, 529: RefusedError,
    500: InDoubtError, 502: InDoubtError, 504: InDoubtError, 520: InDoubtError,
}  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
async def test_status_decides_the_class(faults: Any, status: int, kind: type[CallError]) -> None:
    faults.json(said(f"It went\nwrong\x1b[31m with {KEY} " + "x" * 500), status)
    error = await failure(openai(faults.url))
    assert isinstance(error, kind)
    assert error.status == status
    assert f"answered {status}: It went wrong\\x1b[31m with [key] xxx" in str(error)
    assert len(str(error)) < 450


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry_After": "7"}, 7, 7),
        ({"Retry_After": "1.5"}, 1.5, 1.5),
        ({"retry_after_ms": "250", "Retry_After": "0"}, 0.25, 0.25),
        ({"Retry_After": 3600}, 3540, 3601),
        ({"Retry_After": -30}, 0, 0),
        (
            {
                "Retry_After": "Wed, 21 Oct 2015 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30,
            30,
        ),
    ],
)
async def test_retry_after_in_every_form(faults: Any, headers: dict[str, Any], low: float, high: float) -> None:
    """A number is that many seconds from the test's own start, as a date."""
    dates = {
        name: formatdate(time.time() + away, usegmt=True) for name, away in headers.items() if isinstance(away, int)
    }
    faults.json(said("slow down"), 429, **headers | dates)
    error = await failure(openai(faults.url))
    assert isinstance(error, RefusedError)
    assert error.retry_after is not None
    assert low <= error.retry_after <= high


@pytest.mark.parametrize("value", ["nan", "inf", "soon", "", "Wed, 99 Oct 2015"])
async def test_a_senseless_retry_after_is_none(faults: Any, value: str) -> None:
    faults.json(said("slow down"), 429, Retry_After=value)
    assert (await failure(openai(faults.url))).retry_after is None


@pytest.mark.parametrize(
    "body",
    [
        said("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"),
        said("No credits", type="insufficient_quota", code="credit_balance_exhausted"),
        said("Limit", type="requests", code="project_spend_limit_exceeded"),
        said("Limit", type="rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
    ],
)
async def test_an_exhausted_quota_is_permanent(faults: Any, body: dict[str, Any]) -> None:
    faults.json(body, 429, Retry_After="1")
    error = await failure(openai(faults.url))
    assert isinstance(error, PermanentError)
    assert "used up" in str(error)


async def test_a_server_that_says_do_not_retry_is_obeyed(faults: Any) -> None:
    faults.json(said("no"), 503, x_should_retry="false")
    assert isinstance(await failure(openai(faults.url)), PermanentError)


BAD_ANSWERS: dict[str, Callable[[Any], None]] = {
    "truncated JSON": lambda faults: faults.raw(json.dumps(GOOD).encode()[:-5]),
    "no body": lambda faults: faults.raw(b""),
    "no object": lambda faults: faults.raw(b"[1]"),
    "wrong type": lambda faults: faults.raw(json.dumps(GOOD).encode(), kind="text/plain"),
    "HTML": lambda faults: faults.raw(b"<html>log in</html>", kind="text/html"),
    "bad UTF-8": lambda faults: faults.raw(b'{"choices": "\xff"}'),
    "empty choices": lambda faults: faults.json({"choices": []}),
    "choices of another type": lambda faults: faults.json({"choices": {"a": 1}}),
    "empty text": lambda faults: faults.json({"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}),
    "too deep": lambda faults: faults.raw(b'{"choices":' + b"[" * 64 + b"]" * 64 + b"}"),
    "far too deep": lambda faults: faults.raw(b"[" * 200_000),
    "huge number": lambda faults: faults.raw(b'{"choices": ' + b"9" * 5000 + b"}"),
}


@pytest.mark.parametrize("fault", BAD_ANSWERS)
async def test_status_200_is_not_success(faults: Any, fault: str) -> None:
    BAD_ANSWERS[fault](faults)
    error = await failure(openai(faults.url))
    assert isinstance(error, AnswerError)


async def test_a_bad_answer_keeps_what_was_paid_for(faults: Any) -> None:
    faults.raw(b'{"choices": [{"message": {"content": "paid')
    error = await failure(openai(faults.url))
    assert isinstance(error, AnswerError)
    assert error.text == '{"choices": [{"message": {"content": "paid'


async def test_json_at_the_deepest_allowed_passes(faults: Any) -> None:
    deep: Any = 1
    for _ in range(63):
        deep = [deep]
    faults.json({**GOOD, "deep": deep})
    provider = openai(faults.url)
    assert (await provider.complete(request())).answers[0].text == "yes"
    await provider.close()


UNDER_200 = [
    (said("busy", type="overloaded_error"), RefusedError),
    (said("busy", code="rate_limit_exceeded"), RefusedError),
    (said("busy", status="UNAVAILABLE"), RefusedError),
    (said("upstream", code=502), InDoubtError),
    (said("who knows"), InDoubtError),
    ({"error": "model not loaded"}, InDoubtError),
    (said("no key", type="authentication_error"), PermanentError),
    (said("no money", code="insufficient_quota"), PermanentError),
    (said("bad", type="invalid_request_error"), PermanentError),
]


@pytest.mark.parametrize(("body", "kind"), UNDER_200)
async def test_an_error_under_200_is_read(faults: Any, body: dict[str, Any], kind: type[CallError]) -> None:
    faults.json(body)
    assert isinstance(await failure(openai(faults.url)), kind)


async def test_a_missing_usage_is_unknown(faults: Any) -> None:
    faults.json(GOOD)
    provider = openai(faults.url)
    reply = await provider.complete(request())
    await provider.close()
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (None, None)


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.parametrize("start", [b"", HALF[:20], HALF, b"garbage\r\n\r\n"])
async def test_a_reset_after_sending_is_in_doubt(faults: Any, start: bytes) -> None:
    faults.reset(start)
    assert isinstance(await failure(openai(faults.url)), InDoubtError)


@pytest.mark.parametrize("fault", ["hang", "drip", "hang in the body"])
async def test_the_deadline_bounds_the_whole_attempt(faults: Any, fault: str) -> None:
    faults.drip() if fault == "drip" else faults.hang(200 if "body" in fault else None)
    started = time.monotonic()
    error = await asyncio.wait_for(failure(openai(faults.url), timeout=0.5), PATIENCE)
    assert isinstance(error, InDoubtError)
    assert time.monotonic() - started > 0.49
    assert re.search(r"within 0\.\d+ s", str(error))


async def test_a_status_counts_even_when_its_body_hangs(faults: Any) -> None:
    faults.hang(status=429)
    error = await failure(openai(faults.url), timeout=0.5)
    assert isinstance(error, RefusedError)
    assert error.status == 429


async def test_no_connection_is_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = await failure(openai(f"http://127.0.0.1:{closed.getsockname()[1]}"))
    assert isinstance(error, RefusedError)


async def test_a_connection_that_is_never_made_is_refused() -> None:
    # A full backlog: the kernel leaves the handshake unanswered.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = []
        for _ in range(4):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(full.getsockname())
            others.append(other)
        error = await failure(openai(f"http://127.0.0.1:{full.getsockname()[1]}"), timeout=0.2)
        for other in others:
            other.close()
    assert isinstance(error, RefusedError)
    assert re.search(r" 0\.[12]\d* s", str(error))


async def test_an_answer_that_arrives_with_the_deadline_is_kept() -> None:
    loop = asyncio.get_running_loop()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(GOOD).encode()
            self.rfile.read(int(self.headers["Content-Length"]))
            # The loop is busy while both the answer and the deadline come.
            loop.call_soon_threadsafe(time.sleep, 0.8)
            time.sleep(0.1)
            self.wfile.write(HALF[:-1].replace(b"100", b"%d" % len(body)) + body)

    server = HTTPServer(("127.0.0.1", 0), Slow)
    (thread := threading.Thread(target=server.handle_request)).start()
    provider = openai(f"http://127.0.0.1:{server.server_port}")
    try:
        reply = await provider.complete(request(timeout=0.6))
    finally:
        await provider.close()
        thread.join()
        server.server_close()
    assert reply.answers[0].text == "yes"


async def test_a_timeout_of_nothing_sends_nothing(faults: Any) -> None:
    faults.json(GOOD)
    assert isinstance(await failure(openai(faults.url), timeout=0.0), RefusedError)
    assert faults.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(faults: Any, status: int) -> None:
    faults.raw(b"", status, Location=f"https://evil.example/?k={KEY}")
    error = await failure(openai(faults.url))
    assert isinstance(error, PermanentError)
    assert "evil.example" in str(error)
    assert len(faults.paths) == 1


async def test_a_gzip_bomb_stops_at_the_cap(faults: Any) -> None:
    faults.raw(gzip.compress(b" " * (200 << 20), 1), Content_Encoding="gzip")
    error = await failure(openai(faults.url), timeout=PATIENCE)
    assert isinstance(error, AnswerError)
    assert "32 MiB" in str(error)


async def test_an_endless_body_stops_at_the_cap(faults: Any) -> None:
    faults.endless(b" " * (1 << 20))
    error = await failure(openai(faults.url), timeout=PATIENCE)
    assert isinstance(error, AnswerError)
    assert len(error.text) <= 64 * 1024


async def test_a_large_prompt_and_a_gzipped_answer_pass(faults: Any) -> None:
    faults.raw(gzip.compress(json.dumps(GOOD).encode()), Content_Encoding="gzip")
    provider = openai(faults.url)
    large = Request((Message("user", "ä\ud800" * (1 << 20)),))
    reply = await provider.complete(large)
    await provider.close()
    assert reply.answers[0].text == "yes"
    assert len(faults.seen[0]["messages"][0]["content"]) == 2 << 20


async def test_cookies_are_not_kept_and_connections_are(faults: Any) -> None:
    faults.json(GOOD, Set_Cookie="a=b")
    first, second = openai(faults.url), openai(faults.url)
    for provider in (first, second, first):
        await provider.start()
        await provider.complete(request())
    await first.close()
    await first.close()
    await second.complete(request())
    await second.close()
    assert not any("Cookie" in headers for headers in faults.headers)
    assert {headers["Authorization"] for headers in faults.headers} == {f"Bearer {KEY}"}


async def test_few_connect_at_once_and_none_keeps_its_place(faults: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "OPENING", 1)
    faults.hang()
    faults.json(GOOD)
    provider = openai(faults.url)
    waiting = asyncio.create_task(provider.complete(request()))
    await faults.arrived.wait()
    replies = await asyncio.gather(*(provider.complete(request()) for _ in range(40)))
    assert [reply.answers[0].text for reply in replies] == ["yes"] * 40
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await provider.close()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = openai(f"http://127.0.0.1:{closed.getsockname()[1]}")
        errors = await asyncio.gather(*(nowhere.complete(request()) for _ in range(5)), return_exceptions=True)
        await nowhere.close()
    assert ["does not accept connections" in str(error) for error in errors] == [True] * 5


async def test_cancelling_passes_through(faults: Any) -> None:
    faults.hang()
    provider = openai(faults.url)
    call = asyncio.create_task(provider.complete(request()))
    await faults.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await provider.close()


async def test_lone_surrogates_never_leave_the_provider(faults: Any) -> None:
    faults.raw(b'{"choices":[{"message":{"content":"a\\ud800b \\ud83d\\ude00"},"finish_reason":"stop"}]}')
    provider = openai(faults.url)
    reply = await provider.complete(request())
    await provider.close()
    assert reply.answers[0].text == "a\ufffdb \U0001f600"


@pytest.mark.parametrize(("status", "kind"), [(407, PermanentError), (502, RefusedError)])
async def test_a_proxy_that_does_not_let_through(status: int, kind: type[CallError]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await failure(openai("https://models.example", https_proxy=f"http://user:{KEY}@127.0.0.1:{port}"))
    server.close()
    await server.wait_closed()
    assert isinstance(error, kind)
    assert f"the proxy answered {status}" in str(error)


async def test_tls_to_a_server_without_it_is_refused(faults: Any) -> None:
    error = await failure(openai(faults.url.replace("http:", "https:")))
    assert isinstance(error, RefusedError) and "()" not in str(error)


async def test_a_proxy_is_used_where_the_variables_say_so(faults: Any) -> None:
    faults.json(GOOD)
    provider = openai("http://models.example", http_proxy=faults.url)
    assert (await provider.complete(request())).answers[0].text == "yes"
    await provider.close()
    assert faults.headers[0]["Host"] == "models.example"
    environ = {"OPENAI_BASE_URL": "https://api.models.example/v1", "HTTPS_PROXY": "proxy.example:3128"}
    assert endpoint(OPENAI, "m", environ).way.proxy == "http://proxy.example:3128"
    assert endpoint(OPENAI, "m", environ | {"NO_PROXY": "other.example, .models.example"}).way.proxy is None
    assert endpoint(OPENAI, "m", environ | {"no_proxy": "*"}).way.proxy is None
    assert endpoint(OPENAI, "m", environ | {"no_proxy": "dels.example"}).way.proxy is not None
