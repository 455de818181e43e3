"""The server of live pages answers only those who have its key, and ends when the run ends."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from flowrun.runtime.live.server import LiveServer
from flowrun.runtime.live.state import LiveState
from flowrun.runtime.pages.inputs import Inputs
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import UsageError
from support.page_records import plan_from


class Reply(NamedTuple):
    status: int
    headers: Message
    text: str


class Shown:
    """A server of a run of no calls."""

    def __init__(self) -> None:
        plan = plan_from()
        self.state = LiveState(plan, "")
        self.server = LiveServer(self.state, Inputs(plan))
        self.server.start()
        split = urlsplit(self.server.address)
        assert split.port is not None
        self.port, self.query = split.port, f"?{split.query}"

    def ask(self, path: str = "/", method: str = "GET", **headers: str) -> Reply:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read().decode())


@pytest.fixture
def shown() -> Iterator[Shown]:
    one = Shown()
    yield one
    one.server.finish(None, 5)


def test_the_page_has_a_strict_policy_in_its_head_and_its_headers(shown: Shown) -> None:
    answer = shown.ask("/" + shown.query)
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
    assert shown.ask(path).status == 403


@pytest.mark.parametrize("path", ["/nothing", "/../../etc/passwd", "/assets/page.css", "//events"])
def test_the_key_opens_only_the_page(shown: Shown, path: str) -> None:
    assert shown.ask(path + shown.query).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_only_get_is_answered(shown: Shown, method: str) -> None:
    assert shown.ask("/" + shown.query, method).status == 405


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
@pytest.mark.parametrize("path", ["/", "/events"])
def test_other_sites_are_refused(shown: Shown, path: str, headers: dict[str, str]) -> None:
    assert shown.ask(path + shown.query, **headers).status == 403


def test_its_own_origin_is_served(shown: Shown) -> None:
    assert shown.ask("/" + shown.query, Origin=f"http://127.0.0.1:{shown.port}").status == 200


@pytest.mark.parametrize("line", [b"X: " + b"a" * 100_000, b"X: a\rSet-Cookie: b"])
def test_damaged_and_huge_headers_are_refused(shown: Shown, line: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", shown.port), 10) as raw:
        raw.sendall(f"GET /{shown.query} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\n".encode() + line + b"\r\n\r\n")
        assert raw.recv(100).split()[1] == b"400"
    assert capfd.readouterr().err == ""


def test_a_page_that_never_reads_does_not_hold_up_the_end(shown: Shown) -> None:
    with socket.create_connection(("127.0.0.1", shown.port), 10) as raw:
        raw.sendall(f"GET /events{shown.query} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\n\r\n".encode())
        for number in range(2000):
            shown.state(e.ElementLost(f"notes[{number}]", f"cause {'x' * number}"))
        began = time.monotonic()
        shown.server.finish(None, 2)
        assert time.monotonic() - began < 2.5
        with pytest.raises(ConnectionRefusedError):
            shown.ask("/" + shown.query)


def test_a_machine_without_a_free_port_refuses_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: tuple[str, int]) -> socket.socket:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("socket.create_server", refuse)
    plan = plan_from()
    with pytest.raises(UsageError, match=r"cannot open a port on 127\.0\.0\.1 \(Address already in use\)"):
        LiveServer(LiveState(plan, ""), Inputs(plan))
