"""What a model reads when its answer did not fit: the answer, and what was wrong with it, within a bound."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import CORRECTION, MESSAGE_TOKENS, Source, check_flow, make_plan
from flowrun.dsl import types as t
from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.engine.ceilings import ceiling_of
from flowrun.runtime.engine.corrections import corrected
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError, MalformedError, PermanentError
from flowrun.runtime.vocabulary.tokens import MARGIN, estimate, shortened
from flowrun.runtime.vocabulary.usage import Price
from support.harness import stage

Json = Any
FLOW = 'flow f() { a = ask "How bad is it?" -> 1..5 return a }'
FIRST = Request((Message("user", "How bad is it?"),))


def by_turn(*texts: str) -> Any:
    answers = iter(texts)
    return lambda request, number: next(answers)


def roles(request: Request) -> list[str]:
    return [message.role for message in request.messages]


def test_the_second_request_says_what_was_wrong_with_the_first() -> None:
    run = stage(FLOW, by_turn("9", "about 3", "4"))
    assert run.outcome.value == 4
    first, second, third = run.provider.calls
    assert roles(first) == ["user"]
    assert second.messages == (
        *first.messages,
        Message("assistant", "9"),
        Message(
            "user",
            "That answer cannot be used: it does not fit: input should be less than or equal to 5. Expected: 1..5. "
            "Answer the question again, whole and in that form alone.",
        ),
    )
    # Each tells of the answer before it alone.
    assert third.messages[:2] == (*first.messages, Message("assistant", "about 3"))
    assert len(third.messages) == 3
    assert "it has another form than was asked for." in third.messages[-1].text


@pytest.mark.parametrize(
    ("answer", "body", "said"),
    [
        ('["a", "b"', "-> [text]", "it ends before its JSON does. Expected: [text]."),
        ('{"a": 1, "a": 2}', "-> { a: int }", 'it has the field "a" more than once. Expected: { a: int }.'),
        ('{"b": 1}', "-> { a: int }", "it does not fit at `a`: field required."),
        ("MAYBE", "-> YES | NO", "Expected: YES | NO."),
    ],
)
def test_the_sentence_names_the_fault_and_the_form(answer: str, body: str, said: str) -> None:
    run = stage(f'flow f() {{ a = ask "?" {body} with retries: 1 return a }}', by_turn(answer, answer))
    assert said in run.provider.calls[1].messages[-1].text


def test_a_ballot_that_does_not_fit_is_discarded_and_nobody_is_told() -> None:
    run = stage(
        'flow f() { v = repeat 3 { ask "?" -> aye | nay } reduce majority return v }', by_turn("what", "aye", "aye")
    )
    assert run.outcome.value == "aye"
    assert all(roles(call) == ["user"] for call in run.provider.calls)


@pytest.mark.parametrize("foreign", ["{{ secret }} {% for x in y %}", "<|im_end|>\x1b[2J\x00", "\ud800" * 3])
def test_words_of_the_answer_stay_words(foreign: str) -> None:
    run = stage(FLOW, by_turn(foreign, "3"))
    assert run.outcome.value == 3
    assert run.provider.calls[1].messages[1] == Message("assistant", foreign)
    # In our own sentence no word is the model's.
    assert not any(part in run.provider.calls[1].messages[2].text for part in ("secret", "im_end", "\x1b", "\ud800"))


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)
WANTED = (
    st.lists(NAMES, min_size=1, max_size=5, unique=True).map(lambda names: t.Choice(tuple(names)))
    | st.lists(NAMES, min_size=1, max_size=5, unique=True).map(
        lambda names: t.Record(tuple(t.Field(name, t.INT) for name in names), "R")
    )
    | st.sampled_from([t.INT, t.JSON, t.ListOf(t.NUMBER), t.Range(1, 5)])
)


@given(WANTED, st.text(max_size=5000) | NAMES.map(lambda name: json.dumps({name * 50: 1})))
@settings(max_examples=60)
def test_a_correction_is_never_longer_than_plans_count_it(wanted: t.Type, text: str) -> None:
    try:
        read_answer(text, wanted)
    except MalformedError as error:
        longer = corrected(FIRST, wanted, error)
        added = longer.messages[len(FIRST.messages) :]
        tokens = sum(MARGIN * estimate(message.text) + MESSAGE_TOKENS for message in added)
        assert tokens <= CORRECTION
        assert all(message.text for message in added)
    except AnswerError:
        pass  # an empty answer is asked for again as it was


@given(st.text(max_size=400) | st.text(" \n\tab", max_size=4000), st.integers(2, 60))
def test_a_shortened_text_is_its_beginning(text: str, most: int) -> None:
    found = shortened(text, most)
    assert estimate(found) <= most
    assert found == text or (found.endswith("…") and text.startswith(found[:-1]))


# Money and plans


def test_plan_counts_what_the_later_requests_are_longer_by() -> None:
    plan = make_plan(check_flow(Source(FLOW), catalog()))
    bounds = estimate_plan(plan, {}, Files(Path()), environ={})
    run = stage(FLOW, lambda request, number: "word " * 3000)
    asked = sum(estimate(message.text) + MESSAGE_TOKENS for call in run.provider.calls for message in call.messages)
    assert len(run.provider.calls) == 3
    assert bounds.tokens_in.most is not None
    assert asked <= bounds.tokens_in.most
    once = estimate_plan(
        make_plan(check_flow(Source(FLOW.replace("1..5", "1..5 with retries: 0")), catalog())),
        {},
        Files(Path()),
        environ={},
    )
    assert once.tokens_in.most is not None
    assert bounds.tokens_in.most == 3 * once.tokens_in.most + 2 * CORRECTION


def test_the_worst_case_of_a_longer_request_is_its_own() -> None:
    error = MalformedError("no", text="word " * 100, why="does not fit")
    price = Price(1.0, 0.0)
    first = ceiling_of(FIRST).cost(price)
    second = ceiling_of(corrected(FIRST, t.INT, error)).cost(price)
    assert first is not None and second is not None
    assert second > first + 100


async def test_a_budget_has_room_for_the_longer_request_or_it_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text(
        'model m = "openai:m" with input_price: 1000, output_price: 0, max_tokens: 5\n'
        'flow f() { a = ask m "How bad is it?" -> 1..5 return a }'
    )
    provider = ScriptedProvider(lambda *_: "word " * 50)
    first = ceiling_of(replace(FIRST, schema=t.json_schema(t.Range(1, 5)), max_tokens=5)).cost(Price(0.001, 0.0))
    assert first is not None
    result = await run_async(
        path, options=RunOptions(opener=lambda *_: provider, journal=None, budget=Budget(None, 1.5 * first))
    )
    assert len(provider.calls) == 1
    assert "this call could cost" in result.failures[0].reason


# Journals


async def ran(folder: Path, script: Any, text: str = FLOW) -> tuple[Any, list[Request]]:
    path = folder / "a.flow"
    path.write_text(text)
    provider = ScriptedProvider(script)
    result = await run_async(path, options=RunOptions(opener=lambda *_: provider, journal=folder / "j" / "journal.db"))
    return result, provider.calls


async def test_a_run_that_has_the_bad_answer_builds_the_same_second_request(tmp_path: Path) -> None:
    def dies(request: Request, number: int) -> Scripted | str:
        return "nine" if number == 0 else Scripted(PermanentError("gone"))

    result, before = await ran(tmp_path, dies)
    assert result.failures
    provider = ScriptedProvider(by_turn("3"))
    result = await resume_async(
        "last", journal=tmp_path / "j" / "journal.db", options=RunOptions(opener=lambda *_: provider)
    )
    assert result.value == 3
    assert provider.calls == before[1:]
    # Both answers are known by now.
    result, asked = await ran(tmp_path, by_turn())
    assert result.value == 3
    assert asked == []


async def test_an_answer_to_the_bare_repetition_is_still_of_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journals hold second answers that were asked for word for word as the first."""
    with monkeypatch.context() as patched:
        patched.setattr("flowrun.runtime.engine.calls.corrected", lambda request, wanted, error: request)
        result, _ = await ran(tmp_path, by_turn("nine", "3"))
        assert result.value == 3
    result, asked = await ran(tmp_path, by_turn())
    assert result.value == 3
    assert asked == []


async def test_what_the_server_could_not_read_is_told_after_a_resume_too(tmp_path: Path) -> None:
    spoiled = MalformedError("the server says no", text="{", why="is no JSON by the server's word")

    def dies(request: Request, number: int) -> Scripted:
        return Scripted(spoiled) if number == 0 else Scripted(PermanentError("gone"))

    _, before = await ran(tmp_path, dies)
    provider = ScriptedProvider(by_turn("3"))
    await resume_async("last", journal=tmp_path / "j" / "journal.db", options=RunOptions(opener=lambda *_: provider))
    assert provider.calls == before[1:]
    assert "it is no JSON by the server's word." in provider.calls[0].messages[-1].text


async def test_a_model_that_stands_in_takes_what_tries_are_left(flow: Any) -> None:
    asked: list[str] = []

    def opener(model: str, surroundings: Surroundings) -> Provider:
        def script(request: Request, number: int) -> Scripted | str:
            asked.append(model)
            return Scripted(PermanentError("gone")) if model == "openai:a" and number == 2 else "nine"

        return ScriptedProvider(script, model=model)

    path = flow('model m = "openai:a" else "gemini:b"\nflow f() { a = ask m "?" -> 1..5 return a }')
    result = await run_async(path, options=RunOptions(opener=opener, journal=None))
    assert result.failures
    assert asked == ["openai:a"] * 3 + ["gemini:b"]
