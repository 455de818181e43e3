"""The server of live pages answers only those who have its key, and ends when the run ends."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from flowrun.runtime.live.page import LivePage
from flowrun.runtime.live.server import MOST_AT_ONCE, MOST_PAGES, LiveServer
from flowrun.runtime.live.state import LiveState
from flowrun.runtime.pages.inputs import Inputs
from flowrun.runtime.pages.live_page import Changes
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.live_pages import Shown, made_up
from support.page_records import plan_from
from support.patience import PATIENCE, eventually


@pytest.fixture
def shown() -> Iterator[Shown]:
    with made_up() as one:
        yield one


def test_the_page_has_a_strict_policy_in_its_head_and_its_headers(shown: Shown) -> None:
    answer = shown.got("/" + shown.query)
    assert answer.status == 200
    for name, value in (
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ):
        assert answer.headers[name] == value
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ") and "connect-src 'self'" in policy
    assert policy.removesuffix("; frame-ancestors 'none'") in answer.text


@pytest.mark.parametrize("path", ["/", "/events", "/?key=", "/?key=x", "/events?key=%FF", "/../etc/passwd", "/nothing"])
def test_without_the_key_nothing_is_answered(shown: Shown, path: str) -> None:
    assert shown.got(path).status == 403


@pytest.mark.parametrize("path", ["/nothing", "/../../etc/passwd", "/assets/page.css", "//events"])
def test_the_key_opens_only_the_page(shown: Shown, path: str) -> None:
    assert shown.got(path + shown.query).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_only_get_is_answered(shown: Shown, method: str) -> None:
    assert shown.got("/" + shown.query, method).status == 405


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
@pytest.mark.parametrize("path", ["/", "/events"])
def test_other_sites_are_refused(shown: Shown, path: str, headers: dict[str, str]) -> None:
    assert shown.got(path + shown.query, **headers).status == 403


def test_its_own_origin_is_served(shown: Shown) -> None:
    assert shown.got("/" + shown.query, Origin=f"http://127.0.0.1:{shown.port}").status == 200


@pytest.mark.parametrize("line", [b"X: " + b"a" * 100_000, b"X: a\rSet-Cookie: b"])
def test_damaged_and_huge_headers_are_refused(shown: Shown, line: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", shown.port), PATIENCE) as raw:
        raw.sendall(f"GET /{shown.query} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\n".encode() + line + b"\r\n\r\n")
        assert raw.recv(100).split()[1] == b"400"
    assert capfd.readouterr().err == ""


def stalled(shown: Shown) -> socket.socket:
    """A page that listens, and reads nothing."""
    raw = socket.create_connection(("127.0.0.1", shown.port), PATIENCE)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.sendall(f"GET /events{shown.query} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\n\r\n".encode())
    return raw


def test_pages_that_read_nothing_neither_swell_the_run_nor_hold_up_its_end(shown: Shown) -> None:
    text = "x" * 50_000
    shown.call("first")  # loads the prices of models
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(stalled(shown))
        tracemalloc.start()
        try:
            cpu = time.thread_time()
            for number in range(1000):
                shown.call(f"notes[{number}].draft", text, text)
                if number % 250 == 0:
                    time.sleep(0.3)
            assert time.thread_time() - cpu < 4, "a call costs well under a millisecond"
            time.sleep(0.5)
            # The run holds its texts anyway, here once. Each page holds one update of about 1 MiB, and what that is
            # made of.
            eventually(lambda: gc.collect() >= 0 and tracemalloc.get_traced_memory()[0] < 12 * 2**20)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 24 * 2**20
        began = time.monotonic()
        shown.server.finish(None, 10 * PATIENCE)
        assert time.monotonic() - began < PATIENCE, "pages that take nothing get no last update"
        with pytest.raises(ConnectionRefusedError):
            shown.got("/" + shown.query)


def test_a_page_that_lags_gets_all_calls_in_small_updates(shown: Shown) -> None:
    for number in range(300):
        shown.call(f"notes[{number}].draft", "x" * 20_000)
    shown.state.version += 1
    found: dict[str, None] = {}
    version, turns = 0, 0
    while version < shown.state.version:
        changes = shown.state.since(version, 2**20)
        assert sum(len(one.messages[0].text) for one in asked(changes)) < 2**20 + 30_000
        found |= dict.fromkeys(one.path for one in changes.record.calls)
        assert changes.version > version
        version, turns = changes.version, turns + 1
    assert list(found) == [f"notes[{number}].draft" for number in range(300)]
    assert turns == 6


def test_a_page_that_opens_late_is_small_and_its_calls_follow_in_updates(shown: Shown) -> None:
    for number in range(2000):
        shown.call(f"notes[{number}].draft", f"prompt {number} " + "x" * 1000)
    page = shown.got("/" + shown.query)
    assert page.status == 200
    assert "2,000" in page.text, "the head counts them"
    first = shown.state.since(0, 0)
    assert not first.record.calls and not first.version and first.behind
    found: list[str] = []
    with closing(http.client.HTTPConnection("127.0.0.1", shown.port, timeout=PATIENCE)) as listener:
        listener.request("GET", f"/events{shown.query}&from=0")
        reply = listener.getresponse()
        while len(found) < 2000:
            line = reply.readline()
            if line.startswith(b"data: {"):
                data = json.loads(line.removeprefix(b"data: "))
                assert len(line) < 4 * MOST_AT_ONCE
                found += [data["strings"][one] for one in data["calls"]["place"]]
    assert found == [f"notes[{number}].draft" for number in range(2000)]


def test_pages_beyond_the_limit_are_refused_before_they_are_made(shown: Shown) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_PAGES):
            one = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", shown.port, timeout=PATIENCE)))
            one.request("GET", "/events" + shown.query)
            assert one.getresponse().status == 200
        for path in ("/", "/events"):
            refused = shown.got(path + shown.query)
            assert (refused.status, refused.text) == (503, "Too many pages listen already: close one.\n")
    eventually(lambda: shown.got("/" + shown.query).status == 200)


def asked(changes: Changes) -> list[Request]:
    return [one.request for one in changes.record.calls if one.request is not None]


@pytest.mark.parametrize("path", ["/", "/events"])
def test_a_fault_of_the_page_is_told_in_a_line_and_ends_it(
    shown: Shown, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shown.state._summary = None  # type: ignore[assignment]
    shown.state.version += 1
    with suppress(http.client.HTTPException):
        assert shown.got(path + shown.query).status == 500
    shown.server.finish(None, 5)
    said = capfd.readouterr().err
    assert said.startswith("the live page has ended by a fault of its own, and the run goes on: AttributeError")
    assert said.count("\n") == 1
    with pytest.raises(ConnectionRefusedError):
        shown.got("/" + shown.query)


def test_a_fault_in_the_state_never_reaches_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    page = LivePage(plan_from())
    page.state._summary = None  # type: ignore[assignment]
    for _ in range(2):
        page(e.Notice("a notice"))
    asyncio.run(page.finish(None))
    first, second = capfd.readouterr().err.splitlines()
    assert first.startswith("the run is shown at http://127.0.0.1:")
    assert second.startswith("the live page has ended by a fault of its own, and the run goes on: ")


@pytest.mark.parametrize("error", [DiskError("the journal is gone"), RuntimeError("a fault")])
def test_a_report_that_cannot_be_made_is_told(
    shown: Shown, error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    def make() -> RunRecord:
        raise error

    with socket.create_connection(("127.0.0.1", shown.port), PATIENCE) as raw:
        raw.sendall(f"GET /events{shown.query} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\n\r\n".encode())
        assert raw.recv(10)
        shown.server.finish(make, 5)
    [line] = capfd.readouterr().err.splitlines()
    assert str(error) in line


@pytest.mark.parametrize("comes", [True, False])
def test_pages_hear_of_the_end_before_the_report_is_made(shown: Shown, comes: bool) -> None:
    shown.call("first")
    free = threading.Event()

    def make() -> RunRecord:
        assert free.wait(PATIENCE)
        return shown.state.since(0).record

    with closing(http.client.HTTPConnection("127.0.0.1", shown.port, timeout=PATIENCE)) as listener:
        listener.request("GET", f"/events{shown.query}&from=0")
        lines = iter(listener.getresponse().readline, b"")
        assert b"Running." in next(lines)
        shown.state(e.RunFinished("done", 1.0, at=1.0))
        ending = threading.Thread(target=shown.server.finish, args=(make, PATIENCE if comes else 0))
        ending.start()
        assert any(b"Done: " in line and b'"over":false' in line for line in lines)
        if comes:
            free.set()
        ending.join()
        if comes:
            rest = list(lines)
            assert any(b'"over":true' in line for line in rest) and b"event: over\n" in rest
    free.set()


def test_a_run_that_ends_at_once_ends_its_server() -> None:
    for _ in range(20):
        with made_up() as one:
            began = time.monotonic()
            one.server.finish(None, 10 * PATIENCE)
            assert time.monotonic() - began < PATIENCE
            assert not one.server._thread.is_alive()


def test_a_machine_without_a_free_port_refuses_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: tuple[str, int]) -> socket.socket:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("socket.create_server", refuse)
    plan = plan_from()
    with pytest.raises(UsageError, match=r"cannot open a port on 127\.0\.0\.1 \(Address already in use\)"):
        LiveServer(LiveState(plan, ""), Inputs(plan))
