"""The check of the tests in a flow file. Inputs, scripted replies and expected values must fit the tested flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..source import Span
from .expressions import Expressions
from .program import Program
from .test_expects import Expects
from .test_expressions import test_expressions
from .test_helper_lines import HelperLines, SharedValues
from .test_lines import keys, setups_of, whole_lines
from .test_replies import Replies
from .test_scopes import expect_scope, line_scope
from .tested_flow import TestedFlow, TestedFlows
from .units import Unit

_TABLES = (".jsonl", ".json", ".csv", ".tsv")


def check_tests(
    program: Program, unit: Unit, expressions: Expressions, read: Callable[[s.TypeExpr], t.Type]
) -> Iterable[Diagnostic]:
    """Check the tests and setups of a file, and return their problems. ``read`` reads a written type."""
    problems: list[Diagnostic] = []
    names: dict[str, Span] = {}
    for one in program.file.setups:
        _taken(one.name.text, one.name.span, names, "another setup has the same name", problems)
    titles: dict[str, Span] = {}
    for test in program.file.tests:
        _taken(test.title.value, test.title.span, titles, "another test has the same title", problems)
    flows = TestedFlows(unit)
    setups = setups_of(program)
    values = SharedValues(program, flows)
    # A test may replace a helper value of a setup by another of its type.
    decls: list[s.TestDecl | s.SetupDecl] = [*program.file.setups, *program.file.tests]
    for decl in decls:
        tested = flows.of(decl)
        if tested is None:
            _untested(decl, program, unit, problems)
        else:
            _Test(decl, tested, flows, setups, program, expressions, read, problems, values).check()
    problems += values.meaningless(expressions.typed.nodes.words, {one.span for one in expressions.problems})
    return problems


def _taken(name: str, span: Span, names: dict[str, Span], message: str, problems: list[Diagnostic]) -> None:
    if name in names:
        labels = (Label(names[name], "first here"),)
        what = "title" if "title" in message else "name"
        problems.append(Diagnostic("F0202", message, span, labels=labels, help=f"choose another {what}"))
    names.setdefault(name, span)


def _untested(decl: s.TestDecl | s.SetupDecl, program: Program, unit: Unit, problems: list[Diagnostic]) -> None:
    """Report a test of an unknown flow."""
    name, prefix = decl.flow.text, decl.prefix.text if decl.prefix is not None else ""
    imported = unit.imported
    if prefix in imported.broken:
        return
    own = [flow.decl.name.text for flow in program.flows]
    if decl.prefix is not None and prefix not in imported.paths:
        help = did_you_mean(prefix, imported.paths) or 'import the file under this prefix: `import "x.flow" as '
        help = help if help.startswith("did") else f"{help}{prefix}`"
        problems.append(Diagnostic("F0208", f"no import has the prefix `{prefix}`", decl.prefix.span, help=help))
    elif decl.prefix is not None:
        known = imported.names(prefix, "flows")
        path = imported.paths[prefix]
        help = did_you_mean(name, known)
        problems.append(Diagnostic("F0208", f"`{path}` has no flow `{name}`", decl.flow.span, help=help))
    else:
        known = [*own, *imported.names("", "flows")]
        prefixed = next((f"{one}.{name}" for one, flow in imported.flows if one and flow == name), "")
        help = f"write `{prefixed}`" if prefixed else did_you_mean(name, known)
        problems.append(Diagnostic("F0208", f"this file has no flow `{name}`", decl.flow.span, help=help))


class _Test:
    """The check of one test or setup."""

    def __init__(
        self,
        decl: s.TestDecl | s.SetupDecl,
        tested: TestedFlow,
        flows: TestedFlows,
        setups: Mapping[str, s.SetupDecl],
        program: Program,
        expressions: Expressions,
        read: Callable[[s.TypeExpr], t.Type],
        problems: list[Diagnostic],
        values: SharedValues,
    ) -> None:
        self.decl = decl
        self.tested = tested
        self.flows = flows
        self.setups = setups
        self.problems = problems
        self.expressions = test_expressions(expressions, tested)
        self.head = decl.title.span if isinstance(decl, s.TestDecl) else decl.name.span
        self.lines = list(decl.lines)
        if isinstance(decl, s.TestDecl):
            self.lines = [one.line for one in whole_lines(decl, setups, tested)]
        # A setup does not say whether the tests that use it have a table.
        rows = isinstance(decl, s.SetupDecl) or any(isinstance(line, s.Cases) for line in self.lines)
        self.helpers = HelperLines(decl, tested, program, self.lines, values, problems)
        self.scope = line_scope(self.expressions, program.scope, self.head, rows=rows)
        self.helpers.declare(self.expressions, self.scope)
        self.replies = Replies(tested, self.expressions, self.scope, problems)
        inside = expect_scope(self.expressions, tested, self.scope, self.head)
        fails = any(isinstance(line, s.ExpectEnd) and _of_flow(line) for line in self.lines)
        self.expects = Expects(tested, self.expressions, inside, read, problems, fails)

    def report(self, code: str, message: str, span: Span, help: str = "", labels: tuple[Label, ...] = ()) -> None:
        self.problems.append(Diagnostic(code, message, span, labels=labels, help=help))

    def check(self) -> None:
        self.twice()
        self.helpers.check()
        if self.helpers.wordy(self.expressions, self.scope):
            # The words of a helper value may have their meaning from a later line, so the lines are read twice.
            said, found = len(self.problems), len(self.expressions.problems)
            self.each_line()
            del self.problems[said:], self.expressions.problems[found:]
            self.expressions.forget()
        self.each_line()
        self.helpers.done(self.expressions, self.scope)
        if isinstance(self.decl, s.TestDecl):
            self.whole()

    def each_line(self) -> None:
        for line in self.decl.lines:
            match line:
                case s.Given():
                    self.given(line)
                case s.Reply():
                    self.replies.reply(line)
                case s.ExternReply():
                    self.replies.extern(line)
                case s.FileReply():
                    self.replies.file(line)
                case s.Cases():
                    self.path(line.path, "a table of cases", _TABLES, "mails.jsonl")
                case s.Cassette():
                    self.path(line.path, "a cassette", (".jsonl",), "label.cassette.jsonl")
                case s.SetupUse():
                    self.setup(line)
                case _:
                    self.expects.expect(line)

    def whole(self) -> None:
        """Check that the test has its inputs and an expectation."""
        lines = self.lines
        given = {line.name.text for line in lines if isinstance(line, s.Given)}
        missing = [
            param.name.text
            for param in self.tested.flow.decl.params
            if param.default is None
            and param.name.text not in given
            and not isinstance(self.tested.unit.typed.nodes.params[param.number], t.Optional)
        ]
        if missing and not any(isinstance(line, s.Cases) for line in lines):
            names = " and ".join(f"`{name}`" for name in missing)
            self.report(
                "F0303",
                f"the flow `{self.tested.flow.decl.name.text}` needs {names}",
                self.head,
                f"write a line in the test for each parameter: `{missing[0]} = …`",
            )
        if not any(isinstance(line, s.ExpectLine) for line in lines):
            self.report("F0409", "this test has no `expect`", self.head, "write `expect CONDITION`")

    def twice(self) -> None:
        """Report lines about the same thing."""
        seen: dict[object, Span] = {}
        for line in self.decl.lines:
            for key in keys(line, self.tested):
                if key in seen:
                    self.again(line, seen[key])
                    break
                seen[key] = line.span

    def again(self, line: s.TestLine, first: Span) -> None:
        labels = (Label(first, "first here"),)
        match line:
            case s.Given(name):
                self.report("F0303", f"`{name.text}` is given twice", name.span, "keep only one of the two", labels)
            case s.Reply(path):
                span = path[0].span.to(path[-1].span)
                said = f"`{span.text}` has two `reply` lines"
                self.report("F0409", said, span, "write all its answers on one line", labels)
            case s.ExternReply(name):
                said = f"`{name.text}` has two `extern` lines"
                self.report("F0409", said, name.span, "write all its values on one line", labels)
            case s.FileReply(path):
                self.report("F0409", "this file is given twice", path.span, "keep only one of the two", labels)
            case s.Cases():
                self.report("F0409", "a test has a single table", line.span, "write a test for each table", labels)
            case s.Cassette():
                self.report("F0409", "a test has a single cassette", line.span, "keep only one of the two", labels)

    def given(self, line: s.Given) -> None:
        name = line.name.text
        param = next((one for one in self.tested.flow.decl.params if one.name.text == name), None)
        if param is not None:
            # A test names the file of an image, as a row does.
            wanted = t.as_paths(self.tested.unit.typed.nodes.params[param.number])
            self.expressions.expect(line.value, self.scope, wanted, f"`{name}`")
        else:
            self.helpers.line(line, self.expressions, self.scope)

    def setup(self, line: s.SetupUse) -> None:
        name = line.name.text
        if isinstance(self.decl, s.SetupDecl):
            said = "a setup cannot use another setup"
            self.report("F0416", said, line.name.span, "write both `setup` lines in the test")
            return
        found = self.setups.get(name)
        if found is None:
            help = (
                did_you_mean(name, self.setups) or f"write `setup {name} of {self.decl.flow.text} {{ … }}` in this file"
            )
            self.report("F0416", f"this file has no setup `{name}`", line.name.span, help)
            return
        other = self.flows.of(found)
        if other is not None and other.flow is not self.tested.flow:
            said = f"the setup `{name}` is for the flow `{other.name}`"
            labels = (Label(found.flow.span, "declared here"),)
            help = f"write another setup for `{self.tested.flow.decl.name.text}`"
            self.report("F0416", said, line.name.span, help, labels)
        uses = [one for one in self.decl.lines if isinstance(one, s.SetupUse) and one.name.text == name]
        if uses[0] is not line:
            labels = (Label(uses[0].name.span, "first here"),)
            self.report("F0416", f"the test uses the setup `{name}` twice", line.name.span, "keep one", labels)

    def path(self, path: s.String, what: str, ends: tuple[str, ...], example: str) -> None:
        """Check the path of a file beside the flow."""
        written = path.value
        pure = PurePosixPath(written)
        word = "cases" if "table" in what else "cassette"
        if not written.isprintable():
            reason = "this path has invisible characters"
        elif pure.is_absolute() or ".." in pure.parts or written.startswith("~") or "\\" in written or ":" in written:
            reason = f"{what} must be in this file's folder or below it, with `/` between folders"
        elif not written.endswith(ends) or pure.stem in ("", *ends):
            reason = f"{what} is a file that ends in {' or '.join(ends)}"
        else:
            return
        self.report("F0419", reason, path.span, f'write `{word} "{example}"`')


def _of_flow(line: s.ExpectEnd) -> bool:
    return line.step is None and not line.negated
