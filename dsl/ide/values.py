"""The values that an editor gets. They hold plain data and spans, and nothing of a protocol."""

from __future__ import annotations

from typing import Literal

from ..diagnostics import Diagnostic, Edit
from ..records import dataclass
from ..source import Span

NameKind = Literal[
    "flow", "extern", "type", "field", "param", "step", "branch", "element", "index", "model", "endpoint", "text",
    "prompt", "import", "setup", "results", "last", "answer", "choice", "reducer", "function", "filter", "option",
    "keyword", "snippet", "file", "folder", "test", "provider", "value",
]  # fmt: skip
"""The kinds of names and of proposals."""

Role = Literal[
    "keyword", "flow", "extern", "type", "field", "parameter", "step", "element", "model", "endpoint", "text", "prompt",
    "prefix", "choice", "reducer", "function", "filter", "option", "string", "number", "operator", "comment", "mark",
    "test",
]  # fmt: skip
"""The roles of pieces of a text. ``mark`` is a bracket of a template, such as ``{{``."""
ROLES: tuple[Role, ...] = Role.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Hover:
    """A description of the thing under the cursor. ``text`` is Markdown."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Completion:
    """A proposal. ``text`` replaces ``span``, which ends at the cursor or behind it.

    With ``snippet`` the text has places to fill in: ``${1:default}`` and ``$0``, as editors write them. ``rank`` orders
    the proposals, the smallest first.
    """

    label: str
    kind: NameKind
    span: Span
    text: str
    detail: str = ""
    documentation: str = ""
    snippet: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Outline:
    """A declaration, step or line in the outline of a file. ``name_span`` lies in ``span``."""

    name: str
    kind: NameKind
    detail: str
    span: Span
    name_span: Span
    children: tuple[Outline, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """A part that an editor can fold. It reaches over several lines."""

    span: Span
    kind: Literal["block", "text", "comment", "imports"]


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A piece of text with its role. Pieces are in order, and none overlap. A text of several lines is one piece.

    ``declared`` marks the place where a name is declared.
    """

    start: int
    end: int
    role: Role
    declared: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """A note that an editor shows inside the text, at an offset."""

    at: int
    text: str
    kind: Literal["type", "calls"]
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in a signature. ``start`` and ``end`` are its place in the signature's label."""

    start: int
    end: int
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """The form of the call around the cursor. ``active`` is the number of the parameter at the cursor.

    None if the cursor is at no parameter.
    """

    label: str
    documentation: str
    parameters: tuple[Parameter, ...]
    active: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A part of the text that leads elsewhere.

    ``target`` is a path from the folder of the file for the kind "file", a code for "code", and an address for "page".
    """

    span: Span
    target: str
    kind: Literal["file", "code", "page"]


@dataclass(frozen=True, slots=True)
class Lens:
    """A command that an editor shows above a declaration. ``name`` is the flow's, or the title of the test."""

    span: Span
    title: str
    command: Literal["run", "plan", "graph", "test"]
    name: str


@dataclass(frozen=True, slots=True)
class Action:
    """A change that an editor offers.

    ``fix`` is a safe fix of ``finding``, ``guess`` a fix that a person must look at, ``all`` makes all safe fixes, and
    ``ignore`` silences a warning by a comment.
    """

    title: str
    kind: Literal["fix", "guess", "all", "ignore"]
    edits: tuple[Edit, ...]
    finding: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of a rename, with the reason as a sentence."""

    reason: str
