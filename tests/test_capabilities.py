"""What a server takes is found out by trying, and kept by what it depends on; other rejections are left alone."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import PermanentError, RefusedError
from support.served_forms import (
    LARGE,
    LINES,
    SMALL,
    Json,
    Serve,
    answers,
    asks,
    chat,
    claude,
    environ,
    forms,
    opened,
    rejected,
)

# Samples


@pytest.mark.parametrize(
    "said",
    [
        "Multiple candidates is not enabled for this model",
        "Only one candidate can be specified in the current model",
        "n: must be exactly 1",
        "Parameter n is not supported",
        "Unsupported parameter: 'n'",
        "best_of and parallel choices cannot be served here",
        "Bad Request",
        "",
        "extra fields not permitted: n",
        "Dieser Wert ist nicht erlaubt.",
    ],
)
async def test_ballots_are_never_lost_to_a_server_of_one_sample(faults: Any, flow: Any, said: str) -> None:
    answers(faults, lambda body: rejected(said) if body.get("n", 1) > 1 else chat('{"answer": "SPAM"}'))
    text = 'flow v() { a = repeat 3 { ask "?" -> SPAM | NOT } reduce majority return votes(a) }'
    result = await run_async(flow(text), options=RunOptions(model="openai:m", environ=environ(faults), journal=None))
    assert result.value["counted"] == 3
    assert not result.failures
    # The refused ones are few, and each ballot has the form it should.
    assert len(faults.seen) <= 6
    assert forms(faults) == ["json_schema"] * len(faults.seen)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("n_cmpl (8) cannot be greater than the number of slots (4), increase -np", [8, 4]),
        ("Invalid value for 'n': expected between 1 and 4", [8, 4]),
        ("too many completions: n is 8 and the limit is 3", [8, 3]),
        ("Only 1 completion choice is allowed", [8, None]),
        ("n=8 is not supported", [8, 4]),
        ("Bad request", [8, 4]),
    ],
)
async def test_a_refused_number_of_samples_leaves_what_is_served(faults: Any, said: str, asked: list[int]) -> None:
    most = asked[-1] or 1
    serve: Serve = lambda body: rejected(said) if body.get("n", 1) > most else chat(*["a"] * body.get("n", 1))  # noqa: E731
    async with opened(faults, "openai", serve) as provider:
        reply = await provider.complete(asks(), 8)
        assert len(reply.answers) == most
        assert [seen.get("n") for seen in faults.seen] == asked


async def test_what_is_served_is_found_where_no_number_is_named(faults: Any) -> None:
    serve: Serve = lambda body: rejected("no") if body.get("n", 1) > 5 else chat(*["a"] * body.get("n", 1))  # noqa: E731
    async with opened(faults, "openai", serve) as provider:
        for _ in range(4):
            await provider.complete(asks(), provider.samples)
        assert provider.samples == 5
        assert len([seen for seen in faults.seen if seen.get("n", 1) > 5]) <= 4


async def test_many_votes_at_once_find_out_together(faults: Any) -> None:
    serve: Serve = lambda body: rejected("Bad request") if body.get("n", 1) > 1 else chat('{"answer": "a"}')  # noqa: E731
    async with opened(faults, "openai", serve) as provider:
        requests = [provider.complete(asks(f"{number}", choices=("a", "b")), 8) for number in range(200)]
        replies = await asyncio.gather(*requests)
        assert all(reply.answers == (Answer("a"),) for reply in replies)
        refused = [seen for seen in faults.seen if seen.get("n", 1) > 1]
        # Each may have been under way before anything was known; beside that one of them tries.
        assert len(refused) <= 203
        assert len(faults.seen) - len(refused) == 200


async def test_one_sample_for_several_is_noticed_and_the_missing_are_asked_for(faults: Any, flow: Any) -> None:
    answers(faults, lambda body: chat('{"answer": "SPAM"}'))
    text = 'flow v() { a = repeat 5 { ask "?" -> SPAM | NOT } reduce majority return votes(a) }'
    result = await run_async(flow(text), options=RunOptions(model="openai:m", environ=environ(faults), journal=None))
    assert result.value["counted"] == 5
    assert [seen.get("n") for seen in faults.seen] == [5, None, None, None, None]


async def test_a_reply_that_lacks_one_sample_lowers_nothing_that_was_served(faults: Any) -> None:
    async with opened(faults, "openai", lambda body: chat(*["a"] * (4 if len(faults.seen) == 1 else 3))) as provider:
        await provider.complete(asks(), 4)
        await provider.complete(asks(), 4)
        assert provider.samples == 8


async def test_what_is_missing_of_a_batch_goes_out_together(faults: Any, flow: Any) -> None:
    serve: Serve = lambda body: (  # noqa: E731
        rejected("n must be <= 4") if body.get("n", 1) > 4 else chat(*['{"answer": "a"}'] * body.get("n", 1))
    )
    answers(faults, serve)
    text = 'flow v() { a = repeat 8 { ask "?" -> a | b } reduce majority with launch: together return votes(a) }'
    result = await run_async(flow(text), options=RunOptions(model="openai:m", environ=environ(faults), journal=None))
    assert result.value["counted"] == 8
    assert [seen.get("n") for seen in faults.seen] == [8, 4, 4]


# Shapes that are refused


async def test_a_grammar_that_is_too_large_leaves_the_choices_behind_it(faults: Any) -> None:
    said = "The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas."

    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        form = json.dumps(body.get("output_config", "")) + json.dumps(body.get("tools", ""))
        if "f29" in form:
            return rejected(said)
        return claude(json.dumps(dict.fromkeys(LARGE["required"], "")) if "f29" in str(body) else '{"answer": "a"}')

    async with opened(faults, "anthropic", serve) as provider:
        await provider.complete(asks(schema=LARGE))
        assert (await provider.complete(asks(choices=("a", "b")))).answers == (Answer("a"),)
        await provider.complete(asks("again", schema=LARGE))
    sent = ["output_config" if "output_config" in seen else "tools" if "tools" in seen else "" for seen in faults.seen]
    assert sent == ["output_config", "tools", "", "output_config", ""]


@pytest.mark.parametrize(
    "said",
    [
        "Invalid schema for response_format 'answer': In context=(), 'minItems' is not permitted.",
        "Grammar error: Unimplemented keys: ['f29']",
        "Schema has 30 properties, which exceeds the limit",
        "'format' is not supported in your schema",
        "Unsupported keyword: propertyNames",
        "Nope.",
    ],
)
async def test_a_schema_that_is_refused_says_nothing_of_another(faults: Any, said: str) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        form = body.get("response_format", {})
        if form.get("type") == "json_schema" and "f29" in json.dumps(form):
            return rejected(said)
        return chat(json.dumps(dict.fromkeys(LARGE["required"], "")) if "f29" in str(body) else '{"a": 1}')

    async with opened(faults, "openai", serve) as provider:
        for schema in (LARGE, SMALL, LARGE, SMALL):
            await provider.complete(asks(schema=schema))
    assert forms(faults) == ["json_schema", "json_object", "json_schema", "json_object", "json_schema"]


async def test_a_server_without_schemas_is_asked_once_for_all_of_them(faults: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        if body.get("response_format", {}).get("type") == "json_schema":
            return rejected("'response_format' of type 'json_schema' is not supported with this model.")
        return chat('{"a": 1}')

    async with opened(faults, "openai", serve) as provider:
        for schema in (LARGE, SMALL):
            await provider.complete(asks(schema=schema))
    assert forms(faults) == ["json_schema", "json_object", "json_object"]


async def test_what_was_served_three_times_is_not_given_up_for_one_sentence(faults: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        schema = body.get("response_format", {}).get("type") == "json_schema"
        odd = "odd" in body["messages"][0]["content"]
        return rejected("json_schema is not supported") if odd and schema else chat('{"a": 1}')

    async with opened(faults, "openai", serve) as provider:
        for text in ("a", "b", "c", "odd", "d"):
            assert (await provider.complete(asks(text, schema=SMALL))).answers == (Answer('{"a": 1}'),)
    assert forms(faults) == [*["json_schema"] * 4, "json_object", "json_schema"]


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("Please reduce the length of the messages or schemas.", {"code": "context_length_exceeded"}),
        ("Please reduce the length of the messages or schemas.", {}),
        ("This model's maximum context length is 8192 tokens, with 50 in the response_format schemas.", {}),
        ("the request exceeds the available context size", {"code": 400, "type": "exceed_context_size_error"}),
        ("prompt is too long: 210000 tokens > 200000 maximum", {}),
        ("Incorrect API key provided: response_format", {"code": "invalid_api_key"}),
        ("The model `m` does not exist", {"code": "model_not_found"}),
        (
            "The response was filtered due to the prompt triggering content management policy",
            {"code": "content_filter"},
        ),
        ("Invalid value in structured content", {"param": "messages[0].content"}),
        ("Invalid 'temperature': above the maximum", {"param": "temperature"}),
    ],
)
async def test_a_rejection_for_another_cause_is_paid_with_one_request(faults: Any, said: str, more: Json) -> None:
    async with opened(faults, "openai", lambda body: rejected(said, **more)) as provider:
        with pytest.raises(PermanentError):
            await provider.complete(asks(schema=SMALL, seed=1, temperature=3), 4)
        assert len(faults.seen) == 1
        answers(faults, lambda body: chat('{"a": 1}'))
        await provider.complete(asks(schema=SMALL, seed=1), 4)
    assert forms(faults) == ["json_schema", "json_schema"]
    assert faults.seen[1]["n"] == 4
    assert LINES == []


async def test_where_nothing_helps_the_search_is_made_once(faults: Any) -> None:
    async with opened(faults, "openai", lambda body: rejected(f"Request 8a{len(faults.seen)}f failed")) as provider:
        for _ in range(5):
            with pytest.raises(PermanentError, match="failed"):
                await provider.complete(asks(schema=SMALL), 4)
    # One search through samples and forms, and four rejections.
    assert len(faults.seen) <= 6 + 4
    assert LINES == []


async def test_an_overlong_prompt_leaves_the_search_to_the_next(faults: Any) -> None:
    """The same vague words may mean another part in another request."""

    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        if "long" in body["messages"][0]["content"] or "n" in body:
            return rejected("Bad request")
        return chat("a")

    async with opened(faults, "openai", serve) as provider:
        with pytest.raises(PermanentError):
            await provider.complete(asks("long"))
        with pytest.raises(PermanentError):
            await provider.complete(asks("long", seed=1))
        assert len((await provider.complete(asks(), 3)).answers) == 1


async def test_a_search_that_ends_at_another_cause_says_nothing_of_what_was_not_named(faults: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        if "odd" not in body["messages"][0]["content"]:
            return chat('{"a": 1}')
        form = body.get("response_format", {}).get("type")
        return rejected({"json_object": "the word json is missing", None: "try again"}.get(form, "Bad request"))

    async with opened(faults, "openai", serve) as provider:
        with pytest.raises(PermanentError):
            await provider.complete(asks("odd", schema=SMALL))
        await provider.complete(asks(schema=SMALL))
    assert forms(faults)[-1] == "json_schema"


async def test_servers_that_reject_in_ever_other_words_are_searched_so_often(faults: Any) -> None:
    words = iter("abcdefghijklmnopqrstuvwxyz" * 80)
    async with opened(faults, "openai", lambda body: rejected(" ".join(next(words) for _ in range(9)))) as provider:
        for _ in range(60):
            with pytest.raises(PermanentError):
                await provider.complete(asks(seed=1))
        before = len(faults.seen)
        with pytest.raises(PermanentError):
            await provider.complete(asks(seed=1))
        assert len(faults.seen) == before + 1


async def test_two_things_are_refused_one_after_the_other(faults: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        if "n" in body:
            return rejected("one at a time, please")
        if "seed" in body:
            return rejected("no seeds")
        taken.append(body.get("response_format", {}).get("type"))
        return chat('{"a": 1}')

    taken: list[str | None] = []
    async with opened(faults, "openai", serve) as provider:
        for _ in range(2):
            await provider.complete(asks(schema=SMALL, seed=3), provider.samples)
        before = len(faults.seen)
        await provider.complete(asks(schema=SMALL, seed=3), provider.samples)
    # The shape was in doubt, and is cleared.
    assert len(faults.seen) == before + 1
    assert faults.seen[-1].keys() == {"model", "messages", "response_format"}
    assert taken == ["json_schema"] * 3
    assert not any("json" in line for line in LINES)


async def test_a_gateway_that_finds_nobody_for_the_parameters(faults: Any) -> None:
    said = "No endpoints found that can handle the requested parameters."
    serve: Serve = lambda body: rejected(said, 404) if "response_format" in body else chat('{"a": 1}')  # noqa: E731
    async with opened(faults, "openai", serve) as provider:
        assert (await provider.complete(asks(schema=SMALL))).answers == (Answer('{"a": 1}'),)


async def test_a_trial_that_breaks_off_teaches_nothing(faults: Any) -> None:
    def serve(body: dict[str, Json]) -> tuple[Json, int]:
        if len(faults.seen) == 2:
            return rejected("slow down", 429)
        return rejected("n must be 1") if "n" in body else chat("a")

    async with opened(faults, "openai", serve) as provider:
        with pytest.raises(RefusedError):
            await provider.complete(asks(), 3)
        assert provider.samples == 8
        assert len((await provider.complete(asks(), 3)).answers) == 1
