"""`flowrun eval`: flows that call flows or take all rows at once, and the mistakes in its command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrun.runtime.vocabulary.errors import FlowrunError
from support.answering import Answering, answering
from support.evaluations import Eval, answer, evaluator, rows, sides


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as served:
        yield served


@pytest.fixture
def evaluate(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Eval:
    monkeypatch.chdir(tmp_path)
    return evaluator(tmp_path, server)


HELPED = """\
import "label.flow" as lib
type Kind = SPAM | NOT
flow helper(mail: text) {
  found = chain { lib.label(mail: mail) }
  return { kind: found }
}
flow outer(mail: text) {
  asked = helper(mail: mail)
  same = asked.kind
  return { kind: asked.kind, same }
}
"""


@pytest.mark.parametrize("path", ["asked.kind", "kind"])
def test_a_vote_in_a_called_flow_is_the_vote_of_the_answer(evaluate: Eval, tmp_path: Path, path: str) -> None:
    rows(tmp_path, "win 1", "turn 2", "turn 3", "odd 4")
    [direct] = sides(evaluate("--json"))
    (tmp_path / "helped.flow").write_text(HELPED, encoding="utf-8")
    [outer] = sides(evaluate("--json", "--answer", f"want={path}", flow="helped.flow"))
    assert outer["calls_sent"] == 0
    for name in ("right", "voting", "calibration", "cost_a_row", "confusion"):
        assert outer[name] == direct[name]


TABLE = """\
type Mail = { mail: text  want: SPAM | NOT }
flow labels(mails: [Mail], tone: text = "Spam") {
  seen = map mail in mails {
    kind = repeat 3 { ask "{{ tone }}? {{ mail.mail }}" -> SPAM | NOT } reduce majority
    { kind, want: mail.want }
  } reduce collect
  return seen
}
"""


def test_a_flow_that_takes_all_rows_is_evaluated_row_by_row(evaluate: Eval, tmp_path: Path, server: Answering) -> None:
    (tmp_path / "table.flow").write_text(TABLE, encoding="utf-8")
    given = ("--json", "--model", "openai:m")
    [whole] = sides(evaluate(*given, "--answer", "want=seen.kind", flow="table.flow"))
    [one] = sides(evaluate("--json"))
    # Both ask the same: the second takes all answers from the journal.
    assert one["calls_sent"] == 0 and [row["answer"] for row in one["answers"]] == ["SPAM", "NOT", "NOT", "SPAM"]
    assert [row["answer"] for row in whole["answers"]] == [row["answer"] for row in one["answers"]]
    assert whole["right"] == one["right"] == 3 and whole["calibration"] == one["calibration"]
    assert whole["voting"]["single_accuracy"] == one["voting"]["single_accuracy"]
    itself = evaluate(*given, "--answer", "want=seen.want", flow="table.flow").exception
    assert isinstance(itself, FlowrunError) and "a field of the row itself" in str(itself)


MISTAKES = {
    "no rows": (("--rows", "none.jsonl"), "`none.jsonl` has no rows"),
    "no file": (("--rows", "nowhere.jsonl"), "there is no file `nowhere.jsonl`"),
    "no records": (("--rows", "texts.jsonl"), "row 1 is not a record"),
    "no column": (("--answer", "wnat"), "no column `wnat` with the expected answers; did you mean `want`?"),
    "an empty column": (("--answer", "=kind"), "names no column: write COLUMN, or COLUMN=STEP"),
    "no parameter": (("--rows", "other.jsonl"), "no column `mail` for the parameter `mail`"),
    "a gap": (("--rows", "gap.jsonl"), "line 2: the field `want` is missing"),
    "a wrong word": (("--rows", "word.jsonl"), "line 1, field `want`: expected SPAM | NOT, found the text `SPAMM`"),
    "a wrong type": (("--rows", "type.jsonl"), "line 1, field `mail`: expected text, found the number 3"),
    "no step": (("--answer", "want=kidn"), "the flow `label` has no step `kidn`; did you mean `kind`?"),
    "an input as answer": (("--answer", "mail"), "the flow `label` would read it as its parameter `mail`"),
    "no run": (("--against-run", "20990101"), "there is no journal `journal.db`"),
    "a large share": (("--min", "90"), "for 90 % write 0.9"),
    "a negative share": (("--min", "-0.1"), "is not a share of the rows"),
    "no share": (("--min", "nan"), "is not a share of the rows"),
    "no flow": (("--against-flow", "nowhere.flow"), "there is no file `nowhere.flow`"),
    "no ask changes": (("--against-model", "openai:x"), "--against-model m=MODEL to replace one"),
    "no prompt": (("--against-prompt", "nowhere.txt"), "there is no file `nowhere.txt`"),
    "no ask": (("--against-prompt", "knd=texts.jsonl"), "no ask in a step `knd`; did you mean `kind`?"),
    "no form": (("-o", "page.txt"), "does not tell the form of the evaluation"),
    "no file for the page": (("-o", "-"), "-o names a file"),
    "two forms": (("--json", "--format", "junit"), "exclude each other"),
    "an output over the rows": (("-o", "rows.json", "--rows", "rows.json"), "rows.json"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_anything_is_sent(
    evaluate: Eval, tmp_path: Path, server: Answering, arguments: tuple[str, ...], told: str
) -> None:
    texts = {
        "none.jsonl": "\n",
        "texts.jsonl": '"a"\n',
        "other.jsonl": '{"text": "a", "want": "SPAM"}\n',
        "gap.jsonl": '{"mail": "a", "want": "SPAM"}\n{"mail": "b"}\n',
        "word.jsonl": '{"mail": "a", "want": "SPAMM"}\n',
        "type.jsonl": '{"mail": 3, "want": "SPAM"}\n',
        "rows.json": '[{"mail": "win", "want": "SPAM"}]',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    result = evaluate(*arguments)
    assert isinstance(result.exception, FlowrunError) and told in str(result.exception)
    assert not server.prompts
