"""The tree of a template that does more than write values."""

from __future__ import annotations

from ..records import dataclass
from .plain import Getattr, Name, Node, Output, TemplateData

__all__ = [
    "Add",
    "And",
    "Assign",
    "BinExpr",
    "Compare",
    "Concat",
    "CondExpr",
    "Const",
    "Filter",
    "For",
    "Getattr",
    "If",
    "Keyword",
    "List",
    "Name",
    "Neg",
    "Node",
    "Not",
    "Operand",
    "Or",
    "Output",
    "Strange",
    "Sub",
    "TemplateData",
    "Test",
]


@dataclass(eq=False, repr=False, slots=True)
class Strange(Node):
    """A part of a template that the subset does not allow.

    ``kind`` is jinja2's name for the part, even if only its form is not allowed.
    """

    kind: str
    nodes: tuple[Node, ...]


@dataclass(eq=False, repr=False, slots=True)
class For(Node):
    target: Name
    iter: Node
    body: tuple[Node, ...]
    else_: tuple[Node, ...]
    test: Node | None


@dataclass(eq=False, repr=False, slots=True)
class If(Node):
    test: Node
    body: tuple[Node, ...]
    elif_: tuple[If, ...]
    else_: tuple[Node, ...]


@dataclass(eq=False, repr=False, slots=True)
class Assign(Node):
    target: Name
    node: Node


@dataclass(eq=False, repr=False, slots=True)
class Const(Node):
    value: str | int | float | bool | None


@dataclass(eq=False, repr=False, slots=True)
class List(Node):
    items: tuple[Node, ...]


@dataclass(eq=False, repr=False, slots=True)
class Keyword(Node):
    key: str
    value: Node


@dataclass(eq=False, repr=False, slots=True)
class Filter(Node):
    node: Node
    name: str
    args: tuple[Node, ...]
    kwargs: tuple[Keyword, ...]

    def last_word(self) -> tuple[int, int]:
        return self.start, self.end


@dataclass(eq=False, repr=False, slots=True)
class Test(Node):
    """A test, ``node is name``. ``alone`` is False if arguments follow."""

    node: Node
    name: str
    alone: bool


@dataclass(eq=False, repr=False, slots=True)
class Operand(Node):
    op: str
    expr: Node


@dataclass(eq=False, repr=False, slots=True)
class Compare(Node):
    expr: Node
    ops: tuple[Operand, ...]


@dataclass(eq=False, repr=False, slots=True)
class CondExpr(Node):
    test: Node
    expr1: Node
    expr2: Node | None


@dataclass(eq=False, repr=False, slots=True)
class Concat(Node):
    nodes: tuple[Node, ...]


@dataclass(eq=False, repr=False, slots=True)
class BinExpr(Node):
    left: Node
    right: Node


class Add(BinExpr):
    __slots__ = ()


class Sub(BinExpr):
    __slots__ = ()


class And(BinExpr):
    __slots__ = ()


class Or(BinExpr):
    __slots__ = ()


@dataclass(eq=False, repr=False, slots=True)
class Not(Node):
    node: Node


@dataclass(eq=False, repr=False, slots=True)
class Neg(Node):
    node: Node
