"""The limits that providers document for the types of answers, each at its edge."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow
from flowrun.runtime.catalog import catalog, catalog_for


def told(type_: str, model: str = "openai:gpt-4o") -> list[str]:
    text = (
        f'model m = "{model}"\ntype T = {type_}\nflow f(t: text) {{\n  a = ask m "{{{{ t }}}}" -> T\n  return a\n}}\n'
    )
    return [one.message for one in check_flow(Source(text), catalog()).warnings if one.code == "F0724"]


def choice(count: int, length: int = 4) -> str:
    return " | ".join(f'"{place:0{length}d}"' for place in range(count))


def record(fields: int, name: int = 5) -> str:
    return "{ " + ", ".join(f"f{place:0{name}d}: int" for place in range(fields)) + " }"


@pytest.mark.parametrize(
    ("fits", "beyond", "said"),
    [
        (choice(1000), choice(1001), "1,001 choices in one answer, and OpenAI takes at most 1,000"),
        (
            choice(251, 59),
            choice(251, 60),
            "15,060 characters in a choice of more than 250 words, and OpenAI takes at most 15,000",
        ),
        (choice(250, 70), choice(251, 70), "17,570 characters in a choice"),
        (record(5000), record(5001), "5,001 fields in one answer, and OpenAI takes at most 5,000"),
        (
            record(4000, 28),
            record(4000, 30),
            "characters of names and choices in one answer, and OpenAI takes at most 120,000",
        ),
        (f"{{ a: {choice(500)}, b: {choice(500)} }}", f"{{ a: {choice(500)}, b: {choice(501)} }}", "1,001 choices"),
    ],
)
def test_openai_takes_so_much_and_no_more(fits: str, beyond: str, said: str) -> None:
    assert told(fits) == []
    (message,) = told(beyond)
    assert said in message
    assert told(beyond, "gemini:gemini-2.5-pro") == told(beyond, "anthropic:claude-sonnet-4-5") == []


def test_anthropic_takes_so_many_parts_that_may_be_missing() -> None:
    def form(count: int) -> str:
        return "{ " + ", ".join(f"f{place}: text?" for place in range(count)) + " }"

    assert told(form(16), "anthropic:claude-sonnet-4-5") == []
    assert len(told(form(17), "anthropic:claude-sonnet-4-5")) == 1
    assert told(form(17)) == []


@pytest.mark.parametrize(
    ("address", "limits"),
    [
        ('"https://api.openai.com/v1"', "OpenAI"),
        ('"https://API.anthropic.com" with kind: anthropic', "Anthropic"),
        ('"http://gpu:8000/v1"', ""),
        ('"http://proxy:8000" with kind: anthropic', ""),
        ('"https://api.openai.com.example.com/v1"', ""),
    ],
)
def test_the_limits_of_a_service_hold_at_its_own_address(address: str, limits: str) -> None:
    form = "{ " + ", ".join(f"f{place}: text?" for place in range(17)) + f", of: {choice(1001)} }}"
    text = f'endpoint lab = {address}\nmodel m = "lab:x"\nflow f() {{ a = ask m "hi" -> {form} return a }}\n'
    found = [one.message for one in check_flow(Source(text), catalog()).warnings if one.code == "F0724"]
    assert len(found) == (1 if limits else 0)
    assert all(limits in message for message in found)


def test_azure_takes_fewer_fields_and_levels() -> None:
    assert told(record(100), "azure:gpt-4o") == []
    (message,) = told(record(101), "azure:gpt-4o")
    assert message == "101 fields in one answer, and Azure takes at most 100"
    deep = "int"
    for _ in range(5):
        deep = f"{{ a: {deep} }}"
    assert told(deep, "azure:gpt-4o") == []
    (message,) = told(f"{{ a: {deep} }}", "azure:gpt-4o")
    assert message == "6 levels of records in one answer, and Azure takes at most 5"
    assert told(f"{{ a: {deep} }}") == [] == told(record(101), "groq:m")


@pytest.mark.parametrize(
    ("base", "maker"),
    [
        ("https://api.openai.com/v1", "OpenAI"),
        ("https://api.anthropic.com", "Anthropic"),
        ("https://mine.openai.azure.com/openai/v1", "Azure"),
        ("http://gpu:8000/v1", ""),
    ],
)
def test_a_declared_endpoint_has_the_limits_of_its_host(base: str, maker: str, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text("")
    kind = "anthropic" if maker == "Anthropic" else "openai"
    (tmp_path / "flowrun.toml").write_text(f'[endpoints.lab]\nbase_url = "{base}"\nkind = "{kind}"\n')
    large = "{ " + ", ".join(f"f{place:06d}: int?" for place in range(5001)) + " }"
    text = (
        f'model m = "lab:big"\ntype T = {large}\nflow f(t: text) {{\n  a = ask m "{{{{ t }}}}" -> T\n  return a\n}}\n'
    )
    name = str(tmp_path / "a.flow")
    found = check_flow(Source(text, name), catalog_for(name, {"HOME": str(tmp_path)})).warnings
    messages = [one.message for one in found if one.code == "F0724"]
    assert len(messages) == bool(maker)
    assert all(maker in message for message in messages)
