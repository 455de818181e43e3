"""`flowrun plan FOLDER --inputs FILE`: one table for all flows, with limits for a gate in CI."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flowrun.runtime.cli.plan_limits import Limits
from flowrun.runtime.cli.plan_rows import read_rows
from flowrun.runtime.files.lint_settings import lint_settings
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import Ran, command

ROWS = """type Row = { id: int, text: text }

flow each(rows: [Row], word: text) {
  out = map row in rows { ask "{{ word }} {{ row.text }}" } reduce collect
  return out
}

flow pages(page: document) {
  out = map part in split(page, by: heading) { ask "Sum up {{ part }}" } reduce collect
  return out
}
"""
ONE = 'flow one(word: text) {\n  a = ask "Say {{ word }}"\n  return a\n}\n'
PLANS = """max_calls = 20

[[plan]]
file = "flows/rows.flow"
flow = "each"
inputs = { rows = "data/rows.jsonl", word = "x" }

[[plan]]
file = "flows/rows.flow"
flow = "pages"
inputs = { page = "data/page.md" }
max_calls = 5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("flows", "data", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "flows" / "rows.flow").write_text(ROWS)
    (tmp_path / "flows" / "one.flow").write_text(ONE)
    (tmp_path / "flows" / "types.flow").write_text("type Word = a | b\n")
    (tmp_path / "data" / "rows.jsonl").write_text("".join(f'{{"id": {n}, "text": "t"}}\n' for n in range(4)))
    (tmp_path / "data" / "page.md").write_text("# A\n\na\n\n# B\n\nb\n")
    (tmp_path / "plans.toml").write_text(PLANS)
    return tmp_path


async def planned(folder: Path, *words: str) -> Ran:
    return await command("plan", *words, folder=folder, HOME="/nowhere")


def table(ran: Ran) -> list[list[str]]:
    return [line.split("  ") for line in ran.out.partition("\n\n")[0].splitlines()[1:]]


def cells(ran: Ran) -> list[list[str]]:
    return [[cell.strip() for cell in row if cell.strip()] for row in table(ran)]


async def test_a_folder_is_planned_without_inputs(folder: Path) -> None:
    ran = await planned(folder, "flows")
    assert (ran.code, ran.err) == (0, "")
    assert cells(ran) == [
        ["flows/one.flow", "one", "none", "1 to 3", "18", "$0"],
        ["flows/rows.flow", "pages", "none", "0 or more", "any number", "$0"],
    ]
    assert "2 flows lack inputs" in ran.out
    assert cells(await planned(folder, "flows/o*.flow")) == [["flows/one.flow", "one", "none", "1 to 3", "18", "$0"]]


async def test_a_file_has_the_inputs_and_the_limits(folder: Path) -> None:
    ran = await planned(folder, "flows", "--inputs", "plans.toml")
    assert (ran.code, "pages`: max_calls 5: the limit is 5 calls" in ran.err) == (4, True)
    assert [(*row[1:4], row[-1]) for row in cells(ran)] == [
        ("one", "none", "1 to 3", "$0"),
        ("each", "all", "4 to 12", "$0"),
        ("pages", "all", "2 to 6", "over its limit"),
    ]
    (folder / "plans.toml").write_text(PLANS.replace("max_calls = 5", "max_calls = 6"))
    ran = await planned(folder, "flows", "--inputs", "plans.toml")
    assert (ran.code, ran.err, "1 flow lacks inputs" in ran.out) == (0, "", True)


async def test_paths_lead_from_the_folder_of_the_file(folder: Path) -> None:
    (folder / "ci").mkdir()
    text = PLANS.replace('"flows/', '"../flows/').replace('"data/', '"../data/').replace('"x"', '"@../data/page.md"')
    (folder / "ci" / "plans.toml").write_text(text.replace("max_calls = 5", "max_calls = 6"))
    ran = await planned(folder, "flows", "--inputs", "ci/plans.toml")
    assert (ran.code, [(*row[:3],) for row in cells(ran)]) == (
        0,
        [
            ("flows/one.flow", "one", "none"),
            ("flows/rows.flow", "each", "all"),
            ("flows/rows.flow", "pages", "all"),
        ],
    ), ran.err


async def test_a_limit_that_is_exceeded_fails_the_gate(folder: Path) -> None:
    (folder / "plans.toml").write_text(PLANS.replace("max_calls = 5", "max_calls = 1"))
    ran = await planned(folder, "--inputs", "plans.toml")
    assert ran.code == 4
    assert [row[-1] for row in cells(ran)] == ["$0", "over its limit"]
    (told,) = ran.err.splitlines()
    assert told.startswith(
        "flowrun: flows/rows.flow: `pages`: max_calls 1: the limit is 1 calls, and the flow could make 2"
    )
    ran = await planned(folder, "flows", "--max-calls", "3")
    assert (ran.code, "`pages`: max_calls 3" in ran.err, "no bound" in ran.err) == (4, True, True)
    assert (await planned(folder, "flows/one.flow", "--inputs", "plans.toml", "--max-calls", "0")).code == 4


async def test_json_has_the_bounds_and_the_limits(folder: Path) -> None:
    rows = [
        {
            "file": "flows/rows.flow",
            "flow": "each",
            "inputs": {"rows": [{"id": 1, "text": "t"}], "word": "@data/page.md"},
        }
    ]
    (folder / "plans.json").write_text(
        json.dumps({"plan": [{**rows[0], "max_cost": 0.5, "model": "openai:gpt-4o-mini"}]})
    )
    ran = await planned(folder, "flows", "--inputs", "plans.json", "--json")
    found = json.loads(ran.out)
    assert (found["version"], found["over"], ran.code) == (1, True, 4)
    one, each = found["plans"]
    assert (one["flow"], one["missing"], one["limits"]) == ("one", ["word"], {})
    assert (each["inputs"], each["missing"], each["calls"]) == (["rows", "word"], [], {"least": 1, "most": 3})
    assert each["limits"] == {"max_cost": 0.5}
    assert "max_cost 0.5" in each["over"][0]
    assert each["cost"]["most"] is None
    assert each["cost"]["why"]


async def test_first_takes_a_part_of_the_lists(folder: Path) -> None:
    text = PLANS.partition('[[plan]]\nfile = "flows/rows.flow"\nflow = "pages"')[0]
    (folder / "plans.toml").write_text(text)
    ran = await planned(folder, "flows", "--inputs", "plans.toml", "--first", "2")
    assert (ran.code, [row[3] for row in cells(ran)]) == (0, ["1 to 3", "2 to 6"]), ran.err
    (folder / "plans.toml").write_text(f"{text}first = 3\n")
    assert [row[3] for row in cells(await planned(folder, "--inputs", "plans.toml"))] == ["3 to 9"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_call = 3", "line 1: there is no setting `max_call`; did you mean `max_calls`?"),
        ("plan = 3", "line 1: `plan` must be a list of tables"),
        ("max_calls = 1.5", "line 1: `max_calls` must be a whole number, 0 or more"),
        ("max_cost = -1", "line 1: `max_cost` must be a number of dollars, 0 or more"),
        ("max_attempts = true", "line 1: `max_attempts` must be a whole number"),
        ('[[plan]]\nflow = "f"', "line 1: `file` must be given"),
        ("[[plan]]\nfile = 3", "line 2: `file` must be a text"),
        ('[[plan]]\nfile = "flows/one.flow"\n[[plan]]\nfiel = "x"', "line 4: there is no setting `fiel`"),
        ('[[plan]]\nfile = "flows/one.flow"\ninputs = 3', "line 3: `inputs` must be a table"),
        ('[[plan]]\nfile = "flows/one.flow"\nfirst = 0', "line 3: `first` must be a whole number from 1"),
        ('[[plan]]\nfile = "none.flow"', "line 1: there is no file `none.flow`"),
        ('\n[[plan]]\nfile = "flows/one.flow"\nflow = "two"', "line 2: no flow is called `two`"),
        ('[[plan]]\nfile = "flows/one.flow"\ninputs = { wrd = "x" }', "has no parameter `wrd`; did you mean `word`?"),
        ('[[plan]]\nfile = "flows/rows.flow"\ninputs = { page = "none.md" }', "none.md"),
        ('[[plan]]\nfile = "flows/rows.flow"\nflow = "each"\ninputs = { rows = [{ id = "x" }] }', "`rows`"),
        ("[[plan", "cannot be read"),
    ],
)
async def test_mistakes_in_the_file_are_told_with_their_line(text: str, said: str, folder: Path) -> None:
    (folder / "plans.toml").write_text(text)
    ran = await planned(folder, "--inputs", "plans.toml")
    assert (ran.code, said in ran.err, "plans.toml" in ran.err) == (2, True, True), ran.err


async def test_a_broken_flow_does_not_hide_the_others(folder: Path) -> None:
    (folder / "flows" / "broken.flow").write_text("flow f() { return nobody }\n")
    ran = await planned(folder, "flows")
    assert (ran.code, "error[F0201]" in ran.err, len(cells(ran))) == (1, True, 2)
    ran = await planned(folder, "flows/none", "--inputs", "plans.toml")
    assert (ran.code, "flows/none" in ran.err) == (2, True)


async def test_a_flow_with_a_parameter_of_that_name_is_told_of_both_meanings(folder: Path) -> None:
    (folder / "flows" / "in.flow").write_text('flow f(inputs: text) {\n  a = ask "{{ inputs }}"\n  return a\n}\n')
    ran = await planned(folder, "flows/in.flow", "--inputs", "x")
    assert (ran.code, "could mean an option of the command or the parameter `inputs`" in ran.err) == (2, True)
    assert (await planned(folder, "flows/in.flow", "--param-inputs", "x")).code == 0
    ran = await planned(folder, "flows/one.flow", "--inputs", "plans.toml", "--word", "x")
    assert (ran.code, "--inputs has the inputs of flows" in ran.err) == (2, True)
    ran = await planned(folder, "flows", "--journal", "x")
    assert (ran.code, "--journal belongs to the plan of one flow" in ran.err) == (2, True)


def test_the_files_in_the_page_on_ci_are_valid(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "ci.md").read_text(encoding="utf-8")
    settings, plans = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "flowrun.toml").write_text(settings)
    (tmp_path / "drafts").mkdir()
    lints = lint_settings(str(tmp_path))
    assert lints.excludes(str(tmp_path / "vendor" / "a.flow"))
    assert not lints.shows("F0711", str(tmp_path / "drafts" / "a.flow"))
    assert lints.shows("F0711", str(tmp_path / "a.flow"))
    (tmp_path / "plans.toml").write_text(plans)
    rows, limits = read_rows(tmp_path / "plans.toml", Limits())
    assert [(one.limits.max_calls, one.limits.max_cost, one.first) for one in rows] == [
        (100, 0.5, None),
        (500, None, 20),
    ]
    assert limits == Limits(500)


@pytest.mark.parametrize("words", [("--flow", "one"), ("--param", "word=x"), ("--param=word=x",)])
async def test_options_of_one_flow_are_refused_for_a_folder(words: tuple[str, ...], folder: Path) -> None:
    ran = await planned(folder, "flows", *words)
    assert (ran.code, "--flow and --param belong to the plan of one file" in ran.err) == (2, True)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("plan: []")
    with pytest.raises(UsageError, match=r"takes a \.toml or a \.json file"):
        read_rows(tmp_path / "a.yaml", Limits())
    (tmp_path / "a.json").write_text('{"plan": [{"file": "x", "max_calls": "3"}]}')
    with pytest.raises(UsageError, match=r"plan 1: `max_calls` must be a whole number"):
        read_rows(tmp_path / "a.json", Limits())
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(UsageError, match="a table of settings must be here"):
        read_rows(tmp_path / "b.json", Limits())
