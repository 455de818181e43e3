"""A file with its names resolved: its scopes, its steps, and the mentions that connect the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..path_names import branch_step
from ..records import dataclass
from ..source import Span
from ..templates.read import Template
from .facts import NO_FACTS, Facts

SymbolKind = Literal[
    "model", "param", "step", "branch", "element", "index", "results", "last", "answer", "text", "texts", "given"
]
RETURNED = "return"
"""The name of the step behind `return`, which nothing can mention."""
Part = Literal["head", "reduce"]
"""The part of a step that has a mention: "head" if the step needs it to begin, "reduce" if its reducer, or the
end of a round, alone does."""


@dataclass(eq=False, repr=False, slots=True)
class Symbol:
    """The declaration that a name refers to: a model, a parameter, a step, and so on.

    ``step`` is the step whose value the name has. For an element, an index, results and for `last` in rounds it is the
    block around them. For the answer that a check sees it is the step of the ask.
    ``constant`` is the text of a name declared with ``text``, or the texts behind the prefix of an import. The kind
    "given" is a value that an ask gives to its prompt.
    """

    name: str
    kind: SymbolKind
    span: Span
    scope: Scope
    step: Step | None = None
    param: s.Param | None = None
    constant: str | Mapping[str, str] | None = None

    def text(self, field: str = "") -> str | None:
        """Return the text of the name, or of a field behind the prefix of an import. None if there is no such text."""
        if isinstance(self.constant, str):
            return None if field else self.constant
        return self.constant.get(field) if self.constant is not None else None


@dataclass(eq=False, repr=False, slots=True)
class Scope:
    """The names that can be mentioned in one part of the file.

    ``withheld`` has the names that the asks of a reducer may mention, but its arguments may not. ``branches`` has the
    branches of a match by their classes, and the stages of a cascade by their names. Nothing can mention these.
    ``facts`` are what holds of values here (see ``facts``).
    """

    parent: Scope | None
    fanout: bool = False
    symbols: dict[str, Symbol] = field(default_factory=dict)
    withheld: dict[str, Symbol] = field(default_factory=dict)
    branches: dict[str, Step] = field(default_factory=dict)
    facts: Facts = NO_FACTS

    @property
    def known_facts(self) -> Facts:
        """The facts that hold here, with those of the scopes around."""
        found, scope = self.facts, self.parent
        while scope is not None:
            found |= scope.facts
            scope = scope.parent
        return found

    def lookup(self, name: str) -> Symbol | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.symbols:
                return scope.symbols[name]
            scope = scope.parent
        return None

    def mentioned(self, name: str) -> Symbol | None:
        """Return what a name means in a template. The step behind `return` has no name there."""
        return self.lookup(name) if name != RETURNED else None

    def known(self) -> list[str]:
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            names.extend(name for name in scope.symbols if name != RETURNED)
            scope = scope.parent
        return names


@dataclass(eq=False, repr=False, slots=True)
class Mention:
    """A use of a name in a step. ``symbol`` is None if no such name is in scope."""

    name: str
    span: Span
    symbol: Symbol | None
    step: Step | None
    part: Part = "head"


@dataclass(eq=False, repr=False, slots=True)
class Step:
    """A line of a flow, with the scope around it and the scopes inside it.

    ``inner`` is the scope of a block's body. ``reduce_scope`` is the scope of the reducer's asks, with their models and
    options. ``argument_scope`` is the scope of the reducer's arguments. ``until_scope`` is the scope of the condition
    at the end of a round, and ``check_scope`` that of the check of its ask, or of its reducer's ask. ``branch`` is the
    name that a branch of a match, or a stage of a cascade, has in paths, "" for any other step.
    """

    line: s.Line
    scope: Scope
    parent: Step | None
    symbol: Symbol | None = None
    mentions: list[Mention] = field(default_factory=list)
    inner: Scope | None = None
    reduce_scope: Scope | None = None
    argument_scope: Scope | None = None
    until_scope: Scope | None = None
    check_scope: Scope | None = None
    steps: list[Step] = field(default_factory=list)
    branch: str = ""

    @property
    def title(self) -> str:
        return self.line.name.text if self.line.name else f"line {self.line.span.line}"

    @property
    def asks(self) -> tuple[s.Ask, Part] | None:
        """The ask of the step, or else the ask of its reducer, with its part. None if there is none."""
        node = self.line.node
        if isinstance(node, s.Ask):
            return node, "head"
        reduce = node.reduce if isinstance(node, (s.Fanout, s.Map, s.Repeat)) else None
        return (reduce.ask, "reduce") if reduce is not None and reduce.ask is not None else None

    @property
    def span(self) -> Span:
        return self.line.name.span if self.line.name else self.line.span

    @property
    def own_name(self) -> str:
        """The name of the step in paths, "" if the author gave it none."""
        return self.symbol.name if self.symbol else self.branch

    def plan_name(self, number: int) -> str:
        """Return the name of the step in a plan. ``number`` is its number in the flow."""
        if self.symbol is not None:
            return self.symbol.name
        return branch_step(number, self.branch) if self.branch else f"#{number}"

    @property
    def gives(self) -> list[Step]:
        """The steps whose values may be the value of one run of the block: all branches, or else the last step."""
        return self.steps if isinstance(self.line.node, s.Fanout | s.Match | s.Cascade) else self.steps[-1:]

    def walk(self) -> Iterator[Step]:
        yield self
        for step in self.steps:
            yield from step.walk()


@dataclass(eq=False, repr=False, slots=True)
class Flow:
    decl: s.FlowDecl
    scope: Scope
    steps: list[Step] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)

    def walk(self) -> Iterator[Step]:
        for step in self.steps:
            yield from step.walk()


@dataclass(eq=False, repr=False, slots=True)
class PromptFile:
    """A declared prompt with the text of its file, which sees the parameters and the texts of the flow file."""

    decl: s.PromptDecl
    string: s.String
    scope: Scope


@dataclass(eq=False, repr=False, slots=True)
class Program:
    """A file with its names resolved.

    ``declared`` has the names of declarations without a value: flows, types, externs, and the prefixes of imports.
    ``templates`` has the template of each string by the string's number; a broken template is None. ``outside`` has the
    mentions in prompts and tests.
    """

    file: s.File
    scope: Scope
    flows: list[Flow] = field(default_factory=list)
    declared: dict[str, Span] = field(default_factory=dict)
    templates: dict[int, Template | None] = field(default_factory=dict)
    prompts: list[PromptFile] = field(default_factory=list)
    outside: list[Mention] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def template(self, string: s.String) -> Template | None:
        return self.templates.get(string.number)
