"""`--first N`: the first elements of the lists that a flow maps over, in runs, plans and resumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan, types
from flowrun.runtime.catalog import catalog
from flowrun.runtime.inputs.cuts import Cut, Taken
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.journal.records import Kind
from flowrun.runtime.journal.row_fields import check_fields
from flowrun.runtime.plans.mapped_parameters import mapped_lists
from support.command_line import Ran, chat, command

FLOW = """model m = "openai:m"
type Row = { id: int, text: text }
flow f(rows: [Row], labels: [text]) {
  out = map row in rows { ask m "Say {{ row.text }} of {{ labels }}" } reduce collect with concurrency: 1
  return out
}
"""


@pytest.fixture
def ran(faults: Any, tmp_path: Path, flow: Callable[[str], Path]) -> Callable[..., Any]:
    flow(FLOW)
    rows = [{"id": n, "text": f"row {n}"} for n in range(5)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    async def run(*words: str) -> Ran:
        return await command(*words, folder=tmp_path, OPENAI_BASE_URL=faults.url, FLOWRUN_JOURNAL="j.db")

    return run


GIVEN = ("--rows", "rows.jsonl", "--labels", '["a", "b", "c"]')


async def test_a_try_pays_for_the_first_and_the_whole_run_for_the_rest(faults: Any, ran: Any) -> None:
    for n in range(5):
        faults.json(chat(f"said {n}"))
    tried = await ran("a.flow", *GIVEN, "--first", "2")
    assert (tried.code, json.loads(tried.out)) == (0, ["said 0", "said 1"]), tried.err
    assert "`rows`: first 2 of 5 rows\n" in tried.err
    assert tried.err.splitlines()[-1].endswith("rows: first 2 of 5 rows")
    assert "`labels`:" not in tried.err
    whole = await ran("a.flow", *GIVEN)
    assert (whole.code, json.loads(whole.out)) == (0, [f"said {n}" for n in range(5)])
    assert len(faults.seen) == 5
    assert "rows: first" not in whole.err
    assert "c" in faults.seen[0]["messages"][-1]["content"].partition(" of ")[2]


async def test_the_plan_counts_with_it(ran: Any) -> None:
    planned = await ran("plan", "a.flow", *GIVEN, "--first", "3")
    assert "map row × 3" in planned.out
    assert "`rows`: first 3 of 5 rows" in planned.err
    planned = await ran("plan", "a.flow", *GIVEN, "--first", "9")
    assert "map row × 5" in planned.out
    assert "`rows`: first" not in planned.err


async def test_the_account_says_so_also_after_a_resume(faults: Any, ran: Any) -> None:
    faults.json(chat("one"))
    faults.json({"error": {"message": "no such model"}}, status=404)
    failed = await ran("a.flow", *GIVEN, "--first", "2", "--json")
    assert failed.code == 3
    assert json.loads(failed.out)["first"] == {"rows": {"taken": 2, "whole": 5}}
    faults.json(chat("two"))
    done = await ran("resume", "last")
    assert (done.code, json.loads(done.out)) == (0, ["one", "two"]), done.err
    assert done.err.splitlines()[-1].endswith("rows: first 2 of 5 rows")
    assert "note: `rows`: first 2 of 5 rows" in (await ran("show", "last")).out
    copied = await ran("journal", "export", "last", "-o", "copy.jsonl")
    assert copied.code == 0, copied.err
    assert (await ran("journal", "import", "copy.jsonl", "--journal", "other.db")).code == 0
    assert "note: `rows`: first 2 of 5 rows" in (await ran("show", "last", "--journal", "other.db")).out
    assert json.loads((await ran("resume", "last", "--json")).out)["first"] == {"rows": {"taken": 2, "whole": 5}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*GIVEN, "--first", "0"), "0 is not in the range x>=1"),
        ((*GIVEN, "--first", "x"), "'x' is not a valid"),
        ((*GIVEN, "--first", "-1"), "-1 is not in the range x>=1"),
    ],
)
async def test_other_numbers_are_refused(ran: Any, words: tuple[str, ...], said: str) -> None:
    refused = await ran("a.flow", *words)
    assert (refused.code, said in refused.err) == (2, True), refused.err


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ('flow f(xs: text) { x = ask "{{ xs }}" return x }', ["--xs", "a"], "the flow `f` takes no list"),
        (
            'flow f(xs: [text] = []) { x = map y in xs { ask "{{ y }}" } reduce collect return x }',
            [],
            "no value is given for `xs`",
        ),
        (
            'flow f(first: text) { x = ask "{{ first }}" return x }',
            ["--first", "a"],
            "`--first` could mean an option of the command or the parameter `first`",
        ),
    ],
)
async def test_nothing_to_cut_is_told(
    ran: Any, flow: Callable[[str], Path], text: str, given: list[str], said: str
) -> None:
    flow(text)
    refused = await ran("a.flow", *given, *(() if "--first" in given else ("--first", "1")))
    assert (refused.code, said in refused.err) == (2, True), refused.err


@pytest.mark.parametrize(
    ("body", "mapped"),
    [
        ('x = map a in xs { ask "{{ a }}" } reduce collect', {"xs"}),
        ('x = map a in xs { ask "{{ a }} {{ ys }}" } reduce collect', {"xs"}),
        ('x = map a in xs { map b in ys { ask "{{ a }} {{ b }}" } reduce collect } reduce collect', {"xs", "ys"}),
        ('k = ys x = map a in k { ask "{{ a }}" } reduce collect', {"ys"}),
        ("x = g(of: ys) ", {"ys"}),
        ("x = chain { n = length(xs) g(of: xs) }", {"xs"}),
        ("x = h(of: xs)", set()),
        ('x = repeat 3 { ask "{{ xs }}" } reduce collect', set()),
    ],
)
def test_the_lists_that_a_flow_maps_over(body: str, mapped: set[str]) -> None:
    text = f"""
flow g(of: [text]) {{ x = map a in of {{ ask "{{{{ a }}}}" }} reduce collect return x }}
flow h(of: [text]) {{ x = ask "{{{{ of }}}}" return [x] }}
flow f(xs: [text], ys: [text], one: text) {{ {body} return x }}"""
    assert mapped_lists(make_plan(check_flow(Source(text), catalog()))) == mapped


def test_files_behind_the_first_are_not_read(tmp_path: Path) -> None:
    for name in ("a.md", "b.md", "c.png"):
        (tmp_path / name).write_text(name)
    docs = types.ListOf(types.DOCUMENT)
    cut = Cut(2, docs)
    assert read_input(plan.Param("docs", docs, None, True), str(tmp_path), str, cut=cut) == ["a.md", "b.md"]
    assert cut.taken == Taken(2, 3, "documents")
    assert cut.taken.told() == "first 2 of 3 documents"
    longer = Cut(3, docs)
    assert longer(["a", "b", "c"]) == ["a", "b", "c"]
    assert longer.taken is None


def test_a_large_file_of_rows_is_cut_without_being_a_list(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'"{n} {"x" * 1000}"\n' for n in range(9000)))
    texts = types.ListOf(types.TEXT)
    cut = Cut(2, texts)
    found = read_input(plan.Param("rows", texts, None, True), str(path), str, by_row=True, cut=cut)
    assert [text[0] for text in found] == ["0", "1"]
    assert cut.taken == Taken(2, 9000, "texts")


async def test_a_flow_that_maps_over_no_list_gets_the_first_of_each(ran: Any, flow: Callable[[str], Path]) -> None:
    flow("flow f(xs: [text], ys: [int]) { return { xs, ys, n: length(xs) } }")
    done = await ran("a.flow", "--xs", '["a", "b"]', "--ys", "[1, 2, 3]", "--first", "1")
    assert json.loads(done.out) == {"xs": ["a"], "ys": [1], "n": 1}
    assert done.err.splitlines()[-1].endswith("xs: first 1 of 2 texts · ys: first 1 of 3 elements")


@pytest.mark.parametrize(
    "first", [[], {"rows": [1, 2]}, {"rows": [1, "2", "rows"]}, {"rows": [-1, 2, "rows"]}, {"rows": 5}]
)
def test_a_copy_of_a_journal_with_another_form_is_refused(first: Any) -> None:
    settings = {"model": "m", "first": {"rows": [2, 5, "rows"]}, "of_project": True}
    check_fields(Kind.GIVEN, {"plan": {}, "inputs": {}, "settings": settings})
    for wrong in ({**settings, "first": first}, {**settings, "of_project": 1}):
        with pytest.raises(ValueError, match="its `settings` has a wrong form"):
            check_fields(Kind.GIVEN, {"plan": {}, "inputs": {}, "settings": wrong})
