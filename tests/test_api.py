"""Flows run from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, bounds_of, check_flow, make_plan
from flowrun.runtime import RunError, RunOptions, run, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.blocks import flow
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InputError, PermanentError, UsageError
from flowrun.runtime.vocabulary.events import Event, RequestStarted, RunFinished
from support.harness import scripted

FLOW = """\
type Row = { id: int, body: text }
flow f(rows: [Row], note: document = "none") {
  out = map row in rows {
    said = ask "{{ row.body }} {{ note }}"
    { ..row, said }
  } reduce collect
  return out
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    return path


async def test_rows_keep_their_order_and_their_ids(path: Path) -> None:
    rows = [{"id": n, "body": f"b{n}"} for n in range(20)]
    result = await run_async(
        path, {"rows": rows}, options=RunOptions(opener=scripted(lambda request, _: request.messages[0].text.upper()))
    )
    assert [row["id"] for row in result.value] == list(range(20))
    assert result.value[7]["said"] == "B7 NONE"
    assert result.ok


async def test_a_path_is_read_and_a_text_is_taken_as_it_is(path: Path) -> None:
    (path.parent / "note.md").write_text("from a file")
    echo = scripted(lambda request, _: request.messages[0].text)
    rows = [{"id": 1, "body": "x"}]
    result = await run_async(path, {"rows": rows, "note": path.parent / "note.md"}, options=RunOptions(opener=echo))
    assert result.value[0]["said"] == "x from a file"
    result = await run_async(path, {"rows": rows, "note": "note.md"}, options=RunOptions(opener=echo))
    assert result.value[0]["said"] == "x note.md"


async def test_events_tell_the_whole_story(path: Path) -> None:
    seen: list[Event] = []
    rows = [{"id": 1, "body": "x"}, {"id": 2, "body": "y"}]
    await run_async(path, {"rows": rows}, options=RunOptions(opener=scripted(lambda *_: "ok"), on_event=(seen.append,)))
    assert [event.path for event in seen if isinstance(event, RequestStarted)] == ["out[0].said", "out[1].said"]
    assert isinstance(seen[-1], RunFinished)
    assert seen[-1].status == "done"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "needs `rows`"),
        ({"rows": [], "nope": 1}, "no parameter `nope`"),
        ({"rows": [{"id": "x", "body": "b"}]}, "id"),
        ({"rows": "x"}, "rows"),
    ],
)
async def test_wrong_inputs_are_refused_before_any_call(path: Path, inputs: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        await run_async(path, inputs, options=RunOptions(opener=scripted(lambda *_: "ok")))


async def test_only_models_that_are_used_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "m.flow"
    path.write_text(
        'model a = "openai:a"\nmodel b = "openai:b"\nflow f() { x = ask a "1" y = ask "2" return { x, y } }\n'
    )
    opened: list[str] = []

    def opener(model: str, surroundings: Surroundings) -> Provider:
        opened.append(model)
        return ScriptedProvider(lambda *_: "ok", model=model)

    await run_async(path, options=RunOptions(model="b", opener=opener))
    assert sorted(opened) == ["openai:a", "openai:b"]
    opened.clear()
    await run_async(path, options=RunOptions(environ={"FLOWRUN_MODEL": "gemini:c"}, opener=opener))
    assert sorted(opened) == ["gemini:c", "openai:a"]


async def test_models_are_values(tmp_path: Path) -> None:
    path = tmp_path / "m.flow"
    path.write_text(
        'model a = "openai:a" with temperature: 0.2\nmodel b = "openai:b"\n'
        'flow f() { x = map m in [a, b] { ask m "who?" } reduce collect return x }\n'
    )
    providers: list[ScriptedProvider] = []

    def opener(model: str, surroundings: Surroundings) -> Provider:
        providers.append(ScriptedProvider(lambda *_: model, model=model))
        return providers[-1]

    result = await run_async(path, options=RunOptions(opener=opener))
    assert result.value == ["openai:a", "openai:b"]
    assert [provider.calls[0].temperature for provider in providers] == [0.2, None]


def test_run_waits_and_raises_what_went_wrong(tmp_path: Path) -> None:
    path = tmp_path / "v.flow"
    path.write_text("flow f(x: int) { return 1 / x }\n")
    assert run(path, x=2).value == 0.5
    with pytest.raises(RunError, match="division by zero"):
        run(path, x=0)
    path.write_text("flow f(x: int) { return y }\n")
    with pytest.raises(FlowError, match="F0201"):
        run(path, x=0)


async def test_a_flow_reads_its_own_folder_and_no_other(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret.txt").write_text("outside")
    (inner / "near.txt").write_text("inside")
    path = inner / "f.flow"
    path.write_text('flow f() { return file("near.txt") }\n')
    assert (await run_async(path)).value == "inside"
    path.write_text('flow f() { return file("../secret.txt") }\n')
    result = await run_async(path)
    assert not result.ok
    assert "--allow-read" in result.failures[0].reason
    assert (await run_async(path, options=RunOptions(allow_read=[tmp_path]))).value == "outside"


async def test_a_vote_that_the_flow_looks_into_asks_all(tmp_path: Path) -> None:
    path = tmp_path / "v.flow"
    vote = 'v = repeat 5 { ask "?" -> A | B } reduce majority'
    path.write_text(f"flow f() {{ {vote} return v }}\n")
    result = await run_async(path, options=RunOptions(opener=scripted(lambda *_: "A")))
    assert (result.value, result.summary.calls, result.summary.spared) == ("A", 3, 2)
    path.write_text(f"flow f() {{ {vote} return agreement(v) }}\n")
    result = await run_async(path, options=RunOptions(opener=scripted(lambda _, number: "B" if number == 4 else "A")))
    assert (result.value, result.summary.calls) == (0.8, 5)
    path.write_text(f"flow f() {{ {vote} with launch: cost return agreement(v) }}\n")
    result = await run_async(path, options=RunOptions(opener=scripted(lambda *_: "A")))
    assert (result.value, result.summary.calls) == (1.0, 3)


async def test_an_element_that_failed_keeps_its_place_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "n.flow"
    body = 'out = map x in xs { ask "{{ x }}" -> YES | NO with retries: 0 } reduce collect with errors: none'
    path.write_text(f"flow f(xs: [text]) {{ {body} return out }}\n")
    said = scripted(lambda request, _: "YES" if request.messages[0].text != "b" else "perhaps")
    result = await run_async(path, {"xs": ["a", "b", "c"]}, options=RunOptions(opener=said))
    assert result.value == ["YES", None, "YES"]
    assert [loss.path for loss in result.outcome.losses] == ["out[1].line 1"]
    path.write_text(
        f'flow f(xs: [text]) {{ {body} t = text "{{% for o in out %}}{{{{ o }}}}{{% endfor %}}" return t }}\n'
    )
    with pytest.raises(FlowError, match="F0306"):
        await run_async(path, {"xs": []}, options=RunOptions(opener=said))


async def test_a_budget_of_calls_is_held(tmp_path: Path) -> None:
    path = tmp_path / "b.flow"
    body = 'out = map x in xs { ask "{{ x }}" } reduce collect with errors: skip'
    path.write_text(f"flow f(xs: [text]) budget 3 calls {{ {body} return out }}\n")
    provider = ScriptedProvider(lambda request, _: request.messages[0].text)
    result = await run_async(path, {"xs": list("abcdef")}, options=RunOptions(opener=lambda *_: provider))
    assert result.value == ["a", "b", "c"]
    assert len(provider.calls) == 3
    assert "budget of 3 calls is spent" in result.outcome.losses[0].reason


async def test_a_malformed_answer_is_not_asked_for_again_beyond_the_budget(tmp_path: Path) -> None:
    path = tmp_path / "b.flow"
    path.write_text('flow f() budget 2 calls { a = ask "?" -> YES | NO return a }\n')
    provider = ScriptedProvider(lambda *_: "perhaps")
    result = await run_async(path, options=RunOptions(opener=lambda *_: provider))
    assert len(provider.calls) == 2
    assert "budget of 2 calls" in result.failures[0].reason


async def test_another_model_stands_in_for_one_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "m.flow"
    path.write_text('model m = "openai:a" else "gemini:b"\nflow f() { x = ask m "?" return x }\n')

    def opener(model: str, surroundings: Surroundings) -> Provider:
        def script(request: Request, number: int) -> Scripted | str:
            return Scripted(PermanentError("gone")) if model == "openai:a" else model

        return ScriptedProvider(script, model=model)

    result = await run_async(path, options=RunOptions(opener=opener))
    assert result.value == "gemini:b"
    path.write_text('model m = "openai:a" else "openai:a"\nflow f() { x = ask m "?" return x }\n')
    result = await run_async(path, options=RunOptions(opener=opener))
    assert [failure.reason for failure in result.failures] == ["gone"]


def test_the_bounds_count_retries_wherever_they_are_set() -> None:
    def most(text: str, model: str = "") -> float | None:
        plan = make_plan(check_flow(Source(text), catalog()))
        return bounds_of(plan, catalog().reducers, model=model).most

    model = 'model m = "openai:a" with retries: 5\n'
    assert most('flow f() { a = ask "?" return a }') == 3
    assert most(model + 'flow f() { a = ask m "?" return a }') == 6
    assert most(model + 'flow f() { a = ask m "?" with retries: 0 return a }') == 1
    assert most(model + 'flow f() { a = map x in [m] { ask x "?" } reduce majority return a }') == 1
    mixed = model + 'flow f() { a = fanout { b = ask m "1" c = ask "2" } reduce ask m "{{ b }} {{ c }}" return a }'
    assert most(mixed) == 15
    assert most(mixed, model="m") == 18
    assert most('flow f(n: int) { a = ask "?" with retries: n return a }') is None


async def test_what_is_wrong_from_the_start_costs_no_call(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text(
        'type Row = { id: int }\nflow f(n: int) {\n  a = ask "hi"\n  rows = jsonl("rows.jsonl", of: Row)\n'
        "  parts = split(a, by: chars(5), overlap: n)\n  return { a, rows, parts }\n}\n"
    )
    (path.parent / "rows.jsonl").write_text('{"id": 1}\n{"id": "two"}\n')
    provider = ScriptedProvider(lambda *_: "yes")
    result = await run_async(path, {"n": 1}, options=RunOptions(opener=lambda model, surroundings: provider))
    assert provider.calls == []
    [failure] = result.failures
    assert failure.path == "rows"
    assert "rows.jsonl" in failure.reason


@pytest.mark.parametrize(
    ("type_", "value"), [("[model]", ["there:x"]), ("model?", "there:x"), ("One", {"one": "there:x"})]
)
async def test_models_inside_an_input_are_opened(type_: str, value: object) -> None:
    opened: list[str] = []

    def opener(model: str, surroundings: Surroundings) -> Provider:
        opened.append(model)
        return ScriptedProvider(lambda request, _: "x", model=model)

    text = f'type One = {{ one: model }}\nflow f(ms: {type_}) {{\n  a = ask "hi"\n  return a\n}}\n'
    await run_async(make_plan(check_flow(Source(text), catalog())), {"ms": value}, options=RunOptions(opener=opener))
    assert "there:x" in opened


async def test_a_file_of_types_cannot_be_run(tmp_path: Path) -> None:
    path = tmp_path / "types.flow"
    path.write_text("type T = a | b\n")
    with pytest.raises(UsageError, match="this file has no flow, only types for other files"):
        await run_async(path)


async def test_flows_that_double_end_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "FLOWS_AT_ONCE", 20)
    levels = 'flow f0(x: text) {\n  a = ask "{{ x }}"\n  return a\n}\n'
    for level in range(1, 7):
        called = f"f{level - 1}(x: x)"
        levels += f"flow f{level}(x: text) {{\n  a = {called}\n  b = {called}\n  return a + b\n}}\n"
    path = tmp_path / "doubling.flow"
    path.write_text(levels)
    provider = ScriptedProvider(lambda *_: "yes")
    result = await run_async(path, {"x": "hi"}, options=RunOptions(opener=lambda model, surroundings: provider))
    assert "more than 20 calls of flows" in result.failures[0].reason
    assert provider.calls == []


async def test_calls_of_flows_that_lost_their_race_are_open_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "FLOWS_AT_ONCE", 5)
    path = tmp_path / "races.flow"
    path.write_text("""flow part(x: text) { a = ask "{{ x }}" return a }
flow f(xs: [int]) {
  all = map x in xs {
    fanout { quick = part(x: "quick {{ x }}") slow = part(x: "slow {{ x }}") } reduce first
  } reduce collect with concurrency: 1
  return all
}
""")

    def script(request: Request, number: int) -> Scripted:
        return Scripted("x", 60.0 if request.messages[-1].text.startswith("slow") else 0.0)

    provider = ScriptedProvider(script)
    result = await run_async(
        path, {"xs": list(range(12))}, options=RunOptions(opener=lambda model, surroundings: provider)
    )
    assert result.value == ["x"] * 12
    assert result.outcome.losses == ()
