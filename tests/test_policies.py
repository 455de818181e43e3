"""What a failure does: `errors`, `retries` and `timeout` on asks and blocks, models that stand in, exit codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import Result, RunOptions, run_async
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InDoubtError, PermanentError, RefusedError
from support.command_line import chat, command

pytestmark = pytest.mark.looptime


def text_of(request: Request) -> str:
    return request.messages[-1].text


def model(**replies: Any) -> ScriptedProvider:
    """Says `ok` to whatever it is asked, or what is given for it; a number is the seconds that takes."""

    def script(request: Request, number: int) -> Scripted:
        given = replies.get(text_of(request), "ok")
        return Scripted("late", given) if isinstance(given, int | float) else Scripted(given, 0.01)

    return ScriptedProvider(script)


async def went(tmp_path: Path, text: str, provider: ScriptedProvider, **inputs: Any) -> Result:
    path = tmp_path / "a.flow"
    path.write_text(text)
    return await run_async(path, inputs, options=RunOptions(model="m:m", environ={}, opener=lambda *_: provider))


MAP = """flow f(xs: [text]) {{
  before = ask "before"
  all = map x in xs {{ ask "{{{{ x }}}}" with retries: 0 }} reduce collect{options}
  other = ask "other {{{{ before }}}}"
  return {{ all, other }}
}}
"""
BAD = PermanentError("it will not")
TEN = list("abcdefghij")


@pytest.mark.parametrize(
    ("options", "bad", "status", "value"),
    [
        ("", "", "done", ["ok"] * 10),
        ("", "c", "failed", None),
        (" with errors: fail", "c", "failed", None),
        (" with errors: skip", "c", "partial", ["ok"] * 9),
        (" with errors: skip", "abcdefghij", "partial", []),
        (" with errors: skip(10%)", "c", "partial", ["ok"] * 9),
        (" with errors: skip(10%)", "cd", "failed", None),
        (" with errors: skip(9%)", "c", "failed", None),
        (" with errors: none", "ac", "partial", [None, "ok", None, *["ok"] * 7]),
    ],
)
async def test_errors_of_elements(tmp_path: Path, options: str, bad: str, status: str, value: Any) -> None:
    result = await went(tmp_path, MAP.format(options=options), model(**dict.fromkeys(bad, BAD)), xs=TEN)
    assert result.status == status
    if value is not None:
        assert result.value == {"all": value, "other": "ok"}
        lost = sorted(loss.path for loss in result.outcome.losses)
        assert lost == [f"all[{TEN.index(one)}].line 3" for one in bad]
        assert all(loss.reason == "it will not" for loss in result.outcome.losses)
    else:
        # The rest goes on: only what needs the map has no value.
        assert result.outcome.steps == {"before": "ok", "other": "ok"}
        assert len(result.failures) == 1


async def test_a_failure_names_its_element_and_its_cause(tmp_path: Path) -> None:
    result = await went(tmp_path, MAP.format(options=""), model(g=BAD), xs=TEN)
    assert [(one.path, one.reason) for one in result.failures] == [("all[6].line 3", "it will not")]


@pytest.mark.parametrize(
    ("block", "attempts"),
    [
        ('a = ask "bad" with retries: 0', 1),
        ('a = ask "bad" with retries: 2', 3),
        ('a = ask "bad"', 6),
        ('a = map x in ["bad"] { ask "{{ x }}" } reduce collect with retries: 1', 2),
        ('a = map x in ["bad"] { ask "{{ x }}" with retries: 3 } reduce collect with retries: 1', 4),
        ('a = repeat 1 { ask "bad" } reduce collect with retries: 1', 2),
        ('a = fanout { b = ask "bad" } reduce collect with retries: 1', 2),
        ('a = map x in ["bad"] { c = chain { ask "{{ x }}" } c } reduce collect with retries: 1', 2),
    ],
)
async def test_retries_of_what_was_refused(tmp_path: Path, block: str, attempts: int) -> None:
    provider = model(bad=RefusedError("busy", status=503))
    result = await went(tmp_path, f"flow f() {{ {block} return a }}", provider)
    assert result.status == "failed"
    assert len(provider.calls) == attempts
    said = f"gave up after {attempts} attempt{'s' if attempts > 1 else ''}"
    assert said in result.failures[0].reason


async def test_a_doubt_stays_one_at_the_end(tmp_path: Path) -> None:
    replies = [InDoubtError("no end"), RefusedError("busy", status=503)]
    provider = ScriptedProvider(lambda request, number: Scripted(replies[number]))
    result = await went(tmp_path, 'flow f() { a = ask "x" with retries: 1 return a }', provider)
    assert isinstance(result.failures[0].error, InDoubtError)
    assert result.summary.in_doubt == 1


BLOCKS = [
    'a = map x in ["slow", "quick"] { ask "{{ x }}" } reduce collect with timeout: 5s',
    'a = repeat 2 { ask "slow" } reduce collect with timeout: 5s',
    'a = fanout { b = ask "slow" c = ask "quick" } reduce collect with timeout: 5s',
    'a = chain { b = ask "quick" ask "slow" } with timeout: 5s',
    "a = inner() with timeout: 5s",
]


@pytest.mark.parametrize("block", BLOCKS)
async def test_a_block_has_so_much_time(tmp_path: Path, block: str) -> None:
    provider = model(slow=1000)
    text = f'flow inner() {{ z = ask "slow" return z }} flow f() {{ {block} other = ask "other" return [a, other] }}'
    began = asyncio.get_running_loop().time()
    result = await went(tmp_path, text, provider)
    assert result.status == "failed"
    assert result.failures[0].path == "a"
    assert "it did not finish within 5 s" in result.failures[0].reason
    assert result.outcome.steps == {"other": "ok"}
    # What was under way is broken off, for there is no journal to keep its answer in.
    assert asyncio.get_running_loop().time() - began == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("block", BLOCKS)
async def test_time_that_is_enough_changes_nothing(tmp_path: Path, block: str) -> None:
    text = f'flow inner() {{ z = ask "slow" return z }} flow f() {{ {block} return a }}'
    result = await went(tmp_path, text, model(slow=4))
    assert result.ok


async def test_an_element_that_has_no_time_left_is_skipped(tmp_path: Path) -> None:
    text = """flow f(xs: [text]) {
      a = map x in xs { c = chain { ask "{{ x }}" } with timeout: 2s  c } reduce collect with errors: skip
      return a
    }"""
    result = await went(tmp_path, text, model(b=1000), xs=["a", "b", "c"])
    assert result.value == ["ok", "ok"]
    assert [(one.path, one.reason) for one in result.outcome.losses] == [("a[1].c", "it did not finish within 2 s")]


async def test_a_model_stands_in_and_the_one_that_failed_is_not_asked_more_than_its_tries(tmp_path: Path) -> None:
    asked: list[str] = []

    def opener(address: str, _: Any) -> ScriptedProvider:
        def script(request: Request, number: int) -> Scripted:
            asked.append(address)
            return Scripted(RefusedError("busy", status=529) if address == "openai:a" else "from two")

        return ScriptedProvider(script, model=address)

    path = tmp_path / "a.flow"
    flow = 'flow f() { a = ask m "x" b = ask m "{{ a }}" return [a, b] }'
    path.write_text(f'model m = "openai:a" else "gemini:b" with retries: 2\n{flow}\n')
    result = await run_async(path, {}, options=RunOptions(environ={}, opener=opener))
    assert result.value == ["from two", "from two"]
    assert asked == ["openai:a"] * 3 + ["gemini:b"] + ["openai:a"] * 3 + ["gemini:b"]


async def test_both_models_fail_and_the_last_one_is_told_of(tmp_path: Path) -> None:
    def opener(address: str, _: Any) -> ScriptedProvider:
        return ScriptedProvider(lambda *_: Scripted(PermanentError(f"{address} is closed")), model=address)

    path = tmp_path / "a.flow"
    path.write_text('model m = "openai:a" else "gemini:b"\nflow f() { a = ask m "x" return a }\n')
    result = await run_async(path, {}, options=RunOptions(environ={}, opener=opener))
    assert [one.reason for one in result.failures] == ["gemini:b is closed"]


@pytest.mark.looptime(False)
@pytest.mark.parametrize(
    ("head", "options", "code", "status"),
    [
        ("", "", 3, "failed"),
        ("", " with errors: skip", 5, "partial"),
        (" budget 1 calls", "", 4, "budget"),
        ("", " with errors: skip(1%)", 3, "failed"),
    ],
)
async def test_exit_codes_tell_how_a_run_ended(
    head: str, options: str, code: int, status: str, faults: Any, flow: Callable[[str], Path]
) -> None:
    path = flow(
        f"flow f(xs: [text]){head} {{\n"
        f'  a = map x in xs {{ ask "{{{{ x }}}}" with retries: 0 }} reduce collect{options}\n  return a\n}}\n'
    )
    faults.json(chat("fine"))
    faults.json({"error": {"message": "no such thing"}}, 404)
    faults.json(chat("fine"))
    given = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "journal.db"}
    words = ("a.flow", "--xs", '["a", "b", "c"]', "--model", "openai:m", "--json")
    ran = await command(*words, folder=path.parent, **given)
    report = json.loads(ran.out)
    assert ran.code == code
    assert report["status"] == status
    if status == "partial":
        assert report["failures"] == []
        assert [loss["kind"] for loss in report["losses"]] == ["permanent"]
        assert len(report["value"]) == 2
    else:
        assert report["value"] is None
        assert report["failures"][0]["kind"] == ("budget" if status == "budget" else "permanent")
        assert report["failures"][0]["path"].startswith("a[") or options
