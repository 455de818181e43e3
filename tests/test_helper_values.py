"""The helper values of tests: a name for a value is as good as the value itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow, format_file, make_tests, parse_flow
from flowrun.dsl.parsing.token import TEST_WORDS
from flowrun.runtime.catalog import catalog
from flowrun.testing.discovery import run_file

FLOW = """\
flow label(mail: text, tag: spam | fine = fine) {
  k = ask "Spam? {{ mail }}" -> spam | fine
  r = ask "R {{ k }}" -> { kinds: [spam | fine], mark: 1..5, ratio: number }
  note = ask "N {{ r }}" when tag == k
  return { k, r, note }
}
"""


def text_of(lines: list[str], flow: str = FLOW) -> str:
    return f'{flow}\ntest "t" of label {{\n' + "".join(f"  {line}\n" for line in lines) + "}\n"


def findings(text: str) -> list[Diagnostic]:
    try:
        check_flow(Source(text, "t.flow"), catalog())
    except FlowError as error:
        return [one for one in error.diagnostics if one.severity == "error"]
    return []


def outcome(text: str, folder: Path) -> tuple[str, list[str]]:
    path = folder / "t.flow"
    path.write_text(text, encoding="utf-8")
    result = run_file(str(path))
    assert not result.broken, findings(text)
    (one,) = result.outcomes
    return one.status, [failed.message for failed in one.failures]


@pytest.mark.parametrize("answer", ["spam", "fine"])
@pytest.mark.parametrize(
    ("value", "line", "expect"),
    [
        ("spam", "tag = {}", "k == {}"),
        ("spam", "reply k when tag == {}: fine", "{} == k"),
        ("spam", "reply k when tag in [{}]: fine", "{} in r.kinds"),
        ('"spam"', "tag = {}", "k in [{}]"),
        ("[spam, fine]", "reply k when tag in {}: fine", "r.kinds == {}"),
        ("[spam]", "reply k when tag in {}: fine", "{} + [fine] == r.kinds"),
        ("{ kinds: [spam, fine], mark: 4, ratio: 0.5 }", "tag = fine", "r == {}"),
        ("{ kinds: [spam, fine], mark: 4, ratio: 0.5 }", "tag = fine", "{} == result.r"),
        ("{ mark: 4, ratio: 0.5 }", "tag = fine", "r == { ..{}, kinds: [spam, fine] }"),
        ("{ k: spam }", "tag = fine", "k == {}.k"),
        ("4", "tag = fine", "r.mark == {}"),
        ("0.5", "tag = fine", "r.ratio about {} within {}"),
        ("3", "tag = fine", "calls < {}"),
        ("$0.01", "tag = fine", "not cost < {}"),
        ('"mail 1"', "tag = fine", "asked k contains {}"),
        ('text "mail {{ 1 }}"', "tag = fine", "asked k contains {}"),
    ],
)
def test_a_name_is_as_good_as_its_value(value: str, line: str, expect: str, answer: str, tmp_path: Path) -> None:
    others = [
        f"reply k: {answer}",
        "reply r: { kinds: [spam, fine], mark: 4, ratio: 0.5 }",
        'reply note when mail == "": ""',
        'mail = "mail 1"',
    ]
    wanted = "expect not failed"
    named = [
        line.replace("{}", "given"),
        *others,
        wanted,
        "expect " + expect.replace("{}", "given"),
        f"given = {value}",
    ]
    # A record cannot stand before a dot, so it stays where it is for the comparison.
    bare = f"{value}".replace("{ k: spam }", "spam") if ".k" in expect else value
    written = [
        line.replace("{}", value),
        *others,
        wanted,
        "expect " + expect.replace("{}.k", bare).replace("{}", value),
    ]
    assert outcome(text_of(named), tmp_path) == outcome(text_of(written), tmp_path)


def test_a_plan_has_the_values_that_lines_mention_in_their_order() -> None:
    setup = 'setup s of label {\n  mail = a\n  a = b\n  b = "x"\n  idle = [b]\n  reply k: spam\n}\n'
    other = (
        'test "u" of label {\n  setup s\n  reply r: idle_too\n  expect length(idle) == length(r.kinds)\n'
        "  idle_too = { kinds: [], mark: 1, ratio: 1 }\n}\n"
    )
    text = FLOW + setup + other + 'test "t" of label {\n  setup s\n  b = "y"\n  expect k == c\n  c = spam\n}\n'
    used, unused = make_tests(check_flow(Source(text, "t.flow"), catalog()))
    assert [one.name for one in unused.given.helpers] == ["b", "c", "a"]
    assert {one.name for one in used.given.helpers} == {"a", "b", "idle", "idle_too"}
    assert list(used.given.inputs) == ["mail"]
    assert next(one.place.text for one in unused.given.helpers if one.name == "b") == '"y"'


@pytest.mark.parametrize("number", [99, 100, 1_500])
def test_values_that_mention_each_other_without_end_are_refused(number: int, tmp_path: Path) -> None:
    lines = ['mail = "x"', "reply k: spam", "expect k == g0"]
    lines += [f"g{at} = g{at + 1}" for at in range(number)] + [f"g{number} = spam"]
    found = findings(text_of(lines))
    assert {one.code for one in found} == ({"F0422"} if number > 99 else set())
    if number == 99:
        assert outcome(text_of(lines).replace("-> spam", "-> spam "), tmp_path)[0] == "failed"


def test_many_mentions_of_a_value_cost_little() -> None:
    doubled = [f"g{at} = [g{at + 1}, g{at + 1}]" for at in range(15)]
    found = findings(text_of(['mail = "x"', "reply k: spam", "expect g0 == k", *doubled, "g15 = 3"]))
    assert [one.code for one in found] == ["F0301"]


@pytest.mark.parametrize("word", sorted({*TEST_WORDS, "fine", "spam"} - {"not", "calls"}))
def test_a_value_can_have_the_name_of_a_word_of_tests(word: str) -> None:
    text = text_of(
        [f"mail = {word}", f'{word} = "x"', "reply k: fine", f"expect asked k contains {word}", "expect calls == 3"]
    )
    if word in ("fine", "spam"):
        return
    assert findings(text) == []
    again = format_file(parse_flow(Source(text)))
    assert format_file(parse_flow(Source(again))) == again
    assert findings(again) == []


def test_a_value_that_nothing_mentions_may_be_a_misspelt_parameter() -> None:
    (found,) = findings(text_of(['mail = "x"', "tga = fine", "reply k: spam", "expect k == spam"]))
    assert (found.code, found.span.text, found.help) == ("F0303", "tga", "did you mean `tag`?")
    assert found.note == "a helper value needs a line that mentions it"


@pytest.mark.parametrize(
    ("lines", "code", "caret"),
    [
        (["good = fien", "reply k: good"], "F0301", "fien"),
        (["good = fien", "expect k == good"], "F0301", "fien"),
        (["good = fien", 'reply note: text "{{ good }}"'], "F0201", "fien"),
        (["good = missing.k", "reply k: good"], "F0201", "missing"),
        (["good = fine", "reply r: { kinds: [], mark: good, ratio: 1 }", "reply k: good"], "F0301", None),
        (["good = 9", "reply r: { kinds: [], mark: good, ratio: 1 }"], "F0301", None),
        (["good = 1 / 0", "reply k when 1 == good: fine"], "F0363", None),
        (['good = "busy"', "reply k: error(good)"], "F0414", "good"),
        (["good = mail", "reply k: good"], "F0201", "mail"),
        (['good = text "{{ k }}"', "reply note: good"], "F0201", "k"),
        (["good = { k: spam, other: fine }", "expect k == good.k"], "F0201", "fine"),
        (["good = [{ k: spam }, fine]", "expect length(good) == k"], "F0201", None),
        (['good = error("429")', "reply k: good"], "F0414", "error"),
        (["good = slow(5s, spam)", "reply k: good"], "F0414", "slow"),
    ],
)
def test_a_wrong_value_is_named(lines: list[str], code: str, caret: str | None) -> None:
    found = findings(text_of(['mail = "x"', *lines, "expect calls > 0"]))
    assert code in {one.code for one in found}, found
    if caret is not None:
        assert [one.span.text for one in found] == [caret]
