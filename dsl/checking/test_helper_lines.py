"""The check of the helper values that a test or a setup defines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..parsing.test_mistakes import FORMS
from ..source import Span
from .program import Program, Scope
from .test_expressions import HelperValue, TestExpressions
from .test_helpers import DEEPEST_VALUE, Helpers, taken
from .test_lines import setups_of, whole_lines
from .tested_flow import TestedFlow, TestedFlows


class SharedValues:
    """The helper values of a file's tests and setups, as these know them of each other."""

    def __init__(self, program: Program, flows: TestedFlows) -> None:
        self._program = program
        self._flows = flows
        self._words: dict[int, s.Name] = {}
        self._types: dict[int, HelperValue] = {}

    @cached_property
    def mentioned(self) -> dict[str, set[str]]:
        """The names of helper values that the tests of a setup mention, by the name of the setup."""
        found: dict[str, set[str]] = {}
        setups = setups_of(self._program)
        for test in self._program.file.tests:
            uses = [line.name.text for line in test.lines if isinstance(line, s.SetupUse)]
            tested = self._flows.of(test) if uses else None
            if tested is not None:
                lines = [one.line for one in whole_lines(test, setups, tested)]
                names = Helpers(lines, tested.flow, self._program).mentioned
                for use in uses:
                    found.setdefault(use, set()).update(names)
        return found

    def take(self, expressions: TestExpressions, decl: s.TestDecl | s.SetupDecl) -> None:
        """Take what the check of one test or setup has found."""
        self._words |= {word.number: word for word in expressions.meaningless}
        if isinstance(decl, s.SetupDecl):
            self._types |= {helper.value.number: helper for helper in expressions.helpers.values()}

    def wanted(self, line: s.Given) -> list[t.Type]:
        """Return the types that the lines of a setup want of its helper value, or else the type that it has."""
        types = self._types[line.value.number].types if line.value.number in self._types else {}
        wanted = [type_ for type_ in types if type_ is not None and type_ != t.UNKNOWN]
        return wanted or list(types.values())

    def meaningless(self, meant: Collection[int], told: Collection[Span]) -> Iterator[Diagnostic]:
        """Yield the words in helper values to which no place gives a meaning."""
        for number, word in self._words.items():
            if number not in meant and word.span not in told:
                name = word.word.text
                help = f'no line says which choice has the word; for the text write `"{name}"`'
                yield Diagnostic("F0201", f"the name `{name}` is unknown", word.span, help=help)


class HelperLines:
    """The helper values of one test or setup. ``lines`` are its lines, for a test with those of its setups."""

    def __init__(
        self,
        decl: s.TestDecl | s.SetupDecl,
        tested: TestedFlow,
        program: Program,
        lines: Sequence[s.TestLine],
        values: SharedValues,
        problems: list[Diagnostic],
    ) -> None:
        self.decl = decl
        self.tested = tested
        self.program = program
        self.values = values
        self.problems = problems
        self.helpers = Helpers(lines, tested.flow, program)

    def declare(self, expressions: TestExpressions, scope: Scope) -> None:
        """Add the helper values to the scope of the lines.

        Those that need themselves, and those whose name is taken, have an unknown type: they are reported once.
        """
        for line in self.known:
            expressions.declare_helper(scope, line)
        for name, line in self.helpers.lines.items():
            expressions.declare(scope, name, t.UNKNOWN, line.name.span, hides=name in self.taken)

    @cached_property
    def taken(self) -> dict[str, str]:
        return taken(self.tested.flow, self.program.scope)

    @property
    def known(self) -> list[s.Given]:
        """The helper values that lines can mention."""
        without = {*self.taken, *self.deep, *self.helpers.endless()} if self.helpers.lines else ()
        return [line for name, line in self.helpers.lines.items() if name not in without]

    @cached_property
    def deep(self) -> list[str]:
        """The helper values with too many levels."""
        return self.helpers.too_deep() if self.helpers.lines else []

    def report(self, code: str, message: str, span: Span, help: str = "", labels: tuple[Label, ...] = ()) -> None:
        self.problems.append(Diagnostic(code, message, span, labels=labels, help=help))

    def check(self) -> None:
        """Check how the helper values mention each other."""
        lines = self.helpers.lines
        for circle in self.helpers.circles() if lines else ():
            if lines[circle[0]] in self.decl.lines:
                way = " → ".join(f"`{name}`" for name in (*circle, circle[0]))
                said = f"a helper value cannot need itself: {way}"
                self.report("F0422", said, lines[circle[0]].name.span, "write one of them without the others")
        for name in self.deep:
            if lines[name] in self.decl.lines:
                said = f"`{name}` has more than {DEEPEST_VALUE} levels, with the helper values that it mentions"
                self.report("F0422", said, lines[name].name.span, "write the value itself, or split it")

    def wordy(self, expressions: TestExpressions, scope: Scope) -> bool:
        """Tell whether some helper value has words, which take their meaning from the lines that mention it."""
        return any(expressions.bare(line.value, scope) for line in self.known)

    def line(self, line: s.Given, expressions: TestExpressions, scope: Scope) -> None:
        """Check a line that gives no parameter."""
        name = line.name.text
        if name in self.taken and name not in FORMS:
            script = f"; to script the answer of a step write `reply {name}: …`" if "step" in self.taken[name] else ""
            help = f"choose another name{script}"
            self.report("F0422", f"`{name}` is {self.taken[name]}, not a helper value", line.name.span, help)
        elif name not in self.used:
            self.unused(line)
        elif isinstance(self.decl, s.TestDecl):
            self.replaced(line, expressions, scope)

    @cached_property
    def used(self) -> set[str]:
        of_tests = (
            self.values.mentioned.get(self.decl.name.text, set()) if isinstance(self.decl, s.SetupDecl) else set()
        )
        return self.helpers.mentioned | of_tests

    def unused(self, line: s.Given) -> None:
        """Report a name that is no parameter and that no line mentions."""
        name, flow = line.name.text, self.tested.flow
        known = [one.name.text for one in flow.decl.params]
        listed = "its parameters: " + ", ".join(f"`{one}`" for one in known) if known else ""
        said = f"the flow `{flow.decl.name.text}` has no parameter `{name}`"
        word = f"for the line of a test write `{name} …` without `=`" if name in FORMS else ""
        self.problems.append(
            Diagnostic(
                "F0303",
                said,
                line.name.span,
                note="" if word else "a helper value needs a line that mentions it",
                help=word or did_you_mean(name, known) or listed,
            )
        )

    def replaced(self, line: s.Given, expressions: TestExpressions, scope: Scope) -> None:
        """Check that a value fits the lines of a setup, if it replaces a helper value of the setup."""
        symbol = scope.symbols[line.name.text]
        if symbol not in expressions.helpers:
            return
        setups = setups_of(self.program)
        uses = [use.name.text for use in self.decl.lines if isinstance(use, s.SetupUse)]
        for setup in (setups[use] for use in uses if use in setups):
            for other in setup.lines:
                if not isinstance(other, s.Given) or other.name.text != line.name.text:
                    continue
                for wanted in self.values.wanted(other):
                    given = expressions.helper(symbol, wanted)
                    if not t.fits(given, wanted):
                        said = f"`{line.name.text}`: expected {t.show(wanted)}, found {t.show(given)}"
                        labels = (Label(other.name.span, "the setup has this value"),)
                        self.report("F0301", said, line.value.span, "give it the type that the setup needs", labels)
                        break

    def done(self, expressions: TestExpressions, scope: Scope) -> None:
        """End the check. The planner writes each value that lines mention, so each one must be checked as a whole."""
        refused = bool(self.deep or self.helpers.endless())
        for name in () if refused else self.helpers.used:
            symbol = scope.symbols.get(name)
            if symbol is not None and symbol in expressions.helpers and not expressions.helpers[symbol].types:
                expressions.helper(symbol)
        self.values.take(expressions, self.decl)
