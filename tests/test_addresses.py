"""A wrong address, key or header is told at the start, with what to set; a certificate with why it is not taken."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import CallError, UsageError
from support.certificates import server_context
from support.command_line import command
from support.hosted import ask, chat, opening

BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY"}


def refused(name: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        open_provider(f"{name}:m", Surroundings(environ))
    assert "s3cret" not in str(caught.value)
    assert str(caught.value).isprintable()
    return str(caught.value)


ADDRESSES = {
    "localhost:8000/v1": "does not begin with http:// or https://",
    "api.openai.com/v1": "does not begin with http:// or https://",
    "//h/v1": "does not begin with http:// or https://",
    "ftp://h/v1": "neither http:// nor https://",
    "http://": "it has no host",
    "http:///v1": "it has no host",
    "http://[::1": "its host is neither a name nor a number",
    "http://[::1]x/v1": "its host is neither a name nor a number",
    "http://[s3cret]/v1": "its host is neither a name nor a number",
    f"http://{'a' * 64}.example/v1": "its host is neither a name nor a number",
    f"http://{'a.' * 130}example/v1": "its host is neither a name nor a number",
    "http://a..b/v1": "its host is neither a name nor a number",
    "http://-a.example/v1": "its host is neither a name nor a number",
    "http://a,b/v1": "its host is neither a name nor a number",
    "http://h:port/v1": "its port is not a number",
    "http://h:99999/v1": "its port is not a number",
    "http://h:0/v1": "its port is not a number",
    "http://h:/v1": "its port is not a number",
    "http://h: 80/v1": "a space or a line break",
    "http://h/a b": "a space or a line break",
    "http://h/\nv1": "a space or a line break",
    "http://me:s3cret@h/v1": "a user name or a password",
    "http://me@h/v1": "a user name or a password",
    "http://me:s3cret@[::1/v1": "its host is neither a name nor a number",
    "http://h/v1?s3cret=1": "with a ? or a # in it",
    "http://h/v1#s3cret": "with a ? or a # in it",
    "http://h/v1?": "with a ? or a # in it",
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_base_url_that_is_no_address_is_told(name: str, address: str) -> None:
    said = refused(name, **{BASES[name]: address, KEYS[name]: "k"})
    assert said.startswith(BASES[name])
    assert ADDRESSES[address] in said


@pytest.mark.parametrize(
    "address",
    [
        *(
            "http://h",
            "http://h.example./v1",
            "https://münchen.example/v1",
            "http://[::1]:80/v1",
            "http://[fe80::1%25lo]",
        ),
        *("http://127.0.0.1:1/", "http://a_b.example", "http://xn--mnchen-3ya.example", "HTTP://H/V1"),
    ],
)
def test_a_base_url_that_is_one_opens(address: str) -> None:
    assert open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": address})).endpoint == address.rstrip("/")


@pytest.mark.parametrize(
    ("name", "address", "set_it_to"),
    [
        ("openai", "http://h:1/v1/chat/completions", "http://h:1/v1"),
        ("openai", "http://h:1/v1/chat/completions/", "http://h:1/v1"),
        ("openai", "https://h/v1/responses", "https://h/v1"),
        ("openai", "https://h/v1/models", "https://h/v1"),
        ("anthropic", "https://h/v1/messages", "https://h/v1"),
        ("gemini", "https://h/v1beta/models/m:generateContent", "https://h/v1beta"),
        ("openai", "https://api.openai.com", "https://api.openai.com/v1"),
        ("openai", "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("openai", "https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("openai", "https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("openai", "https://api.groq.com/v1", "https://api.groq.com/openai/v1"),
        ("openai", "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1"),
        (
            "openai",
            "https://x.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/v1",
        ),
        ("openai", "https://x.cognitiveservices.azure.com/", "https://x.cognitiveservices.azure.com/openai/v1"),
    ],
)
def test_a_path_that_cannot_be_right_is_told_with_the_right_one(name: str, address: str, set_it_to: str) -> None:
    said = refused(name, **{BASES[name]: address, KEYS[name]: "k"})
    assert f"set it to {set_it_to}" in said
    assert said.partition(set_it_to)[2][:1] in ("", ";")


@pytest.mark.parametrize(
    ("name", "given", "path"),
    [
        ("anthropic", "/v1", "/v1/messages"),
        ("anthropic", "/v1/", "/v1/messages"),
        ("anthropic", "/proxy/v1", "/proxy/v1/messages"),
        ("anthropic", "", "/v1/messages"),
        ("gemini", "/v1beta/", "/v1beta/models/m:generateContent"),
        ("openai", "/v1/", "/v1/chat/completions"),
    ],
)
async def test_a_version_at_the_end_is_understood(faults: Any, name: str, given: str, path: str) -> None:
    faults.json({"error": {"message": "no"}}, 400)
    served = open_provider(f"{name}:m", Surroundings({BASES[name]: faults.url + given}))
    with pytest.raises(CallError):
        await served.complete(Request((Message("user", "hi"),)))
    await served.close()
    assert faults.paths == [path]


VALUES = {
    "s3cret\r\nX: y": "a line break at character 7",
    "s3cret key": "a space at character 7",
    "s3cret\tkey": "a tab",
    "s3cret\u2026": "the character U+2026",
    "s3cret\u00e9": "the character U+00E9",
    "s3cret\x00": "the character U+0000",
    '"s3cret"': "quotes around it",
    "'s3cret'": "quotes around it",
    "Bearer s3cret": "begins with the word Bearer",
}


@pytest.mark.parametrize("variable", [*KEYS.values(), "GOOGLE_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_no_header_takes_is_told_by_its_variable(variable: str, value: str) -> None:
    name = next(name for name in BASES if name in variable.lower() or (name == "gemini" and "GOOGLE" in variable))
    said = refused(name, **{BASES[name]: "http://h/v1", variable: value})
    assert said.startswith(variable)
    assert VALUES[value] in said


def test_a_key_of_another_service_is_told_where_it_belongs() -> None:
    assert "set OPENROUTER_API_KEY to it, and ask openrouter:NAME" in refused(
        "openai", OPENAI_API_KEY="sk-or-v1-s3cret"
    )
    assert "ask anthropic:NAME" in refused("openai", OPENAI_API_KEY="sk-ant-s3cret")
    assert "ask gemini:NAME" in refused("anthropic", ANTHROPIC_API_KEY="AIzas3cret")
    # A gateway takes whatever it has given out.
    environ = {"OPENAI_API_KEY": "sk-ant-s3cret", "OPENAI_BASE_URL": "http://gateway.example/v1"}
    open_provider("openai:m", Surroundings(environ))
    environ = {"OPENAI_API_KEY": "sk-or-v1-x", "OPENAI_BASE_URL": "https://openrouter.ai/api/v1"}
    open_provider("openai:m", Surroundings(environ))


@pytest.mark.parametrize(
    ("variable", "name"),
    [("OPENROUTER_API_KEY", "openrouter"), ("AZURE_OPENAI_API_KEY", "azure"), ("CO_API_KEY", "cohere")],
)
def test_the_variables_of_other_services_are_known(variable: str, name: str) -> None:
    assert f"{variable} is set: ask {name}:NAME" in refused("openai", **{variable: "s3cret"})


@pytest.mark.parametrize("proxy", ["http://[::1", "http://u:s3cret@h:99999", "http://", "a b", f"http://{'a' * 64}:1"])
def test_a_proxy_that_is_no_address_is_told(proxy: str) -> None:
    said = refused("openai", OPENAI_API_KEY="k", HTTPS_PROXY=proxy)
    assert said.startswith("HTTPS_PROXY is not the address of a proxy")


@pytest.mark.parametrize(
    ("status", "key", "advice"),
    [
        (401, "", "no key was sent: set OPENAI_API_KEY"),
        (401, "k", "check that OPENAI_API_KEY is a key for OPENAI_BASE_URL (http://127.0.0.1:"),
        (403, "k", "check the permissions of OPENAI_API_KEY, and check OPENAI_BASE_URL (http://127.0.0.1:"),
        (404, "k", "check the name of the model, and check OPENAI_BASE_URL (http://127.0.0.1:"),
    ],
)
async def test_what_to_set_is_told_with_a_status(faults: Any, status: int, key: str, advice: str) -> None:
    faults.json({"error": {"message": "no"}}, status)
    served = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": faults.url, "OPENAI_API_KEY": key}))
    with pytest.raises(CallError) as caught:
        await served.complete(Request((Message("user", "hi"),)))
    await served.close()
    assert advice in str(caught.value)


@pytest.mark.parametrize("variable", [*BASES.values(), "HTTP_PROXY"])
async def test_the_command_tells_in_a_sentence_and_before_anything(variable: str, flow: Callable[[str], Path]) -> None:
    path = flow('model m = "openai:x" with retries: 0\nflow f() { a = ask m "hi" return a }\n')
    host = "models.invalid" if variable == "HTTP_PROXY" else "127.0.0.1:9"
    environ = {"OPENAI_BASE_URL": f"http://{host}/v1", variable: "http://[::1"}
    ran = await command("a.flow", "--no-journal", folder=path.parent, **environ)
    own = variable in ("OPENAI_BASE_URL", "HTTP_PROXY")
    # What another provider is set to does not matter here.
    assert ran.code == (2 if own else 3)
    assert (variable in ran.err) == own
    models = await command("models", folder=path.parent, **environ)
    assert models.code == 0


# Certificates

ASK = """
import asyncio, json, os, sys
from flowrun.runtime.vocabulary.errors import CallError
from flowrun.runtime.providers import open_provider
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.providers.protocol import Surroundings

async def main():
    served = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": sys.argv[1]}))
    try:
        print((await served.complete(Request((Message("user", "hi"),), timeout=5.0))).answers[0].text)
    except CallError as error:
        print(type(error).__name__, error)
    await served.close()

asyncio.run(main())
"""


async def said_over_tls(
    folder: Path, name: str, first: int = -1, last: int = 1, environ: Mapping[str, str] | None = None
) -> str:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        body = json.dumps({"choices": [{"message": {"content": "over TLS"}, "finish_reason": "stop"}]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_context(folder, name, first, last))
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
    # A process of its own: aiohttp reads the certificates that are trusted when it is imported.
    environ = {"PATH": os.environ["PATH"], **(environ or {})}
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", ASK, url], env=environ, capture_output=True, text=True, check=False
    )
    server.close()
    assert ran.stderr == ""
    return ran.stdout.strip()


async def test_why_a_certificate_is_not_taken(tmp_path: Path) -> None:
    issuer = {"SSL_CERT_FILE": str(tmp_path / "issuer.pem")}
    said = await said_over_tls(tmp_path, "localhost")
    assert "PermanentError" in said and "an issuer that is not known here" in said and "set SSL_CERT_FILE" in said
    assert await said_over_tls(tmp_path, "localhost", environ=issuer) == "over TLS"
    said = await said_over_tls(tmp_path, "other.example", environ=issuer)
    assert "for another host name" in said and "localhost" in said and "check OPENAI_BASE_URL" in said
    assert "has expired" in await said_over_tls(tmp_path, "localhost", -9, -2, environ=issuer)
    assert "not valid yet" in await said_over_tls(tmp_path, "localhost", 2, 9, environ=issuer)


async def test_a_server_without_tls_is_told_apart(faults: Any) -> None:
    served = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": faults.url.replace("http:", "https:")}))
    with pytest.raises(CallError, match="begin OPENAI_BASE_URL with http://"):
        await served.complete(Request((Message("user", "hi"),)))
    await served.close()


async def test_an_address_in_capital_letters_is_one(faults: Any) -> None:
    faults.json(chat("yes"))
    provider = opening(faults.url.replace("http", "HTTP"))("openai")
    answers = await ask(provider)
    await provider.close()
    assert answers[0].text == "yes"
