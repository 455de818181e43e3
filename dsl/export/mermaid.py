"""The drawing of a plan as the text of a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .picture import Cluster, Edge, Node, Part, Picture
from .words import plain

# Most boxes of a flow are steps. The other kinds stand out by their shape.
_SHAPES = {
    "param": ("([", "])"),
    "return": ("([", "])"),
    "element": (">", "]"),
    "flow": ("[[", "]]"),
    "extern": ("[[", "]]"),
    "reduce": ("{{", "}}"),
}
_ARROWS = {"mention": "-->", "after": "-.->", "reduce": "==>"}
_CLASSES = {
    "param": "fill:#e8eef7,stroke:#5b7aa8,color:#1b2a41",
    "return": "fill:#e8eef7,stroke:#5b7aa8,color:#1b2a41",
    "element": "fill:#f3eefb,stroke:#8667b8,color:#2e2044",
    "ask": "fill:#fff4dd,stroke:#b07d1a,color:#3d2c06",
    "value": "fill:#f4f4f4,stroke:#7a7a7a,color:#222222",
    "extern": "fill:#f4f4f4,stroke:#7a7a7a,color:#222222",
    "flow": "fill:#fff4dd,stroke:#b07d1a,color:#3d2c06",
    "reduce": "fill:#e3f4e8,stroke:#3f8f5c,color:#12351f",
}
# Letters, digits and few other signs mean nothing to Mermaid, nor to the Markdown and HTML that it makes of a label;
# an underscore does only at the edge of a word.
_SPECIAL = re.compile(r"[^\w ,()/=?|→…·]|(?<![^\W_])_|_(?![^\W_])")


def to_mermaid(picture: Picture) -> str:
    """Write the picture as a flowchart.

    Names and texts are quoted, and every character with a meaning in Mermaid is escaped.
    """
    lines = [f"flowchart {direction(picture)}", f"  accTitle: {_escaped(picture.title)}"]
    lines += _parts(picture.parts, "  ")
    lines += (f"  {_edge(edge)}" for edge in picture.edges)
    used = {part.kind for part in picture.walk() if isinstance(part, Node)}
    lines += (f"  classDef {kind} {style}" for kind, style in _CLASSES.items() if kind in used)
    return "\n".join(lines) + "\n"


def direction(picture: Picture) -> str:
    """Choose the direction of the chart: downwards, or to the right if many boxes are side by side.

    Labels are wider than high, so many of them take less space below each other.
    """
    fanouts = (len(part.inside) for part in picture.walk() if isinstance(part, Cluster) and part.kind == "fanout")
    return "LR" if max(fanouts, default=0) > 5 else "TB"


def _parts(parts: tuple[Part, ...], indent: str) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Cluster):
            title = f"<b>{_escaped(part.name)}</b> · " if part.name else ""
            yield f'{indent}subgraph {part.id}["{title}{_escaped(part.what)}"]'
            yield from _parts(part.inside, indent + "  ")
            yield f"{indent}end"
        else:
            yield indent + _node(part)


def _node(node: Node) -> str:
    before, behind = _SHAPES.get(node.kind, ("[", "]"))
    title = [f"<b>{_escaped(node.title)}</b>"] if node.title else []
    label = "<br/>".join([*title, *map(_escaped, node.lines)])
    return f'{node.id}{before}"{label}"{behind}:::{node.kind}'


def _edge(edge: Edge) -> str:
    return f"{edge.start} {_ARROWS[edge.style]} {edge.end}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", plain(text))
