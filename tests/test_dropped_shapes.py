"""Servers that pass a shape over in silence are noticed; what a server finds malformed itself is asked for again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.vocabulary.errors import MalformedError
from support.served_forms import (
    LINES,
    SMALL,
    Json,
    answers,
    asks,
    chat,
    claude,
    environ,
    forms,
    google,
    opened,
    rejected,
)

# Shapes that are passed over in silence


BAD = {"openai": chat("Sorry, I cannot do that."), "gemini": google("Sorry."), "anthropic": claude("Sorry.")}
GOOD = {"openai": chat('{"a": 1}'), "gemini": google('{"a": 1}'), "anthropic": claude('{"a": 1}')}
BOUND = {"openai": "json_schema", "gemini": "responseJsonSchema", "anthropic": "output_config"}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("order", ["bcdabcd", "aaabcd"], ids=["after three good ones", "first of all"])
async def test_one_prompt_that_gets_no_answer_of_the_shape_decides_nothing(faults: Any, name: str, order: str) -> None:
    async with opened(faults, name, lambda body: BAD[name] if "ask a" in json.dumps(body) else GOOD[name]) as provider:
        for letter in order:
            await provider.complete(asks(f"ask {letter}", schema=SMALL))
    others = [seen for seen in faults.seen if "ask a" not in json.dumps(seen)]
    assert all(BOUND[name] in json.dumps(seen) for seen in others)


@pytest.mark.parametrize("name", BAD)
async def test_a_server_that_drops_the_shape_is_noticed(faults: Any, name: str) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        told = "Answer with JSON" in json.dumps(body) or "json_object" in json.dumps(body)
        if name == "anthropic" and "tools" in body:
            block = {"type": "tool_use", "name": "answer", "input": {"a": 1}}
            return {"content": [block], "stop_reason": "tool_use", "usage": {}}, 200
        return GOOD[name] if told else BAD[name]

    async with opened(faults, name, serve) as provider:
        for text in ("x", "x", "y", "z"):
            await provider.complete(asks(text, schema=SMALL))
    assert [BOUND[name] in json.dumps(seen) for seen in faults.seen] == [True, False, False, False]
    (line,) = LINES
    assert line.startswith(f"{name}:m: continuing without {BOUND[name]}")


async def test_a_repeated_question_in_a_run_finds_out_what_the_server_drops(faults: Any, flow: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        return chat('{"answer": "SPAM"}') if "Answer with JSON" in json.dumps(body) else chat("It looks like spam.")

    answers(faults, serve)
    ask = 'ask "{{ x }}?" -> SPAM | NOT'
    text = f"flow f() {{ a = map x in [1, 2, 3] {{ {ask} }} reduce collect with concurrency: 1 return a }}"
    result = await run_async(flow(text), options=RunOptions(model="openai:m", environ=environ(faults), journal=None))
    assert result.value == ["SPAM"] * 3
    assert forms(faults) == ["json_schema", "json_object", "json_object", "json_object"]


# What the server finds malformed itself


@pytest.mark.parametrize(
    "more",
    [
        {"code": "json_validate_failed", "failed_generation": '{"answer": SPAM'},
        {"code": "json_validate_failed"},
        {"failed_generation": {"answer": "MAYBE"}},
    ],
)
async def test_an_answer_that_the_server_holds_against_the_schema_is_malformed(faults: Any, more: Json) -> None:
    async with opened(faults, "openai", lambda body: rejected("Failed to generate JSON.", **more)) as provider:
        with pytest.raises(MalformedError) as caught:
            await provider.complete(asks(choices=("SPAM", "NOT")))
        assert len(faults.seen) == 1
        assert caught.value.why
        if isinstance(more.get("failed_generation"), str):
            assert caught.value.text == more["failed_generation"]


async def test_such_an_answer_is_asked_for_again(faults: Any, flow: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        if len(faults.seen) == 1:
            return rejected("Failed to generate JSON.", code="json_validate_failed", failed_generation='{"answer": SP')
        return chat('{"answer": "SPAM"}')

    answers(faults, serve)
    path = flow('flow f() { a = ask "?" -> SPAM | NOT return a }')
    result = await run_async(path, options=RunOptions(model="openai:m", environ=environ(faults), journal=None))
    assert result.value == "SPAM"
    assert [message["role"] for message in faults.seen[1]["messages"]] == ["user", "assistant", "user"]
    assert faults.seen[1]["messages"][1]["content"] == '{"answer": SP'
