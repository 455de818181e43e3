"""The parent's side of the child process that holds the model."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...files.children import without_keys
from ...vocabulary.errors import UsageError
from .cores import usable_cores
from .slots import KEPT, Slots

ENGINE = "xllamacpp"
NO_ENGINE = (
    "the local model needs its engine, which is not installed: pip install 'flowrun-dsl[local]'; or name another model "
    "with --model or FLOWRUN_MODEL, such as openai:gpt-4o-mini with its key in OPENAI_API_KEY, or ollama:NAME on a "
    "server of your own"
)
"""The message for a machine without the engine."""
_CHILD = Path(__file__).with_name("child.py")
_LEAVE = 0.5  # seconds: a child that loads cannot see that stdin closed


def must_have_engine() -> None:
    """Check that the engine is installed, without loading it. Raises: UsageError."""
    if find_spec(ENGINE) is None:
        raise UsageError(NO_ENGINE)


class EngineProcess:
    """A run of ``child.py``. Every request to it must carry ``key``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = without_keys(environ)
        self._child: asyncio.subprocess.Process | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by stop)
        self.port = 0
        self.slots = Slots(0)
        self.key = secrets.token_urlsafe(24)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the child. None before its start and while it runs, negative for a signal."""
        return self._child.returncode if self._child else None

    async def spawn(self) -> str:
        """Start the child, wait until it has imported the engine, and return the version of the engine.

        Raises: UsageError, if the engine is missing or this machine cannot run it.
        """
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_CHILD)),
            env=self._environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # so that ^C reaches the parent alone, which keeps the calls in flight
        )
        return str(await self._hear("engine"))

    async def serve(self, weights: Path, context: int, samples: int) -> None:
        """Make the child load ``weights`` and serve at ``port`` on loopback, up to ``samples`` answers to a request."""
        assert self._child is not None and self._child.stdin is not None
        settings = {
            "weights": str(weights),
            "context": context,
            "slots": samples + KEPT,
            "threads": min(usable_cores(), 8),
            "key": self.key,
        }
        self._child.stdin.write(json.dumps(settings).encode() + b"\n")
        self.port = int(await self._hear("port"))
        self.slots = Slots(samples)

    async def stop(self) -> None:
        """End the child. This is safe at any time, and more than once."""
        child, self._child = self._child, None
        self._errors.close()
        if child is None:
            return
        assert child.stdin is not None
        child.stdin.close()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE):
                    await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
            await asyncio.shield(_reaped(child))

    async def _hear(self, word: str) -> Any:
        assert self._child is not None and self._child.stdout is not None
        line = await self._child.stdout.readline()
        message = json.loads(line) if line.endswith(b"\n") else {}
        if word in message:
            return message[word]
        code = await self._child.wait()
        raise UsageError(_hint(message.get("error") or self._last_words(), code))

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read()[-4096:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


async def _reaped(child: asyncio.subprocess.Process) -> None:
    await child.wait()
    if child.stdout is not None:
        await child.stdout.read()  # to its end, so that the pipe's transport is closed too


def _hint(why: str, code: int) -> str:
    if f"No module named '{ENGINE}'" in why:
        return NO_ENGINE
    if "libgomp" in why:
        return (
            "the embedded model's engine needs the system library libgomp: apt-get install libgomp1 "
            f"(Debian, Ubuntu) or dnf install libgomp (Fedora); it said: {why}"
        )
    if code == -signal.SIGILL:
        return (
            "the embedded model's engine needs a processor with AVX2, which this machine does not have; "
            "use a provider over the network"
        )
    if code < 0:
        why = f"it was ended by {signal.Signals(-code).name}, perhaps because memory ran out"
    return f"the embedded model did not start: {why or f'its process ended with code {code}'}"
