"""Fixes that are made unasked: only safe ones, whole, apart from each other, and never for the worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import Diagnostic, Edit, Fix, FlowError, Source, apply_fixes, check_flow, render_diagnostic
from flowrun.runtime.catalog import catalog


def findings(source: Source) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(source, catalog()).warnings
    except FlowError as error:
        return error.diagnostics


def mended(text: str) -> str:
    return apply_fixes(Source(text, "a.flow"), findings).source.text


def finding(
    source: Source, message: str, *edits: tuple[int, int, str], safe: bool = True, code: str = "F0201"
) -> Diagnostic:
    made = tuple(Edit(source.span(start, end), text) for start, end, text in edits)
    start, end = (edits[0][0], edits[0][1]) if edits else (0, 0)
    return Diagnostic(code, message, source.span(start, end), fix=Fix(f"mend {message}", made, safe))


def words(bad: dict[str, str], safe: bool = True, extra: Iterable[str] = ()) -> Callable[[Source], list[Diagnostic]]:
    """A check that finds bad words, each with the word to put in its place; it finds nothing in other texts."""

    def check(source: Source) -> list[Diagnostic]:
        found = []
        for word, better in bad.items():
            at = source.text.find(word)
            while at >= 0:
                found.append(finding(source, f"{word} at {at}", (at, at + len(word), better), safe=safe))
                at = source.text.find(word, at + 1)
        found += [Diagnostic("F0201", word, source.span(0, 0)) for word in extra if word in source.text]
        return found

    return check


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("flow f(x: string) { return x }\n", "flow f(x: text) { return x }\n"),
        ("flow f(x: Boolean, y: str, z: float) { return x }\n", "flow f(x: bool, y: text, z: number) { return x }\n"),
        (
            "type Row = { a: text }\nflow f(x: row) { return x }\n",
            "type Row = { a: text }\nflow f(x: Row) { return x }\n",
        ),
        ("flow f(x: 5..1) { return x }\n", "flow f(x: 1..5) { return x }\n"),
        ("flow f(x: A | B | a) { return x }\n", "flow f(x: A | B) { return x }\n"),
        ("flow f(x: A | B | a | b) { return x }\n", "flow f(x: A | B) { return x }\n"),
    ],
)
def test_a_known_slip_is_mended(before: str, after: str) -> None:
    assert mended(before) == after
    assert [one for one in findings(Source(after)) if one.severity == "error"] == []


HEAD = "flow f(a: text, b: bool, c: bool, n: int) {\n  used = [a, b, c, n]\n"
ASK = 'ask "{{ a }}"'
# The code of the finding, a line as people write it by habit, and the line that was meant.
HABITS = [
    ("F0101", "x = 'hi'", 'x = "hi"'),
    ("F0101", "x = ['hi', 'you']", 'x = ["hi", "you"]'),
    ("F0101", "x = “hi”", 'x = "hi"'),
    ("F0101", "x = „hi“", 'x = "hi"'),
    ("F0101", "x = «hi»", 'x = "hi"'),
    ("F0101", "x = ask “Don’t {{ a }}”", 'x = ask "Don’t {{ a }}"'),
    ("F0101", "x = n;", "x = n"),
    ("F0101", "x = n; y = 2;z = 3;  # why", "x = n y = 2 z = 3  # why"),
    ("F0101", "x = 'a'; y = n;\n  z = 1;", 'x = "a" y = n\n  z = 1'),
    ("F0101", "x = 1,", "x = 1"),
    ("F0101", "x = 1, y = 2,z = 3", "x = 1 y = 2 z = 3"),
    ("F0101", "// why\n  x = n // the number", "# why\n  x = n # the number"),
    ("F0101", "x = b && c||b", "x = b and c or b"),
    ("F0101", f"x = {ASK} -> YES || NO", f"x = {ASK} -> YES | NO"),
    ("F0101", f"x = {ASK} -> YES or NO", f"x = {ASK} -> YES | NO"),
    ("F0101", f"x = {ASK} with temperature = 0.3, timeout=3s", f"x = {ASK} with temperature: 0.3, timeout: 3s"),
    ("F0101", "x = { i=n, j = 2 }", "x = { i: n, j: 2 }"),
    ("F0101", f"x: {ASK}", f"x = {ASK}"),
    ("F0101", "x:n", "x = n"),
    ("F0101", "x = n when n = 2 else 3", "x = n when n == 2 else 3"),
    (
        "F0101",
        f"x = repeat three {{ {ASK} -> Y | N }} reduce majority",
        f"x = repeat 3 {{ {ASK} -> Y | N }} reduce majority",
    ),
    ("F0101", 'x = ask("{{ a }}")', f"x = {ASK}"),
    ("F0101", 'x = ask ("{{ a }}") -> Y | N', f"x = {ASK} -> Y | N"),
    ("F0101", 'x = ask user f"{a} {{ a }}"', 'x = ask user "{{ a }} {{ a }}"'),
    ("F0101", 'x = text f"about {a}"', 'x = text "about {{ a }}"'),
]


@pytest.mark.parametrize(("code", "before", "after"), HABITS, ids=[before for _, before, _ in HABITS])
def test_a_habit_is_mended(code: str, before: str, after: str) -> None:
    text = f"{HEAD}  {before}\n  return used\n}}\n"
    assert {one.code for one in findings(Source(text)) if one.severity == "error"} == {code}
    once = mended(text)
    assert once == f"{HEAD}  {after}\n  return used\n}}\n"
    assert [one for one in findings(Source(once)) if one.severity == "error" and one.code.startswith("F01")] == []
    assert mended(once) == once


@pytest.mark.parametrize("end", [";", ","])
def test_more_slips_than_are_told_are_mended_all_the_same(end: str) -> None:
    text = HEAD + "".join(f"  x{place} = {place}{end}\n" for place in range(60)) + "  return used\n}\n"
    assert sum(one.code == "F0101" for one in findings(Source(text))) == 20
    assert mended(text) == text.replace(f"{end}\n", "\n")


@pytest.mark.parametrize(
    "line",
    [
        "x = 'don't'",  # an apostrophe
        "x = 'say \"hi\"'",  # its quotes would end it
        "x = '\\d'",
        "x = n // 2",  # a division
        "x = n // b",
        "x = a, b",  # two values
        "x = g(a; b)",
        "x: int = 3",
        'x = text f"{n + 1}"',  # no mere name
        'x = text r"\\d"',
        "x = ask(a)",
        "x = repeat many { ask a } reduce majority",
    ],
)
def test_a_habit_that_may_mean_something_else_is_left_alone(line: str) -> None:
    text = f"{HEAD}  {line}\n  return used\n}}\n"
    assert any(one.code == "F0101" for one in findings(Source(text)))
    assert mended(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "flow f(x: list) { return x }\n",  # of what?
        "type Finding = { a: text }\nflow f(x: Findng) { return x }\n",  # a misspelling is a guess
        "flow f(x: Nowhere) { return x }\n",
        "flow f(x: YES | yes) { return x }\n",  # one word would name a type
        "flow f(x: A | B # why\n | a) { return x }\n",  # the comment would go
        "flow f(x: text) { y = x }\n",
        "flow {\n",
        "",
        "flow f(x: text) { return x }\n",
    ],
)
def test_a_guess_is_left_to_a_person(text: str) -> None:
    assert mended(text) == text


def test_a_missing_return_is_offered_where_it_would_stand() -> None:
    def offered(text: str) -> str:
        (found,) = (one for one in findings(Source(text)) if one.code == "F0401")
        assert found.fix is not None
        assert not found.fix.safe
        (edit,) = found.fix.edits
        return text[: edit.span.start] + edit.text + text[edit.span.end :]

    assert offered("flow f(x: text) {\n  y = x  # why\n}\n") == "flow f(x: text) {\n  y = x  # why\n  return y\n}\n"
    assert offered("flow f(x: text) { y = x }\n") == "flow f(x: text) { y = x return y }\n"


def test_what_was_made_and_what_is_left_is_told() -> None:
    fixed = apply_fixes(Source("flow f(x: string, y: Nowhere) { return x }\n", "a.flow"), findings)
    assert [one.message for one in fixed.made] == ["no type is called `string`"]
    assert [one.message for one in fixed.left] == ["no type is called `Nowhere`"]
    assert fixed.source.name == "a.flow"


def test_an_unsafe_fix_is_not_made() -> None:
    assert apply_fixes(Source("bad"), words({"bad": "good"}, safe=False)).source.text == "bad"
    assert apply_fixes(Source("bad"), words({"bad": "good"})).source.text == "good"


def test_overlapping_fixes_take_turns() -> None:
    """`aba` is found at 0 and, overlapping, at 2: the second is gone after the first, and nothing is made twice."""
    fixed = apply_fixes(Source("ababa"), words({"aba": "x"}))
    assert fixed.source.text == "xba"
    assert len(fixed.made) == 1


def test_a_fix_of_two_edits_is_made_whole_or_not_at_all() -> None:
    def check(source: Source) -> list[Diagnostic]:
        if "b" not in source.text:
            return []
        at = source.text.index("b")
        return [finding(source, "pair", (0, 1, "X"), (at, at + 1, "Y")), finding(source, "one", (at, at + 1, "Z"))]

    assert apply_fixes(Source("a-b"), check).source.text == "X-Y"

    def crossing(source: Source) -> list[Diagnostic]:
        return [finding(source, "crossing", (0, 2, "X"), (1, 3, "Y"))] if source.text == "abc" else []

    assert apply_fixes(Source("abc"), crossing).source.text == "abc"


def test_a_fix_that_makes_it_worse_is_not_made_and_stops_no_other() -> None:
    def check(source: Source) -> list[Diagnostic]:
        found = [
            finding(source, f"{word}", (source.text.index(word), source.text.index(word) + len(word), better))
            for word, better in {"one": "1", "two": "worse", "three": "3"}.items()
            if word in source.text
        ]
        if "worse" in source.text:
            found += [Diagnostic("F0201", f"broken {place}", source.span(0, 0)) for place in range(2)]
        return found

    fixed = apply_fixes(Source("one two three"), check)
    assert fixed.source.text == "1 two 3"
    assert [one.message for one in fixed.left] == ["two"]


def test_a_fix_that_no_longer_parses_is_not_made() -> None:
    def check(source: Source) -> list[Diagnostic]:
        if source.text == "broken":
            return [Diagnostic("F0101", "no flow", source.span(0, 0))]
        return [finding(source, "a", (0, len(source.text), "broken")), Diagnostic("F0201", "b", source.span(0, 0))]

    assert apply_fixes(Source("whole"), check).source.text == "whole"


def test_a_fix_of_the_text_may_bring_to_light_what_could_not_be_seen() -> None:
    def check(source: Source) -> list[Diagnostic]:
        if source.text == "unread":
            return [finding(source, "a", (0, 6, "read"), code="F0101")]
        return [Diagnostic("F0201", f"name {place}", source.span(0, 0)) for place in range(3)]

    assert apply_fixes(Source("unread"), check).source.text == "read"


def test_a_fix_that_mends_nothing_is_not_made() -> None:
    def check(source: Source) -> list[Diagnostic]:
        return [finding(source, "always", (0, 1, "z"))]

    assert apply_fixes(Source("abc"), check).source.text == "abc"


def test_a_fix_of_another_file_or_beyond_the_text_is_left_alone() -> None:
    other = Source("other", "b.flow")

    def check(source: Source) -> list[Diagnostic]:
        return [finding(other, "elsewhere", (0, 5, "x")), finding(source, "beyond", (0, 99, "x"))]

    fixed = apply_fixes(Source("abc", "a.flow"), check)
    assert (fixed.source.text, fixed.made) == ("abc", ())


def test_fixes_that_call_each_other_back_come_to_an_end() -> None:
    assert apply_fixes(Source("a"), words({"a": "b", "b": "a"})).source.text in ("a", "b")


def test_two_thousand_fixes_are_made_at_once_and_one_bad_one_is_found() -> None:
    text = "".join(f"flow f{place}(x: string) {{ return x }}\n" for place in range(500))
    fixed = apply_fixes(Source(text), findings)
    assert fixed.source.text == text.replace("string", "text")
    assert len(fixed.made) == 500

    checks = 0

    def check(source: Source) -> list[Diagnostic]:
        nonlocal checks
        checks += 1
        lines = source.text.split("\n")
        found, at = [], 0
        for line in lines:
            if line == "bad":
                found.append(finding(source, f"bad {at}", (at, at + 3, "")))
            at += 4
        # The last one cannot be mended: without it there are two errors more.
        broken = [Diagnostic("F0201", f"gone {n}", source.span(0, 0)) for n in range(2)] if not lines[-1] else []
        return [*found, *broken]

    assert len(apply_fixes(Source("\n".join(["bad"] * 2000)), check).made) >= 1
    assert checks < 200


@given(
    st.text("ab\nx", max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.text("yz", max_size=3))),
)
def test_whatever_is_offered_the_text_outside_the_edits_stays(text: str, offered: list[tuple[int, int, str]]) -> None:
    source = Source(text)

    def check(now: Source) -> list[Diagnostic]:
        if now.text != source.text:
            return []
        edits = [(start, end, new) for start, end, new in offered if start <= end]
        return [finding(now, str(place), edit) for place, edit in enumerate(edits)]

    fixed = apply_fixes(source, check)
    kept = list(source.text)
    for one in fixed.made:
        assert one.fix is not None
        for edit in one.fix.edits:
            kept[edit.span.start : edit.span.end] = [""] * (edit.span.end - edit.span.start)
    # What is left of the old text stands in the new one, in order.
    rest = iter(fixed.source.text)
    assert all(letter in rest for letter in "".join(kept))
    places = sorted((e.span.start, e.span.end) for one in fixed.made if one.fix for e in one.fix.edits)
    assert all(a[1] <= b[0] and a != b for a, b in pairwise(places))


def ends(found: Diagnostic) -> list[str]:
    return [line.strip() for line in render_diagnostic(found).split("\n") if " = " in line]


def test_a_finding_shows_its_fix_once_and_a_guess_as_help() -> None:
    here = Source("x").span(0, 1)
    safe, guess = Fix("write `y`", (Edit(here, "y"),)), Fix("write `z`", (Edit(here, "z"),), safe=False)
    shown = {
        ("write `y`", safe): ["= fix: write `y`"],
        ("ask a person", safe): ["= help: ask a person", "= fix: write `y`"],
        ("", safe): ["= fix: write `y`"],
        ("did you mean `z`?", guess): ["= help: did you mean `z`?"],
        ("", guess): ["= help: write `z`"],
        ("", None): [],
    }
    for (help, fix), lines in shown.items():
        assert ends(Diagnostic("F0201", "m", here, help=help, fix=fix)) == lines
