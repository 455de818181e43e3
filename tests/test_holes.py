"""Holes: the candidates of each place, the settings of a file, and what refuses a file with a `?`."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Checked, FlowError, Source, check_flow, format_file, make_plan, make_tests, parse_flow
from flowrun.dsl.holes.tuning import Tuning
from flowrun.runtime.catalog import catalog
from flowrun.runtime.session.loading import load
from flowrun.runtime.vocabulary.errors import UsageError

ASK = '{ ask "Spam? {{ mail }}" -> spam | fine }'


def checked(text: str) -> Checked:
    return check_flow(Source(text), catalog())


def tuning(text: str) -> Tuning:
    found = checked(text).tuning
    assert found is not None
    return found


def flow(step: str) -> str:
    return f"flow main(mail: text) {{\n  kind = {step}\n  return kind\n}}\n"


def asked(condition: str) -> str:
    vote = f"repeat 5 {ASK} reduce majority(ties: first)"
    last = f'ask "Sure? {{{{ mail }}}}" -> spam | fine when {condition} else quick'
    return f"flow main(mail: text) {{\n  quick = {vote}\n  last = {last}\n  return last\n}}\n"


@pytest.mark.parametrize(
    ("text", "title", "candidates"),
    [
        (flow(f"repeat 3..9 {ASK} reduce ahead(?)"), "ahead", "1 2 3 4 5"),
        (flow(f"repeat ? {ASK} reduce majority(ties: first)"), "repeat", "3 5 9 15 21 40"),
        (flow(f"repeat 3..? {ASK} reduce ahead(2)"), "repeat", "5 9 15 21 40"),
        (flow(f"repeat 3..?(5, 7) {ASK} reduce ahead(2)"), "repeat", "5 7"),
        (flow(f"repeat 3..9 {ASK} reduce majority(confidence: ?)"), "confidence", "0.8 0.9 0.95 0.98 0.99"),
        (flow(f"repeat 3..200 {ASK} reduce majority(risk: ?, undecided: first)"), "risk", "0.2 0.1 0.05 0.01"),
        (flow(f"repeat 5 {ASK} reduce quorum(?)"), "quorum", "3 4 5"),
        (flow(f"repeat 3..9 {ASK} reduce window(?)"), "window", "2 3 4 5"),
        (asked("agreement(quick) < ?"), "agreement(quick) <", "0 0.2 0.4 0.6 0.8 1 2"),
        (asked("? >= agreement(quick)"), "agreement(quick) <=", "0 0.2 0.4 0.6 0.8 1 2"),
        (asked("not agreement(quick) > ?"), "agreement(quick) >", "2 1 0.8 0.6 0.4 0.2 0"),
        (flow('ask "Why {{ mail }}?" with temperature: ?(0, 0.5)'), "temperature", "0 0.5"),
        (flow("1 + ?(2, -3)"), "1 +", "2 -3"),
    ],
)
def test_a_place_has_its_candidates(text: str, title: str, candidates: str) -> None:
    [place] = tuning(text).places
    assert (place.title, " ".join(place.texts)) == (title, candidates)


def test_a_share_of_exactly_a_candidate_is_not_below_it() -> None:
    [place] = tuning(asked("agreement(quick) < ?").replace("repeat 5", "repeat 3")).places
    assert place.texts == ("0", "0.33", "0.66", "1", "2")
    assert not float(place.texts[2]) > 2 / 3


def test_each_setting_is_the_file_with_values() -> None:
    text = 'model cheap = ?("openai:a", "openai:b")\n' + flow(f"repeat 3..?(5, 9) {ASK} reduce ahead(?)").replace(
        "ask", "ask cheap"
    )
    found = tuning(text)
    assert len(found.settings()) == 2 * 2 * 5
    last = found.settings()[-1]
    assert found.words(last) == 'cheap "openai:b", repeat 9, ahead 5'
    written = found.write(Source(text), last)
    assert 'cheap = "openai:b"' in written and "repeat 3..9 {" in written and "ahead(5)" in written
    assert found.fill(parse_flow(Source(text)), last) == parse_flow(Source(written))


def test_the_plan_of_a_setting_is_that_of_the_written_file() -> None:
    text = flow(f"repeat 3..? {ASK} reduce ahead(?)")
    found = tuning(text)
    first = found.settings()[0]
    assert make_plan(checked(text).settled) == make_plan(checked(found.write(Source(text), first)))


def test_two_holes_with_one_title_tell_their_lines() -> None:
    text = f"flow main(mail: text) {{\n  a = repeat ?(3, 5) {ASK} reduce majority(ties: first)\n"
    text += f"  b = repeat ?(3, 5) {ASK} reduce majority(ties: first)\n  return {{ a, b }}\n}}\n"
    assert [place.title for place in tuning(text).places] == ["repeat (line 2)", "repeat (line 3)"]


def test_two_holes_of_one_line_with_one_title_tell_their_columns() -> None:
    found = tuning(flow(f"repeat ?(1, 3)..?(5, 9) {ASK} reduce ahead(?(1, 2))"))
    titles = [place.title for place in found.places]
    assert [title.partition(",")[0] for title in titles[:2]] == ["repeat (line 2", "repeat (line 2"]
    assert len(set(titles)) == 3 and titles[2] == "ahead"


def test_each_candidate_is_checked_and_its_error_tells_the_setting() -> None:
    with pytest.raises(FlowError) as caught:
        checked(flow(f"repeat ?(3, 5) {ASK} reduce quorum(?(3, 4))"))
    [error] = caught.value.diagnostics
    assert error.span.text == "4" and error.note == "with repeat 3, quorum 4"


def test_a_warning_counts_if_each_setting_has_it() -> None:
    warned = flow(f"repeat ?(3, 5) {ASK} reduce majority(ties: first)").replace("{{ mail }}", "it")
    assert [one.code for one in checked(warned).warnings] == ["F0711"]
    assert checked(flow(f"repeat ?(1, 3) {ASK} reduce majority(ties: first)")).warnings == ()


@pytest.mark.parametrize(
    "text", [flow("1 + ?(2, 3)"), flow(f"repeat 3..9 {ASK} reduce ahead(?)"), 'model m = ?("openai:a")\n' + flow("1")]
)
def test_a_file_with_a_hole_has_no_plan_and_no_tests(text: str) -> None:
    found = checked(text)
    with pytest.raises(FlowError, match="F0779") as caught:
        make_plan(found)
    [error] = caught.value.diagnostics
    assert error.span.text.startswith("?") and "flowrun tune" in error.help
    with pytest.raises(FlowError, match="F0779"):
        make_tests(checked(text + '\ntest "a" of main { mail = "x"  expect result == result }\n'))


def test_an_imported_file_has_no_holes(tmp_path: Path) -> None:
    (tmp_path / "lib.flow").write_text(flow("1 + ?(2, 3)"), encoding="utf-8")
    text = 'import "lib.flow" as lib\n\nflow other(mail: text) {\n  x = lib.main(mail)\n  return x\n}\n'
    (tmp_path / "a.flow").write_text(text, encoding="utf-8")
    with pytest.raises(FlowError, match="F0777"):
        load(tmp_path / "a.flow")


def test_a_question_mark_is_no_hole_in_a_type_or_behind_a_value() -> None:
    assert checked('flow f(a: text?) {\n  x = a ?? "none"\n  return x\n}\n').tuning is None
    with pytest.raises(FlowError, match="F0101"):
        checked("flow f(a: text) {\n  x = a ?\n  return x\n}\n")


def test_the_formatter_keeps_holes() -> None:
    text = flow(f"repeat ?..? {ASK} reduce ahead(?(1, 2))").replace("?..?", "?(3)..?(5)")
    assert format_file(parse_flow(Source(text))) == text
    assert format_file(parse_flow(Source(text.replace("?(3)..?(5)", "?..?")))) == text.replace("?(3)..?(5)", "?..?")


def test_a_run_tells_of_tuning_before_anything_is_sent(tmp_path: Path) -> None:
    from flowrun import run

    (tmp_path / "a.flow").write_text(flow("1 + ?(2, 3)"), encoding="utf-8")
    with pytest.raises((FlowError, UsageError), match="F0779"):
        run(tmp_path / "a.flow", {"mail": "x"})
