"""The check of the tests in a flow file. Inputs, scripted replies and expected values must fit the tested flow."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..source import Span
from .expressions import Expressions
from .folding import named_steps
from .program import Flow, Program, Scope, Step
from .static_values import StaticValue
from .typed import Typed


def check_test(test: s.TestDecl, program: Program, typed: Typed, expressions: Expressions) -> None:
    """Check a test and add its problems to the earlier ones."""
    flow = next((one for one in program.flows if one.decl.name.text == test.flow.text), None)
    if flow is None:
        known = [one.decl.name.text for one in program.flows]
        typed.problems.append(
            Diagnostic(
                "F0208",
                f"this file has no flow `{test.flow.text}`",
                test.flow.span,
                help=did_you_mean(test.flow.text, known),
            )
        )
        return
    _Test(test, flow, typed, expressions, program.scope).check()


class _Test:
    def __init__(self, test: s.TestDecl, flow: Flow, typed: Typed, expressions: Expressions, scope: Scope) -> None:
        self.test = test
        self.flow = flow
        self.typed = typed
        self.expressions = expressions
        self.scope = scope

    def report(self, code: str, message: str, span: Span, help: str = "", labels: tuple[Label, ...] = ()) -> None:
        self.typed.problems.append(Diagnostic(code, message, span, labels=labels, help=help))

    def check(self) -> None:
        given: dict[str, Span] = {}
        replied: dict[Step, Span] = {}
        expects = 0
        for line in self.test.lines:
            match line:
                case s.Given():
                    self.given(line, given)
                case s.Reply():
                    self.reply(line, replied)
                case s.Expect():
                    self.expressions.expect(line.condition, self.flow.scope, t.BOOL, "`expect`")
                    if self._looks_at_nothing(line.condition):
                        self.report(
                            "F0409",
                            f"`expect {line.condition.span.text}` does not test the flow",
                            line.condition.span,
                            "compare a step or the `result` with the expected value",
                        )
                    expects += 1
        missing = [
            param.name.text
            for param in self.flow.decl.params
            if param.default is None
            and param.name.text not in given
            and not isinstance(self.typed.nodes.params[param.number], t.Optional)
        ]
        if missing:
            names = " and ".join(f"`{name}`" for name in missing)
            self.report(
                "F0303",
                f"the flow `{self.flow.decl.name.text}` needs {names}",
                self.test.title.span,
                f"write a line in the test for each parameter: `{missing[0]} = …`",
            )
        if not expects:
            self.report("F0409", "this test has no `expect`", self.test.title.span, "write `expect CONDITION`")

    def _looks_at_nothing(self, condition: s.Expr) -> bool:
        known = isinstance(self.typed.folding.value(condition, self.flow.scope), StaticValue)
        return known and not any(named_steps(condition, self.flow.scope))

    def given(self, line: s.Given, given: dict[str, Span]) -> None:
        name = line.name.text
        param = next((one for one in self.flow.decl.params if one.name.text == name), None)
        if param is None:
            known = [one.name.text for one in self.flow.decl.params]
            self.report(
                "F0303",
                f"the flow `{self.flow.decl.name.text}` has no parameter `{name}`",
                line.name.span,
                did_you_mean(name, known)
                or ("its parameters: " + ", ".join(f"`{one}`" for one in known) if known else ""),
            )
            self.expressions.infer(line.value, self.scope)
            return
        if first := given.get(name):
            self.report(
                "F0303",
                f"`{name}` is given twice",
                line.name.span,
                "keep only one of the two",
                (Label(first, "first here"),),
            )
        given.setdefault(name, line.name.span)
        self.expressions.expect(line.value, self.scope, self.typed.nodes.params[param.number], f"`{name}`")

    def reply(self, line: s.Reply, replied: dict[Step, Span]) -> None:
        step = self._step(line.path)
        if step is None:
            for answer in line.answers:
                if not isinstance(answer, s.Name):
                    self.expressions.infer(answer, self.scope)
            return
        span = line.path[0].span.to(line.path[-1].span)
        if first := replied.get(step):
            labels = (Label(first, "first here"),)
            self.report(
                "F0409", f"`{span.text}` has two `reply` lines", span, "write all its answers on one line", labels
            )
        replied.setdefault(step, span)
        wanted = list(dict.fromkeys(self._answers(step)))
        if len(wanted) == 1:
            for answer in line.answers:
                self.expressions.expect(answer, self.scope, wanted[0], f"an answer of `{span.text}`")
            return
        if not wanted:
            self.report(
                "F0409",
                f"`{span.text}` makes no call, so it has no answers",
                span,
                "name a step with an `ask` or a call",
            )
        else:
            inner = next((one.title for one in step.walk() if one is not step and one.symbol), "STEP")
            self.report(
                "F0409",
                f"the asks inside `{span.text}` have answers of different types",
                span,
                f"name the step of one `ask`: `reply {span.text}.{inner}: …`",
            )

    def _step(self, path: tuple[s.Word, ...]) -> Step | None:
        """Find the step that a path names.

        The first word may be any step of the flow. Each further word names a step inside the step before.
        """
        steps = list(self.flow.walk())
        found: Step | None = None
        for word in path:
            found = next((one for one in steps if one.symbol and one.symbol.name == word.text), None)
            if found is None:
                known = [one.symbol.name for one in steps if one.symbol]
                self.report(
                    "F0201",
                    f"the flow `{self.flow.decl.name.text}` has no step `{word.text}`",
                    word.span,
                    did_you_mean(word.text, known),
                )
                return None
            steps = [one for one in found.walk() if one is not found]
        return found

    def _answers(self, step: Step) -> Iterator[t.Type]:
        """Yield the types of the answers and call results that a step and its inner steps get."""
        for one in step.walk():
            node = one.line.node
            if isinstance(node, s.Ask):
                yield self.typed.nodes.answers.get(node.number, t.UNKNOWN)
            elif isinstance(node, s.Call) and (callee := self.typed.nodes.callees.get(node.number)):
                yield callee.result
            elif isinstance(node, (s.Fanout, s.Map, s.Repeat)) and node.reduce.ask is not None:
                yield self.typed.nodes.answers.get(node.reduce.ask.number, t.UNKNOWN)
