"""The walk over tests: the steps, the parameters and the helper values that their lines name."""

from __future__ import annotations

from .. import syntax as s
from ..checked import units_of
from ..checking.program import Scope, Symbol
from ..checking.test_expressions import RESULT
from ..checking.test_paths import PathNode, written_path
from ..checking.tested_flow import TestedFlow, TestedFlows
from ..checking.units import Unit
from .homes import Home
from .targets import Target, Written
from .walk_values import ValueWalk


class TestWalk:
    """The walk over the tests and setups of one file."""

    def __init__(self, walk: ValueWalk) -> None:
        self.walk = walk
        home = self.home = walk.home
        others = {path: one.checked for path, one in home.homes.items() if one is not home}
        unit = Unit("", home.program, home.typed, home.checked.imported, units_of(others))
        self.flows = TestedFlows(unit)
        self.setups = {one.name.text: one for one in home.file.setups}

    def scripts(self) -> None:
        for setup in self.home.file.setups:
            self.walk.declare(Target("setup", setup.name.text, setup.name.span, None, setup))
        for script in self.home.file.scripts:
            self.script(script)

    def script(self, decl: s.TestDecl | s.SetupDecl) -> None:
        self.walk.prefix(decl.prefix)
        target = self.home.declared(decl.prefix.text if decl.prefix else "", decl.flow.text, (s.FlowDecl,))
        if target is not None:
            self.walk.mention(decl.flow.span, target)
        tested = self.flows.of(decl)
        if tested is None:
            return
        helpers = self.helpers(decl, tested)
        scope = Scope(self.home.program.scope, symbols=helpers)
        ends = Scope(tested.flow.scope)
        ends.symbols = {name: one for name, one in helpers.items() if ends.lookup(name) is None}
        if ends.lookup(RESULT) is None and (home := self.of_unit(tested.unit)) is not None:
            result = ends.symbols[RESULT] = Symbol(RESULT, "results", decl.flow.span, ends)
            self.home.made[result] = home.made[result] = home.returned(tested.flow)
        for line in decl.lines:
            self.line(line, tested, scope, ends)

    def helpers(self, decl: s.TestDecl | s.SetupDecl, tested: TestedFlow) -> dict[str, Symbol]:
        """Return the helper values of a test and of the setups that it takes, those of the test first."""
        params = {param.name.text for param in tested.flow.decl.params}
        lines = [
            *decl.lines,
            *(
                line
                for use in decl.lines
                if isinstance(use, s.SetupUse) and use.name.text in self.setups
                for line in self.setups[use.name.text].lines
            ),
        ]
        found: dict[str, Symbol] = {}
        scope = self.home.program.scope
        for line in lines:
            if isinstance(line, s.Given) and line.name.text not in params:
                symbol = Symbol(line.name.text, "given", line.name.span, scope)
                found.setdefault(line.name.text, symbol)
                self.home.made[symbol] = self.home.value(line.value, scope)
        return found

    def line(self, line: s.TestLine, tested: TestedFlow, scope: Scope, ends: Scope) -> None:
        match line:
            case s.Given(name, value):
                self.given(name, value, tested, scope)
            case s.Reply(path, when, answers):
                asks = tested.asks(path)
                self.path(path, tested)
                if when is not None:
                    inner = Scope(asks[0].step.scope) if asks else ends
                    inner.symbols = {n: one for n, one in scope.symbols.items() if inner.lookup(n) is None}
                    self.elsewhere(when, inner, tested)
                ask = asks[0].ask if asks else None
                own = asks[0].unit.path == "" if asks else False
                for answer in answers:
                    self.walk.value(answer, scope, ask.answer if ask is not None and own else None)
            case s.ExternReply(name, when, answers):
                target = self.extern(name, tested)
                inner = Scope(scope)
                if target is not None and isinstance(target.node, tuple):
                    self.walk.mention(name.span, target)
                    for param in target.node[1].params:
                        one = Symbol(param.name.text, "param", param.name.span, inner, param=param)
                        inner.symbols[param.name.text] = one
                for value in (*([when] if when is not None else []), *answers):
                    self.walk.value(value, inner if value is when else scope)
            case s.FileReply(_, value):
                self.walk.value(value, scope)
            case s.SetupUse(name):
                if (setup := self.setups.get(name.text)) is not None:
                    self.walk.mention(name.span, Target("setup", name.text, setup.name.span, None, setup))
            case s.Expect() | s.ExpectType() | s.ExpectRelation():
                for value in s.line_values(line):
                    self.elsewhere(value, ends, tested)
                if isinstance(line, s.ExpectType):
                    self.walk.type(line.type, self.home.program.scope)
            case s.ExpectEnd(_, step):
                path_of = written_path(step) if step is not None else None
                if path_of is not None:
                    self.path(path_of, tested)
            case s.ExpectAsked(_, path, contains):
                self.path(path, tested)
                if contains is not None:
                    self.elsewhere(contains, ends, tested)

    def given(self, name: s.Word, value: s.Expr, tested: TestedFlow, scope: Scope) -> None:
        param = next((one for one in tested.flow.decl.params if one.name.text == name.text), None)
        home = self.of_unit(tested.unit)
        written: Written | None = None
        if param is not None and home is not None:
            self.walk.mention(name.span, home.of_param(param))
            written = param.type if home is self.home else None
        elif (symbol := scope.symbols.get(name.text)) is not None:
            # A test may replace the helper value of its setup, so only the first is the declaration.
            target = Target("value", name.text, name.span)
            self.walk.declare(target) if symbol.span == name.span else self.walk.mention(name.span, target)
        self.walk.value(value, scope, written)

    def of_unit(self, unit: Unit) -> Home | None:
        if unit.path == "":
            return self.home
        found = self.home.homes.get(unit.path)
        return found if isinstance(found, Home) else None

    def extern(self, name: s.Word, tested: TestedFlow) -> Target | None:
        for one in tested.externs.values():
            if one.callee.name == name.text and (home := self.of_unit(one.unit)) is not None:
                return home.of_decl(one.decl)
        return None

    def path(self, path: s.Path, tested: TestedFlow) -> None:
        found = tested.find(path)
        if not isinstance(found, PathNode):
            return
        for node in found.chain:
            home = self.of_unit(node.unit)
            if node.word is None or node.reduces or home is None or node.word >= len(path):
                continue
            word, name = path[node.word].word, node.step.line.name
            if node.step.symbol is not None:
                self.walk.mention(word.span, home.of_symbol(node.step.symbol))
            elif node.step.branch and name is not None:
                self.walk.mention(word.span, Target("branch", node.step.branch, name.span, None, None, node.step))
            elif node.callee is not None and node.callee.name == word.text:
                # A call without a name of its own has that of the flow.
                call = node.step.line.node
                prefix = call.prefix.text if isinstance(call, s.Call) and call.prefix is not None else ""
                called = home.declared(prefix, word.text, (s.FlowDecl, s.ExternDecl))
                if called is not None:
                    self.walk.mention(word.span, called)

    def elsewhere(self, value: s.Expr, scope: Scope, tested: TestedFlow) -> None:
        """Walk over an expression that mentions names of the tested flow, which may be in another file."""
        home = self.of_unit(tested.unit)
        if home is None or home is self.home:
            if self.rounds(value, tested):
                return
            self.walk.value(value, scope)
            return
        other = type(self.walk)(home)
        other.value(value, scope)
        self.walk.places += other.places

    def rounds(self, value: s.Expr, tested: TestedFlow) -> bool:
        """Walk over a comparison of `rounds(STEP)`. Return True if it is one."""
        call = value.left if isinstance(value, s.Binary) else value
        if not isinstance(call, s.Call) or call.function.text != "rounds" or len(call.args) != 1:
            return False
        arg = call.args[0].value
        path = written_path(arg) if not isinstance(arg, s.Ask) else None
        if path is not None:
            self.path(path, tested)
        return path is not None
