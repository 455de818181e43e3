"""The drawing of a plan as Graphviz's DOT text."""

from __future__ import annotations

from collections.abc import Iterator

from .mermaid import direction
from .picture import Cluster, Node, Part, Picture
from .words import plain

_KINDS = {
    "param": 'style="rounded,filled" fillcolor="#e8eef7" color="#5b7aa8"',
    "return": 'style="rounded,filled" fillcolor="#e8eef7" color="#5b7aa8"',
    "element": 'style="rounded,filled" fillcolor="#f3eefb" color="#8667b8"',
    "ask": 'style="filled" fillcolor="#fff4dd" color="#b07d1a"',
    "value": 'style="filled" fillcolor="#f4f4f4" color="#7a7a7a"',
    "extern": 'style="filled" fillcolor="#f4f4f4" color="#7a7a7a" peripheries=2',
    "flow": 'style="filled" fillcolor="#fff4dd" color="#b07d1a" peripheries=2',
    "reduce": 'shape=hexagon style="filled" fillcolor="#e3f4e8" color="#3f8f5c"',
}
_STYLES = {"mention": "", "after": " style=dashed", "reduce": " style=bold"}


def to_dot(picture: Picture) -> str:
    """Write the picture as text for `dot`. Every text is quoted, and signs with a meaning to Graphviz are escaped."""
    lines = [
        f"digraph {_quoted(picture.title)} {{",
        f"  rankdir={direction(picture)} compound=true newrank=true",
        '  fontname="Helvetica" fontsize=11 color="#8a8a8a"',
        '  node [shape=box fontname="Helvetica" fontsize=11]',
        '  edge [color="#555555" arrowsize=0.7]',
    ]
    first: dict[str, str] = {}
    lines += _parts(picture.parts, "  ", first)
    for edge in picture.edges:
        # DOT has no edges to clusters. So the edge goes to a node inside, and is cut at the frame.
        head = f" lhead=cluster_{edge.end}" if edge.end in first else ""
        attributes = (head + _STYLES[edge.style]).strip()
        lines.append(f"  {edge.start} -> {first.get(edge.end, edge.end)}" + (f" [{attributes}]" if attributes else ""))
    return "\n".join([*lines, "}"]) + "\n"


def _parts(parts: tuple[Part, ...], indent: str, first: dict[str, str]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Cluster):
            title = f"{part.name} · {part.what}" if part.name else part.what
            yield f"{indent}subgraph cluster_{part.id} {{"
            yield f'{indent}  label={_quoted(title)} labeljust=l style="rounded" tooltip={_quoted(*_lines(part.tip))}'
            yield from _parts(part.inside, indent + "  ", first)
            yield f"{indent}}}"
            inner = part.inside[0]
            first[part.id] = inner.id if isinstance(inner, Node) else first[inner.id]
        else:
            label = _quoted(*filter(None, (part.title, *part.lines)))
            yield f"{indent}{part.id} [label={label} tooltip={_quoted(*_lines(part.tip))} {_KINDS[part.kind]}]"


def _lines(tip: str) -> list[str]:
    return tip.split("\n")


def _quoted(*lines: str) -> str:
    # Graphviz reads backslashes and, in a label, the entities of HTML.
    escaped = (plain(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
