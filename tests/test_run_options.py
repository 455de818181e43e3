"""Options of a run from Python: one object, read or refused in a sentence, and never among the inputs."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from flowrun import (
    Budget,
    FlowrunError,
    InputError,
    Result,
    RetryPolicy,
    RunError,
    RunOptions,
    Source,
    Stop,
    UsageError,
    events,
    load,
    plan_of,
    resume,
    resume_async,
    run,
    run_async,
)
from flowrun.runtime.providers.scripted import ScriptedProvider


def opener(model: str, surroundings: object) -> ScriptedProvider:
    return ScriptedProvider(lambda request, _: request.messages[0].text.upper(), model=model)


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text('flow f(x: text = "a") { y = ask "{{ x }}" return y }\n')
    return path


async def nothing(event: object) -> None: ...


class Awaited:
    async def __call__(self, event: object) -> None: ...


# Calls with arguments of the wrong types, as callers without a type checker make them.
budget_like: Any = Budget
retry_like: Any = RetryPolicy
any_run: Any = run


WRONG = [
    ({"model": 5}, '`model` must be a text such as "openai:gpt-4o-mini"; found the number 5'),
    ({"model": b"x"}, "`model` must be a text"),
    ({"allow_read": 5}, "`allow_read` must be the path of a folder, or several; found the number 5"),
    ({"allow_read": b"/tmp"}, "found a Python bytes"),
    ({"allow_read": [None]}, "`allow_read` .*; found nothing"),
    ({"allow_read": ""}, "found an empty text"),
    ({"allow_read": "a\0b"}, "zero byte"),
    ({"allow_read": {"a": 1}}, "found a record"),
    ({"allow_read": "no/such/folder"}, "takes a folder, and the folder `no/such/folder`"),
    ({"allow_read": __file__}, "takes a folder, and .* is not a folder; its folder is"),
    ({"allow_host": 5}, "`allow_host` must be a host"),
    ({"allow_host": b"x"}, "`allow_host` must be a host"),
    ({"allow_host": [5]}, "`allow_host` must be a host"),
    ({"allow_python": "no"}, "`allow_python` must be True or False; found the text `no`"),
    ({"allow_python": None}, "`allow_python` must be True or False; found nothing"),
    ({"ask_hosts": True}, "`ask_hosts` must be a function"),
    ({"ask_person": "me"}, "`ask_person` must be a function"),
    ({"journal": True}, "`journal` must be the path of a file; found true"),
    ({"journal": ""}, "`journal` must be the path of a file; found an empty text"),
    ({"journal": b"j.db"}, "`journal` must be the path of a file"),
    ({"learn": 1}, "`learn` must be True or False; found the number 1"),
    ({"fresh": 1}, "`fresh` must be True or False; found the number 1"),
    ({"ask_doubtful": "fail"}, "`ask_doubtful` must be True or False"),
    ({"budget": 1.5}, "found the number 1.5, which may be dollars or calls"),
    ({"budget": 20}, "which may be dollars or calls"),
    ({"budget": Decimal(1)}, "`budget` must be a text such as .*; found a Python Decimal"),
    ({"budget": (20, 1.0)}, "`budget` must be a text such as .*; found a Python tuple"),
    ({"budget": True}, "found a Python bool"),
    ({"budget": "much"}, "is not a budget: write"),
    ({"budget": "0 calls"}, "allows no calls"),
    ({"budget": Budget(0)}, "allows no calls"),
    ({"budget": Budget(-1)}, "calls of a budget must be a whole number;"),
    ({"budget": budget_like("20")}, "calls of a budget must be a whole number;"),
    ({"budget": budget_like(1.5)}, "calls of a budget must be a whole number;"),
    ({"budget": Budget(None, float("nan"))}, "money of a budget must be a number of dollars;"),
    ({"budget": budget_like(None, "1")}, "money of a budget must be a number of dollars;"),
    ({"policy": 3}, "`policy` must be a RetryPolicy; found the number 3"),
    ({"policy": RetryPolicy(attempts=0)}, "`policy`"),
    ({"policy": retry_like(attempts="3")}, "`policy`"),
    ({"policy": RetryPolicy(wait_max=-1)}, "`policy`"),
    ({"stop": True}, "`stop` must be a Stop; found true"),
    ({"on_event": 5}, "`on_event` must be a function, or several; found the number 5"),
    ({"on_event": "print"}, "`on_event` must be a function"),
    ({"on_event": [print, 5]}, "`on_event` must be a function"),
    ({"on_event": nothing}, "`nothing` is an `async`"),
    ({"on_event": [Awaited()]}, "is an `async` function,"),
    ({"on_result": [print]}, "`on_result` must be a function"),
    ({"progress": 1}, "`progress` must be True or False; found the number 1"),
    ({"batch": "yes"}, "`batch` must be True or False; found the text `yes`"),
    ({"wait": None}, "`wait` must be True or False; found nothing"),
    ({"workers": -1}, "`workers` must be a whole number from 0 to 256"),
    ({"engine": 5}, '`engine` must be "ray" or "ray=HOST:6379"; found the number 5'),
    ({"engine": "dask"}, "there is no engine 'dask'"),
    ({"send_keys": 1}, "`send_keys` must be True or False; found the number 1"),
    ({"live": 1}, "`live` must be True or False; found the number 1"),
    ({"environ": [("A", "b")]}, "`environ` must be a mapping of texts to texts"),
    ({"environ": {"A": 5}}, "`environ` must be a mapping of texts to texts"),
    ({"opener": None}, "`opener` must be a function"),
    ({"catalog": {}}, "`catalog` must be a Catalog"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_an_option_of_the_wrong_type_is_refused_in_a_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        RunOptions(**given)


def test_every_option_is_refused_somewhere_above() -> None:
    from dataclasses import fields

    assert {one.name for one in fields(RunOptions)} == {
        name for row in WRONG for name in cast("dict[str, object]", row[0])
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("$1, 20 calls", Budget(20, 1.0)),
        ("20 calls", Budget(20)),
        ("$2.50", Budget(None, 2.5)),
        (Budget(3), Budget(3)),
        (Budget(), Budget()),
        (None, None),
    ],
)
def test_a_budget_is_a_text_or_a_budget(given: Any, kept: Budget | None) -> None:
    assert RunOptions(budget=given).settings().budget == kept


@pytest.mark.parametrize("several", [list, tuple, iter, lambda places: (place for place in places)])
def test_one_folder_or_several(several: Callable[[list[Any]], Any], tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for one in (tmp_path, str(tmp_path)):
        assert RunOptions(allow_read=one).settings().allow_read == (tmp_path,)
    options = RunOptions(allow_read=several([tmp_path, str(tmp_path / "b")]))
    # The second look finds them as well: options serve many runs.
    for _ in range(2):
        assert options.settings().allow_read == (tmp_path, tmp_path / "b")


def test_one_folder_is_read_by_a_flow(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "note.txt").write_text("hello")
    path = tmp_path / "flows" / "f.flow"
    path.write_text('flow f() { return file("../more/note.txt") }\n')
    assert run(path, options=RunOptions(allow_read=str(tmp_path / "more"))).value == "hello"
    with pytest.raises(RunError, match="--allow-read"):
        run(path)


def test_one_host_or_several() -> None:
    assert RunOptions(allow_host="a.example").settings().allow_host == ("a.example",)
    assert RunOptions(allow_host=["a.example", "b.example"]).settings().allow_host == ("a.example", "b.example")


def test_no_key_is_in_the_repr_of_options() -> None:
    assert "secret" not in repr(RunOptions(environ={"OPENAI_API_KEY": "secret"}))


@pytest.mark.parametrize("name", ["journal", "budget", "allow_python", "opener", "on_event", "model"])
def test_an_option_among_the_inputs_is_told_its_place(name: str, flow: Path) -> None:
    with pytest.raises(UsageError, match=rf"has no parameter `{name}`: .*options=RunOptions\({name}=…\)"):
        any_run(flow, x="a", **{name: "y"})
    with pytest.raises(UsageError, match=r"options=RunOptions|there is no option"):
        resume("last", "j.db", **{name: "y"} if name != "journal" else {"x": "y"})  # type: ignore[arg-type]


def test_a_parameter_may_be_called_as_an_option(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text(
        "flow f(model: text, options: int, inputs: text, flow: text) { return { model, options, inputs, flow } }\n"
    )
    whole = {"model": "m", "options": 1, "inputs": "i", "flow": "f"}
    assert run(path, whole).value == whole
    assert run(path, {"options": 1, "inputs": "i"}, model="m", flow="f").value == whole
    with pytest.raises(UsageError, match=r"`options` must be a RunOptions.*put it into the mapping"):
        run(path, options=1, model="m")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"`inputs` must be a mapping.*put it into this mapping"):
        run(path, inputs="i", model="m")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`model` is given twice, in the mapping of inputs and as a keyword"):
        run(path, {"model": "a"}, model="m")


@pytest.mark.parametrize("options", [{"budget": "$1"}, "x", 5, RunOptions])
def test_options_are_an_object_of_their_own(options: Any, flow: Path) -> None:
    with pytest.raises(UsageError, match="`options` must be a RunOptions,"):
        run(flow, options=options)


@pytest.mark.parametrize("given", [None, 5, b"f.flow", {"a": 1}, ["f.flow"], 'flow f() {\n  return "x"\n}\n'])
def test_what_is_no_flow_is_refused(given: Any) -> None:
    with pytest.raises(FlowrunError, match=r"path"):
        run(given)


def test_a_checked_flow_runs_many_times_without_its_file(flow: Path) -> None:
    checked = load(flow)
    flow.unlink()
    options = RunOptions(opener=opener)
    assert [run(checked, x=text, options=options).value for text in "abc"] == ["A", "B", "C"]
    assert run(plan_of(checked, "f"), x="d", options=options).value == "D"
    with pytest.raises(UsageError, match="no flow is called `g`"):
        plan_of(checked, "g")


def test_a_text_is_checked_and_run() -> None:
    assert run(load(Source("flow f(a: int) { return a + 1 }")), a=1).value == 2


async def test_run_works_inside_a_loop(flow: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(flow, options=RunOptions(opener=opener)).value == "A"
        with pytest.raises(UsageError, match="there is no journal"):
            resume("last", "j.db")
    assert (await run_async(flow, options=RunOptions(opener=opener))).value == "A"


def test_a_run_is_resumed(flow: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    options = RunOptions(opener=opener, environ={}, journal=journal)
    first = run(flow, x="b", options=options)
    again = resume(first.run[:-2], options=options)
    assert (again.value, again.run, again.summary.recalled) == ("B", first.run, 1)
    assert resume("last", str(journal), options=RunOptions(opener=opener, environ={})).value == "B"
    with pytest.raises(UsageError, match="give it only once"):
        resume("last", journal, options=options)
    with pytest.raises(UsageError, match="needs its journal: name the file"):
        resume("last")
    with pytest.raises(UsageError, match="name the run by its id"):
        resume(5, journal)  # type: ignore[arg-type]


async def test_a_resumed_run_may_reach_the_hosts_of_both(tmp_path: Path) -> None:
    path, journal = tmp_path / "f.flow", tmp_path / "j.db"
    path.write_text('model m = "openai:m"\nflow f() { a = ask m "hi" return a }\n')
    stop = Stop()
    stop()
    environ = {"OPENAI_API_KEY": "key", "HOME": str(tmp_path)}
    rest: dict[str, Any] = {"environ": environ, "stop": stop}
    with pytest.raises(UsageError, match="may not yet send prompts"):
        await run_async(path, options=RunOptions(**rest, allow_host="b.example"))
    given = RunOptions(**rest, allow_host="api.openai.com", journal=journal)
    assert (await run_async(path, options=given)).status == "stopped"
    # A stopped run sends nothing; a host that is not allowed would be refused before that.
    for host in ("b.example", "api.openai.com"):
        again = await resume_async("last", journal, options=RunOptions(**rest, allow_host=host))
        assert again.status == "stopped"


@pytest.mark.parametrize("given", [{"model": "a:b"}, {"allow_read": "."}, {"fresh": True}])
async def test_what_a_run_began_with_stays(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"keeps the `{next(iter(given))}` of its start"):
        await resume_async("last", tmp_path / "j.db", options=RunOptions(**given))


class Noted:
    def __init__(self, *fail: type) -> None:
        self.fail, self.seen = fail, list[events.Event]()

    def __call__(self, event: events.Event) -> None:
        self.seen.append(event)
        if isinstance(event, self.fail or object):
            raise OSError("no more paper")


async def test_a_listener_that_raises_does_not_end_the_run(flow: Path) -> None:
    broken, second, sound = Noted(), Noted(events.RunFinished), list[events.Event]()
    with pytest.warns(RuntimeWarning) as warned:
        result = await run_async(flow, options=RunOptions(opener=opener, on_event=(broken, second, sound.append)))
    assert (result.value, result.ok) == ("A", True)
    assert broken.seen == second.seen == sound
    assert isinstance(sound[-1], events.RunFinished)
    told = [str(one.message) for one in warned]
    assert len(told) == 2
    assert f"the listener `Noted` raised an error {len(sound)} times, and the run went on" in told[0]
    assert "OSError: no more paper, in test_run_options.py" in told[0]
    assert "raised an error once" in told[1]


async def test_a_listener_is_named_where_the_run_fails(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text("flow f(x: int) { return 1 / x }\n")

    def watch(event: events.Event) -> None:
        raise KeyError("x")

    with pytest.warns(RuntimeWarning, match="watch"):
        result = await run_async(path, x=0, options=RunOptions(on_event=watch))
    assert result.status == "failed"


async def test_a_listener_may_still_be_cancelled(flow: Path) -> None:
    def leave(event: events.Event) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run_async(flow, options=RunOptions(opener=opener, on_event=leave))


async def test_a_stop_stops_the_run(flow: Path) -> None:
    stop = Stop()
    stop()
    assert (await run_async(flow, options=RunOptions(opener=opener, stop=stop))).status == "stopped"


async def test_the_attributes_of_a_result(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text(
        'model m = "openai:m" with input_price: 1000000, output_price: 0\n'
        'flow f() {\n  v = repeat 3 { ask m "?" -> A | B } reduce majority\n'
        '  xs = map x in ["a", "b"] { ask m "{{ x }}" -> A | B with retries: 0 } reduce collect with errors: skip\n'
        "  return { v, xs }\n}\n"
    )
    provider = ScriptedProvider(
        lambda request, _: "neither" if request.messages[0].text == "b" else "A", model="openai:m"
    )
    result: Result = await run_async(path, options=RunOptions(opener=lambda model, around: provider))
    assert result.value == {"v": "A", "xs": ["A"]}
    assert (result.ok, result.status) == (True, "partial")
    assert [loss.path for loss in result.losses] == ["xs[1].line 4"]
    assert result.tallies["v"].winner == "A"
    assert result.usage.input_tokens == result.cost
    assert result.usage.input_tokens
    assert result.failures == ()
