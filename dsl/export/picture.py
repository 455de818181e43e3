"""What a drawing of a plan holds, whatever it is written in: nodes, clusters that nest, and edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["param", "element", "ask", "value", "extern", "flow", "reduce", "return"]
BlockKind: TypeAlias = Literal["map", "repeat", "fanout", "chain", "flow"]
Style: TypeAlias = Literal["mention", "after", "reduce"]


@dataclass(frozen=True, slots=True)
class Node:
    """A box. ``lines`` stand under the title; ``tip`` tells what has no room there, on lines of its own."""

    id: str
    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around nodes and clusters. ``name`` is empty where the flow gives none; ``what`` says what it does."""

    id: str
    kind: BlockKind
    name: str
    what: str
    inside: tuple[Part, ...]
    tip: str = ""


Part: TypeAlias = Node | Cluster


@dataclass(frozen=True, slots=True)
class Edge:
    """What must be finished first, and what waits: ids of nodes, or of a cluster where all of it waits.

    ``mention`` is a value that is used, ``after`` an order that is asked for, ``reduce`` a result to be combined.
    """

    start: str
    end: str
    style: Style = "mention"


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    parts: tuple[Part, ...]
    edges: tuple[Edge, ...] = field(default=())

    def walk(self) -> Iterator[Part]:
        """Every node and cluster, what is inside a cluster behind it."""
        todo = list(reversed(self.parts))
        while todo:
            part = todo.pop()
            yield part
            if isinstance(part, Cluster):
                todo.extend(reversed(part.inside))
