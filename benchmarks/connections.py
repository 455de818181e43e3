"""The wall time of a burst of new connections, by how many are opened at once, over that of opening all at once.

    python benchmarks/connections.py [--calls 1000] [--rounds 5] [--widths 32 128] [--kinds TLS]

Each call takes 200 ms. The server is a process of its own, with and without TLS, with a long and a short queue of new
connections, near and far. Linux's usual queue drops the rest of a burst, and a client tries again after a second. The
far server's bytes, and thus each step of a TLS handshake, are 50 ms on their way. `own` is the number that flowrun
finds by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ALL = 1_000_000
"""More connections than any burst has."""
OWN = 0
"""The width that the client finds by itself."""
KINDS = {
    "plain, long queue": ("4096", False, 0.0),
    "plain, short queue": ("128", False, 0.0),
    "TLS, long queue": ("4096", True, 0.0),
    "TLS, short queue": ("128", True, 0.0),
    "TLS, far": ("4096", True, 0.05),
}
SECONDS = 0.2


class Way(asyncio.Protocol):
    """A direction of a connection that delivers each byte ``delay`` seconds late."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.other: asyncio.Transport | None = None
        self.transport: asyncio.Transport
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self.delay, self.arrive, data)

    def arrive(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
        else:
            self.other.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None:
            self.other.close()


class Far(Way):
    """A client's side of such a connection to a server at ``port``."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay)
        self.port = port
        self.joining: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.joining = asyncio.get_running_loop().create_task(self.join())

    async def join(self) -> None:
        back = Way(self.delay)
        back.other = self.transport
        await asyncio.get_running_loop().create_connection(lambda: back, "127.0.0.1", self.port)
        self.other = back.transport
        for data in self.early:
            self.other.write(data)


async def serve(queue: int, delay: float, chain: str) -> None:
    from mock_server import Connection, Script, Server

    context = None
    if chain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
    loop = asyncio.get_running_loop()
    model = Server(Script())
    server = await loop.create_server(lambda: Connection(model), "127.0.0.1", 0, backlog=queue, ssl=context)
    port = server.sockets[0].getsockname()[1]
    far = await loop.create_server(lambda: Far(delay, port), "127.0.0.1", 0, backlog=queue)
    print(far.sockets[0].getsockname()[1] if delay else port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    far.close()


@contextlib.contextmanager
def running(queue: str, delay: float, chain: str) -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", queue, str(delay), chain]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        try:
            yield f"http{'s' * bool(chain)}://localhost:{int(server.stdout.readline())}/v1"
        finally:
            server.stdin.close()


def certificate(folder: Path) -> str:
    """Make a certificate for localhost that this process trusts, before anything loads the trusted ones."""
    key, made, chain = folder / "key.pem", folder / "made.pem", folder / "chain.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(made)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    chain.write_bytes(key.read_bytes() + made.read_bytes())
    os.environ["SSL_CERT_FILE"] = str(made)
    return str(chain)


async def burst(base: str, calls: int, width: int) -> tuple[float, float]:
    """Return the wall time and the CPU time of so many calls at once, each over a connection of its own."""
    from flowrun.runtime.providers import connections, http, open_provider
    from flowrun.runtime.providers.protocol import Surroundings
    from flowrun.runtime.vocabulary.call import Message, Request

    own = http.OPENING, connections.MOST_OPENING
    if width != OWN:
        http.OPENING = connections.MOST_OPENING = width
    provider = open_provider("openai:test", Surroundings({"OPENAI_BASE_URL": base}))
    began, used = time.perf_counter(), time.process_time()
    prompts = [Request((Message("user", f"Say {number} s={SECONDS}"),)) for number in range(calls)]
    await asyncio.gather(*map(provider.complete, prompts))
    found = time.perf_counter() - began, time.process_time() - used
    await provider.close()
    http.OPENING, connections.MOST_OPENING = own
    return found


def measured(base: str, calls: int, widths: list[int], rounds: int) -> dict[int, list[tuple[float, float]]]:
    """Walls and CPU times by width; the widths take turns."""
    found: dict[int, list[tuple[float, float]]] = {width: [] for width in widths}
    asyncio.run(burst(base, 50, ALL))
    for _ in range(rounds):
        for width, times in found.items():
            times.append(asyncio.run(burst(base, calls, width)))
            time.sleep(0.1)  # the server closes its ends
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=int, nargs="*", default=[16, 32, 128])
    parser.add_argument("--kinds", default="", help="only those whose name begins so")
    parser.add_argument("--serve", nargs=3, metavar=("QUEUE", "DELAY", "CHAIN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        queue, delay, chain = options.serve
        return asyncio.run(serve(int(queue), float(delay), chain))
    with tempfile.TemporaryDirectory() as folder:
        chain = certificate(Path(folder))
        for kind, (queue, secure, delay) in KINDS.items():
            if not kind.startswith(options.kinds):
                continue
            with running(queue, delay, chain if secure else "") as base:
                found = measured(base, options.calls, [OWN, *options.widths, ALL], options.rounds)
            print(f"{kind}, {options.calls:,} calls:")
            for width, times in found.items():
                name = {OWN: "own", ALL: "all"}.get(width, str(width))
                wall, cpu = (statistics.median(one) for one in zip(*times, strict=True))
                ratio = statistics.median(wall / whole for (wall, _), (whole, _) in zip(times, found[ALL], strict=True))
                print(f"  {name:>4} at once: {wall:.2f} s wall, {cpu:.2f} s CPU, {ratio:.2f} of all", flush=True)
    return None


if __name__ == "__main__":
    main()
