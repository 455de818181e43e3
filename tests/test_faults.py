"""Every fault of a server, in the first, a middle and the last call of a run, ends in its class and no traceback."""

from __future__ import annotations

import gzip
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import Result, RunOptions, run_async
from flowrun.runtime.limits.retry import RetryPolicy
from support.few_cases import some

FLOW = """
model m = "openai:x" with concurrency: 1, temperature: 0.5, timeout: SECONDSs, retries: 2
flow three(xs: [text]) {
  first = ask m "First of {{ xs }}"
  middle = map x in xs { ask m "{{ first }} {{ x }}" } reduce collect
  last = ask m "Last of {{ middle }}"
  return { first, middle, last }
}
"""
CALLS = 5
QUICK = RetryPolicy(attempts=3, wait_initial=0.005, wait_max=0.01)
CLAUSE = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
GOOD = {"choices": [CLAUSE], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}


def said(sentence: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": sentence, **more}}


@cache
def bomb() -> bytes:
    return gzip.compress(b" " * (64 << 20), 1)


@dataclass(frozen=True)
class Fault:
    """``kind`` is what the journal says of such an attempt; ``again`` whether the call is made once more."""

    put: Callable[[Any], None]
    kind: str
    again: bool = True


def status(number: int, kind: str, again: bool = True, **headers: str) -> Fault:
    return Fault(lambda faults: faults.json(said("no"), number, **headers), kind, again)


def ended(reason: str | None, text: str = "half") -> dict[str, Any]:
    return {"choices": [{**CLAUSE, "finish_reason": reason, "message": {"content": text}}], "usage": {}}


FAULTS: dict[str, Fault] = {
    "429 with seconds": status(429, "refused", Retry_After="0.02"),
    "429 with milliseconds": status(429, "refused", retry_after_ms="20"),
    "429 with a date": Fault(
        lambda faults: faults.json(said("no"), 429, Retry_After=formatdate(time.time() + 1, usegmt=True)), "refused"
    ),
    "429 alone": status(429, "refused"),
    "429 without money": Fault(
        lambda faults: faults.json(said("no", code="insufficient_quota"), 429), "refused", False
    ),
    "401": status(401, "refused", again=False),
    "400": status(400, "refused", again=False),
    "500": status(500, "doubt"),
    "502": status(502, "doubt"),
    "503": status(503, "refused"),
    "504": status(504, "doubt"),
    "529": status(529, "refused"),
    "500 of HTML": Fault(lambda faults: faults.raw(b"<html><h1>Oops", 500, "text/html"), "doubt"),
    "reset before the answer": Fault(lambda faults: faults.reset(), "doubt"),
    "reset in the head": Fault(lambda faults: faults.reset(b"HTTP/1.1 200 OK\r\nContent-"), "doubt"),
    "reset in the body": Fault(
        lambda faults: faults.reset(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"choi'
        ),
        "doubt",
    ),
    "no HTTP": Fault(lambda faults: faults.reset(b"SSH-2.0-OpenSSH_9.2\r\n"), "doubt"),
    "hang": Fault(lambda faults: faults.hang(), "doubt"),
    "hang in the body": Fault(lambda faults: faults.hang(200), "doubt"),
    "drip": Fault(lambda faults: faults.drip(), "doubt"),
    "truncated JSON": Fault(lambda faults: faults.raw(json.dumps(GOOD).encode()[:-7]), "answer"),
    "no body": Fault(lambda faults: faults.raw(b""), "answer"),
    "empty choices": Fault(lambda faults: faults.json({"choices": []}), "answer"),
    "no text": Fault(lambda faults: faults.json(ended("stop", "")), "answer"),
    "a choice of another type": Fault(lambda faults: faults.json({"choices": [7]}), "answer"),
    "wrong content type": Fault(lambda faults: faults.raw(json.dumps(GOOD).encode(), kind="text/plain"), "answer"),
    "HTML": Fault(lambda faults: faults.raw(b"<html>log in</html>", kind="text/html"), "answer"),
    "bad UTF-8": Fault(lambda faults: faults.raw(b'{"choices": "\xff"}'), "answer"),
    "gzip bomb": Fault(lambda faults: faults.raw(bomb(), Content_Encoding="gzip"), "answer"),
    "broken gzip": Fault(lambda faults: faults.raw(b"\x1f\x8b garbage", Content_Encoding="gzip"), "doubt"),
    "far too deep": Fault(lambda faults: faults.raw(b"[" * 100_000), "answer"),
    "cut at its length": Fault(lambda faults: faults.json(ended("length")), "answer"),
    "cut without an end": Fault(lambda faults: faults.json(ended(None)), "answer"),
    # The filter would hold back the same again.
    "filtered": Fault(lambda faults: faults.json(ended("content_filter")), "answer", again=False),
    "an error under 200": Fault(lambda faults: faults.json(said("upstream", code=502)), "doubt"),
    "busy under 200": Fault(lambda faults: faults.json(said("busy", code="rate_limit_exceeded")), "refused"),
}
BENIGN: dict[str, Callable[[Any], None]] = {
    "no usage": lambda faults: faults.json({"choices": [CLAUSE]}),
    "usage of another type": lambda faults: faults.json({**GOOD, "usage": "some"}),
    "usage below zero": lambda faults: faults.json({**GOOD, "usage": {"prompt_tokens": -5, "completion_tokens": -1}}),
    "usage beyond reason": lambda faults: faults.json({**GOOD, "usage": {"prompt_tokens": 10**30}}),
    "unknown fields": lambda faults: faults.json({**GOOD, "choices": [{**CLAUSE, "odd": [None]}], "object": 3}),
    "strange rates": lambda faults: faults.json(GOOD, x_ratelimit_remaining_requests="soon", anthropic_ratelimit="-"),
}
ENDLESS = ("hang", "hang in the body", "drip")
MOMENTS = {"first": 0, "middle": 2, "last": CALLS - 1}


async def ran(faults: Any, tmp_path: Path, name: str = "") -> Result:
    """Run the flow. Its requests have little time where a fault takes all of it."""
    path = tmp_path / "a.flow"
    path.write_text(FLOW.replace("SECONDS", "0.5" if name in ENDLESS else "60"))
    return await run_async(
        path,
        {"xs": ["a", "b", "c"]},
        options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}, journal=tmp_path / "journal.db", policy=QUICK),
    )


def good(faults: Any, times: int = 1) -> None:
    for _ in range(times):
        faults.json(GOOD)


def kinds(tmp_path: Path) -> Counter[str]:
    """What the journal says of attempts, by kind; an answer that is none is a `spoiled` one."""
    connection = sqlite3.connect(tmp_path / "journal.db")
    rows = connection.execute("SELECT kind, body FROM records WHERE key != x''").fetchall()
    connection.close()
    return Counter(kind for kind, body in rows)


@pytest.mark.parametrize(("name", "moment"), some(product(FAULTS, MOMENTS), 2))
async def test_a_fault_ends_in_its_class(faults: Any, tmp_path: Path, name: str, moment: str) -> None:
    fault, at = FAULTS[name], MOMENTS[moment]
    good(faults, at)
    fault.put(faults)
    good(faults)
    result = await ran(faults, tmp_path, name)
    written = kinds(tmp_path)
    if fault.again:
        assert result.status == "done", result.failures
        assert result.value == {"first": "fine", "middle": ["fine"] * 3, "last": "fine"}
        assert len(faults.seen) == CALLS + 1
        assert written["intent"] == CALLS + 1
        assert written["answer"] == CALLS + (fault.kind == "answer")
        keys = [headers["Idempotency-Key"] for headers in faults.headers]
        # Attempts at one call have one key; a call that is made again for its answer is another.
        assert len(set(keys)) == CALLS + (fault.kind == "answer")
    else:
        assert result.status == "failed"
        assert result.value is None
        assert len(result.failures) == 1
        assert len(faults.seen) <= at + 1
        assert written["answer"] == at + (fault.kind == "answer")
    if fault.kind != "answer":
        assert written[fault.kind] == 1
    assert result.summary.in_doubt == (fault.kind == "doubt")


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_that_stays_fails_the_run(faults: Any, tmp_path: Path, name: str) -> None:
    fault = FAULTS[name]
    good(faults)
    fault.put(faults)
    result = await ran(faults, tmp_path, name)
    assert result.status == "failed"
    reasons = [failure.reason for failure in result.failures]
    assert all(failure.path.startswith("middle[") for failure in result.failures)
    assert "line " in result.failures[0].path
    assert reasons[0].isprintable()
    assert len(reasons[0]) < 500
    attempts = 3 if fault.again else 1
    asked = Counter(body["messages"][0]["content"] for body in faults.seen)
    element = "abc"[int(result.failures[0].path[len("middle[")])]
    assert asked[f"fine {element}"] == attempts
    assert max(asked.values()) == attempts


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", BENIGN)
async def test_what_is_odd_and_harmless_is_taken(faults: Any, tmp_path: Path, name: str, moment: str) -> None:
    good(faults, MOMENTS[moment])
    BENIGN[name](faults)
    good(faults)
    result = await ran(faults, tmp_path)
    assert result.ok
    assert len(faults.seen) == CALLS


async def test_an_endless_body_ends_at_the_cap(faults: Any, tmp_path: Path) -> None:
    faults.endless(b" " * (1 << 20))
    good(faults)
    result = await ran(faults, tmp_path)
    assert result.ok
    assert len(faults.seen) == CALLS + 1


async def test_a_server_that_is_gone_is_told_by_its_host(tmp_path: Path) -> None:
    class Gone:
        url = "http://127.0.0.1:9"

    result = await ran(Gone(), tmp_path)
    assert result.status == "failed"
    assert "127.0.0.1:9" in result.failures[0].reason


async def test_a_spent_account_stops_its_endpoint_at_once_and_is_named(faults: Any, tmp_path: Path) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        return web.json_response(said("You exceeded your current quota", code="insufficient_quota"), status=429)

    faults.replies.append(reply)
    path = tmp_path / "a.flow"
    path.write_text(
        'model m = "openai:x" with concurrency: 2\n'
        'flow f(xs: [text]) { a = map x in xs { ask m "{{ x }}" } reduce collect with errors: skip return a }\n'
    )
    result = await run_async(
        path, {"xs": [str(n) for n in range(50)]}, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url})
    )
    assert len(faults.seen) <= 2
    assert len(result.outcome.losses) == 50
    assert all("openai:x" in loss.reason and "used up" in loss.reason for loss in result.outcome.losses)
