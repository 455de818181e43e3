"""The results of the checker for the nodes of a tree. The nodes are known by their numbers."""

from __future__ import annotations

from dataclasses import field

from .. import types as t
from ..records import dataclass
from .callees import Callee, Prompt


@dataclass(slots=True)
class NodeTables:
    """The results of the checker for the nodes of one file. The keys are the numbers of the nodes.

    So two checks of one text give equal tables, and the tables can be kept without the tree.

    The types: ``answers`` of asks, ``params`` of parameters, ``results`` of flows, ``arguments`` of types given as
    arguments, ``shapes``, to which values are cut, and ``matched``, which tests expect of values. ``words`` are the
    numbers of names that stand for themselves, such as a choice or a rule. ``listed`` has the types whose names stand
    for the lists of their words. ``callees`` has the function, flow or extern of each call and reducer,
    ``prompts`` the declared prompt of an ask. ``people`` are the numbers of asks that a person answers.
    """

    answers: dict[int, t.Type] = field(default_factory=dict)
    params: dict[int, t.Type] = field(default_factory=dict)
    results: dict[int, t.Type] = field(default_factory=dict)
    arguments: dict[int, t.Type] = field(default_factory=dict)
    shapes: dict[int, t.Type] = field(default_factory=dict)
    matched: dict[int, t.Type] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)
    listed: dict[int, t.Choice] = field(default_factory=dict)
    callees: dict[int, Callee] = field(default_factory=dict)
    prompts: dict[int, Prompt] = field(default_factory=dict)
    people: set[int] = field(default_factory=set)
