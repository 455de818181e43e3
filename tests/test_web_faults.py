"""Files of web servers that fail: each fault has a sentence of its own, and a redirection is no missing file."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from flowrun.dsl import plan, types
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.vocabulary.errors import InputError
from flowrun.runtime.vocabulary.json_value import Json
from support.certificates import server_context

TEXT = b"Hello."


def reply(status: int = 200, *lines: str, body: bytes = TEXT, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Connection: close", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def to(place: str) -> bytes:
    return reply(302, f"Location: {place}", body=b"")


REPLIES = {
    "good": reply(),
    "loop": to("/loop"),
    "lost": reply(302, body=b""),
    "file": to("file:///etc/passwd"),
    "bad": to("http://[::bad"),
    "next": to("/good"),
    "cut": reply(body=TEXT, length=50),
    "chunks": b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nHello",
    "none": b"",
    "noise": b"I speak another language.\r\n\r\n",
    "size": b"HTTP/1.1 200 X\r\nContent-Length: many\r\n\r\nHello",
    "packed": reply(200, "Content-Encoding: gzip"),
}


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        method, path = head.decode().split()[:2]
        name = path.strip("/")
        if name == "liar" and method == "HEAD":
            self.wfile.write(reply(length=2, body=b""))
            return
        whole = REPLIES.get(name) or (reply() if name == "liar" else b"" if name == "none" else reply(int(name)))
        self.wfile.write(whole if method == "GET" else whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" * bool(whole))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of a server, and of one whose certificate nobody trusts."""
    with Server(("127.0.0.1", 0), Handler) as plain, Server(("127.0.0.1", 0), Handler) as over_tls:
        context = server_context(tmp_path_factory.mktemp("tls"), "other.example")
        over_tls.socket = context.wrap_socket(over_tls.socket, server_side=True)
        for one in (plain, over_tls):
            threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{plain.server_address[1]}", f"https://127.0.0.1:{over_tls.server_address[1]}"
        for one in (plain, over_tls):
            one.shutdown()


def read(url: str) -> Json:
    return read_input(plan.Param("it", types.DOCUMENT, None, True), url, lambda: "", by_row=False, urls=True)


FAULTS = [
    ("loop", "its server leads from one address to the next without an end"),
    ("lost", "its server leads to another address, and does not name it (status 302)"),
    ("file", "its server leads to another address, which is no http:// or https:// URL"),
    ("bad", "its server leads to another address, which is not a usable URL"),
    ("400", "its server refused the request (status 400)"),
    ("401", "its server wants a login; give the user and the password in the URL (status 401)"),
    ("403", "its server says that you have no right to read it (status 403)"),
    ("416", "its server does not serve this part of it (status 416)"),
    ("429", "its server gets too many requests; run the flow again later (status 429)"),
    ("500", "its server failed (status 500); run the flow again later"),
    ("503", "its server failed (status 503); run the flow again later"),
    ("cut", "its server broke off or did not answer in time"),
    ("chunks", "its server broke off or did not answer in time"),
    ("none", "its server broke off or did not answer in time"),
    ("noise", "its server sent an answer that breaks the rules of HTTP"),
    ("size", "its server sent an answer that breaks the rules of HTTP"),
    ("packed", "its server sent an answer that breaks the rules of HTTP"),
]


@pytest.mark.parametrize(("name", "said"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_fault_has_its_sentence(name: str, said: str, servers: tuple[str, str]) -> None:
    url = f"{servers[0]}/{name}"
    with pytest.raises(InputError) as caught:
        read(url)
    assert str(caught.value) == f"`it`: `{url}` cannot be read: {said}"


@pytest.mark.parametrize("name", ["404", "410"])
def test_only_a_missing_file_is_missing(name: str, servers: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=f"there is no object `{servers[0]}/{name}`"):
        read(f"{servers[0]}/{name}")


def test_a_server_that_follows_the_rules_is_read(servers: tuple[str, str]) -> None:
    for name in ("good", "next"):
        assert read(f"{servers[0]}/{name}") == TEXT.decode()


def test_a_server_that_tells_another_size(servers: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="has 6 bytes, and its server told 2"):
        read(f"{servers[0]}/liar")


@pytest.mark.parametrize("url", ["http:///x", "http://127.0.0.1:99999/x"])
def test_an_address_that_cannot_be_used(url: str) -> None:
    with pytest.raises(InputError, match="is not a usable URL"):
        read(url)


def test_a_certificate_that_nobody_trusts(servers: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=r"the certificate of its server is not trusted here; if you trust the issuer"):
        read(f"{servers[1]}/good")
