"""`show` of a match: it says of each branch whether the run took it, as far as its calls tell."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.cli.show import command
from flowrun.runtime.providers.scripted import ScriptedProvider

FLOW = """\
flow f(k: yes | no, xs: [yes | no]) {
  r = match k {
    yes = "plain"
    no = ask "Q"
  }
  s = match k {
    yes = chain { a = "x" b = match k { yes = "y" no = ask "T" } }
    no = ask "R"
  }
  t = match k {
    yes = "one"
    no = "two"
  }
  m = map x in xs {
    w = "each"
    match x { yes = "plain" no = ask "E {{ w }}" }
  } reduce collect
  u = match k { yes = ask "U" no = ask "V" } when length(xs) > 5
  return [r, s, t, "{{ m }}", "{{ u }}"]
}
"""


def states(tmp_path: Path, *path: str, k: str, xs: list[str]) -> dict[str, str]:
    """Return the states of the steps of a run, by the name with which `show` begins their line."""
    flow, journal = tmp_path / "f.flow", tmp_path / "j.db"
    flow.write_text(FLOW)
    options = RunOptions(
        model="scripted:m",
        journal=journal,
        learn=False,
        opener=lambda name, around: ScriptedProvider(lambda request, number: "ok", model=name),
    )
    result = asyncio.run(run_async(flow, options=options, k=k, xs=xs))
    assert result.status == "done"
    shown = CliRunner().invoke(command, ["last", *path, "--journal", str(journal), "--json"])
    assert shown.exit_code == 0, shown.output
    found: dict[str, str] = {}
    todo = list(json.loads(shown.output)["steps"])
    while todo:
        row = todo.pop()
        found[row["path"]] = row["state"]
        todo += row["steps"]
    return found


def test_a_plain_branch_that_did_not_run_was_not_taken(tmp_path: Path) -> None:
    found = states(tmp_path, k="no", xs=[])
    assert (found["r"], found["r.yes"], found["r.no"]) == ("done", "not taken", "done")
    assert (found["s.yes"], found["s.yes.a"], found["s.yes.b"], found["s.yes.b.yes"]) == ("not taken",) * 4


def test_the_only_branch_without_calls_ran_if_no_other_made_one(tmp_path: Path) -> None:
    found = states(tmp_path, k="yes", xs=[])
    assert (found["r"], found["r.yes"], found["r.no"]) == ("done", "done", "not taken")
    assert (found["s.yes"], found["s.yes.a"], found["s.yes.b.yes"], found["s.yes.b.no"]) == (
        "done", "done", "done", "not taken",
    )  # fmt: skip


def test_what_the_calls_do_not_tell_is_left_open(tmp_path: Path) -> None:
    found = states(tmp_path, k="yes", xs=["yes", "no"])
    assert (found["t"], found["t.yes"], found["t.no"]) == ("done", "", "")
    inside = {path: state for path, state in found.items() if path.startswith("m.")}
    assert inside == {"m.w": "done", "m.match": "done", "m.match.yes": "", "m.match.no": "done"}
    assert {found[path] for path in ("u", "u.yes", "u.no")} == {"not needed"}


def test_a_path_of_a_branch_says_the_same(tmp_path: Path) -> None:
    assert states(tmp_path, "r.yes", k="no", xs=[]) == {"r.yes": "not taken"}
    assert states(tmp_path, "r.yes", k="yes", xs=[]) == {"r.yes": "done"}
    assert states(tmp_path, "s.yes.b", k="no", xs=[])["s.yes.b.yes"] == "not taken"
