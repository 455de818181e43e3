"""A proxy that is not there: the error names the proxy, and not the server behind it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import RefusedError

PASSWORD = "planted-0123456789"


async def failure(scheme: str, proxy: str) -> str:
    environ = {
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{scheme}://models.invalid/v1",
        f"{scheme.upper()}_PROXY": proxy,
    }
    provider = open_provider("openai:m", Surroundings(environ))
    try:
        with pytest.raises(RefusedError) as caught:
            await provider.complete(Request((Message("user", "hi"),)))
    finally:
        await provider.close()
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_takes_no_connection_is_told(scheme: str) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    said = await failure(scheme, f"http://me:{PASSWORD}@127.0.0.1:{port}")
    assert "models.invalid: the proxy 127.0.0.1 does not accept connections" in said


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host has an address."""

    def look(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look)


@pytest.mark.usefixtures("nameless")
async def test_a_proxy_without_an_address_is_told() -> None:
    said = await failure("http", f"http://me:{PASSWORD}@proxy.invalid:3128")
    assert "models.invalid: the address of the proxy proxy.invalid cannot be found" in said


@pytest.mark.usefixtures("nameless")
async def test_a_server_without_an_address_is_told() -> None:
    assert "models.invalid: the address of this host cannot be found" in await failure("http", "")
