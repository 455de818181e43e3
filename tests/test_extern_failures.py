"""Python that a flow calls: what goes wrong in it fails its step and ends in no traceback, and nothing waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowrun.dsl import plan, types
from flowrun.runtime.externs.threads import Threads
from support.extern_flows import extern, go, module, own_modules, program, with_plain
from support.patience import PATIENCE

TEXTS = types.ListOf(types.TEXT)


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    with own_modules():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_plain(tmp_path)


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
        ("data", "the value of `look`: a Python bytes is not plain data"),
        ("thing", "the value of `look`: a Python object is not plain data"),
        ("inner", "the value of `look`: a Python set is not plain data"),
        ("keys", "the value of `look`: expected json, found a record with a name that is not a text"),
        ("tuples", "the value of `look`: expected json, found a record with a name that is not a text"),
        ("endless", "the value of `look`: it is nested deeper than 64 levels"),
        ("half", "the value of `look`: the text `\\ud800` has bytes that are not a character"),
        ("big", "the value of `look`: it contains a number of thousands of digits"),
        ("path", "the value of `look`: a Python PosixPath is not plain data"),
        ("sneaky", "the value of `look` cannot be read: ValueError: not so"),
        ("generates", "the value of `look`: a Python generator is not plain data"),
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
        (types.DOCUMENT, "__import__('pathlib').Path(__file__)", "a Python PosixPath is not plain data"),
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
    assert held.ended.wait(PATIENCE)


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
import signal, sys
# A shell starts programs in the background with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from flowrun.dsl import plan
from flowrun import RunOptions, run
run(plan.from_json(open(sys.argv[1]).read()), options=RunOptions(allow_python=True))
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
        _, said = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in said
    assert process.returncode == -signal.SIGINT
