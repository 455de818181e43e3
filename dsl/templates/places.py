"""The types of the values that a template writes. Each problem points to its place in the string."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import NoReturn

from .. import types as t
from ..diagnostics import Diagnostic
from ..fields import field_type
from ..picture_words import misplaced
from ..records import dataclass
from ..source import Span
from ..syntax import String
from ..tag_facts import told_apart
from .plain import Getattr, Name, Node, Output, TemplateData

Lookup = Callable[[str], t.Type | None]
Paths = frozenset[str]
NOTHING: Paths = frozenset()


@dataclass(frozen=True, slots=True)
class TemplateScope:
    """The facts at one place of a template.

    ``local`` has the types of the names that the template sets. ``sure`` has the paths whose values are present.
    ``turning`` has the names of the loops around the place. ``outer`` has the names that were set before the innermost
    loop.
    """

    local: dict[str, t.Type] = field(default_factory=dict)
    sure: Paths = NOTHING
    turning: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()

    def with_sure(self, paths: Paths) -> TemplateScope:
        return replace(self, sure=self.sure | paths) if paths else self

    def fork(self, paths: Paths = NOTHING) -> TemplateScope:
        return replace(self, local=dict(self.local), sure=self.sure | paths)


@dataclass(frozen=True, slots=True)
class Spared(t.Optional):
    """The type of a branch whose value may be lost, for a reducer that can do without it. A lost branch is none.

    A template may write such a value without a guard, because a reader understands `null`. Any other use needs a guard.
    """


def spared(type_: t.Type) -> t.Type:
    """Return the type of a branch for a reducer that can do without lost branches."""
    return type_ if isinstance(type_, t.Optional) or type_ in (t.UNKNOWN, t.NONE) else Spared(type_)


class Places:
    """The checker of plain templates. It finds the types of names and fields, and collects ``problems``.

    Subclasses add the other parts of templates.
    """

    def __init__(self, string: String, lookup: Lookup, unknown: Callable[[str, Span], None]) -> None:
        self.string = string
        self.text = string.value
        self.lookup = lookup
        self.unknown = unknown
        self.problems: list[Diagnostic] = []
        self.part = "text"

    def report(self, code: str, message: str, at: tuple[int, int], help: str = "") -> None:
        self.problems.append(Diagnostic(code, message, self.string.place(*at), help=help))

    def body(self, body: tuple[Node, ...], known: TemplateScope) -> None:
        for node in body:
            self.statement(node, known)

    def statement(self, node: Node, known: TemplateScope) -> None:
        if isinstance(node, Output):
            for part in node.nodes:
                if not isinstance(part, TemplateData):
                    self.placed(part, known)

    def placed(self, node: Node, known: TemplateScope) -> None:
        """Check an expression whose value is written into the text."""
        given = self.infer(node, known)
        if not self.picture(node, given, self.part):
            self.data(node, given)

    def picture(self, node: Node, given: t.Type, part: str) -> bool:
        """Report an image that cannot stand in this part. Return True if there is nothing else to check."""
        found = misplaced(given, part)
        if found is not None:
            code, message, help = found
            self.report(code, message, node.last_word(), help)
        return found is not None

    def data(self, node: Node, given: t.Type) -> bool:
        """Return True if a value can be written into a text; report a value that cannot."""
        if (isinstance(given, t.Optional) and not isinstance(given, Spared)) or given == t.NONE:
            self.missing(node, "the prompt would contain the word `none`")
        elif t.holds_model(given):
            what = "a model" if given == t.MODEL else f"a model, as in {t.show(given)},"
            self.report("F0301", f"{what} cannot be written into a text", node.last_word())
        else:
            return True
        return False

    def missing(self, node: Node, why: str, default: str = "'…'", *, guard: bool = True) -> None:
        start, end = node.extent()
        text = node.path() or self.text[start:end]
        guarded = f"test it first, `{{% if {text} %}}…{{% endif %}}`, or " if guard else ""
        help = f"{guarded}write a default, `{{{{ {text} | default({default}) }}}}`"
        self.report("F0306", f"this value may be missing: {why}", node.last_word(), help)

    def infer(self, node: Node, known: TemplateScope, *, lenient: bool = False) -> t.Type:
        """Return the type of an expression.

        ``lenient`` is for a value before `default`. A field of such a value may be missing.
        """
        match node:
            case Name():
                return self.guarded(node, self.name(node, known), known)
            case Getattr():
                return self.guarded(node, self.attribute(node, known, lenient), known)
        return _never(node)

    def name(self, node: Name, known: TemplateScope) -> t.Type:
        if node.name == "loop":
            help = "`loop` is known only inside a `for`; to drop elements write `{% if loop.index … %}` there"
            self.report("F0201", "`loop` is not known here", node.last_word(), help)
            return t.UNKNOWN
        given = self.lookup(node.name)
        if given is None:
            self.unknown(node.name, self.string.place(*node.last_word()))
            return t.UNKNOWN
        return given

    def attribute(self, node: Getattr, known: TemplateScope, lenient: bool) -> t.Type:
        base = self.infer(node.node, known, lenient=lenient)
        if lenient and isinstance(base, t.Optional):
            found = self.field(base.item, node.attr, node.last_word())
            return found if isinstance(found, t.Optional) or found in (t.JSON, t.UNKNOWN) else t.Optional(found)
        return self.field(base, node.attr, node.last_word())

    def field(self, base: t.Type, name: str, at: tuple[int, int]) -> t.Type:
        return field_type(base, name, self.string.place(*at), self.problems)

    def guarded(self, node: Node, type_: t.Type, known: TemplateScope) -> t.Type:
        path = node.path()
        if not path:
            return type_
        return told_apart(t.unwrapped(type_) if path in known.sure else type_, path, known.sure)


def _never(node: Node) -> NoReturn:
    raise AssertionError(f"{type(node).__name__} is not in the subset")
