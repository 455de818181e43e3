"""No function of an editor fails, whatever the text is, and the findings are those of `validate`."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from flowrun.dsl import Source, examine_flow, ide
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog
from support.cpu import cpu_within
from support.few_cases import some
from support.views import CORPUS, beside, of_file

PARTS = [
    "",
    "{",
    "}",
    '"',
    "x.",
    " -> ",
    "{{ ",
    "reduce ",
    "ask ",
    "with ",
    ' "',
    "\n",
    "(",
    "]",
    '"""',
    "{% for ",
    "#",
    "é",
]
PLACES = 20
"""The places of a flow that are tried at most."""
SHARE = 24
"""Each so many flows of the corpus are tried in one run of the tests, and each time the same ones."""


def at_place(view: ide.View, at: int) -> None:
    """Call everything that answers about a place."""
    size = len(view.source.text)
    found = ide.hover(view, at)
    assert found is None or (found.text and found.span.end <= max(len(found.span.source.text), 1))
    for one in ide.complete(view, at):
        assert 0 <= one.span.start <= at <= one.span.end <= size
        assert one.label and one.documentation
    for span in (*ide.definition(view, at), *ide.references(view, at)):
        assert 0 <= span.start <= span.end <= len(span.source.text)
    signature = ide.signature(view, at)
    if signature is not None:
        assert all(one.end <= len(signature.label) for one in signature.parameters)
    ide.renamed(view, at)
    outer = ide.ranges(view, at)
    assert all(b.start <= a.start and a.end <= b.end for a, b in pairwise(outer))


def outlines(found: tuple[ide.Outline, ...]) -> None:
    for one in found:
        assert one.name
        assert one.span.start <= one.name_span.start <= one.name_span.end <= one.span.end
        outlines(one.children)


def whole(view: ide.View) -> None:
    """Call everything that answers about the whole text."""
    size = len(view.source.text)
    last = 0
    for token in ide.tokens(view):
        assert last <= token.start < token.end <= size
        last = token.end
    outlines(ide.symbols(view))
    assert all(0 <= one.at <= size for one in ide.hints(view))
    assert all("\n" in one.span.text for one in ide.folds(view))
    assert all(one.span.end <= size for one in ide.links(view))
    assert all(one.span.end <= size for one in ide.lenses(view))
    for action in ide.actions(view, 0, size):
        edited(view.source, action.edits)
    ide.fix_all(view)


@pytest.mark.parametrize("start", range(3))
def test_each_place_of_the_corpus(start: int) -> None:
    chosen = random.Random(7).sample(CORPUS, len(CORPUS))[start::SHARE]
    for path in chosen:
        view = of_file(path)
        whole(view)
        size = len(view.source.text)
        for at in range(start, size + 1, max(5, size // PLACES)):
            at_place(view, at)


@pytest.mark.parametrize("seed", some(range(4), 4))
def test_random_edits(seed: int) -> None:
    chance = random.Random(seed)
    for path in chance.sample(CORPUS, 8):
        view = of_file(path, quick=True)
        for _ in range(4):
            text = view.source.text
            start = chance.randrange(len(text) + 1)
            end = min(len(text), start + chance.randrange(12))
            changed = text[:start] + chance.choice(PARTS) + text[end:]
            view = ide.look(Source(changed, path.name), catalog(), beside(path), view, quick=True)
            whole(view)
            for at in (start, start + 1, end):
                at_place(view, min(at, len(view.source.text)))


def test_texts_cut_off() -> None:
    chance = random.Random(5)
    for path in chance.sample(CORPUS, 12):
        text = path.read_text(encoding="utf-8")
        cut = text[: chance.randrange(len(text) + 1)]
        view = ide.look(Source(cut, path.name), catalog(), beside(path), quick=True)
        whole(view)
        at_place(view, len(view.source.text))


@pytest.mark.parametrize("text", ["", "\n", "flow", "{{{", '"', "\0", "flow f() { return 1 }", "é" * 50, "(" * 500])
def test_tiny_texts(text: str) -> None:
    view = ide.look(Source(text, "x.flow"), catalog())
    whole(view)
    for at in range(min(len(view.source.text), 60) + 1):
        at_place(view, at)


@pytest.mark.parametrize("path", random.Random(3).sample(CORPUS, 40), ids=lambda path: path.stem)
def test_the_findings_are_those_of_validate(path: Path) -> None:
    source = Source(path.read_text(encoding="utf-8"), path.name)
    wanted = examine_flow(source, catalog(), beside(path)).findings
    assert [repr(one) for one in of_file(path).findings] == [repr(one) for one in wanted]
    quick = of_file(path, quick=True).findings
    assert [(one.code, one.message, one.span.start) for one in quick] == [
        (one.code, one.message, one.span.start) for one in wanted
    ]


@pytest.mark.no_cover
@pytest.mark.parametrize("part", some(["a ", "(", '"', "\0", "é", "{{", "# c\n", "1, "], 4, 1), ids=repr)
def test_a_mebibyte_ends_soon(part: str) -> None:
    text = 'flow f() { return ask "' + part * ((1 << 20) // len(part))
    with cpu_within(4):
        view = ide.look(Source(text, "huge.flow"), catalog())
        ide.tokens(view)
        ide.folds(view)
        at_place(view, len(text) // 2)
        assert view.findings


def long_text() -> str:
    """Make a text of a thousand lines."""
    part = """
flow f{n}(items: [text], note: text) {{
  found = map item in items at most 9 {{
    ask "What is {{{{ item }}}} beside {{{{ note }}}}?" -> {{ kind: good | bad, why: text }}
  }} reduce collect
  best = ask "Join these: {{% for one in found %}}{{{{ one.why }}}}{{% endfor %}}"
  kind = repeat 3 {{ ask "Good? {{{{ best }}}}" -> good | bad }} reduce majority
  return {{ best, kind }}
}}
"""
    return "".join(part.format(n=number) for number in range(112))


@pytest.mark.no_cover
def test_a_thousand_lines_are_quick() -> None:
    text = long_text()
    assert text.count("\n") > 1000
    source = Source(text, "long.flow")
    view = ide.look(source, catalog())
    assert view.findings == ()

    def taken(work: object, times: int = 3) -> float:
        assert callable(work)
        least = 9.0
        for _ in range(times):
            begun = time.process_time()
            work()
            least = min(least, time.process_time() - begun)
        return least

    at = text.index("{{", len(text) // 2) + 3
    broken = Source(text[:at] + "}{ " + text[at:], "long.flow")
    assert taken(lambda: ide.look(source, catalog())) < 0.3
    assert taken(lambda: ide.look(broken, catalog(), None, view)) < 0.45
    assert taken(lambda: ide.hover(view, at)) < 0.04
    assert taken(lambda: ide.complete(view, at)) < 0.04
