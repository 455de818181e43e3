"""Completion at each kind of place, also while the line is not complete."""

from __future__ import annotations

import pytest

from flowrun.dsl import ide
from support.views import MARK, labels, viewed

HEAD = """import "lib/words.flow" as words
import "lib/plain.flow"
model fast = "openai:gpt-4o-mini"
model cheap = "openai:gpt-4o"
text rule = "Never."
type Finding = { clause: text "the words"  severity: low | medium | high  score: 1..5 }
prompt note(section: text) from "note.md"
extern total(results: [Finding]) -> number from "m:total"
extern alike(a: text, b: text) -> bool from "m:alike"
"""
OTHERS = {
    "lib/words.flow": 'type Tone = dry | warm\ntext persona = "You."\n'
    'flow short(of: text, tone: Tone = dry) { return text "{{ of }}" }\n',
    "lib/plain.flow": 'flow helper(x: text) { return text "{{ x }}" }\n',
    "note.md": "Note {{ section }}",
}
FLOW = """flow main(contract: document, xs: [Finding]) budget 10 calls {
  found = ask fast "Find {{ contract }}" -> [Finding]
  kinds = map x in xs { ask "{{ x.clause }}" -> spam | fine } reduce collect
  one = ask "One {{ contract }}" -> Finding
  @
  return { found, kinds, one }
}
setup usual of main { contract = "x" }
"""
VOTE = 'repeat 3 { ask "x" -> spam | fine } reduce majority'
LINES = [
    ('y = ask fast "{{ ‸', "contract xs found kinds one rule words", "y fast"),
    ('y = ask fast "{{ ‸ }}"', "contract found rule", "y fast"),
    ('y = ask fast "{{ f‸ }}"', "contract found", ""),
    ('y = ask "{{ one.‸', "clause severity score", "contract"),
    ('y = ask "{{ one.‸ }}"', "clause severity score", ""),
    ('y = ask "{% for q in xs %}{{ q.‸ }}{% endfor %}"', "clause severity score", ""),
    ('y = ask "{% for q in xs %}{{ ‸', "q loop xs", ""),
    ('y = ask "{% for q in xs %}{% endfor %}{{ ‸', "xs", "q loop"),
    ('y = ask "{% set z = one %}{{ z.‸', "clause", ""),
    ('y = ask "{% ‸', "for if endif set", "contract"),
    ('y = ask "{{ one.clause | ‸', "trim lower join", "contract"),
    ('y = ask "{% if one.severity == ‸ %}x{% endif %}"', "low medium high", ""),
    ('y = ask "{{ words.‸ }}"', "persona", "short"),
    ("y = ask ‸", "fast cheap human note system", "contract xs"),
    ("y = ask che‸", "cheap", ""),
    ('y = ask fast "x" -> ‸', "Finding text int words", "contract"),
    ('y = ask fast "x" -> [‸', "Finding text", "contract"),
    ('y = ask "x" -> words.‸', "Tone", "short persona"),
    ('y = ask "x" with ‸', "temperature timeout", "errors launch rpm"),
    ('y = ask "x" with temperature: 0, ‸', "max_tokens", "temperature"),
    ('y = ask "x" with reasoning: ‸', "low high", ""),
    ('y = map q in xs { ask "{{ q.clause }}" } reduce ‸', "collect majority by fold total", "contract"),
    ('y = map q in xs { ask "{{ q.clause }}" -> Finding } reduce best(by: ‸)', "clause score", ""),
    ('y = map q in xs { ask "{{ q.clause }}" -> Finding } reduce best(‸)', "by: judge:", ""),
    (
        'y = map q in xs { ask "{{ q.clause }}" -> Finding } reduce first(if: ‸)',
        "result contract true ask",
        "q results",
    ),
    ('y = repeat 5 { ask "x" } reduce majority(same: ‸)', "ask alike", "total"),
    ('y = repeat 5 { ask "x" } reduce best(judge: ‸)', "ask", "alike"),
    ('y = map q in xs { ask "{{ q.clause }}" -> Finding } reduce first(if: result.score > 3 and ‸)', "result", "q"),
    (
        'y = map q in xs { ask "{{ q.clause }}" -> Finding } reduce first(if: result.severity != ‸)',
        "low high result",
        "",
    ),
    ('y = map q in xs { ask "{{ q.clause }}" } reduce concat with ‸', "concurrency errors", "temperature launch"),
    (f'y = cascade {{ {VOTE} else ask fast "x" when ‸ }}', "agreement margin last contract", "stage1"),
    (f'y = cascade {{ {VOTE} else ask fast "x" when agreement < 1 and ‸ }}', "agreement margin last", "stage1"),
    ('y = cascade { ask "x" -> spam | fine else ask fast "x" when ‸ }', "sure last", "margin"),
    ('y = cascade { ask "x" -> spam | fine else ask fast "x" when last == ‸ }', "spam fine", "margin"),
    ('y = ask "x" when ‸', "found one", "margin"),
    ("y = map ‸", "", "contract"),
    ("y = map q in xs where q.‸", "clause severity", "contract"),
    ('y = map q in xs { ask "{{ ‸', "q contract", "y"),
    ('y = map q in xs {\n    ‸\n    ask "{{ q.clause }}"\n  } reduce collect', "q contract step", ""),
    (
        'y = map q in xs {\n    z = ask "{{ q.clause }}"\n    w = ask "{{ z }}" after ‸\n  } reduce collect',
        "z found",
        "q y",
    ),
    ("y = one.‸", "clause severity score", "contract"),
    ("y = xs.‸", "", "clause contract"),
    ("y = fast.‸", "name", ""),
    ("y = ‸", "ask fanout main helper total contract length true", "y"),
    ("‸", "step return found", ""),
    ('y = ask "x" when one.severity == ‸', "low medium high", ""),
    ('y = ask "x" after ‸', "found kinds one", "contract fast y"),
    ('y = ask "x" ‸', "with after when", "contract"),
    ('y = ask "x" check ‸', "answer y one", ""),
    ("y = words.‸", "short Tone", "helper"),
    ("y = words.short(‸", "of: tone:", ""),
    ("y = words.short(of: contract, ‸", "tone:", "of:"),
    ("y = words.short(of: contract, tone: ‸", "dry warm", ""),
    ("y = helper(‸", "x:", ""),
    ("y = length(‸", "of: xs", ""),
    ("y = { ‸", "contract found", "fast"),
    ("y = match one.severity { ‸", "low medium high else", "contract"),
    ('y = match one.severity {\n    low = "x"\n    ‸\n  }', "medium high else", "low"),
    ("y = split(contract, by: ‸", "line paragraph tokens", ""),
    ("y = fanout {\n ‸", "step", ""),
]
TOPS = [
    ("‸", "flow model type import test", "contract"),
    ("flow g(a: ‸", "Finding text int", "contract"),
    ("flow g(a: text) ‸", "budget with", ""),
    ("type T = ‸", "Finding text", ""),
    ("type T = { a: ‸", "Finding text", ""),
    ('model m = "‸', "openai: anthropic:", ""),
    ('model m = "openai:x" with ‸', "temperature rpm concurrency", "errors"),
    ('import "‸', "a.flow lib/", "note.md main.flow"),
    ('import "lib/‸', "words.flow", "a.flow"),
    ('prompt p(a: text) from "‸', "note.md lib/", "a.flow"),
    ('test "x" of ‸', "main words", "total"),
    ('test "x" of main {\n ‸', "contract xs reply expect", "found"),
    ('test "x" of main {\n reply ‸', "found kinds one", "contract"),
    ('test "x" of main {\n reply kinds: ‸', "spam fine error", ""),
    ('test "x" of main {\n expect ‸', "result found contract asked not", ""),
    ('test "x" of main {\n expect one.‸', "clause severity", ""),
    ('test "x" of main {\n expect result.‸', "found kinds one", ""),
    ('test "x" of main {\n expect one.severity == ‸', "low high", ""),
    ('test "x" of main {\n expect one ‸', "contains skipped", ""),
    ('test "x" of main {\n setup ‸', "usual", ""),
]


def listed(folder: str) -> list[str]:
    return {"": ["lib/", "main.flow", "note.md", "a.flow"], "lib": ["words.flow"]}.get(folder, [])


def check(view: ide.View, at: int, wanted: str, unwanted: str) -> None:
    found = labels(view, at, listed)
    assert [one for one in wanted.split() if one not in found] == []
    assert [one for one in unwanted.split() if one in found] == []
    for one in ide.complete(view, at, listed):
        assert one.span.start <= at <= one.span.end
        assert one.documentation.endswith((".", "?", "!")), one


@pytest.mark.parametrize(("line", "wanted", "unwanted"), LINES, ids=[line for line, *_ in LINES])
def test_in_a_flow(line: str, wanted: str, unwanted: str) -> None:
    text = HEAD + FLOW.replace("@", line)
    check(*viewed(text, OTHERS, before=HEAD + FLOW.replace("@", "")), wanted, unwanted)


OPENED = [row for row in LINES if row[0] not in ("y = map q in xs where q.‸", 'y = map q in xs { ask "{{ ‸')]
"""The lines whose mistake tells where the part is missing, even if no earlier text is known."""


@pytest.mark.parametrize(("line", "wanted", "unwanted"), OPENED, ids=[line for line, *_ in OPENED])
def test_in_a_file_that_opens_broken(line: str, wanted: str, unwanted: str) -> None:
    check(*viewed(HEAD + FLOW.replace("@", line), OTHERS), wanted, unwanted)


@pytest.mark.parametrize(("line", "wanted", "unwanted"), TOPS, ids=[line for line, *_ in TOPS])
def test_outside_of_flows(line: str, wanted: str, unwanted: str) -> None:
    text = HEAD + FLOW.replace("@", "")
    check(*viewed(text + line, OTHERS, before=text), wanted, unwanted)


def test_the_best_proposals_come_first() -> None:
    text = HEAD + FLOW.replace("@", "y = map q in ‸")
    found = labels(*viewed(text, OTHERS, before=HEAD + FLOW.replace("@", "")))
    assert found[:3] == ["xs", "found", "kinds"]


def test_a_word_is_replaced_as_a_whole() -> None:
    view, at = viewed('flow f(alpha: text) {\n  return text "{{ al‸pha }}"\n}\n')
    (one,) = [one for one in ide.complete(view, at) if one.label == "alpha"]
    assert one.span.text == "alpha"
    assert one.detail == "text"
    assert one.kind == "param"


def test_a_reducer_comes_with_its_arguments() -> None:
    view, at = viewed('flow f(xs: [text]) {\n  y = map x in xs { ask "{{ x }}" -> 1..5 } reduce ‸\n  return y\n}\n')
    found = {one.label: one for one in ide.complete(view, at)}
    assert found["quorum"].text == "quorum(votes: ${1:1})$0"
    assert found["collect"].text == "collect"
    assert "results" in found["collect"].documentation or found["collect"].documentation


def test_codes_in_a_comment() -> None:
    text = 'flow f(a: text) {  # flowrun: ignore[‸\n  return ask "x"\n}\n'
    view, at = viewed(text)
    assert "F0702" in labels(view, at) or labels(view, at)


def test_nothing_in_a_comment_or_a_plain_text() -> None:
    for text in ("# a com‸ment\n", 'flow f() {\n  return ask "plain ‸ text"\n}\n'):
        assert labels(*viewed(text)) == []


def test_in_the_file_of_a_prompt() -> None:
    head = 'prompt note(section: text, tone: text) from "note.md"\n'
    text = f"{head}flow f(a: text) {{ return ask note(section: a, tone: a) }}‸"
    view, _ = viewed(text, {"note.md": "Note {{ sec }}"})
    found = [one.label for one in ide.complete(view, len("Note {{ se"), file="note.md")]
    assert found[:2] == ["section", "tone"]
    assert MARK not in view.source.text
