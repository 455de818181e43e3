"""The words of a choice inside the lists and records of tests: they take their meaning from the value beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.dsl import types as t
from flowrun.runtime.catalog import catalog
from flowrun.testing.discovery import run_file

FLOW = """\
type Kind = spam | fine

flow label(mails: [text], tag: Kind? = none) {
  kinds = map mail in mails at most 9 { k = ask "Spam? {{ mail }}" -> Kind } reduce collect
  rows = map mail in mails at most 9 {
    again = ask "Again? {{ mail }}" -> Kind
    { again, n: 2 }
  } reduce collect
  r = ask "R {{ kinds }}" -> { k: Kind, n: int, deep: { a: [yes | no], o: Kind? }, m: 1..5 }
  l = ask "L {{ rows }}" -> [{ kind: Kind }]
  o = ask "O {{ l }}" -> [Kind] when tag == spam
  return { kinds, l }
}
"""
LINES = """\
test "t" of label {
  mails = ["a", "b"]
  tag = spam
  reply kinds[0].k: spam
  reply kinds[1].k: fine
  reply again: spam
  reply r: { k: spam, n: 1, deep: { a: [yes], o: fine }, m: 3 }
  reply l: [{ kind: spam }]
  reply o: [spam, fine]
"""

HOLDS = [
    "kinds == [spam, fine]",
    "[spam, fine] == kinds",
    'kinds == ["spam", fine]',
    "kinds != [fine]",
    "kinds == [spam] + [fine]",
    "[spam] + [fine] == kinds",
    "kinds + [spam] == [spam, fine, spam]",
    "[fine] + kinds == [fine, spam, fine]",
    "rows == [{ again: spam, n: 2 }, { again: spam, n: 2 }]",
    "r == { k: spam, n: 1, deep: { a: [yes], o: fine }, m: 3 }",
    "{ k: spam, n: 1, deep: { a: [yes], o: fine }, m: 3 } == r",
    "{ ..r, k: spam } == r",
    "r == { ..{ k: spam, n: 1 }, deep: { ..r.deep, o: fine }, m: 3 }",
    "r.deep.a == [yes]",
    "r in [{ ..r, k: fine }, r]",
    "spam in kinds",
    '"spam" in kinds',
    "{ kind: spam } in l",
    "not { kind: fine } in l",
    "kinds in [[fine], [spam, fine]]",
    "kinds contains spam",
    "l contains { kind: spam }",
    "[spam, fine] contains tag",
    "[[spam, fine], []] contains kinds",
    "o == [spam, fine]",
    "(o ?? [fine]) == [spam, fine]",
    "result == { kinds: [spam, fine], l: [{ kind: spam }] }",
    "tag in [spam, none]",
]
WRONG = [
    ("kinds == [spem]", "F0301", "spem", "did you mean `spam`?"),
    ("[spem] == kinds", "F0301", "spem", "did you mean `spam`?"),
    ('kinds == ["spem"]', "F0301", '"spem"', "did you mean `spam`?"),
    ("kinds == kinds + [spem]", "F0301", "spem", "did you mean `spam`?"),
    ("l == [{ kind: spem }]", "F0301", "spem", "did you mean `spam`?"),
    ("spem in kinds", "F0301", "spem", "did you mean `spam`?"),
    ('"spem" in kinds', "F0301", '"spem"', "did you mean `spam`?"),
    ("{ kind: spem } in l", "F0301", "spem", "did you mean `spam`?"),
    ("kinds contains spem", "F0301", "spem", "did you mean `spam`?"),
    ("[spam, spem] contains tag", "F0301", "spem", "did you mean `spam`?"),
    ("r == { ..r, deep: { a: [yep], o: none } }", "F0301", "yep", "did you mean `yes`?"),
    ("l == [{ kidn: spam }]", "F0302", "kidn", "did you mean `kind`?"),
    ("r == { k: spam, n: 1 }", "F0301", "r == { k: spam, n: 1 }", "the field `deep` is missing"),
    ("length(kinds) == spam", "F0201", "spam", 'for the text write `"spam"`'),
]


def findings(text: str) -> list[Diagnostic]:
    try:
        check_flow(Source(text, "t.flow"), catalog())
    except FlowError as error:
        return [one for one in error.diagnostics if one.severity == "error"]
    return []


@pytest.mark.parametrize("condition", HOLDS)
def test_a_literal_takes_the_type_of_the_value_beside_it(condition: str, tmp_path: Path) -> None:
    path = tmp_path / "t.flow"
    path.write_text(f"{FLOW}\n{LINES}  expect {condition}\n}}\n", encoding="utf-8")
    assert findings(path.read_text()) == []
    assert [one.failures for one in run_file(str(path)).outcomes] == [()]


def test_each_of_these_expectations_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "t.flow"
    other = LINES.replace("kinds[1].k: fine", "kinds[1].k: spam").replace("o: [spam, fine]", "o: [fine]")
    other = other.replace("{ kind: spam }", "{ kind: fine }").replace("o: fine }", "o: none }")
    expects = "".join(f"  expect {one}\n" for one in HOLDS)
    path.write_text(f"{FLOW}\n{other}{expects}}}\n", encoding="utf-8")
    (outcome,) = run_file(str(path)).outcomes
    always = {'"spam" in kinds', "spam in kinds", "kinds contains spam", "tag in [spam, none]", "kinds != [fine]"}
    always |= {"[spam, fine] contains tag", "{ ..r, k: spam } == r", "r in [{ ..r, k: fine }, r]", "r.deep.a == [yes]"}
    always |= {"rows == [{ again: spam, n: 2 }, { again: spam, n: 2 }]"}
    failed = {one.place.text.removeprefix("expect ") for one in outcome.failures}
    assert failed == set(HOLDS) - always


@pytest.mark.parametrize(("condition", "code", "caret", "help"), WRONG)
def test_an_unknown_word_is_named(condition: str, code: str, caret: str, help: str) -> None:
    (found,) = findings(f"{FLOW}\n{LINES}  expect {condition}\n}}\n")
    assert (found.code, found.span.text, found.help) == (code, caret, help)


@pytest.mark.parametrize(
    ("line", "code", "caret", "help"),
    [
        ("reply l: [{ kind: spem }]", "F0301", "spem", "did you mean `spam`?"),
        ("reply l: [{ kidn: spam }]", "F0302", "kidn", "did you mean `kind`?"),
        ("reply l: slow(5s, [{ kind: spem }])", "F0301", "spem", "did you mean `spam`?"),
        ("tag = spem", "F0301", "spem", "did you mean `spam`?"),
        ("reply k when tag == spem: spam", "F0301", "spem", "did you mean `spam`?"),
        ("reply k when tag in [spem]: spam", "F0301", "spem", "did you mean `spam`?"),
    ],
)
def test_an_unknown_word_of_a_line_is_named(line: str, code: str, caret: str, help: str) -> None:
    lines = LINES.replace("  tag = spam\n", "") if line.startswith("tag") else LINES
    lines = lines.replace("  reply l: [{ kind: spam }]\n", "") if line.startswith("reply l") else lines
    (found,) = findings(f"{FLOW}\n{lines}  {line}\n  expect calls > 0\n}}\n")
    assert (found.code, found.span.text, found.help) == (code, caret, help)


@pytest.mark.parametrize("condition", ["row.want == spam", "spam == row.want", "row.want in [spam]"])
def test_a_column_of_a_row_gives_no_word_a_meaning(condition: str) -> None:
    (found,) = findings(f'{FLOW}\n{LINES}  cases "x.jsonl"\n  expect {condition}\n  expect calls > 0\n}}\n')
    assert (found.code, found.span.text, found.help) == ("F0201", "spam", 'for the text write `"spam"`')


@pytest.mark.parametrize("condition", ["kinds == [spam]", "spam in kinds", "[spam] == kinds", "kinds contains spam"])
def test_a_word_that_is_also_a_step_is_ambiguous(condition: str) -> None:
    flow = FLOW.replace("  return {", '  spam = ask "x {{ o }}" when tag == none else "-"\n  return { spam,')
    found = findings(f"{flow}\n{LINES}  expect {condition}\n}}\n")
    assert {one.code for one in found} & {"F0308"}


@pytest.mark.parametrize("when", ["kinds == [spam]", "spam in kinds", "[spam] == kinds", "l == [{ kind: spam }]"])
def test_words_of_a_flow_take_their_meaning_in_the_same_way(when: str) -> None:
    flow = FLOW.replace("when tag == spam", f"when {when}")
    assert findings(flow) == []


def test_lists_and_records_may_be_equal_if_all_their_parts_may() -> None:
    two, three = t.Choice(("spam", "fine")), t.Choice(("spam", "fine", "other"))
    one, other = (t.Record((t.Field("a", a), t.Field("b", b))) for a, b in ((two, three), (three, two)))
    assert not t.fits(one, other)
    assert not t.fits(other, one)
    assert t.comparable(one, other)
    assert t.comparable(t.ListOf(one), t.ListOf(other))
    assert t.comparable(t.ListOf(t.NONE), t.ListOf(t.Optional(two)))
    assert not t.comparable(t.ListOf(t.NONE), t.ListOf(two))
    apart = t.Record((t.Field("a", three), t.Field("b", t.Choice(("no",)))))
    assert not t.comparable(one, apart)
    assert not t.comparable(t.Record((*apart.fields, t.Field("c", t.INT))), one)
