"""Externs: Python that a flow calls. Nothing runs without permission, and nothing that it does ends in a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan, types
from flowrun.runtime.api import Result, run, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.externs.threads import Threads
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PlanError, UsageError

Json = Any
TEXTS = types.ListOf(types.TEXT)


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """What a test imports from its folder is forgotten behind it."""
    path = list(sys.path)
    yield
    for name in [name for name in sys.modules if name.startswith("g_")]:
        del sys.modules[name]
    assert sys.path == path


def params(*named: str, **typed: types.Type) -> tuple[plan.Param, ...]:
    every = {**dict.fromkeys(named, types.JSON), **typed}
    return tuple(plan.Param(name, type_, None, not isinstance(type_, types.Optional)) for name, type_ in every.items())


def extern(target: str, *named: str, gives: types.Type = types.JSON, **typed: types.Type) -> plan.Extern:
    return plan.Extern(target, params(*named, **typed), gives)


def calling(step: plan.Step) -> plan.Step:
    """A record `{ extern: "name", args: { … } }` of the text stands for a call of that extern."""
    match step.node:
        case plan.Value(plan.RecordOf((plan.Entry("extern", plan.Constant(str(name))), plan.Entry(_, given)))):
            assert isinstance(given, plan.RecordOf)
            return replace(step, node=plan.ExternCall(name, {one.name or "": one.value for one in given.entries}))
        case plan.Chain(body) | plan.Map(body=body) | plan.Repeat(body=body) | plan.Fanout(body=body):
            inner = replace(body, steps=tuple(map(calling, body.steps)))
            return replace(step, node=replace(step.node, body=inner))
    return step


def program(folder: Path, text: str, **externs: plan.Extern) -> plan.Plan:
    main = make_plan(check_flow(Source(text, str(folder / "f.flow")), catalog()))
    return replace(main, steps=tuple(map(calling, main.steps)), externs=externs)


def reducing(whole: plan.Plan, name: str, needs: tuple[str, ...] = (), **args: plan.Expr) -> plan.Plan:
    """The plan with its last step's results combined by an extern."""
    step = whole.steps[-1]
    assert isinstance(step.node, plan.Map | plan.Repeat | plan.Fanout)
    node = replace(step.node, reduce=plan.Reduce(name, args, needs=needs, extern=name))
    return replace(whole, steps=(*whole.steps[:-1], replace(step, node=node)))


def answers(request: Request, number: int) -> Scripted:
    return Scripted(request.messages[-1].text)


async def go(
    whole: plan.Plan,
    script: Callable[[Request, int], Scripted | str] = answers,
    events: list[e.Event] | None = None,
    **inputs: Json,
) -> Result:
    seen = [] if events is None else events
    return await run_async(
        plan.from_json(plan.to_json(whole)),
        inputs,
        allow_python=True,
        on_event=(seen.append,),
        opener=lambda model, around: ScriptedProvider(script, model=model),
    )


CALL = (
    'flow f(n: text) { a = ask "a {{ n }}" s = { extern: "look", args: { n: a } } b = ask "b {{ s }}" return { s, b } }'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def write(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)

    write("g_plain.py", "def look(n):\n    return {'n': n, 'length': len(n)}\n")
    return tmp_path


def module(folder: Path, text: str) -> str:
    """A module of a name of its own, in the flow's folder."""
    name = f"g_{folder.name.replace('-', '_')}"
    (folder / f"{name}.py").write_text(text)
    return name


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
        __import__(name).variable = VARIABLE
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
        "    barrier.wait(20)\n    with lock:\n        open_ -= 1\n    return n\n",
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


# Failures

BROKEN = """
import asyncio, sys
class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no text")
class Sneaky(dict):
    def items(self):
        raise ValueError("not so")
def raises(): raise ValueError("no such  name\\nat all")
def silent(): raise KeyError
def long(): raise ValueError("x" * 9999)
def odd(): raise Odd
def leaves(): sys.exit(3)
def interrupts(): raise KeyboardInterrupt
def stops(): raise StopIteration(1)
async def araises(): raise ValueError("later")
async def aleaves(): sys.exit(3)
async def acancels(): raise asyncio.CancelledError
def nan(): return float("nan")
def data(): return b"bytes"
def thing(): return object()
def inner(): return {"a": [1, {2, 3}]}
def keys(): return {1: 2}
def tuples(): return {(1, 2): 3}
def endless():
    one = []
    one.append(one)
    return one
def half(): return "\\ud800"
def big(): return 10 ** 100_000
def path():
    from pathlib import Path
    return Path("/etc/passwd")
def sneaky(): return Sneaky(a=1)
def generates(): yield 1
"""


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("raises", "`look` failed: ValueError: no such name at all"),
        ("silent", "`look` failed: KeyError"),
        ("long", "`look` failed: ValueError: " + "x" * 499 + "…"),
        ("odd", "`look` failed: Odd"),
        ("leaves", "`look` failed: SystemExit: 3"),
        ("interrupts", "`look` failed: KeyboardInterrupt"),
        ("stops", "`look` failed: StopIteration: 1"),
        ("araises", "`look` failed: ValueError: later"),
        ("aleaves", "`look` failed: SystemExit: 3"),
        ("acancels", "`look` failed: CancelledError"),
        ("nan", "the value of `look`: expected json, found the number nan"),
        ("data", "the value of `look`: a Python bytes is no plain data"),
        ("thing", "the value of `look`: a Python object is no plain data"),
        ("inner", "the value of `look`: a Python set is no plain data"),
        ("keys", "the value of `look`: expected json, found a record with a name that is no text"),
        ("tuples", "the value of `look`: expected json, found a record with a name that is no text"),
        ("endless", "the value of `look`: it is nested deeper than 64 levels"),
        ("half", "the value of `look`: the text `\\ud800` has bytes that are no character"),
        ("big", "the value of `look`: it holds a number of thousands of digits"),
        ("path", "the value of `look`: a Python PosixPath is no plain data"),
        ("sneaky", "the value of `look` cannot be read: ValueError: not so"),
        ("generates", "the value of `look`: a Python generator is no plain data"),
    ],
)
async def test_what_goes_wrong_is_a_failure_of_the_step(folder: Path, function: str, reason: str) -> None:
    name = module(folder, BROKEN)
    text = 'flow f() { s = { extern: "look", args: {} } t = ask "free" return { s, t } }'
    result = await go(program(folder, text, look=extern(f"{name}:{function}")))
    (failure,) = result.failures
    assert failure.path == "s"
    assert failure.reason.startswith(reason)
    assert "Traceback" not in failure.reason
    assert len(failure.reason) < 600
    assert result.summary.calls == 1


@pytest.mark.parametrize(
    ("gives", "value", "said"),
    [
        (types.INT, "'x'", "the value of `look`: expected int, found the text `x`"),
        (types.TEXT, "None", "the value of `look`: expected text, found nothing"),
        (types.Choice(("aye", "nay")), "'nae'", "did you mean `nay`?"),
        (TEXTS, "['a', 3]", "the value of `look`: item 2: expected text, found the number 3"),
        (
            types.Record((types.Field("a", types.INT), types.Field("b", types.INT))),
            "{'a': 1}",
            "the value of `look`: the field `b` is missing",
        ),
        (types.DOCUMENT, "__import__('pathlib').Path(__file__)", "a Python PosixPath is no plain data"),
    ],
)
async def test_a_value_of_another_type_is_a_failure(folder: Path, gives: types.Type, value: str, said: str) -> None:
    name = module(folder, f"def look():\n    return {value}\n")
    whole = program(
        folder, 'flow f() { s = { extern: "look", args: {} } return s }', look=extern(f"{name}:look", gives=gives)
    )
    (failure,) = (await go(whole)).failures
    assert said in failure.reason


async def test_a_value_is_brought_into_its_type(folder: Path) -> None:
    record = types.Record((types.Field("a", types.INT), types.Field("b", types.Optional(types.TEXT))))
    name = module(
        folder,
        "from enum import IntEnum\nclass One(IntEnum):\n    A = 1\n"
        "def look():\n    return ({'a': 2.0}, {'a': One.A, 'z': 1})\n",
    )
    whole = program(
        folder,
        'flow f() { s = { extern: "look", args: {} } return s }',
        look=extern(f"{name}:look", gives=types.ListOf(record)),
    )
    value = (await go(whole)).value
    assert value == [{"a": 2, "b": None}, {"a": 1, "b": None}]
    assert json.dumps(value)
    assert type(value[1]["a"]) is int


async def test_a_shared_part_is_not_multiplied(folder: Path) -> None:
    name = module(
        folder, "def look():\n    one = []\n    for _ in range(60):\n        one = [one, one]\n    return one\n"
    )
    whole = program(folder, 'flow f() { s = { extern: "look", args: {} } return 1 }', look=extern(f"{name}:look"))
    assert (await go(whole)).value == 1


async def test_an_element_whose_extern_fails_is_left_out(folder: Path) -> None:
    name = module(folder, "def look(n):\n    return 1 // n\n")
    text = (
        'flow f(items: [int]) { m = map n in items { s = { extern: "look", args: { n } } } reduce collect '
        "with errors: none return m }"
    )
    result = await go(program(folder, text, look=extern(f"{name}:look", "n")), items=[1, 0])
    assert result.value == [1, None]
    (loss,) = result.outcome.losses
    assert loss.path == "m[1].s"
    assert loss.reason.startswith("`look` failed: ZeroDivisionError")


async def test_a_model_is_no_argument(folder: Path) -> None:
    name = module(folder, "def look(m):\n    return 1\n")
    text = 'model fast = "openai:x"\nflow f() { s = { extern: "look", args: { m: 1 } } return s }'
    whole = program(folder, text, look=extern(f"{name}:look", "m"))
    whole = replace(whole, steps=(replace(whole.steps[0], node=plan.ExternCall("look", {"m": plan.Ref("fast")})),))
    (failure,) = (await go(whole)).failures
    assert failure.reason == "the arguments of `look`: `fast` is a model, and an extern takes plain data"


async def test_externs_are_no_calls_of_a_budget(folder: Path) -> None:
    text = (
        'flow f() budget 1 calls { a = ask "a" m = map e in [a, a, a] { { extern: "look", args: { n: e } } } '
        "reduce collect return m }"
    )
    result = await go(program(folder, text, look=extern("g_plain:look", "n")))
    assert result.ok
    assert len(result.value) == 3


# Taking back


async def test_a_hanging_function_holds_nothing_up(folder: Path) -> None:
    name = module(
        folder,
        "import threading\nstarted = threading.Event()\nlet_go = threading.Event()\nended = threading.Event()\n"
        "def look():\n    started.set()\n    let_go.wait(60)\n    ended.set()\n    return 1\n",
    )
    sys.path.insert(0, str(folder))
    try:
        held = __import__(name)
    finally:
        sys.path.remove(str(folder))
    text = 'flow f() { s = { extern: "look", args: {} } return s }'
    task = asyncio.ensure_future(go(program(folder, text, look=extern(f"{name}:look"))))
    assert await asyncio.to_thread(held.started.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not held.ended.is_set()
    held.let_go.set()
    assert held.ended.wait(20)


async def test_what_nobody_needs_any_more_is_taken_back(folder: Path) -> None:
    """A failed element ends its map: the coroutine of the other is cancelled, its value is for nobody."""
    name = module(
        folder,
        "import asyncio\ncancelled = []\nasync def look(n):\n    if n == 0:\n        await asyncio.sleep(0.01)\n"
        "        raise ValueError('no')\n    try:\n        await asyncio.sleep(60)\n"
        "    except asyncio.CancelledError:\n        cancelled.append(n)\n        raise\n",
    )
    text = 'flow f(items: [int]) { m = map n in items { { extern: "look", args: { n } } } reduce collect return m }'
    result = await go(program(folder, text, look=extern(f"{name}:look", "n")), items=[1, 0, 2])
    assert [one.reason for one in result.failures] == ["`look` failed: ValueError: no"]
    assert sys.modules[name].cancelled == [1, 2]


async def test_a_thread_that_is_given_up_is_replaced() -> None:
    threads = Threads(2)
    let_go = threading.Event()
    hanging = [asyncio.ensure_future(threads.run(lambda: let_go.wait(60))) for _ in range(2)]
    await asyncio.sleep(0.01)
    for task in hanging:
        task.cancel()
    assert await asyncio.gather(*(threads.run(lambda: 5) for _ in range(4))) == [5] * 4
    let_go.set()
    threads.close()


COMMAND = """
import sys
from flowrun.dsl import plan
from flowrun.runtime.api import run
run(plan.from_json(open(sys.argv[1]).read()), allow_python=True)
"""


def test_an_interrupt_ends_a_program_whose_function_hangs(folder: Path) -> None:
    name = module(folder, "import time\ndef look():\n    print('hanging', flush=True)\n    time.sleep(600)\n")
    whole = program(folder, 'flow f() { s = { extern: "look", args: {} } return s }', look=extern(f"{name}:look"))
    (folder / "plan.json").write_text(plan.to_json(whole))
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(folder / "plan.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert process.returncode == -signal.SIGINT


# Permission and finding


async def test_nothing_runs_and_nothing_is_imported_without_permission(folder: Path) -> None:
    name = module(folder, "raise AssertionError('imported')\n")
    whole = program(folder, CALL, look=extern(f"{name}:look", "n"))
    opened: list[str] = []

    def opener(model: str, around: Any) -> ScriptedProvider:
        opened.append(model)
        return ScriptedProvider(answers)

    with pytest.raises(UsageError) as caught:
        await run_async(whole, {"n": "x"}, opener=opener)
    assert "`look`" in str(caught.value)
    assert "--allow-python" in str(caught.value)
    assert name not in sys.modules
    assert not opened
    with pytest.raises(UsageError, match=r"importing .* failed: AssertionError: imported"):
        await run_async(whole, {"n": "x"}, opener=opener, allow_python=True)
    assert not opened


def test_run_takes_the_permission(folder: Path) -> None:
    whole = program(
        folder, 'flow f(n: text) { s = { extern: "look", args: { n } } return s }', look=extern("g_plain:look", "n")
    )
    with pytest.raises(UsageError, match="allow_python=True"):
        run(whole, n="x")
    assert run(whole, allow_python=True, n="x").value == {"n": "x", "length": 1}


async def test_an_extern_that_is_not_called_needs_no_permission(folder: Path) -> None:
    whole = program(folder, "flow f() { return 1 }", look=extern("g_missing:look", "n"))
    assert (await run_async(whole)).value == 1


async def test_externs_of_called_flows_need_it_too(folder: Path) -> None:
    inner = program(folder, 'flow inner() { s = { extern: "look", args: { n: "q" } } return s }')
    whole = program(folder, "flow f() { s = 1 return s }", look=extern("g_plain:look", "n"))
    whole = replace(
        whole,
        steps=(replace(whole.steps[0], node=plan.FlowCall("inner", {})),),
        flows={"inner": plan.Flow((), inner.steps, inner.result, inner.type)},
    )
    with pytest.raises(UsageError, match="look"):
        await run_async(whole)
    assert (await go(whole)).value["n"] == "q"


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("g_nowhere.deep:look", "", "there is no Python module `g_nowhere`"),
        ("{0}:lok", "def look(n): pass", "has no function `lok`; did you mean `look`?"),
        ("{0}:look", "look = 5", "`look` is no function (it is a Python int)"),
        ("{0}:look", "def look(m): pass", "the function has no parameter `n` that is given by name; it takes `(m)`"),
        ("{0}:look", "def look(n, /): pass", "no parameter `n` that is given by name; it takes `(n, /)`"),
        ("{0}:look", "def look(n, key): pass", "the function needs `key`, which the flow does not give it"),
        ("{0}:look", "import g_not_there", "importing `{0}` failed: ModuleNotFoundError: No module named"),
        ("{0}:look", "def look(:", "failed: SyntaxError"),
        ("{0}:look", "import sys; sys.exit(4)", "failed: SystemExit: 4"),
        ("{0}:look", "def __getattr__(name): raise OSError('gone')", "getting `look` failed: OSError: gone"),
        ("{0}:look", "def look(*args): pass", "no parameter `n` that is given by name"),
    ],
)
async def test_what_cannot_be_called_is_told_before_any_call(folder: Path, target: str, code: str, said: str) -> None:
    name = module(folder, code + "\n")
    sent: list[Request] = []

    def script(request: Request, number: int) -> str:
        sent.append(request)
        return "x"

    with pytest.raises(UsageError) as caught:
        await go(program(folder, CALL, look=extern(target.format(name), "n")), script, n="x")
    assert str(caught.value).startswith(f"the extern `look` ({target.format(name)}): ")
    assert said.format(name) in str(caught.value)
    assert sent == []


@pytest.mark.parametrize(
    "code",
    [
        "def look(**rest): return rest",
        "def look(n, *args, key=1, **rest): return n",
        "def look(*, n): return n",
        "from functools import partial\nlook = partial(lambda key, n: n, 1)",
        "class look(dict): pass",
        "class A:\n    class B:\n        @staticmethod\n        def look(n): return n\nlook = A.B.look",
    ],
)
async def test_whatever_takes_the_arguments_may_be_called(folder: Path, code: str) -> None:
    name = module(folder, code + "\n")
    assert (await go(program(folder, CALL, look=extern(f"{name}:look", "n")), n="x")).ok


async def test_the_flow_s_folder_comes_first_and_leaves_no_trace(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    name = module(folder, "def look(n):\n    import g_beside\n    return 'beside the flow ' + g_beside.WORD\n")
    (other / f"{name}.py").write_text("def look(n):\n    return 'elsewhere'\n")
    (folder / "g_beside.py").write_text("WORD = 'and more'\n")
    sys.path.insert(0, str(other))
    try:
        result = await go(program(folder, CALL, look=extern(f"{name}:look", "n")), n="x")
    finally:
        sys.path.remove(str(other))
    assert result.value["s"] == "beside the flow and more"


async def test_another_module_of_the_name_is_not_taken_for_the_flow_s(folder: Path) -> None:
    (folder / "json.py").write_text("def loads(s):\n    return 'mine'\n")
    with pytest.raises(UsageError, match=r"json\.py` is hidden by another module of the name `json`"):
        await go(program(folder, CALL, look=extern("json:loads", "n")), n="x")


async def test_functions_of_installed_packages_are_found(folder: Path) -> None:
    text = 'flow f() { s = { extern: "look", args: { s: "[1]" } } return s }'
    assert (await go(program(folder, text, look=extern("json:loads", "s")))).value == [1]


@pytest.mark.parametrize(
    "target", ["", "json", "json:", ":loads", "json.:loads", "..json:loads", "json:lo ads", "a-b:c"]
)
async def test_a_target_is_a_module_and_a_name(folder: Path, target: str) -> None:
    with pytest.raises(PlanError, match="is not module:name"):
        await go(program(folder, CALL, look=extern(target, "n")), n="x")


# The command

FILE = """\
extern look(name: text) -> [text] from "g_command:look"
extern pick(results: [text], sep: text = ", ") -> text from "g_command:pick"
flow f(name: text) {
  s = look(name: name)
  m = map one in s { text "<{{ one }}>" } reduce pick(sep: "; ")
  return m
}
"""
COMMAND_LINE = [sys.executable, "-W", "error", "-c", "from flowrun.runtime.cli import main; main()"]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "c.flow").write_text(FILE)
    (folder / "g_command.py").write_text(
        "def look(name):\n    return [name, name.upper()]\ndef pick(results, sep):\n    return sep.join(results)\n"
    )
    return subprocess.run(
        [*COMMAND_LINE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        check=False,
    )


def test_the_command_runs_python_only_when_it_is_told_to(folder: Path) -> None:
    refused = command(folder, "c.flow", "--name", "x")
    assert refused.returncode == 2
    assert "`look` (g_command:look), `pick` (g_command:pick)" in refused.stderr
    assert "--allow-python" in refused.stderr
    assert refused.stdout == ""
    allowed = command(folder, "c.flow", "--name", "x", "--allow-python")
    assert allowed.stdout == "<x>; <X>\n"
    assert allowed.returncode == 0


@pytest.mark.parametrize("verb", ["validate", "plan"])
def test_looking_at_a_flow_imports_nothing_of_its_own(folder: Path, verb: str) -> None:
    command(folder)
    (folder / "g_command.py").write_text("raise AssertionError('imported')\n")
    ran = subprocess.run(
        [*COMMAND_LINE, verb, "c.flow"], cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stderr
