"""Small readers of DOT and Mermaid, made of their grammars and of nothing in the project."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class Read:
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    around: dict[str, str] = field(default_factory=dict)
    edges: set[tuple[str, str, str]] = field(default_factory=set)


DOT_TOKEN = re.compile(r'\s*(?:("(?:[^"\\\n]|\\.)*")|([A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+)|(->|[{}\[\]=;,]))')


def dot_tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = DOT_TOKEN.match(text, at)
        assert match is not None, text[at : at + 60]
        found.append(match[0].strip())
        at = match.end()
    return found


def read_dot(text: str) -> Read:
    tokens = dot_tokens(text)
    assert tokens[0] == "digraph"
    assert tokens[1][0] == '"'
    assert tokens[2] == "{"
    read, frames, at = Read(), [""], 3
    first: dict[str, str] = {}
    while frames:
        token = tokens[at]
        if token == "}":
            frames.pop()
            at += 1
        elif token == "subgraph":
            id_ = tokens[at + 1].removeprefix("cluster_")
            read.around[id_] = frames[-1]
            frames.append(id_)
            assert tokens[at + 2] == "{"
            at += 3
        elif tokens[at + 1] == "=":
            at += 3
        else:
            end = at + 3 if tokens[at + 1] == "->" else at + 1
            attributes: dict[str, str] = {}
            if tokens[end] == "[":
                close = tokens.index("]", end)
                assert tokens[end + 2 : close : 3] == ["="] * ((close - end - 1) // 3)
                attributes = dict(zip(tokens[end + 1 : close : 3], tokens[end + 3 : close + 1 : 3], strict=True))
            if tokens[at + 1] == "->":
                target = attributes.get("lhead", "cluster_" + tokens[at + 2]).removeprefix("cluster_")
                style = {"dashed": "after", "bold": "reduce"}.get(attributes.get("style", ""), "mention")
                assert target == tokens[at + 2] or frames_of(tokens[at + 2], read).count(target) == 1
                read.edges.add((token, target, style))
            elif token not in ("node", "edge"):
                read.around[token] = frames[-1]
                first.setdefault(frames[-1], token)
                read.labels[token] = dot_label(attributes["label"])
            at = end + 2 + 3 * len(attributes) if tokens[end] == "[" else end
    assert at == len(tokens)
    assert {end for edge in read.edges for end in edge[:2]} <= set(read.around)
    return read


def frames_of(id_: str, read: Read) -> list[str]:
    found = []
    while id_ := read.around.get(id_, ""):
        found.append(id_)
    return found


def dot_label(quoted: str) -> tuple[str, ...]:
    """Return the text that Graphviz shows for a quoted label: it reads escapes first, then the entities of HTML."""
    lines, line = [], ""
    for found in re.finditer(r"\\(.)|([^\\])", quoted[1:-1]):
        if found[1] == "n":
            lines.append(line)
            line = ""
        else:
            assert found[1] in (None, '"', "\\")
            line += found[1] or found[2]
    assert re.findall(r"&(?!amp;)[#\w]+;", "".join([*lines, line])) == []
    return tuple(one.replace("&amp;", "&") for one in [*lines, line] if one)


MERMAID_LINES = {
    "node": re.compile(r'(n\d+)(\(\[|\[\[|\[|>|\{\{)"([^"]+)"(\]\)|\]\]|\]|\}\}):::([a-z]+)'),
    "edge": re.compile(r"(n\d+) (-->|-\.->|==>) ([nc]\d+)"),
    "subgraph": re.compile(r'subgraph (c\d+)\["([^"]+)"\]'),
    "end": re.compile(r"end"),
    "accTitle": re.compile(r"accTitle: [^\n]*"),
    "classDef": re.compile(r"classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}"),
}


def read_mermaid(text: str) -> Read:
    head, *lines = text.splitlines()
    assert head in ("flowchart TB", "flowchart LR")
    read, frames = Read(), [""]
    for line in lines:
        kind, found = next((k, m) for k, pattern in MERMAID_LINES.items() if (m := pattern.fullmatch(line.strip())))
        # These are taken out or obeyed before Mermaid reads the text at all.
        assert "%%" not in line
        if kind == "node":
            read.around[found[1]] = frames[-1]
            read.labels[found[1]] = mermaid_label(found[3])
        elif kind == "subgraph":
            read.around[found[1]] = frames[-1]
            frames.append(found[1])
            mermaid_label(found[2])
        elif kind == "end":
            frames.pop()
        elif kind == "edge":
            style = {"-->": "mention", "-.->": "after", "==>": "reduce"}[found[2]]
            read.edges.add((found[1], found[3], style))
    assert frames == [""]
    assert {end for edge in read.edges for end in edge[:2]} <= set(read.around)
    return read


def mermaid_label(text: str) -> tuple[str, ...]:
    bare = re.sub(r"</?b>|<br/>|#\d+;", " ", text)
    assert not set(bare) & set("\"'`<>&#;%[]{}*$~^\\:.-!@"), bare
    lines = re.sub(r"</?b>", "", text).split("<br/>")
    return tuple(re.sub(r"#(\d+);", lambda found: chr(int(found[1])), line) for line in lines)
