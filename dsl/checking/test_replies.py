"""The check of scripted answers: their paths, their types, and the failures that they script."""

from __future__ import annotations

from fnmatch import fnmatchcase

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..source import Span
from ..test_plan import ERROR_KINDS
from .program import Scope
from .test_answers import SLOW, Scripted, scripted
from .test_expressions import TestExpressions
from .test_path_checks import Paths
from .test_paths import PathNode
from .test_samples import fewest
from .test_scopes import known_before, lines_seen, mentioned
from .tested_flow import TestedFlow

_USAGE = {
    "error": 'error("429")',
    "malformed": 'malformed("not json")',
    "cut": 'cut("half an ans")',
    "slow": "slow(5s, ANSWER)",
}


class Replies(Paths):
    """The check of the scripted answers in one test. ``scope`` has the names that answers can mention."""

    def __init__(
        self, tested: TestedFlow, expressions: TestExpressions, scope: Scope, problems: list[Diagnostic]
    ) -> None:
        super().__init__(tested, problems)
        self.expressions = expressions
        self.scope = scope

    def reply(self, line: s.Reply) -> None:
        node = self.node(line.path)
        span = line.path[0].span.to(line.path[-1].span)
        asks = self.asks(node, line) if node is not None else []
        if not asks or (node is not None and self.outside(node, asks, span)):
            for answer in line.answers:
                self.unchecked(scripted(answer))
            return
        if line.when is not None:
            self.condition(line.when, asks[0])
        for answer in line.answers:
            self.answer(scripted(answer), asks[0].answer, f"an answer of `{span.text}`")
        self.count(line, asks, span)

    def asks(self, node: PathNode, line: s.Reply) -> list[PathNode]:
        """Return the asks that a reply answers. Report the path if it has none, or asks of different types."""
        span = line.path[0].span.to(line.path[-1].span)
        found = self.tested.asks(line.path)
        if not found:
            callee = node.callee
            if node.unknown:
                return []
            if callee is not None and callee.kind == "extern":
                said = f"`{span.text}` calls the extern `{callee.name}`, so no model answers it"
                self.report("F0409", said, span, f"write `extern {callee.name}: …`")
            else:
                help = "name a step with an `ask` or a call"
                self.report("F0409", f"`{span.text}` makes no call, so it has no answers", span, help)
        elif len({ask.answer for ask in found}) > 1:
            help = f"name the step of one `ask`: `reply {span.text}.{found[0].path.rpartition('.')[2]}: …`"
            self.report("F0409", f"the asks inside `{span.text}` have answers of different types", span, help)
            return []
        elif len(found) > 1 and line.when is not None:
            help = f"name the step of one `ask`: `reply {found[0].path} when …`"
            self.report("F0409", f"`{span.text}` has {len(found)} asks, and a condition is for one", span, help)
            return []
        return found

    def count(self, line: s.Reply, asks: list[PathNode], span: Span) -> None:
        """Check the number of the answers."""
        number = len(line.answers)
        if len(asks) > 1:
            if number not in (1, len(asks)):
                branches = ", ".join(f"`{ask.path}`" for ask in asks[:4])
                said = f"`{span.text}` has {len(asks)} asks, and here are {number} answers"
                self.report("F0412", said, span, f"write one answer for all, or one for each: {branches}")
            return
        least = fewest(asks[0])
        if 1 < number < least:
            said = f"`{span.text}` asks {least} times, and here are {number} answers"
            self.report("F0412", said, span, "write one answer for all samples, or one for each")

    def condition(self, when: s.Expr, ask: PathNode) -> None:
        """Check the condition of a reply. It sees what its ask can see, also the results that it gets."""
        seen = ask.step.reduce_scope.symbols if ask.reduces and ask.step.reduce_scope is not None else {}
        results = {name: symbol for name, symbol in seen.items() if symbol.kind == "results"}
        scope = lines_seen(Scope(ask.step.scope, symbols=results), self.scope)
        self.expressions.expect(when, scope, t.BOOL, "`when`")
        done = known_before(ask)
        for name, part in mentioned(when, self.expressions.program):
            symbol = scope.lookup(name)
            if part.number in self.expressions.typed.nodes.words or symbol is None:
                continue
            if symbol.kind in ("step", "branch") and symbol.step is not None and symbol.step not in done:
                self.report(
                    "F0413",
                    f"`{name}` may not be known yet when `{ask.path}` is asked",
                    part.span,
                    "mention a parameter, an element, or a step that the ask mentions itself",
                    (Label(symbol.span, f"`{name}`"),),
                )

    # Answers

    def unchecked(self, answer: Scripted) -> None:
        """Look for mistakes in an answer of which the type is not known."""
        if answer.word is None and answer.value is not None and not self.expressions.bare(answer.value, self.scope):
            self.expressions.infer(answer.value, self.scope)

    def misspelt(self, value: s.Expr) -> bool:
        """Report a word for a failure that does not exist, or that has no brackets. Return True if it is one."""
        if isinstance(value, s.Template) and value.tag.text in _USAGE:
            word = value.tag.text
            self.report("F0414", f"`{word}` needs brackets", value.tag.span, f"write `{_USAGE[word]}`")
            return True
        call = value if isinstance(value, s.Call) and value.prefix is None else None
        if call is None or call.function.text in self.expressions.catalog.functions:
            return False
        word = call.function.text
        ways = "write a value, or " + ", ".join(f"`{usage}`" for usage in _USAGE.values())
        help = did_you_mean(word, _USAGE) or ways
        self.report("F0414", f"an answer cannot call `{word}`", call.function.span, help)
        return True

    def answer(self, answer: Scripted, wanted: t.Type, what: str) -> None:
        if answer.word is not None and not self.well_formed(answer.word):
            return
        value = answer.value
        if value is not None and self.misspelt(value):
            return
        match answer.kind:
            case "value" | "slow":
                if value is not None:
                    self.expressions.expect(value, self.scope, wanted, what)
            case "error":
                self.error(value)
            case "malformed":
                self.malformed(value, wanted, what)
            case "cut":
                if value is not None:
                    self.expressions.expect(value, self.scope, t.TEXT, "`cut`")

    def well_formed(self, call: s.Call) -> bool:
        """Check the arguments of `error`, `malformed`, `cut` and `slow`."""
        word = call.function.text
        most = 2 if word == SLOW else 1
        if not 1 <= len(call.args) <= most or any(arg.name or isinstance(arg.value, s.Ask) for arg in call.args):
            self.report("F0414", f"this is not a way to write `{word}`", call.span, f"write `{_USAGE[word]}`")
            return False
        if word != SLOW:
            return True
        delay = call.args[0].value
        if not isinstance(delay, s.Number) or delay.unit not in ("ms", "s", "m", "h"):
            self.report("F0414", "`slow` takes a duration first", delay.span, f"write `{_USAGE[SLOW]}`")
            return False
        inner = call.args[1].value if len(call.args) > 1 else None
        if not isinstance(inner, s.Call) or inner.prefix is not None or inner.function.text not in _USAGE:
            return True
        if inner.function.text == SLOW:
            self.report("F0414", "an answer is slow once", inner.span, "add the two durations")
            return False
        return self.well_formed(inner)

    def error(self, value: s.Expr | None) -> None:
        if value is None:
            return
        given = self.expressions.expect(value, self.scope, t.TEXT, "`error`")
        written = self.expressions.written(value, self.scope)
        kind = written.string.value if isinstance(written, s.Text) else None
        if kind is None or given == t.UNKNOWN or kind in ERROR_KINDS:
            return
        if not (kind.isascii() and kind.isdecimal() and 400 <= int(kind) <= 599 and len(kind) == 3):
            kinds = ", ".join(f'"{one}"' for one in ERROR_KINDS)
            help = did_you_mean(kind, ERROR_KINDS) or f'write a status from "400" to "599", or one of {kinds}'
            self.report("F0414", f'no call fails with "{kind}"', value.span, help)

    def malformed(self, value: s.Expr | None, wanted: t.Type, what: str) -> None:
        if value is None:
            return
        self.expressions.expect(value, self.scope, t.TEXT, "`malformed`")
        written = self.expressions.written(value, self.scope)
        raw = written.string.value if isinstance(written, s.Text) else None
        if wanted == t.TEXT or isinstance(wanted, t.OpenChoice):
            said, help = "every text fits this answer, so no text is malformed", "give the ask a type, or script `cut`"
            self.report("F0414", said, value.span, help)
        elif raw is not None and isinstance(wanted, t.Choice) and raw in wanted.options:
            self.report("F0414", f"{what}: this text fits {t.show(wanted)}", value.span, f"write `{raw}` as an answer")

    # Externs and files

    def extern(self, line: s.ExternReply) -> None:
        name = line.name.text
        reached = self.tested.externs
        found = [extern for extern in reached.values() if extern.callee.name == name]
        if not found:
            known = [extern.callee.name for extern in reached.values()]
            listed = ", ".join(f"`{one}`" for one in known[:8])
            help = did_you_mean(name, known) or (f"it calls {listed}" if known else "delete the line")
            said = f"the flow `{self.tested.name}` calls no extern `{name}`"
            self.report("F0418", said, line.name.span, help)
            for answer in line.answers:
                self.unchecked(scripted(answer))
            return
        if line.when is not None:
            scope = Scope(self.scope)
            extern = found[0]
            for param in extern.decl.params:
                type_ = extern.unit.typed.nodes.params.get(param.number, t.UNKNOWN)
                self.expressions.declare(scope, param.name.text, type_, param.name.span, hides=True)
            self.expressions.expect(line.when, scope, t.BOOL, "`when`")
        for given in line.answers:
            self.extern_value(scripted(given), name, found[0].callee.result)

    def extern_value(self, answer: Scripted, name: str, wanted: t.Type) -> None:
        call, value = answer.word, answer.value
        if call is not None and call.function.text != "error":
            said = f"`{call.function.text}` is for the answer of a model, and `{name}` is an extern"
            self.report("F0414", said, call.function.span, 'write a value, or `error("what went wrong")`')
        elif value is not None and (call is None or self.well_formed(call)):
            error = call is not None
            self.expressions.expect(
                value, self.scope, t.TEXT if error else wanted, "`error`" if error else f"a value of `{name}`"
            )

    def file(self, line: s.FileReply) -> None:
        self.expressions.expect(line.value, self.scope, t.TEXT, "the text of a file")
        read = self.tested.files
        if read is None or any(fnmatchcase(line.path.value, path) for path in read):
            return
        listed = ", ".join(f'"{path}"' for path in sorted(read)[:8])
        help = did_you_mean(line.path.value, read) or (f"it reads {listed}" if read else "it reads no files")
        said = f'the flow `{self.tested.name}` reads no file "{line.path.value}"'
        self.report("F0417", said, line.path.span, help)
