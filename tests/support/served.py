"""`flowrun serve` and `flowrun mcp` as processes, beside a model server that logs its bills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from mcp import Client, StdioServerParameters

from support.command_line import PYTHON
from support.patience import PATIENCE

START = "from flowrun.runtime.cli import main; main()"
NOTED = f"import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid())); {START}"
"""The command, which writes its process id to a file."""
TOKEN = "token-of-the-tests-of-serve"
FLOWS = """\
model m = "openai:gpt-4o-mini"

# Judges whether an email is spam,
# by three votes.
flow is_spam(
  # The text of the email.
  email: text,
  tone: kind | strict = strict # how strict
) budget 9 calls {
  verdict = repeat 3 {
    ask m "Answer SPAM or NOT only ({{ tone }}):\\n{{ email }}" -> SPAM | NOT
  } reduce majority

  return verdict
}

flow each(texts: [text]) budget 500 calls {
  out = map t in texts {
    ask m "Say: {{ t }}"
  } reduce collect

  return out
}

flow some(texts: [text]) {
  out = map t in texts {
    ask m "Say: {{ t }}"
  } reduce collect with errors: skip

  return out
}

flow card(name: text) {
  said = ask m "Greet {{ name }}"

  return { name: name, said: said }
}
"""


def environment(folder: Path, models: str, **more: str) -> dict[str, str]:
    """Return the environment of a server whose models are at an address."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OPENAI_BASE_URL": models,
        "OPENAI_API_KEY": "sk-key-of-the-tests-0123456789",
        "FLOWRUN_TOKEN": TOKEN,
        "FLOWRUN_LEARN": "0",
        **more,
    }


@dataclass
class Server:
    """A running `flowrun serve`. ``err`` is the file with its standard error."""

    process: subprocess.Popen[bytes]
    err: Path
    address: str = ""

    def told(self) -> str:
        return self.err.read_text(encoding="utf-8")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        return self.process.wait(seconds)

    @asynccontextmanager
    async def client(self, token: str = TOKEN) -> AsyncIterator[aiohttp.ClientSession]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with aiohttp.ClientSession(self.address, headers=headers) as session:
            yield session

    async def ask(self, path: str, given: Any = None, method: str = "POST", **headers: str) -> tuple[int, Any]:
        """Send a request, and return the status and the JSON of the answer."""
        async with self.client() as session:
            body = None if method != "POST" else given
            async with session.request(method, path, json=body, headers=headers) as response:
                return response.status, await response.json()


@contextmanager
def serving(
    folder: Path,
    environ: Mapping[str, str],
    *options: str,
    files: tuple[str, ...] = (),
    python: Sequence[str] = PYTHON,
    journal: Sequence[str] = ("--journal", "j.db"),
) -> Iterator[Server]:
    """Run `flowrun serve` on the flows of this module, or on ``files``, until it has ended or is killed."""
    flow = folder / "flows.flow"
    if not files:
        flow.write_text(FLOWS, encoding="utf-8")
    err = folder / f"err{time.monotonic_ns()}"
    command = [*python, "-c", START, "serve", *(files or (str(flow),)), "--port", "0", *journal, *options]
    with err.open("wb") as to, subprocess.Popen(command, cwd=folder, env=dict(environ), stderr=to) as process:
        server = Server(process, err)
        try:
            end = time.monotonic() + PATIENCE
            while " at http" not in server.told() or "journal" not in server.told():
                if process.poll() is not None or time.monotonic() > end:
                    break
                time.sleep(0.02)
            line = next((one for one in server.told().splitlines() if " at http" in one), "")
            server.address = line.partition(" at ")[2].rstrip(":")
            yield server
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
            assert "Traceback" not in server.told(), server.told()


@dataclass
class Tools:
    """An MCP client, and the process id of its server as soon as that is known."""

    client: Client
    err: Path

    def told(self) -> str:
        return self.err.read_text(encoding="utf-8")


@asynccontextmanager
async def connected(
    folder: Path,
    environ: Mapping[str, str],
    *options: str,
    mode: str = "auto",
    journal: Sequence[str] = ("--journal", "j.db"),
) -> AsyncIterator[Tools]:
    """Run `flowrun mcp` as the SDK's own client starts it."""
    from mcp.client.stdio import stdio_client

    (folder / "flows.flow").write_text(FLOWS, encoding="utf-8")
    err = folder / f"err{time.monotonic_ns()}"
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-c", NOTED, "mcp", "flows.flow", *journal, *options],
        env=dict(environ),
        cwd=folder,
    )
    with err.open("w") as to:
        async with Client(stdio_client(parameters, errlog=to), mode=mode) as client:
            yield Tools(client, err)
    assert "Traceback" not in err.read_text(), err.read_text()


def flowrun(folder: Path, environ: Mapping[str, str], *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-c", START, *words]
    given = {
        "cwd": folder,
        "env": dict(environ),
        "input": stdin,
        "capture_output": True,
        "text": True,
        "timeout": PATIENCE,
    }
    done: subprocess.CompletedProcess[str] = subprocess.run(command, check=True, **given)  # type: ignore[call-overload]
    return done
