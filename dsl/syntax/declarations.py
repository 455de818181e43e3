"""The nodes for the file itself and for its declarations."""

from __future__ import annotations

from dataclasses import field

from ..records import dataclass
from ..source import Span
from .nodes import Expr, Hole, Number, Option
from .steps import Body, Return
from .tests import SetupDecl, TestDecl
from .type_nodes import TypeExpr
from .words import String, Word, at, numbered


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter. ``label`` is the word `untrusted` or `trusted` before its type."""

    name: Word
    type: TypeExpr
    default: Expr | None
    span: Span = at()
    label: Word | None = None
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Budget:
    money: Number | None
    calls: Number | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class FlowDecl:
    """A flow. ``options`` are the options of its asks that they do not set themselves."""

    name: Word
    params: tuple[Param, ...]
    budget: Budget | None
    body: Body
    returns: tuple[Return, ...]
    span: Span = at()
    options: tuple[Option, ...] = ()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class ModelDecl:
    """``model name = "address"``. A ``hole`` has the addresses of which one is tuned; the first stands for them."""

    name: Word
    address: String
    fallback: String | None
    options: tuple[Option, ...]
    span: Span = at()
    hole: Hole | None = None


@dataclass(frozen=True, slots=True)
class EndpointDecl:
    """``endpoint name = "address" key "VARIABLE"``, or ``endpoint name at ["address", …]``.

    ``listed`` is True if its addresses stand in a list.
    """

    name: Word
    addresses: tuple[String, ...]
    key: String | None
    options: tuple[Option, ...]
    span: Span = at()
    listed: bool = False


@dataclass(frozen=True, slots=True)
class DefaultsDecl:
    """``model default with …``: the options of asks that name no model."""

    options: tuple[Option, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TextDecl:
    """``text name = "…"``: a text with a name. Its template may write other texts of the file."""

    name: Word
    string: String
    span: Span = at()


@dataclass(frozen=True, slots=True)
class PromptDecl:
    """``prompt name(…) from "file"``: a prompt whose template stands in a file of its own."""

    name: Word
    params: tuple[Param, ...]
    path: String
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeDecl:
    name: Word
    type: TypeExpr
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ImportDecl:
    """``import "path"``, or ``import "path" as prefix``."""

    path: String
    prefix: Word | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ExternDecl:
    """A Python function: its parameters, its type, and the module and name under which Python finds it.

    ``label`` is the word `untrusted` or `trusted` before the type of its result.
    """

    name: Word
    params: tuple[Param, ...]
    type: TypeExpr
    target: String
    span: Span = at()
    label: Word | None = None


Declaration = (
    FlowDecl
    | ModelDecl
    | EndpointDecl
    | DefaultsDecl
    | TextDecl
    | PromptDecl
    | TypeDecl
    | ImportDecl
    | ExternDecl
    | TestDecl
    | SetupDecl
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its ``#``. ``own_line`` is True if nothing else is before it on its line."""

    text: str
    own_line: bool
    span: Span = at()


@dataclass(frozen=True, slots=True)
class File:
    """A flow file. ``labelled`` says that it has a label, such as `untrusted`. ``holes`` are those still open."""

    items: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    span: Span = at()
    labelled: bool = field(default=False, compare=False, repr=False)
    holes: tuple[Hole, ...] = field(default=(), compare=False, repr=False)

    @property
    def flows(self) -> tuple[FlowDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, FlowDecl))

    @property
    def models(self) -> tuple[ModelDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, ModelDecl))

    @property
    def endpoints(self) -> tuple[EndpointDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, EndpointDecl))

    @property
    def defaults(self) -> tuple[DefaultsDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, DefaultsDecl))

    @property
    def texts(self) -> tuple[TextDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, TextDecl))

    @property
    def prompts(self) -> tuple[PromptDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, PromptDecl))

    @property
    def types(self) -> tuple[TypeDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, TypeDecl))

    @property
    def imports(self) -> tuple[ImportDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, ImportDecl))

    @property
    def externs(self) -> tuple[ExternDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, ExternDecl))

    @property
    def tests(self) -> tuple[TestDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, TestDecl))

    @property
    def setups(self) -> tuple[SetupDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, SetupDecl))

    @property
    def scripts(self) -> tuple[SetupDecl | TestDecl, ...]:
        """The setups and then the tests."""
        return (*self.setups, *self.tests)
