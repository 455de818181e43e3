"""The reach of untrusted sources: each road through a flow, and the forms of the results."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from flowrun.dsl import Labels, types
from flowrun.dsl.labels.widths import width
from support.reaches import labels, told

HERE = Path(__file__).parent
HEAD = """
model quick = "openai:quick"
model slow = "openai:slow"
extern look(q: text) -> text from "a.b:look"
extern pure(q: text) -> trusted text from "a.b:pure"
extern web(q: text) -> untrusted text from "a.b:web"
extern rows(q: text) -> untrusted [text] from "a.b:rows"
extern mix(results: [text]) -> text from "a.b:mix"
type Claim = { ok: yes | no  size: 1..8  why: text  tags: [a | b] }
flow sub(x: text, n: text) {
  inner = ask "{{ x }}"
  other = ask "{{ n }}" -> a | b
  return { inner, other }
}
flow own(x: untrusted text, who: text) {
  said = ask "{{ x }} {{ who }}" -> yes | no
  return said
}
"""
PARAMS = (
    "mail: untrusted text, pages: untrusted [text], claims: untrusted [{ id: text  size: 1..8 }], "
    "good: text, list: [text]"
)


def cases() -> Iterator[tuple[str, str, dict[str, str]]]:
    text = (HERE / "support" / "reach_cases.txt").read_text(encoding="utf-8")
    for block in text.split("\n\n")[1:]:
        name, *lines = block.strip().splitlines()
        expected = dict(f"{line[2:]} ".partition(": ")[::2] for line in lines if line.startswith("? "))
        body = [line for line in lines if not line.startswith("? ")]
        yield name.removeprefix("# "), "\n  ".join(body), {part: said.strip() for part, said in expected.items()}


def flow(body: str, head: str = HEAD, params: str = PARAMS) -> Labels:
    return labels(f"{head}flow f({params}) {{\n  {body}\n}}\n")


CASES = list(cases())


def test_the_cases_are_read() -> None:
    assert len(CASES) > 80
    assert all(expected for _, _, expected in CASES)


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_roads(body: str, expected: dict[str, str]) -> None:
    found = flow(body)
    assert {part: told(found, part) for part in expected} == expected


@pytest.mark.parametrize(
    ("type_", "bits", "free"),
    [
        (types.Choice(("a", "b", "c", "d")), 2.0, False),
        (types.Choice(("a",)), 0.0, False),
        (types.Range(0, 7), 3.0, False),
        (types.Range(-4, 3), 3.0, False),
        (types.Range(5, 5), 0.0, False),
        (types.Range(0.0, 1.0), 64.0, False),
        (types.BOOL, 1.0, False),
        (types.Optional(types.Choice(("a", "b", "c"))), 2.0, False),
        (types.TEXT, inf, True),
        (types.SizedText(0, 10), 210.0, True),
        (types.SizedText(5, None), inf, True),
        (types.ListOf(types.BOOL, least=1, most=4), 6.0, False),
        (types.DOCUMENT, inf, True),
        (types.INT, inf, True),
        (types.NUMBER, inf, True),
        (types.JSON, inf, True),
        (types.ListOf(types.BOOL), inf, False),
        (types.ListOf(types.TEXT), inf, True),
        (types.Record((types.Field("a", types.BOOL), types.Field("b", types.Range(1, 4)))), 3.0, False),
        (types.Record((types.Field("a", types.BOOL), types.Field("b", types.TEXT))), inf, True),
    ],
    ids=lambda value: types.show(value) if not isinstance(value, (float, bool)) else None,
)
def test_widths(type_: types.Type, bits: float, free: bool) -> None:
    found = width(type_)
    assert (found.bits, found.free) == (bits, free)


def test_a_flow_without_labels_is_not_read() -> None:
    assert labels('flow f(x: text) {\n  y = ask system "{{ x }}" user "go"\n  return y\n}\n') == Labels()


def test_sources_say_what_they_are() -> None:
    found = flow('x = map r in untrusted csv("a.csv") at most 9 { web(q: mail) } reduce collect\n  return x')
    assert {(one.name, one.kind, one.apart) for one in found.sources.values()} == {
        ("mail", "parameter", False),
        ("pages", "parameter", True),
        ("claims", "parameter", True),
        ('csv("a.csv")', "file", True),
        ("web", "extern", True),
    }


def test_the_places_of_a_source() -> None:
    found = flow('x = ask "{{ mail }}" -> a | b\n  y = ask "{{ good }}"\n  return { x, y }')
    assert [(one.step, one.kind) for one in found.of("mail")] == [("x", "ask"), ("", "result")]
    assert found.of("pages") == ()
    place = found.place("x")
    assert place is not None and place.mark("pages") is None
    mark = place.mark("mail")
    assert mark is not None and (mark.relation, mark.free, mark.named_channels) == ("joined", True, ("content",))
    assert mark.trail.names() == ("mail",)
    assert found.place("y") is None


def test_a_share_of_failures_can_be_used_up() -> None:
    found = flow(
        'x = map p in pages at most 9 { ask "{{ p }}" } reduce collect with errors: skip(5%)\n'
        '  y = map p in pages at most 9 { ask "{{ p }}" } reduce collect with errors: skip\n  return { x, y }'
    )
    assert {one.step for one in found.places if "pages" in one.tolerance} == {"x"}


def test_flows_of_imports_and_defaults_are_read() -> None:
    found = labels(
        'flow part(page: text = untrusted file("a.md")) {\n  x = ask "{{ page }}" -> yes | no\n  return x\n}\n'
        "flow f() {\n  y = part()\n  return y\n}\n"
    )
    assert [one.name for one in found.sources.values()] == ['file("a.md")']
    assert told(found, "part/x.request").endswith("joined free")
    assert told(found, "y.value").endswith("joined 1.0")
