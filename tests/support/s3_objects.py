"""Fixtures: a server of objects, empty for each test, with its keys in the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .s3_server import Objects, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[Objects]:
    with s3_server() as found:
        yield found


@pytest.fixture
def objects(server: Objects, monkeypatch: pytest.MonkeyPatch) -> Objects:
    server.box.clear()
    server.uploads.clear()
    server.requests.clear()
    server.denied.clear()
    server.broken, server.cut, server.slow = 0, 0, 0.0
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return server
