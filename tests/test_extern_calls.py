"""Python that a flow calls: it gets copies by name, its values go on, and it may combine the results of a block."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, UnfitError, audit_plan, check_flow, make_plan, plan, types
from flowrun.runtime.catalog import catalog
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from support.extern_flows import CALL, extern, go, module, own_modules, params, program, reducing, with_plain

Json = Any


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    with own_modules():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_plain(tmp_path)


# Values


async def test_a_function_gets_arguments_by_name_and_its_value_goes_on(folder: Path) -> None:
    events: list[e.Event] = []
    result = await go(program(folder, CALL, look=extern("g_plain:look", "n")), events=events, n="x")
    assert result.value["s"] == {"n": "a x", "length": 3}
    assert result.value["b"].startswith("b {")
    assert [one.kind for one in events if isinstance(one, e.StepStarted)] == ["ask", "extern", "ask"]
    assert [(one.path, one.kind) for one in events if isinstance(one, e.StepFinished)][1] == ("s", "extern")
    assert result.summary.calls == 2


async def test_coroutine_functions_are_awaited_on_the_loop(folder: Path) -> None:
    name = module(
        folder,
        "import asyncio, threading\n"
        "async def look(n):\n    await asyncio.sleep(0)\n"
        "    return threading.current_thread() is threading.main_thread()\n"
        "class Later:\n    async def __call__(self, n):\n        return n\nlater = Later()\n"
        "def gives(n):\n    return later(n)\n",
    )
    text = (
        'flow f() { a = { extern: "look", args: { n: 1 } } b = { extern: "later", args: { n: 2 } } '
        'c = { extern: "gives", args: { n: 3 } } return { a, b, c } }'
    )
    externs = {one: extern(f"{name}:{one}", "n") for one in ("look", "later", "gives")}
    result = await go(program(folder, text, **externs))
    assert result.value == {"a": threading.current_thread() is threading.main_thread(), "b": 2, "c": 3}


VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="unset")


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_context_variables_are_kept(folder: Path, kind: str) -> None:
    name = module(folder, f"seen = []\n{kind} look():\n    return variable.get()\n")
    sys.path.insert(0, str(folder))
    try:
        vars(import_module(name))["variable"] = VARIABLE
    finally:
        sys.path.remove(str(folder))
    token = VARIABLE.set("kept")
    try:
        result = await go(
            program(folder, 'flow f() { s = { extern: "look", args: {} } return s }', look=extern(f"{name}:look"))
        )
    finally:
        VARIABLE.reset(token)
    assert result.value == "kept"


async def test_a_function_cannot_change_the_flow_s_values(folder: Path) -> None:
    name = module(folder, "def look(rows):\n    rows.append('more')\n    rows[0]['x'] = 'changed'\n    return rows\n")
    text = (
        'flow f(rows: [{ x: text }]) { s = { extern: "look", args: { rows } } t = text "{{ rows }}" after s '
        "return { s, rows, t } }"
    )
    result = await go(program(folder, text, look=extern(f"{name}:look", "rows")), rows=[{"x": "1"}])
    assert result.value["s"] == [{"x": "changed"}, "more"]
    assert result.value["rows"] == [{"x": "1"}]
    assert "changed" not in result.value["t"]


async def test_what_a_function_keeps_and_changes_later_is_not_the_flow_s(folder: Path) -> None:
    name = module(folder, "kept = []\ndef look(n):\n    kept.append(n)\n    return kept\n")
    text = (
        'flow f() { a = { extern: "look", args: { n: 1 } } b = { extern: "look", args: { n: 2 } } after a '
        "return { a, b } }"
    )
    result = await go(program(folder, text, look=extern(f"{name}:look", "n")))
    assert result.value == {"a": [1], "b": [1, 2]}


async def test_optional_parameters_are_given_their_defaults(folder: Path) -> None:
    name = module(folder, "def look(n, limit, more):\n    return [n, limit, more]\n")
    declared = (
        *params(n=types.INT),
        plan.Param("limit", types.INT, plan.Apply("+", (plan.Constant(2), plan.Constant(3))), False),
        plan.Param("more", types.Optional(types.TEXT), None, False),
    )
    whole = program(
        folder,
        'flow f() { s = { extern: "look", args: { n: 1 } } return s }',
        look=plan.Extern(f"{name}:look", declared, types.JSON),
    )
    assert (await go(whole)).value == [1, 5, None]


async def test_functions_run_side_by_side_within_the_window_of_their_map(folder: Path) -> None:
    name = module(
        folder,
        "import threading\nlock = threading.Lock()\nopen_ = most = 0\nbarrier = threading.Barrier(3)\n"
        "def look(n):\n    global open_, most\n    with lock:\n        open_ += 1\n        most = max(most, open_)\n"
        "    barrier.wait(120)\n    with lock:\n        open_ -= 1\n    return n\n",
    )
    text = (
        'flow f(items: [int]) { m = map n in items { s = { extern: "look", args: { n } } } reduce collect '
        "with concurrency: 3 return m }"
    )
    result = await go(program(folder, text, look=extern(f"{name}:look", "n")), items=list(range(30)))
    assert result.value == list(range(30))
    assert sys.modules[name].most == 3


async def test_many_calls_use_few_threads(folder: Path) -> None:
    name = module(
        folder, "import threading\nseen = set()\ndef look(n):\n    seen.add(threading.get_ident())\n    return n\n"
    )
    text = 'flow f(items: [int]) { m = map n in items { { extern: "look", args: { n } } } reduce collect return m }'
    result = await go(program(folder, text, look=extern(f"{name}:look", "n")), items=list(range(2000)))
    assert result.value == list(range(2000))
    assert len(sys.modules[name].seen) <= 32


# Externs that reduce


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('flow f() { m = map e in ["1", "2"] { ask "{{ e }}" } reduce collect return m }', ["1", "2"]),
        ('flow f() { m = repeat 2 { ask "r" } reduce collect return m }', ["r", "r"]),
        ('flow f() { m = fanout { x = ask "x" y = ask "y" } reduce collect return m }', ["x", "y"]),
        ('flow f() { m = map e in [] { ask "{{ e }}" } reduce collect return m }', []),
    ],
)
async def test_an_extern_combines_results_in_order(folder: Path, text: str, given: Json) -> None:
    name = module(folder, "def pick(results, sep):\n    return {'results': results, 'sep': sep}\n")
    whole = program(folder, text, pick=extern(f"{name}:pick", "results", "sep"))
    result = await go(reducing(whole, "pick", sep=plan.Constant(", ")))
    assert result.value == {"results": given, "sep": ", "}


async def test_a_reducing_extern_waits_for_what_it_mentions(folder: Path) -> None:
    name = module(folder, "def pick(results, key):\n    return [results, key]\n")
    text = 'flow f() { late = ask "late" m = map e in ["1"] { ask "{{ e }}" } reduce collect return m }'
    whole = program(folder, text, pick=extern(f"{name}:pick", "results", "key"))
    whole = reducing(whole, "pick", ("late",), key=plan.Ref("late"))

    def script(request: Request, number: int) -> Scripted:
        return Scripted(request.messages[-1].text, 0.05 if number == 0 else 0.0)

    assert (await go(whole, script)).value == [["1"], "late"]


async def test_a_reducing_extern_that_fails_fails_its_step(folder: Path) -> None:
    name = module(folder, "def pick(results):\n    raise LookupError('nothing is best')\n")
    text = 'flow f() { m = map e in ["1"] { ask "{{ e }}" } reduce collect return m }'
    result = await go(reducing(program(folder, text, pick=extern(f"{name}:pick", "results")), "pick"))
    assert [(one.path, one.reason) for one in result.failures] == [
        ("m.reduce", "`pick` failed: LookupError: nothing is best")
    ]


@pytest.mark.parametrize(
    ("type_", "call"),
    [
        ("text?", "pick(a)"),
        ("json?", "pick(a)"),
        ("[text]?", "pick(a)"),
        ("json?", "pick(a, results: none)"),
        ("[text]?", "pick(a, results: [a])"),
        ('text = "none"', "pick(a)"),
        ("json = 1", "pick(a, results: { a })"),
    ],
)
def test_the_plan_of_a_call_may_omit_an_optional_parameter_results(type_: str, call: str) -> None:
    text = f'extern pick(q: text, results: {type_}) -> text from "x.py:pick"\nflow f(a: text) {{ return {call} }}\n'
    made = make_plan(check_flow(Source(text, "a.flow"), catalog()))
    audit_plan(made, catalog())
    if "?" not in type_:
        ((key, pick),) = made.externs.items()
        omitted = replace(pick, params=(pick.params[0], replace(pick.params[1], default=None)))
        with pytest.raises(UnfitError, match="a call may omit it"):
            audit_plan(replace(made, externs={key: omitted}), catalog())
