"""The types inside blocks: the elements, the values of the bodies, and the list of all results."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, nearest
from ..source import Span
from ..syntax.children import children
from .expressions import Expressions
from .program import Scope, Step
from .typed import Typed
from .unknown_names import branch_named


class Bodies:
    """The part of the checker that handles bodies of blocks and how often they run."""

    typed: Typed
    expressions: Expressions
    deciding = False
    """True while the condition of a stage is read."""
    wanted: dict[Step, t.Type | None]
    """The types that the other branches of a match give to the words of a branch."""

    def step(self, step: Step) -> None:
        raise NotImplementedError

    def report(self, code: str, message: str, span: Span, help: str = "", note: str = "") -> None:
        self.typed.problems.append(Diagnostic(code, message, span, help=help, note=note))

    def element(self, step: Step) -> t.Type:
        node = step.line.node
        source = s.source_of(node)
        if step in self.typed.elements or source is None:
            return self.typed.elements.get(step, t.UNKNOWN)
        self.typed.elements[step] = t.UNKNOWN
        given = self.expressions.infer(source, step.scope)
        if isinstance(given, t.ListOf):
            self.typed.elements[step] = given.item
        elif isinstance(given, t.Optional):
            way = "supply an empty list: `… ?? []`" if isinstance(node, s.Map) else 'supply a list: `… ?? ["…"]`'
            self.report("F0306", "this list may be missing", source.span, way)
        elif given == t.JSON:
            self.typed.elements[step] = t.JSON
        elif given != t.UNKNOWN:
            name = source.word.text if isinstance(source, s.Name) else "…"
            help = f"split the text into a list: `split({name}, by: heading)`" if t.is_text(given) else ""
            what = "a map" if isinstance(node, s.Map) else "a panel"
            if what == "a panel":
                help = f"write `over … in [{name}]` for a list of one item"
            self.report("F0301", f"{what} needs a list, and this is {t.show(given)}", source.span, help)
        return self.typed.elements[step]

    def at_most(self, most: s.Number | None) -> None:
        if most is not None and (most.unit or not isinstance(most.value, int) or most.value < 1):
            help = "delete the map if it should handle no elements" if most.value == 0 else ""
            self.report("F0402", "`at most` takes a whole number from 1", most.span, help)

    def repeat(self, step: Step, node: s.Repeat) -> None:
        for number in (node.least, node.most):
            if number.unit or not isinstance(number.value, int) or number.value < 1:
                self.report(
                    "F0402", "the count of a repeat is a whole number, 1 or more", number.span, "write `repeat 3 { … }`"
                )
                return
        if node.least.value > node.most.value:
            self.report(
                "F0402",
                f"the range is empty: {node.least.digits} is greater than {node.most.digits}",
                node.least.span.to(node.most.span),
                f"write `repeat {node.most.digits}..{node.least.digits}`",
            )
        if node.over is not None:
            from .panels import panel_problems  # few repeats are panels

            self.element(step)
            self.typed.problems.extend(panel_problems(step, self.typed))

    def branches(self, step: Step, node: s.Fanout) -> None:
        for branch in step.steps:
            if branch.symbol is None:
                self.report(
                    "F0403",
                    "each branch of a fanout needs a name",
                    branch.line.span,
                    "write `name = …`: the reducer knows the branches by their names",
                )
        if not step.steps:
            self.report(
                "F0404",
                "this fanout has no branches",
                node.body.span,
                "give the fanout two or more branches: `name = ask …`",
            )

    def match(self, step: Step, node: s.Match) -> t.Type:
        given = self.expressions.lenient(node.value, step.scope)
        from .matches import match_problems

        self.typed.problems.extend(match_problems(node, given))
        return self.branches_joined(step)

    def branches_joined(self, step: Step) -> t.Type:
        """Return the type with room for all branches of a match, or for all stages of a cascade."""
        from .matches import meaning_beside

        words = [branch for branch in step.steps if self.takes_its_meaning(branch)]
        found = t.join(self.typed.steps.get(branch, t.UNKNOWN) for branch in step.steps if branch not in words)
        for branch in words:
            inside = isinstance(branch.line.node, s.RecordExpr | s.ListExpr)
            self.wanted[branch] = wanted = found if inside else meaning_beside(branch.line.node, found)
            if wanted is None and (word := _stray_word(branch)) is not None:
                help = f'a word has a meaning beside a choice; for a text write `"{word}"`'
                self.report("F0201", f"the name `{word}` is unknown", branch.line.node.span, help)
                self.typed.steps[branch] = t.UNKNOWN
                del self.wanted[branch]
            else:
                self.step(branch)
        return t.join(self.typed.steps.get(branch, t.UNKNOWN) for branch in step.steps)

    def takes_its_meaning(self, branch: Step) -> bool:
        """Return True if the value of a branch or a stage is a word, with the meaning that the other values give it.

        So is a record or a list with such a word, but not in a stage before another one: that reads its fields.
        """
        node = branch.line.node
        if branch.parent is None or not isinstance(branch.parent.line.node, s.Match | s.Cascade):
            return False
        read = isinstance(branch.parent.line.node, s.Cascade) and branch is not branch.parent.steps[-1]
        if read and isinstance(node, s.RecordExpr | s.ListExpr):
            return False
        return isinstance(node, s.Text) or self._bare_inside(node, branch.scope)

    def _bare_inside(self, node: s.Node | s.Ask, scope: Scope) -> bool:
        if isinstance(node, s.RecordExpr | s.ListExpr):
            return any(self._bare_inside(one, scope) for one in children(node))
        return isinstance(node, s.Name) and self.expressions.bare(node, scope)

    def before(self, stage: Step) -> t.Type:
        """Return the type of `last` behind a stage of a cascade. In a condition it is there; else it may be missing."""
        from .cascade_types import may_fail

        type_ = self.typed.steps.get(stage, t.UNKNOWN)
        return type_ if self.deciding or type_ == t.UNKNOWN or not may_fail(stage) else t.optional(type_)

    def condition(self, stage: Step, condition: s.Expr) -> None:
        """Check the condition for going on to a stage. The stage before has its value there."""
        from .cascade_types import range_problems

        if stage.scope.symbols.get("last") is None:
            return  # reported with the shape of the cascade
        self.deciding = True
        known = len(self.expressions.problems)
        self.expressions.expect(condition, stage.scope, t.BOOL, "`when`")
        self.deciding = False
        if len(self.expressions.problems) == known:
            self.typed.problems.extend(range_problems(condition))

    def body(self, step: Step, body: s.Body) -> t.Type:
        if not step.steps:
            self.report(
                "F0404",
                "this block is empty",
                body.span,
                "the last line of a block is its value: write an `ask`, for example",
            )
            return t.UNKNOWN
        return self.typed.steps.get(step.steps[-1], t.UNKNOWN)

    def branch(self, branch: Step) -> t.Type:
        """Return the type of a branch for its reducer. With ``errors: none`` a branch may be missing."""
        type_ = self.typed.steps.get(branch, t.UNKNOWN)
        if branch.parent is None or not keeps_places(branch.parent.line) or type_ == t.UNKNOWN:
            return type_
        return t.optional(type_)

    def lossy(self, line: s.Line) -> None:
        """Report a policy for failed branches that a fan-out cannot have. Each of its branches has a name."""
        for option in line.options:
            if option.name.text == "errors" and word_of(option.value) not in ("none", "fail"):
                self.report(
                    "F0307",
                    "a fanout has only `errors: none` and `errors: fail`",
                    option.value.span,
                    "write `errors: none`: the value of a failed branch is then none",
                    "a branch that is left out would have no value where the flow mentions it",
                )

    def results(self, step: Step) -> t.ListOf:
        """The type of the name ``results``: a list of the bodies' values."""
        if isinstance(step.line.node, s.Fanout):
            return t.ListOf(t.join(self.branch(branch) for branch in step.steps))
        item = self.typed.steps.get(step.steps[-1], t.UNKNOWN) if step.steps else t.UNKNOWN
        return t.ListOf(t.optional(item) if keeps_places(step.line) else item)


def keeps_places(line: s.Line) -> bool:
    """Return True if a failed element of a map, or a failed branch, becomes ``none`` in the results."""
    return any(option.name.text == "errors" and word_of(option.value) == "none" for option in line.options)


def word_of(value: s.Expr | s.Ask | None) -> str:
    """Return a word that is written bare or in quotes; "" for any other value."""
    match value:
        case s.Name(word):
            return word.text
        case s.Text(string):
            return string.value
    return ""


def _stray_word(branch: Step) -> str | None:
    """Return the word that is a branch, if nothing with a name like it is known."""
    node = branch.line.node
    if not isinstance(node, s.Name) or branch_named(node.word.text, branch.scope) is not None:
        return None
    return node.word.text if not nearest(node.word.text, branch.scope.known()) else None
