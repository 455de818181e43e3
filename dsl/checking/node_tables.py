"""The checker's results about the nodes of a tree, by their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import types as t
from .callees import Callee


@dataclass(slots=True)
class NodeTables:
    """The results about the nodes of one file. The keys are the numbers of the nodes.

    So two checks of one text give equal tables, and the tables outlive the tree.

    Types: ``answers`` of asks, ``params`` of parameters, ``results`` of flows, ``arguments`` of types given as
    arguments, ``shapes`` to which values are cut. ``words`` are names that stand for themselves (a bare choice, a
    rule). ``callees`` has the callee of each call and reducer.
    """

    answers: dict[int, t.Type] = field(default_factory=dict)
    params: dict[int, t.Type] = field(default_factory=dict)
    results: dict[int, t.Type] = field(default_factory=dict)
    arguments: dict[int, t.Type] = field(default_factory=dict)
    shapes: dict[int, t.Type] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)
    callees: dict[int, Callee] = field(default_factory=dict)
