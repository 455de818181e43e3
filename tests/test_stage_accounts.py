"""The vote of a stage that a cascade went up from is no account of the answer: not in the closing line, not in eval."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import RunOptions, run
from flowrun.dsl import Source, check_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.summary import closing_line
from flowrun.runtime.vocabulary.cascade_tally import CascadeTally, StageTally
from flowrun.runtime.vocabulary.stage_votes import overruled
from flowrun.runtime.vocabulary.tally import Tally
from flowrun.testing import ScriptedProvider
from support.answering import answering
from support.evaluations import answer, evaluator, sides

FLOW = """model m = "openai:m"

flow label(mail: text) {
  kind = cascade {
    quick = repeat 3 { ask m "Which? {{ mail }}" -> SPAM | NOT } reduce majority
    else ask m "Really? {{ mail }}" -> SPAM | NOT when agreement < 1
  }
  return kind
}
"""


def closing(*answers: str) -> str:
    said = iter(answers)
    provider = ScriptedProvider(lambda request, number: next(said))
    options = RunOptions(opener=lambda *_: provider, model="x:y", journal=None)
    return closing_line(run(check_flow(Source(FLOW), catalog()), mail="a", options=options))


def test_the_closing_line_names_the_vote_only_if_the_answer_is_its_own() -> None:
    assert closing("SPAM", "SPAM", "SPAM").startswith("SPAM (3 of 3)")
    assert closing("SPAM", "NOT", "SPAM", "SPAM").startswith("4 calls")
    assert closing("SPAM", "NOT", "SPAM", "NOT").startswith("4 calls")


def test_votes_of_stages_in_maps_and_in_each_other() -> None:
    up = CascadeTally((StageTally("quick", "up"), StageTally("slow", "value")))
    held = CascadeTally((StageTally("quick", "value"), StageTally("slow", "skipped")))
    tally = Tally("a", (("a", 1),), 1)
    paths = ["x", "all[0].k.quick", "all[0].k.slow", "all[1].k.quick", "all[0].k.quick[2].inner", "all[0].k.quicker"]
    votes = dict.fromkeys(paths, tally)
    left = overruled(votes, {"all[0].k": up, "all[1].k": held})
    assert left == {"all[0].k.quick", "all[0].k.quick[2].inner"}
    assert overruled(votes, {}) == frozenset()


def test_eval_counts_only_votes_whose_winner_is_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(
        lambda prompt, model, number: "NOT" if "Really" in prompt else answer(prompt, model, number)
    ) as server:
        evaluate = evaluator(tmp_path, server)
        (tmp_path / "label.flow").write_text(FLOW, encoding="utf-8")
        (side,) = sides(evaluate("--yes", "--json"))
    # The third mail is odd: its samples differ, so the cascade goes up.
    assert [row["agreement"] for row in side["answers"]] == [1.0, 1.0, None, 1.0]
