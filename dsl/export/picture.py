"""The content of a plan's drawing, for every format: nodes, nested clusters, and edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Literal, TypeAlias

from ..records import dataclass

Kind: TypeAlias = Literal["param", "element", "ask", "value", "extern", "flow", "reduce", "return"]
BlockKind: TypeAlias = Literal["map", "repeat", "fanout", "chain", "match", "rounds", "cascade", "flow"]
Style: TypeAlias = Literal["mention", "after", "reduce"]


@dataclass(frozen=True, slots=True)
class Node:
    """A box.

    ``lines`` are shown under the title. ``tip`` holds further details, each on a line of its own. ``path`` is the path
    of its step in a run, without the numbers of elements; "" for a box that is no step. ``calls`` says that the step
    sends requests. ``room`` is the number of lines that are left free below, for the figures of a run.
    """

    id: str
    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    tip: str = ""
    path: str = ""
    calls: bool = False
    room: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around nodes and clusters.

    ``name`` is empty if the flow gives none. ``what`` describes the block. ``path`` is that of its step in a run.
    """

    id: str
    kind: BlockKind
    name: str
    what: str
    inside: tuple[Part, ...]
    tip: str = ""
    path: str = ""


Part: TypeAlias = Node | Cluster


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge from the part that must finish first to the part that waits for it.

    Both are ids of nodes, or the id of a cluster if all of it waits. The style ``mention`` is for a value that is used,
    ``after`` for an order that the flow asks for, and ``reduce`` for a result that is combined.
    """

    start: str
    end: str
    style: Style = "mention"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing of a plan: its nodes and clusters, and the edges between them. It has no positions yet."""

    title: str
    parts: tuple[Part, ...]
    edges: tuple[Edge, ...] = field(default=())

    def walk(self) -> Iterator[Part]:
        """Yield every node and cluster. The content of a cluster follows the cluster itself."""
        todo = list(reversed(self.parts))
        while todo:
            part = todo.pop()
            yield part
            if isinstance(part, Cluster):
                todo.extend(reversed(part.inside))
