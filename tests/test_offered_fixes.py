"""What is offered as a safe fix was tried: made alone, and with all others, it leaves fewer errors."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Diagnostic, Edit, FlowError, Source, check_flow, parse_flow
from flowrun.dsl.fixes import edited
from flowrun.dsl.parsing.readable import MOST_FINDINGS
from flowrun.runtime.catalog import catalog

ROOT = Path(__file__).parent
CORPUS = sorted([*(ROOT / "corpus").rglob("*.flow"), *(ROOT.parent / "workflows").rglob("*.flow")])


@cache
def corpus_file(path: Path) -> tuple[Source, tuple[Diagnostic, ...]]:
    """A program of the corpus and what is found in it: two tests ask."""
    source = Source(path.read_text(encoding="utf-8"), path.name)
    return source, found_in(source, path.parent)


def found_in(source: Source, folder: Path) -> tuple[Diagnostic, ...]:
    def beside(name: str) -> Source | str:
        file = folder / name
        return Source(file.read_text(encoding="utf-8"), name) if file.is_file() else "there is no such file"

    try:
        return check_flow(source, catalog(), beside).warnings
    except FlowError as error:
        return error.diagnostics


def errors(found: tuple[Diagnostic, ...]) -> int:
    return sum(one.severity == "error" for one in found)


def parses(source: Source) -> bool:
    try:
        parse_flow(source)
    except FlowError:
        return False
    return True


def offered(found: tuple[Diagnostic, ...]) -> list[tuple[Diagnostic, tuple[Edit, ...]]]:
    return [(one, one.fix.edits) for one in found if one.fix and one.fix.safe]


def apart(edits: list[Edit]) -> bool:
    places = sorted((edit.span.start, edit.span.end) for edit in edits)
    return all(before[1] <= after[0] and before != after for before, after in pairwise(places))


def hold(source: Source, folder: Path) -> int:
    """Check every fix that is offered for a text; how many there are."""
    return hold_found(source, found_in(source, folder), folder)


def hold_found(source: Source, found: tuple[Diagnostic, ...], folder: Path) -> int:
    safe = offered(found)
    whole = parses(source)
    told = errors(found)
    # Of very many mistakes in the text itself only the first are told: how many are left cannot be seen.
    countable = told < MOST_FINDINGS
    for one in found:
        assert not one.fix or any(edit.text != edit.span.text for edit in one.fix.edits), one.message
    for one, edits in safe:
        fixed = edited(source, edits)
        left = found_in(fixed, folder)
        assert not countable or errors(left) < told - (one.severity == "error") + 1, (one.message, fixed.text)
        assert parses(fixed) or not whole, (one.message, fixed.text)
    every = [edit for _, edits in safe for edit in edits]
    if safe and apart(every):
        fixed = edited(source, every)
        left = found_in(fixed, folder)
        mended = sum(one.severity == "error" for one, _ in safe)
        assert not countable or errors(left) <= told - mended, fixed.text
        assert parses(fixed) or not whole
    return len(safe)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_safe_fix_of_the_corpus_leaves_fewer_errors_and_each_guess_carries_its_fix(path: Path) -> None:
    source, found = corpus_file(path)
    hold_found(source, found, path.parent)
    for one in found:
        if "did you mean" in one.help:
            assert one.fix, one.message
            assert f"`{one.fix.edits[0].text.strip(chr(34))}`" in one.help


def test_the_corpus_offers_fixes() -> None:
    assert sum(len(offered(corpus_file(path)[1])) for path in CORPUS) > 15


@pytest.mark.parametrize(
    "text",
    [
        'flow f(t: text) {\n  good = ask file("p.md")\n  return good\n}\n',
        'flow f(t: text) {\n  p = ask prompt\n  g = ask file("p.md")\n  return p\n}\n',
        'type Mail = { kind: mail, to: text }\nflow f(t: text) {\n  c = ask "{{ t }}" -> Mail\n  return c\n}\n',
        'type A = { b: b }\ntype B = { a: A }\nflow f(t: text) {\n  c = ask "{{ t }}" -> A\n  return c\n}\n',
        'flow f(ts: [text]) {\n  o = mpa t in ts {\n    a = ask "{{ t }}"\n    ask "{{ a }}"\n  } reduce collect\n'
        "  return o\n}\n",
        'flow f(t: text) {\n  o = reapet 3 {\n    a = ask "{{ t }}"\n    ask "{{ a }}" -> Y | N\n  } reduce majority\n'
        "  return o\n}\n",
    ],
)
def test_a_fix_that_breaks_the_file_is_not_safe(text: str) -> None:
    found = found_in(Source(text, "a.flow"), ROOT)
    assert errors(found)
    assert not offered(found)


def test_a_guess_that_fails_stays_a_guess_and_any_other_fix_goes() -> None:
    types = "type Mail = { a: note }\ntype Note = { b: Mail }\n"
    circle = types + 'flow f(t: text) {\n  c = ask "{{ t }}" -> Mail\n  return c\n}\n'
    (found,) = found_in(Source(circle, "a.flow"), ROOT)
    assert found.help == "did you mean `Note`?"
    assert found.fix
    assert not found.fix.safe
    hidden = "flow f(t: text) {\n  x = 'a'\n  y = nowhere\n  return [x, y, t]\n}\n"
    (found,) = found_in(Source(hidden, "a.flow"), ROOT)
    assert (found.message, found.fix) == ("a text needs double quotes", None)
    assert found.help


def test_a_word_in_a_field_of_its_own_type_is_put_in_quotes() -> None:
    text = 'type Mail = { kind: mail, to: text }\nflow f(t: text) {\n  c = ask "{{ t }}" -> Mail\n  return c\n}\n'
    (found,) = found_in(Source(text, "a.flow"), ROOT)
    assert found.fix
    assert not found.fix.safe
    assert not errors(found_in(edited(Source(text, "a.flow"), found.fix.edits), ROOT))


@cache
def texts() -> tuple[tuple[str, Path], ...]:
    return tuple((path.read_text(encoding="utf-8"), path.parent) for path in CORPUS if path.stat().st_size < 1500)


SIGNS = ["=", ":", ",", ";", "{", "}", "(", ")", "[", "]", "|", "'", '"', "with", "map", "ask", "in", "text", "x", " "]


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, Path]:
    """A text of the corpus with a few slips of the pen: a character or a word lost, doubled, swapped or put in."""
    text, folder = draw(st.sampled_from(texts()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(text) - 2, 0)))
        match draw(st.sampled_from(["lose", "swap", "put", "lose word", "swap words"])):
            case "lose":
                text = text[:at] + text[at + 1 :]
            case "swap":
                text = text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
            case "put":
                text = text[:at] + draw(st.sampled_from(SIGNS)) + text[at:]
            case "lose word":
                words = text.split(" ")
                del words[at % len(words)]
                text = " ".join(words)
            case _:
                words = text.split(" ")
                place = at % max(len(words) - 1, 1)
                words[place : place + 2] = reversed(words[place : place + 2])
                text = " ".join(words)
    return text, folder


@settings(max_examples=40)
@given(slips())
def test_each_safe_fix_of_a_slip_leaves_fewer_errors(slip: tuple[str, Path]) -> None:
    text, folder = slip
    hold(Source(text, "slip.flow"), folder)
