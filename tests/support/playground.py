"""The playground for tests: built once, served on loopback from a sub-path."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playground.build import build

FOLDER = "some/where"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def built(folder: Path) -> Path:
    """Build the playground in a folder of a sub-path, and return the top folder. Without npm the test is skipped."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("there is no npm on the PATH: install the packages nodejs and npm")
    build(folder / "site" / FOLDER, folder / "npm")
    return folder / "site"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that closes a connection in the middle."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder, and yield the address of the playground in it."""
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{FOLDER}/"
    finally:
        server.shutdown()
        server.server_close()
