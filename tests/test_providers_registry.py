"""Providers by name: what opens, what is said when nothing does, and that nothing heavy is loaded for it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

import flowrun.runtime.providers as registry
from flowrun.runtime.costs.budget import Price
from flowrun.runtime.costs.prices import price
from flowrun.runtime.providers import open_provider, provider_table
from flowrun.runtime.providers.endpoints import endpoint
from flowrun.runtime.providers.gemini import PROVIDER as GEMINI
from flowrun.runtime.providers.openai import PROVIDER as OPENAI
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.providers.traits import Traits
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.tokens import estimate

LOCAL = "http://127.0.0.1:8000/v1"


def usage_error(model: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        open_provider(model, Surroundings(environ))
    return str(caught.value)


def test_importing_the_registry_loads_no_provider() -> None:
    code = (
        "import sys, flowrun.runtime.providers as p; p.provider_table({});"
        "print([m for m in sys.modules if m.split('.')[0] in ('aiohttp', 'asyncio', 'xllamacpp')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("model", "environ", "url"),
    [
        ("openai:gpt-5.4", {"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1"),
        ("openai:ft:gpt:org::id", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": ""}, "https://api.openai.com/v1"),
        ("openai:qwen2.5:7b", {"OPENAI_BASE_URL": f"{LOCAL}/"}, LOCAL),
        ("openai:m", {"OPENAI_BASE_URL": "https://models.example/v1"}, "https://models.example/v1"),
        ("anthropic:claude", {"ANTHROPIC_API_KEY": " k\n"}, "https://api.anthropic.com"),
        ("gemini:g", {"GEMINI_API_KEY": "k"}, "https://generativelanguage.googleapis.com"),
        ("gemini:g", {"GOOGLE_GEMINI_BASE_URL": "http://[::1]:80"}, "http://[::1]:80"),
    ],
)
def test_what_opens(model: str, environ: dict[str, str], url: str) -> None:
    provider = open_provider(model, Surroundings(environ))
    assert (provider.model, provider.endpoint) == (model, url)


def test_headers_of_the_account() -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENAI_ORG_ID": "org", "OPENAI_PROJECT_ID": "proj"}
    at = endpoint(OPENAI, "m", environ)
    assert at.headers == {"Authorization": "Bearer k", "OpenAI-Organization": "org", "OpenAI-Project": "proj"}
    assert "Bearer" not in repr(at) and "'k'" not in repr(at)


def test_google_api_key_wins() -> None:
    environ = {"GOOGLE_API_KEY": "first", "GEMINI_API_KEY": "second"}
    at = endpoint(GEMINI, "m", environ)
    assert at.key == "first"


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai:m", "OPENAI_API_KEY"), ("anthropic:m", "ANTHROPIC_API_KEY"), ("gemini:m", "GEMINI_API_KEY")],
)
def test_a_missing_key_names_its_variable(model: str, variable: str) -> None:
    said = usage_error(model)
    assert f"{model} needs a key: set {variable}" in said


def test_an_unknown_provider() -> None:
    said = usage_error("opanai:gpt")
    assert "no provider is called `opanai`. Did you mean openai:gpt? " in said
    assert "embedded, anthropic:NAME, azure:NAME, bedrock:NAME, gemini:NAME, openai:NAME, vertex:NAME" in said
    assert "Did you mean" not in usage_error("zzz")
    assert "name a model, as in openai:" in usage_error("openai")
    assert "printed" in usage_error("openai:\x1b[31m")


@pytest.mark.parametrize(
    "url", ["ftp://h/v1", "api.openai.com/v1", "http://", "http://h/?q=1", "http://user:s3cret@h/v1"]
)
def test_a_bad_address_is_refused_without_showing_it(url: str) -> None:
    said = usage_error("openai:m", OPENAI_BASE_URL=url, OPENAI_API_KEY="k")
    assert "OPENAI_BASE_URL" in said
    assert "s3cret" not in said


def test_a_bad_key_is_refused_without_showing_it() -> None:
    said = usage_error("openai:m", OPENAI_API_KEY="s3cret\r\nX: y")
    assert "OPENAI_API_KEY" in said
    assert "s3cret" not in said


def test_a_socks_proxy_is_refused() -> None:
    said = usage_error("openai:m", OPENAI_API_KEY="k", ALL_PROXY="socks5://u:s3cret@h:1080")
    assert "ALL_PROXY" in said and "s3cret" not in said


def test_the_table() -> None:
    rows = {
        row.name: row
        for row in provider_table({"OPENAI_API_KEY": "s3cret", "ANTHROPIC_BASE_URL": "http://u:s3cret@localhost:1/"})
    }
    assert list(rows)[:7] == ["embedded", "anthropic", "azure", "bedrock", "gemini", "openai", "vertex"]
    assert dict(rows["openai"].variables)["OPENAI_API_KEY"] is True
    assert dict(rows["gemini"].variables) == dict.fromkeys(
        ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"), False
    )
    assert rows["anthropic"].base_url == "http://localhost:1"
    assert rows["openai"].base_url == "https://api.openai.com/v1"
    assert "s3cret" not in repr(rows)


def open_echo(name: str, surroundings: Surroundings) -> ScriptedProvider:
    return ScriptedProvider(["hi"], model=f"echo:{name}")


def test_other_peoples_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    sys.modules["flowrun_echo"] = sys.modules[__name__]
    entries = {
        "echo": EntryPoint("echo", "flowrun_echo:open_echo", registry.GROUP),
        "gone": EntryPoint("gone", "flowrun_echo:nothing_here", registry.GROUP),
    }
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    assert open_provider("echo:x", Surroundings({})).model == "echo:x"
    assert "cannot be loaded" in usage_error("gone:x")
    assert "Did you mean echo:x" in usage_error("eco:x")
    assert "echo" in [row.name for row in provider_table({})]
    del sys.modules["flowrun_echo"]


def test_the_traits_of_other_peoples_providers_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_near(name: str, surroundings: Surroundings) -> ScriptedProvider:
        return ScriptedProvider(["hi"])

    open_near.traits = Traits(local=True, tokens=lambda name: len)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flowrun_near", SimpleNamespace(open_near=open_near, open_far=open_echo))
    entries = {
        "near": EntryPoint("near", "flowrun_near:open_near", registry.GROUP),
        "far": EntryPoint("far", "flowrun_near:open_far", registry.GROUP),
        "gone": EntryPoint("gone", "flowrun_near:nothing_here", registry.GROUP),
    }
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    assert price("near:x", {}) == Price(0.0, 0.0)
    assert registry.is_local("near:x", "http://far.example")
    assert registry.token_counter("near:x", {})("four") == 4
    for unknown in ("far:x", "gone:x", "nobody:x"):
        assert price(unknown, {}) is None
        assert not registry.is_local(unknown, "http://far.example")
        assert registry.token_counter(unknown, {}) is estimate
