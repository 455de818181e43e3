"""Planned tests: the replies and expectations of a test as plain data, with the paths that a run prints."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, check_flow, format_file, make_plan, make_tests, parse_flow
from flowrun.dsl import plan as p
from flowrun.dsl import test_plan as tp
from flowrun.dsl import types as t
from flowrun.dsl.test_planner import plan_of_test
from flowrun.runtime.catalog import catalog
from support.random_flows import Writer
from support.random_tests import asks, write_test

CORPUS = Path(__file__).parent / "corpus" / "ok"

FLOW = """extern lookup(name: text) -> { town: text } from "company.registry:lookup"

flow part(text: text) {
  one = ask "One {{ text }}"
  two = ask "Two {{ one }}" -> low | high
  return one
}

flow label(mails: [text], policy: text = file("policy.md")) {
  kinds = map mail in mails at most 9 {
    place = lookup(mail)
    k = repeat 3 { ask "Spam? {{ mail }} {{ policy }}" -> spam | fine } reduce majority
    { k, place }
  } reduce collect
  legal = chain {
    fanout {
      a = ask "A {{ kinds }}" -> yes | no
      b = ask "B {{ kinds }}" -> yes | no
    } reduce majority(ties: ask "Tie? {{ kinds }} {{ results }}")
  }
  inner = part("x")
  digest = map mail in mails { ask "Digest {{ mail }}" } reduce by 4 ask "Merge {{ results }}"
  all = map mail in mails { ask "Read {{ mail }}" } reduce fold ask "Add {{ next }} to {{ so_far }}"
  return { legal, inner, digest, all }
}
"""


def made(lines: str, flow: str = FLOW) -> tp.Test:
    text = flow + 'test "t" of label {\n  mails = ["a"]\n' + lines + "\n  expect calls > 0\n}\n"
    (test,) = make_tests(check_flow(Source(text, "t.flow"), catalog()))
    return test


def shown(reply: tp.Reply) -> str:
    numbers = [[one for one in (part.index, part.merge) if one is not None] for part in reply.path]
    names = [part.name + "".join(f"[{one}]" for one in own) for part, own in zip(reply.path, numbers, strict=True)]
    return ".".join(names)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("k: spam", ["kinds.k.ask"]),
        ("kinds: spam", ["kinds.k.ask"]),
        ("kinds.k: spam", ["kinds.k.ask"]),
        ("kinds.k.ask: spam", ["kinds.k.ask"]),
        ("kinds[1].k: spam", ["kinds[1].k.ask"]),
        ("kinds.1.k: spam", ["kinds[1].k.ask"]),
        ("kinds[1].k[2]: spam", ["kinds[1].k[2].ask"]),
        ("kinds.1.k.2.ask: spam", ["kinds[1].k[2].ask"]),
        ("k[2]: spam", ["kinds.k[2].ask"]),
        ("legal: yes, no", ["legal.fanout.a", "legal.fanout.b"]),
        ("legal: yes", ["legal.fanout.a", "legal.fanout.b"]),
        ("legal.fanout.b: yes", ["legal.fanout.b"]),
        ("b: yes", ["legal.fanout.b"]),
        ("legal.fanout.reduce: yes", ["legal.fanout.reduce"]),
        ('inner: "x"', ["inner.one"]),
        ("inner.two: low", ["inner.two"]),
        ('digest: "x"', ["digest.reduce"]),
        ('digest.reduce: "x"', ["digest.reduce"]),
        ('digest.ask: "x"', ["digest.ask"]),
        ('digest.reduce[1]: "x"', ["digest.reduce[1]"]),
        ('digest.reduce[1][0]: "x"', ["digest.reduce[1][0]"]),
        ('digest.reduce[2.1]: "x"', ["digest.reduce[2][1]"]),
        ('all: "x"', ["all.reduce"]),
        ('all.reduce[1][2]: "x"', ["all.reduce[1][2]"]),
        ('digest.reduce.2.1: "x"', ["digest.reduce[2][1]"]),
        ('digest[3].ask: "x"', ["digest[3].ask"]),
    ],
)
def test_a_path_means_the_ask_of_its_step(written: str, meant: list[str]) -> None:
    replies = made(f"  reply {written}").replies
    assert [shown(reply) for reply in replies] == meant
    assert [reply.step for reply in replies] == ["".join(part for part in _without_places(path)) for path in meant]
    assert len({reply.place for reply in replies}) == 1


def _without_places(path: str) -> list[str]:
    return [part.rpartition("]")[2] for part in path.split("[")]


def test_the_answers_of_a_fan_out_go_to_its_branches_in_their_order() -> None:
    first, second = made("  reply legal: yes, no").replies
    assert [answer.value for answer in first.answers] == [p.Constant("yes")]
    assert [answer.value for answer in second.answers] == [p.Constant("no")]
    first, second = made("  reply legal: no").replies
    assert first.answers == second.answers != ()


def test_answers_are_values_and_failures() -> None:
    failures = 'error("429"), malformed("x"), cut("y")'
    lines = f'  reply k: spam, {failures}, slow(5s, fine), slow(250ms), slow(1m, error("quota"))'
    (reply,) = made(lines).replies
    found = [(one.kind, one.value, one.seconds) for one in reply.answers]
    assert found == [
        ("value", p.Constant("spam"), None),
        ("error", p.Constant("429"), None),
        ("malformed", p.Constant("x"), None),
        ("cut", p.Constant("y"), None),
        ("slow", p.Constant("fine"), 5.0),
        ("slow", None, 0.25),
        ("error", p.Constant("quota"), 60.0),
    ]
    assert [one.place.text for one in reply.answers][:2] == ["spam", 'error("429")']
    line, column = reply.answers[1].place.line, reply.answers[1].place.column
    assert (line, column, reply.answers[1].place.file) == (28, 18, "t.flow")


def test_a_line_of_the_test_replaces_that_of_the_setup() -> None:
    setup = """setup common of label {
  mails = ["setup"]
  reply k: spam
  reply k when mail == "b": spam
  reply kinds[1].k: spam
  reply a: yes
  extern lookup: { town: "Bern" }
  file "policy.md": "setup"
  cassette "setup.jsonl"
  expect not failed
}
"""
    lines = """  setup common
  reply kinds.k: fine
  reply k when mail == "b": fine
  extern lookup: { town: "Basel" }
  file "policy.md": "own"
  cassette "own.jsonl\""""
    test = made(lines, FLOW + setup)
    assert test.given.inputs == {"mails": p.Items((p.Constant("a"),))}
    assert [(shown(one), one.when is not None, one.own) for one in test.replies] == [
        ("kinds[1].k.ask", False, False),
        ("legal.fanout.a", False, False),
        ("kinds.k.ask", False, True),
        ("kinds.k.ask", True, True),
    ]
    assert [one.own for one in test.externs] == [True] == [one.own for one in test.files]
    assert test.cassette == "own.jsonl"
    assert [one.place.text for one in test.expects] == ["expect not failed", "expect calls > 0"]


def test_expectations_are_plain_data() -> None:
    lines = """  reply inner.two: low
  expect rounds(inner.two) == 1
  expect kinds matches [{ k: spam | fine, place: json }]
  expect inner contains "x"
  expect cost about $0.01 within 0.005
  expect not inner failed "429"
  expect asked kinds[1].k contains text "a {{ mails }}\""""
    rounds, matches, contains, about, failed, asked, calls = made(lines).expects
    assert (rounds.kind, rounds.left, rounds.operator) == ("holds", p.Ref("rounds(inner.two)"), "==")
    assert rounds.names == ("rounds(inner.two)",)
    assert isinstance(matches.type, t.ListOf) and matches.names == ("kinds",)
    assert (contains.kind, contains.right) == ("contains", p.Constant("x"))
    assert (about.right, about.within) == (p.Constant(0.01), p.Constant(0.005))
    assert (failed.negated, failed.step, failed.right) == (True, "inner", p.Constant("429"))
    assert (asked.step, asked.path[0].index, asked.names) == ("kinds.k.ask", 1, ("mails",))
    assert (calls.left, calls.right, calls.names) == (p.Ref("calls"), p.Constant(0), ("calls",))


def test_a_flow_of_an_import_is_planned_from_its_own_file() -> None:
    def load(path: str) -> Source:
        return Source((CORPUS / path).read_text(encoding="utf-8"), path)

    path = CORPUS / "tests_whole.flow"
    checked = check_flow(Source(path.read_text(encoding="utf-8"), path.name), catalog(), load)
    test = make_tests(checked)[-1]
    assert (test.flow, test.source) == ("kind", "lib/tested.flow")
    plan = plan_of_test(checked, test)
    assert [step.name for step in plan.steps] == ["k", "part"]
    assert {reply.step for reply in test.replies} == {"k", "part.label"}


@pytest.mark.parametrize("wide", [False, True], ids=["narrow", "wide"])
def test_random_tests_name_each_ask_as_a_run_does(wide: bool) -> None:
    answered = refused = 0
    for seed in range(60):
        rng = random.Random(seed)
        text = Writer(rng, 3, votes=True, wide=wide).flow()
        try:
            plan = make_plan(check_flow(Source(text), catalog()))
        except FlowError:
            refused += 1
            continue
        text += "\n" + write_test(plan, rng)
        written = format_file(parse_flow(Source(text)))
        assert format_file(parse_flow(Source(written))) == written
        (test,) = make_tests(check_flow(Source(written), catalog()))
        paths = [".".join(node.name for node in chain) for chain, _ in asks(plan)]
        assert [reply.step for reply in test.replies] == paths
        answered += len(paths)
    assert answered > 100
    assert refused <= 8, "the generator writes what is refused"


BODIES = """import "lib/outside.flow" as o

extern lookup(name: text) -> json from "company.registry:lookup"

flow shapes(mails: [text]) {
  own = lookup("x")
  other = o.outer("y")
  first = map mail in mails { k = ask "Spam? {{ mail }}" -> spam | fine } reduce collect
  second = map one in first { ask "Why {{ one }}?" } reduce collect
  whole = map one in first { ask "Why {{ one }}, really?" } reduce collect after first
  nested = repeat 2 { inner = repeat 2 { ask "Yes? {{ own }}" -> yes | no } reduce majority } reduce first
  names = chain {
    outer = ask "Ask {{ other }}"
    o.outer(outer)
  }
  return { second, whole, nested, names }
}
"""
OUTSIDE = """extern lookup(name: text) -> json from "company.registry:other"

flow outer(name: text) {
  found = lookup(name)
  return found
}
"""


def shapes(line: str) -> tp.Test:
    text = BODIES + f'test "t" of shapes {{\n  mails = []\n  {line}\n  expect calls > 0\n}}\n'
    checked = check_flow(Source(text, "t.flow"), catalog(), lambda path: Source(OUTSIDE, path))
    (test,) = make_tests(checked)
    return test


def refusal(line: str) -> tuple[str, str]:
    with pytest.raises(FlowError) as caught:
        shapes(line)
    (found,) = (one for one in caught.value.diagnostics if one.severity == "error")
    return found.code, found.span.text


def test_a_list_that_streams_into_a_map_is_not_known_yet() -> None:
    assert refusal('reply second when length(first) == 1: "x"') == ("F0413", "first")
    assert shapes('reply second when one == spam: "x"').replies[0].step == "second.ask"
    # `after` makes the map wait for the whole list.
    assert shapes('reply whole when length(first) == 1: "x"').replies[0].step == "whole.ask"


def test_nested_repeats_multiply_their_samples() -> None:
    assert refusal("reply nested: yes, no, yes") == ("F0412", "nested")
    assert len(shapes("reply nested: yes, no, yes, no").replies[0].answers) == 4
    assert len(shapes("reply nested[0]: yes, no").replies[0].answers) == 2
    assert refusal("reply nested[2]: yes") == ("F0411", "2")


def test_an_unnamed_step_keeps_away_from_names_that_are_taken() -> None:
    assert shapes('reply names.outer: "x"').replies[0].step == "names.outer"
    assert shapes('reply names: "x"').replies[0].step == "names.outer"
    assert shapes("expect names.outer2 failed").expects[0].step == "names.outer2"


def test_an_extern_of_an_imported_file_has_the_key_of_the_plan() -> None:
    test = shapes('extern lookup: { town: "Bern" }')
    assert [one.name for one in test.externs] == ["lookup", "lib/outside.flow:lookup"]
    assert len({one.place for one in test.externs}) == 1
    text = BODIES + 'test "t" of shapes {\n  mails = []\n  expect calls > 0\n}\n'
    checked = check_flow(Source(text, "t.flow"), catalog(), lambda path: Source(OUTSIDE, path))
    assert set(plan_of_test(checked, make_tests(checked)[0]).externs) == {one.name for one in test.externs}
