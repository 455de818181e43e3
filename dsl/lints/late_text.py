"""A long text stands behind an element in a prompt of a map. Servers keep the beginning of a prompt as far as it is the
same for all elements, and read it again for a tenth of the price. They read in full whatever stands behind the element.
Put the text first. `flowrun plan` then shows the tokens that are expected from the cache.

```flow bad
flow review(sections: [text], handbook: document) {
  notes = map section in sections {
    ask "Is this in line with the handbook? {{ section }} The handbook: {{ handbook }}"
  } reduce collect
  return notes
}
```

```flow good
flow review(sections: [text], handbook: document) {
  notes = map section in sections {
    ask "The handbook: {{ handbook }} Is this in line with it? {{ section }}"
  } reduce collect
  return notes
}
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Step, Symbol
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..patterns import pattern
from ..source import Span
from ..templates.heads import parts_of
from ..templates.plain import Name, Node
from .lint import Lint
from .parts import walk

_BETWEEN = pattern(r"[ \t]*\n[ \t]*\n\s*")
_READS = frozenset({"file", "lines"})
_MANY = 4096
"""So many characters are about 1,024 tokens, the fewest that most servers keep."""
_ORDER = pattern(
    r"\b(?:above|below|following|preceding|previous|next|former|latter|earlier|later|before|after|first|last|end|"
    r"beginning|top|bottom|then|finally)\b",
    re.IGNORECASE,
)
"""The words of a text that may speak of the order of its paragraphs."""


def late_text(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        finding
        for flow in program.flows
        for step in walk(flow)
        if isinstance(step.line.node, s.Ask) and (block := _map_around(step)) is not None
        for finding in _late(program, step, step.line.node, block)
    ]


def _map_around(step: Step) -> Step | None:
    around = step.parent
    while around is not None and not isinstance(around.line.node, s.Map):
        around = around.parent
    return around


def _late(program: Program, step: Step, ask: s.Ask, block: Step) -> Iterator[Diagnostic]:
    """Find the long texts that stand behind the first word that is not the same for all elements, each once."""
    varying = {mention.name for mention in step.mentions if _varies(mention.symbol, block)}
    cut = _names(block)
    seen: set[str] = set()
    for message in ask.messages:
        template = program.template(message.template)
        if template is None:
            return
        # Words that stand behind those of another role are there for a reason.
        first: Span | None = None
        parts = list(parts_of(template.body, varying))
        for part, varies in parts:
            if varies:
                first = first or message.template.place(*part.extent())
                continue
            symbol = step.scope.mentioned(part.name) if isinstance(part, Name) else None
            if first is None or symbol is None or not _long(symbol) or symbol.name in cut | seen:
                continue
            seen.add(symbol.name)
            fix = _fix(message.template, part, parts) if template.plain else None
            caret, late = step.span, message.template.place(part.start, part.end)
            labels: tuple[Label, ...] = (Label(first, "from here on, each element has a prompt of its own"),)
            if caret.line == late.line:
                caret = late
            else:
                # A comment that silences the finding cannot stand inside the text.
                caret = caret if step.line.name else Span(caret.source, ask.span.start, ask.span.start + len("ask"))
                labels = (*labels, Label(late, "each element reads all of this"))
            yield Diagnostic(
                "F0767",
                f"`{symbol.name}` stands behind the element",
                caret,
                labels=labels,
                note="so each element pays for reading all of it",
                help="put it first, and reading it again costs a tenth",
                fix=fix,
            )


def _varies(symbol: Symbol | None, block: Step) -> bool:
    """Tell whether a name has another value for each element of a map."""
    if symbol is None or symbol.step is None:
        return False
    inside: Step | None = symbol.step
    while inside is not None and inside is not block:
        inside = inside.parent
    return inside is block and (symbol.step is not block or symbol.kind != "step")


def _names(block: Step) -> set[str]:
    """Return the names in the list of a map: another lint reports a text that is sent with each of its pieces."""
    return {mention.name for mention in block.mentions}


def _long(symbol: Symbol) -> bool:
    """Tell whether a name probably has a long text: a document, the text of a file, or a long text of the flow."""
    if symbol.kind == "param" and symbol.param is not None:
        kind = symbol.param.type
        if isinstance(kind, s.TypeName) and kind.word.text == "document":
            return True
        return _reads(symbol.param.default)
    if symbol.kind == "text":
        return len(symbol.text() or "") >= _MANY
    return symbol.kind == "step" and symbol.step is not None and _reads(symbol.step.line.node)


def _reads(node: object) -> bool:
    return isinstance(node, s.Call) and node.prefix is None and node.function.text in _READS


def _fix(string: s.String, late: Node, parts: list[tuple[Node, bool]]) -> Fix | None:
    """Move the paragraph of a text to the front, if nothing in it depends on the element."""
    value = string.value
    gaps = [found.span() for found in _BETWEEN.finditer(value.rstrip())]
    lead = len(value) - len(value.lstrip())
    starts = [lead, *(end for start, end in gaps if start > lead)]
    ends = [*(start for start, _ in gaps if start > lead), len(value.rstrip())]
    at = next((at for at, end in enumerate(ends) if late.start < end), 0)
    start, end = starts[at], ends[at]
    mixed = any(varies and start <= part.start < end for part, varies in parts)
    text = string.span.source.text
    # An escape has more characters in the file than in the text.
    escaped = "\\" in text[string.span.start : string.span.end]
    if at == 0 or mixed or escaped:
        return None
    paragraph = string.place(start, end)
    # The indentation of a paragraph is no part of the text.
    gap = Span(string.span.source, string.place(starts[at - 1], ends[at - 1]).end, paragraph.start)
    first = string.place(starts[0], starts[0])
    moved = text[paragraph.start : paragraph.end] + text[gap.start : gap.end]
    away = Span(string.span.source, gap.start, paragraph.end)
    edits = Edit(Span(string.span.source, first.start, first.start), moved), Edit(away, "")
    safe = _ORDER.search(value) is None
    return Fix("move its paragraph to the front", edits, safe=safe)


LINT = Lint("F0767", late_text)
