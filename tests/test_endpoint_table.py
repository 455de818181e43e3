"""The rows of the table of endpoints: each opens with its key, and sends it in its own header to its own address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import flowrun.runtime.providers as registry
from flowrun.dsl import ABILITIES
from flowrun.runtime.costs.prices import price
from flowrun.runtime.providers import ProviderNames, is_local, open_provider, own_names, places_of, traits_of
from flowrun.runtime.providers.addresses import complete, printable
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.records import Record
from flowrun.runtime.providers.table import BUILT_IN
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import UsageError
from support.certificates import server_context
from support.command_line import chat, command

KEY = "planted-0123456789-abcdefghij"
ROWS = tuple(BUILT_IN)
ASKED = Request((Message("system", "Be brief."), Message("user", "hi")), schema={"type": "integer"}, seed=3)


def test_the_table_is_in_order_and_names_no_module() -> None:
    assert list(ROWS) == sorted(ROWS)
    assert not set(ROWS) & set(own_names())
    assert set(ROWS) <= set(ProviderNames())
    wanted = "groq mistral openrouter together fireworks deepseek xai cohere ollama vllm llamacpp lmstudio"
    assert {*wanted.split(), "huggingface"} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_whole(name: str) -> None:
    row = BUILT_IN[name]
    assert row.at.origin == "built-in" and row.title and row.example and row.at.key_env
    assert row.at.lacks <= set(ABILITIES)
    if row.at.base_url:
        parts = urlsplit(row.at.base_url)
        assert parts.scheme == ("http" if row.local else "https") and not row.at.base_url.endswith("/")
        assert is_local(f"{name}:m", row.at.base_url) == row.local


@pytest.mark.parametrize("name", [name for name in ROWS if BUILT_IN[name].at.price_list])
def test_genai_prices_knows_the_id(name: str) -> None:
    from genai_prices.data_snapshot import get_snapshot

    ids = {provider.id for provider in get_snapshot().providers}
    assert BUILT_IN[name].at.price_list in ids


def test_prices_of_rows() -> None:
    known = price("groq:llama-3.3-70b-versatile", {})
    assert known is not None and known.output > 0
    assert price("groq:llama-3.3-70b-versatile", {"GROQ_BASE_URL": "http://h/v1"}) is None
    free = price("ollama:llama3.2", {})
    assert free is not None and free.output == 0
    # A server elsewhere is somebody's.
    assert price("ollama:llama3.2", {"OLLAMA_HOST": "gpu:11434"}) is None
    assert not is_local("ollama:llama3.2", "http://gpu:11434/v1")
    assert places_of("groq:m", {}) == 32 and "n" in traits_of("groq:m").lacks
    assert {"n", "seed"} <= traits_of("anthropic:m").lacks and not traits_of("openai:m").lacks


@pytest.mark.parametrize("name", ROWS)
def test_a_row_opens_with_its_key_at_its_address(name: str) -> None:
    row = BUILT_IN[name]
    if not row.at.base_url:
        with pytest.raises(UsageError, match=f"{name}:m needs an address: set {row.base_variable}"):
            open_provider(f"{name}:m", Surroundings({row.at.key_env: KEY}))
        return
    opened = open_provider(f"{name}:m", Surroundings({row.at.key_env: KEY}))
    assert (opened.model, opened.endpoint) == (f"{name}:m", row.at.base_url)
    if not row.local:
        with pytest.raises(UsageError, match=f"{name}:m needs a key: set {row.at.key_env}"):
            open_provider(f"{name}:m", Surroundings({}))
    else:
        open_provider(f"{name}:m", Surroundings({}))
    with pytest.raises(UsageError, match=f"{name} serves many models: name a model, as in {name}:"):
        open_provider(name, Surroundings({row.at.key_env: KEY}))


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_sends_its_key_in_its_header_and_what_it_takes(name: str, faults: Any) -> None:
    row = BUILT_IN[name]
    faults.json(chat('{"answer": 5}'))
    base = faults.url if row.bare is None else faults.url.removesuffix("/v1")
    others = {variable: f"other-{KEY}" for one in BUILT_IN.values() for variable in (one.at.key_env, *one.other_keys)}
    environ = {**others, "OPENAI_API_KEY": f"other-{KEY}", row.base_variable: base, row.at.key_env: KEY}
    environ |= dict.fromkeys(row.other_keys, "")
    provider = open_provider(f"{name}:some/model", Surroundings(environ))
    reply = await provider.complete(ASKED, samples=4)
    await provider.close()
    assert reply.answers[0].text == "5"
    headers, body = faults.headers[0], faults.seen[0]
    header = row.key_header or "Authorization"
    assert headers[header] == (KEY if row.key_header else f"Bearer {KEY}")
    assert [other for other, value in headers.items() if KEY in value] == [header]
    assert faults.paths[0] == f"{row.bare[1] if row.bare else urlsplit(base).path}/chat/completions"
    assert body["model"] == "some/model"
    assert [message["role"] for message in body["messages"]][-1] == "user"
    lacks = row.at.lacks
    assert ("n" in body) == ("n" not in lacks)
    assert ("seed" in body) == ("seed" not in lacks)
    form = body.get("response_format", {}).get("type")
    assert form == ("json_object" if "json_schema" in lacks else "json_schema")


def test_what_runs_learn_is_kept_by_address_and_api() -> None:
    asked: list[tuple[str, str]] = []

    class Heard:
        def record(self, address: str, account: str, model: str) -> Record:
            asked.append((address, model))
            return Record()

    for name in ("groq", "openai"):
        base = {"groq": "GROQ_BASE_URL", "openai": "OPENAI_BASE_URL"}[name]
        open_provider(f"{name}:m", Surroundings({base: "http://h/v1"}, records=Heard()))
    assert asked == [("http://h/v1", "openai:m")] * 2


@pytest.mark.parametrize("name", ROWS)
def test_the_page_names_the_variables_of_a_row(name: str) -> None:
    row = BUILT_IN[name]
    page = (Path(__file__).parent.parent / "docs" / "models.md").read_text(encoding="utf-8")
    (line,) = [one for one in page.splitlines() if one.startswith(f"| `{name}:")]
    for variable in (row.at.key_env, *row.other_keys, row.base_variable, *(one for one, _ in row.optional)):
        assert f"`{variable}`" in line


async def test_openrouter_sends_its_two_headers_if_they_are_set(faults: Any) -> None:
    faults.json(chat("hi"))
    environ = {"OPENROUTER_BASE_URL": faults.url, "OPENROUTER_API_KEY": KEY}
    for more in ({}, {"OPENROUTER_REFERER": "https://me.example", "OPENROUTER_TITLE": "My own app"}):
        provider = open_provider("openrouter:m", Surroundings({**environ, **more}))
        await provider.complete(Request((Message("user", "hi"),)))
        await provider.close()
    first, second = faults.headers
    assert "X-Title" not in first and "HTTP-Referer" not in first
    assert (second["HTTP-Referer"], second["X-Title"]) == ("https://me.example", "My own app")
    with pytest.raises(UsageError, match="OPENROUTER_TITLE has the character U"):
        open_provider("openrouter:m", Surroundings({**environ, "OPENROUTER_TITLE": "a\nb: c"}))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("gpu", "http://gpu:11434/v1"),
        ("gpu:99", "http://gpu:99/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000/v1"),
        ("http://gpu:99/", "http://gpu:99/v1"),
        ("https://ollama.example", "https://ollama.example/v1"),
        ("http://gpu:99/own/v1", "http://gpu:99/own/v1"),
        ("[::1]:99", "http://[::1]:99/v1"),
    ],
)
def test_a_host_of_ollama_is_completed(given: str, address: str) -> None:
    assert complete(given, 11434, "/v1") == address
    assert open_provider("ollama:m", Surroundings({"OLLAMA_HOST": given})).endpoint == address


@pytest.mark.parametrize("given", ["http://me:s3cret@gpu", "a b", "ftp://gpu", "http://[::1", "gpu:port"])
def test_a_host_that_is_none_is_told(given: str) -> None:
    with pytest.raises(UsageError, match="OLLAMA_HOST is not an address") as caught:
        open_provider("ollama:m", Surroundings({"OLLAMA_HOST": given}))
    assert "s3cret" not in str(caught.value)


def test_a_key_for_another_service_is_told() -> None:
    for name, key, said in (
        ("groq", "sk-ant-s3cret", "ask anthropic:NAME"),
        ("xai", "gsk_s3cret", "ask groq:NAME"),
        ("together", "hf_s3cret", "ask huggingface:NAME"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            open_provider(f"{name}:m", Surroundings({BUILT_IN[name].at.key_env: key}))
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://h/v1", "https://h/v1"),
        ("https://me:pw@h:8/v1?x=1", "https://h:8/v1"),
        ("https://h/hooks/a1b2c3d4e5f6a7b8c9/v1", "https://h/hooks/…/v1"),
        ("https://h/550e8400-e29b-41d4-a716-446655440000", "https://h/…"),
        ("https://h/openai/deployments/gpt-4o-mini-2024-07-18", "https://h/openai/deployments/gpt-4o-mini-2024-07-18"),
        ("no address", ""),
    ],
)
def test_a_secret_in_a_path_is_not_shown(address: str, seen: str) -> None:
    assert printable(address) == seen


def test_an_unknown_name_gets_a_guess() -> None:
    with pytest.raises(UsageError, match="Did you mean groq:m"):
        open_provider("grok:m", Surroundings({}))
    with pytest.raises(UsageError, match="Did you mean mistral:m"):
        open_provider("mistrall:m", Surroundings({}))


async def test_the_checker_knows_the_rows(flow: Callable[[str], Path]) -> None:
    path = flow('model m = "groq:llama-3.3-70b"\nflow f() { a = ask m "hi" return a }\n')
    ran = await command("validate", "a.flow", folder=path.parent)
    assert ran.code == 0
    flow('model m = "groqq:llama-3.3-70b"\nflow f() { a = ask m "hi" return a }\n')
    ran = await command("validate", "a.flow", folder=path.parent)
    assert ran.code == 1 and "did you mean `groq`?" in ran.err


def test_a_row_comes_before_another_packages_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    entry = EntryPoint("groq", "flowrun_groq:open", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: {"groq": [entry]})
    assert [fault for fault in registry.provider_faults() if "flowrun has a provider of this name itself" in fault]
    assert open_provider("groq:m", Surroundings({"GROQ_API_KEY": KEY})).endpoint == "https://api.groq.com/openai/v1"


# Certificates of one's own

FLOW = 'model m = "lab:big" with retries: 0\nflow f() { a = ask m "hi" return a }\n'


async def test_an_endpoint_is_checked_against_its_own_certificates(faults: Any, tmp_path: Path) -> None:
    from aiohttp import web

    async def reply(request: web.Request) -> web.Response:
        return web.json_response(chat("over TLS"))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", reply)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(tmp_path, "localhost")).start()
    home = tmp_path / "home" / ".config" / "flowrun"
    home.mkdir(parents=True)
    (tmp_path / "a.flow").write_text(FLOW)
    url = f"https://localhost:{runner.addresses[0][1]}/v1"

    async def ran(ca: str) -> Any:
        text = f'[endpoints.lab]\nbase_url = "{url}"\n' + (f'ca = "{ca}"\n' if ca else "")
        (home / "settings.toml").write_text(text)
        return await command("a.flow", "--no-journal", folder=tmp_path, HOME=str(tmp_path / "home"))

    try:
        done = await ran("")
        assert done.code == 3 and "an issuer that is not known here" in done.err
        assert "name a file with its certificate as the `ca` of the endpoint" in done.err
        done = await ran(str(tmp_path / "issuer.pem"))
        assert (done.code, done.out) == (0, "over TLS\n"), done.err
        # A relative path begins at the folder of the settings.
        (home / "own.pem").write_bytes((tmp_path / "issuer.pem").read_bytes())
        assert (await ran("own.pem")).code == 0
        done = await ran("gone.pem")
        assert done.code == 2 and "the `ca` of the endpoint `lab` cannot be read" in done.err
        (home / "text.pem").write_text("no certificate")
        done = await ran("text.pem")
        assert done.code == 2 and "has no certificates" in done.err
    finally:
        await runner.cleanup()
