"""What the checker finds out about a file, kept for the plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import types as t
from ..diagnostics import Diagnostic
from .callees import Callee
from .names import Step


@dataclass(eq=False, repr=False, slots=True)
class Typed:
    """What the checker found out, for the plan: keyed by the identity of the tree's parts.

    ``answers`` are the types of asks, ``params`` and ``steps`` of what their names say, ``elements`` of what maps go
    through, ``arguments`` types that were given as such; ``words`` are names that stand for themselves; ``callees``
    what calls and reducers lead to; ``tallied`` are the votes whose account the flow looks at. ``own`` has the flows
    and externs of the file, ``declared`` its types.
    """

    problems: list[Diagnostic] = field(default_factory=list)
    answers: dict[int, t.Type] = field(default_factory=dict)
    params: dict[int, t.Type] = field(default_factory=dict)
    steps: dict[Step, t.Type] = field(default_factory=dict)
    elements: dict[Step, t.Type] = field(default_factory=dict)
    results: dict[int, t.Type] = field(default_factory=dict)
    arguments: dict[int, t.Type] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)
    callees: dict[int, Callee] = field(default_factory=dict)
    tallied: set[Step] = field(default_factory=set)
    own: dict[str, Callee] = field(default_factory=dict)
    declared: dict[str, t.Type] = field(default_factory=dict)
