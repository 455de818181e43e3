"""A copy of a run that somebody changed is refused with the line named, or it is read like any other run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.journal.copies import bring_in, lines_of
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.pages.page import report_page
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.replay import read_run
from flowrun.runtime.vocabulary.errors import CallError, InputError, RefusedError
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

FLOW = planned("""
model small = "openai:small" with input_price: 1, output_price: 2, max_tokens: 50
flow f(items: [text]) {
  kinds = map item in items { repeat 3 { ask small "Which is {{ item }}?" -> A | B } reduce majority } reduce collect
    with errors: skip
  drafts = map item in items { ask small "Draft {{ item }}" } reduce collect with errors: skip
  return { kinds, drafts }
}
""")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The copy of a run with answers, refusals, a vote and a resume's fields."""
    path = tmp_path_factory.mktemp("run") / "journal.db"

    def script(request: Any, number: int) -> Scripted:
        text: str | CallError = "A" if request.choices else "fine"
        if "two" in request.messages[-1].text:
            text = RefusedError("no", status=400)
        return Scripted(text, 0)

    options = RunOptions(opener=scripted(script), journal=path, learn=False, budget="900 calls, $9")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", steady(Journal.append))
        in_virtual_time(run_async(FLOW, {"items": ["one", "two"]}, options=options))
    with JournalReader(path) as reader:
        return [*lines_of(reader, next(iter(reader.index.runs.values())))]


def written(lines: list[dict[str, Any]]) -> Iterator[bytes]:
    return (json.dumps(line).encode() for line in lines)


def places(data: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value in JSON data, but not into plans."""
    yield way
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        if len(way) < 5:
            yield from places(value, (*way, key))


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 3, 1.5, 1e300, float("nan"), float("inf"), 10**40]),
    st.sampled_from(["", "x", "aa", "\ud800", "\x1b[31m"]),
    st.sampled_from([[], {}, [None], [[]], {"x": None}, [1, 2, 3], ["a", "b"]]),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_field_is_refused_or_shown(
    data: st.DataObject, lines: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = deepcopy(lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    way = data.draw(st.sampled_from([*places(changed[at])][1:]))
    holder: Any = changed[at]
    for key in way[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[way[-1]]
    else:
        holder[way[-1]] = data.draw(VALUES)
    path = tmp_path_factory.mktemp("copy") / "journal.db"
    try:
        bring_in(path, written(changed), "run.jsonl")
    except InputError as error:
        assert "run.jsonl" in str(error)
        assert not path.exists()
        return
    with JournalReader(path) as reader:
        [run] = reader.index.runs.values()
        if run.given:
            report_page(read_run(reader, run, environ={}))


def without_numbers(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the copy that an older version wrote: its lines do not tell their number."""
    return [{name: value for name, value in line.items() if name not in ("rows", "row")} for line in lines]


def test_a_copy_of_an_older_version_is_taken(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    _, answers = bring_in(tmp_path / "journal.db", written(without_numbers(lines)), "run.jsonl")
    assert answers == sum(line["kind"] == "answer" for line in lines) > 0


@pytest.mark.parametrize("end", [1, 2, 4, -1])
def test_a_copy_that_was_cut_between_two_lines_is_refused(
    end: int, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    rows = len(lines) - 1
    with pytest.raises(InputError, match=rf"it ends after \d+ of the {rows} rows"):
        bring_in(tmp_path / "journal.db", written(lines[:end]), "run.jsonl")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("how", "numbered"),
    # Without numbers, only the rows of one call have an order.
    [(how, True) for how in ("reversed", "repeated", "doubled", "swapped")]
    + [(how, False) for how in ("reversed", "repeated", "doubled")],
)
def test_a_copy_whose_lines_are_in_another_order_is_refused(
    how: str, numbered: bool, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    head, *rest = lines if numbered else without_numbers(lines)
    at = next(at for at, line in enumerate(rest) if line["kind"] == "answer")
    changed = {
        "reversed": [head, *rest[::-1]],
        "repeated": [head, *rest[: at + 1], *rest[at:]],
        "doubled": [head, *rest, *rest],
        "swapped": [head, *rest[: at - 1], rest[at], rest[at - 1], *rest[at + 1 :]],
    }[how]
    with pytest.raises(InputError, match=r"line \d+ of `run.jsonl` cannot be imported"):
        bring_in(tmp_path / "journal.db", written(changed), "run.jsonl")
    assert not [*tmp_path.iterdir()]


def test_a_missing_line_is_refused_with_its_place(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 5 of `run.jsonl` cannot be imported: row 4 of the run belongs here"):
        bring_in(tmp_path / "journal.db", written(lines[:4] + lines[5:]), "run.jsonl")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("kind", "way", "value", "said"),
    [
        ("given", ("settings", "budget"), ["x", "y"], "its `settings` has a wrong form"),
        ("given", ("settings", "budget"), [1, 2, 3], "its `settings` has a wrong form"),
        ("end", ("account", "cost"), "1.5", "its `account` has a wrong form"),
        ("end", ("ended",), 1e300, "its `ended` has a wrong form"),
        ("answer", ("finish",), "no end", "its `finish` has a wrong form"),
        ("answer", ("in",), 1.5, "its `in` has a wrong form"),
        ("answer", ("cost",), float("nan"), "its `cost` has a wrong form"),
    ],
)
def test_a_wrong_field_is_named(
    kind: str, way: tuple[str, ...], value: object, said: str, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    changed = deepcopy(lines)
    at = next(at for at, line in enumerate(changed) if line["kind"] == kind)
    holder = changed[at]["body"]
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = value
    with pytest.raises(InputError) as refused:
        bring_in(tmp_path / "journal.db", written(changed), "run.jsonl")
    assert f"line {at + 1} of `run.jsonl`" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["in", "out", "finish", "text"])
def test_an_answer_without_a_field_that_it_needs_is_refused(
    name: str, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    changed = deepcopy(lines)
    del next(line for line in changed if line["kind"] == "answer")["body"][name]
    with pytest.raises(InputError, match=f"its `{name}` is missing"):
        bring_in(tmp_path / "journal.db", written(changed), "run.jsonl")
