"""The models in a plan: each with its address and the variables that are sent there, and nothing that is secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.forecast.asked_models import asked_models, in_words
from flowrun.runtime.session.loading import load, plan_of
from support.command_line import command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flowrun.toml").write_text(
        '[endpoints.lab]\nbase_url = "https://gpu.example:8/a1b2c3d4e5f6a7b8c9/v1"\nkey_env = "LAB_KEY"\n'
        'headers = { "X-Trace" = "$TRACE" }\n'
    )
    (tmp_path / "a.flow").write_text(
        'model big = "lab:big"\nflow f(word: text) { x = ask big "{{ word }}" return x }\n'
    )
    return tmp_path


def asked(folder: Path, text: str, model: str, **environ: str) -> list[str]:
    path = folder / "b.flow"
    path.write_text(text)
    given: Mapping[str, str] = {"HOME": str(folder / "home"), **environ}
    return [in_words(one) for one in asked_models(plan_of(load(path)), {}, model, given)]


LAB = "lab:big of the project at https://gpu.example:8/…/v1"


def test_each_model_is_told_with_its_address_and_variables(folder: Path) -> None:
    text = 'model big = "lab:big"\nmodel b = "groq:m"\nflow f(w: text) { x = ask big "{{ w }}" y = ask b "{{ x }}" '
    text += 'z = ask "{{ y }}" return z }\n'
    assert asked(folder, text, "ollama:m", LAB_KEY="s3cret") == [
        "ollama:m at http://localhost:11434/v1",
        f"{LAB} with LAB_KEY and TRACE in a header",
        "groq:m at https://api.groq.com/openai/v1 with GROQ_API_KEY (not set)",
    ]
    assert asked(folder, text, "embedded", OLLAMA_HOST="gpu", GROQ_BASE_URL="http://me:s3cret@h/v1")[::2] == [
        "embedded on this machine",
        "groq:m at http://h/v1 with GROQ_API_KEY (not set)",
    ]
    assert asked(folder, text, "azure:m")[0] == "azure:m at no address with AZURE_OPENAI_API_KEY (not set)"


def test_a_flow_without_an_ask_asks_nothing(folder: Path) -> None:
    assert asked(folder, "flow f(w: text) { return w }\n", "openai:m") == []


def test_a_fallback_is_asked_too(folder: Path) -> None:
    text = 'model m = "groq:x" else "ollama:y"\nflow f(w: text) { x = ask m "{{ w }}" return x }\n'
    assert [one.partition(" ")[0] for one in asked(folder, text, "openai:m")] == ["groq:x", "ollama:y"]


LISTED = """
model a = "groq:a"
model b = "xai:b"
model c = "deepseek:c"
model d = "mistral:d"
model e = "cohere:e"
flow g(m: model = d) { r = ask m "Hi" -> yes | no return r }
flow f(k: model = c) {
  v = repeat 2 over m in [a, b] { ask m "Hi" -> yes | no } reduce majority(ties: first)
  w = g(m: a)
  z = ask k "{{ v }} {{ w }}"
  return z
}
"""


def test_a_model_that_no_call_can_reach_is_not_asked(folder: Path) -> None:
    """Models reach asks through lists and parameters. A default counts where a call leaves the argument out."""

    def names(text: str) -> list[str]:
        return [one.partition(" ")[0] for one in asked(folder, text, "openai:m")]

    assert names(LISTED) == ["groq:a", "xai:b", "deepseek:c"]
    assert names(LISTED.replace("g(m: a)", "g()")) == ["groq:a", "xai:b", "deepseek:c", "mistral:d"]
    assert names(LISTED.replace("[a, b]", "[a, e]").replace(" = c)", ")")) == ["groq:a", "cohere:e"]


async def test_a_run_needs_no_key_of_a_model_that_no_call_can_reach(folder: Path) -> None:
    (folder / "b.flow").write_text(LISTED)
    ran = await command("b.flow", folder=folder)
    assert "3 models cannot be asked" in ran.err
    assert "COHERE_API_KEY" not in ran.err
    assert "MISTRAL_API_KEY" not in ran.err


async def test_a_plan_with_a_model_of_no_provider_is_refused_like_its_run(folder: Path) -> None:
    (folder / "b.flow").write_text(LISTED)
    plan = await command("plan", "b.flow", "--k", "grog:a", folder=folder)
    run = await command("b.flow", "--k", "grog:a", folder=folder, GROQ_API_KEY="k", XAI_API_KEY="k")
    sentence = "no provider is called `grog`. Did you mean groq:a?"
    assert plan.code == run.code == 2
    assert sentence in plan.err
    assert sentence in run.err


async def test_the_plan_tells_it_as_text_and_as_json(folder: Path) -> None:
    environ: dict[str, Any] = {"HOME": str(folder / "home"), "LAB_KEY": "s3cret-planted"}
    ran = await command("plan", "a.flow", folder=folder, **environ)
    assert ran.code == 0
    assert ran.out.endswith(f"asks:\n  {LAB} with LAB_KEY and TRACE in a header\n")
    ran = await command("plan", "a.flow", "--json", folder=folder, **environ)
    (model,) = json.loads(ran.out)["models"]
    assert model == {
        "model": "lab:big",
        "origin": "project",
        "address": "https://gpu.example:8/…/v1",
        "host": "gpu.example:8",
        "key": "LAB_KEY",
        "key_set": True,
        "headers": ["TRACE"],
        "local": False,
    }
    assert "s3cret" not in ran.out and "a1b2c3" not in ran.out
    ran = await command("plan", "a.flow", "--model", "nobody:x", folder=folder, **environ)
    assert ran.code == 2 and "no provider is called `nobody`" in ran.err and "lab:NAME" in ran.err
