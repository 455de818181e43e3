"""The resolution of names: it finds the scopes, steps and mentions of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import syntax as s
from ..diagnostics import Diagnostic, Label
from ..path_names import COMPARED, RESULT, branch_names
from ..source import Span
from .callees import Exports
from .facts import NO_FACTS, facts_of_branches, tags_told
from .file_texts import brought_texts, own_texts
from .mentions import Mentions
from .program import Flow, Mention, Program, PromptFile, Scope, Step, Symbol, SymbolKind
from .reducer_arguments import condition_of, is_same
from .round_names import round_names

RESERVED = {
    "results": "`results` holds the results that a reducer gets",
    "loop": "`loop` counts the rounds of a `for` in a template",
    "true": "`true` is a constant",
    "false": "`false` is a constant",
    "none": "`none` is the value of a skipped step",
}


def resolve(
    file: s.File, files: Mapping[int, Exports | None] | None = None, prompts: Mapping[int, s.String] | None = None
) -> Program:
    """Find the scopes, steps and mentions of a file.

    ``files`` has the exports of its imports, and ``prompts`` the texts of its prompts, by their places. ``problems`` of
    the result has names that are declared twice, and broken templates.
    """
    program = Program(file, Scope(None))
    resolver = _Resolver(program)
    for model in file.models:
        resolver.declare(program.scope, Symbol(model.name.text, "model", model.name.span, program.scope))
    if file.texts:
        texts = own_texts(file, program.problems)
        for text in file.texts:
            constant = texts[text.name.text]
            symbol = Symbol(text.name.text, "text", text.name.span, program.scope, constant=constant)
            resolver.declare(program.scope, symbol)
    for brought in brought_texts(file, files, program.scope) if files else ():
        resolver.declare(program.scope, brought)
    words = [decl.name for decls in (file.flows, file.types, file.externs, file.prompts) for decl in decls]
    words += [decl.prefix for decl in file.imports if decl.prefix is not None]
    for word in sorted(words, key=lambda word: word.span.start):
        if first := program.declared.get(word.text):
            resolver.taken(word.text, word.span, first)
        program.declared.setdefault(word.text, word.span)
    for place, prompt in enumerate(file.prompts):
        resolver.prompt(prompt, (prompts or {}).get(place))
    for decl in file.flows:
        resolver.flow(decl)
    for extern in file.externs:
        resolver.outside(extern.params)
    for test in file.scripts:
        resolver.test(test)
    return program


class _Resolver(Mentions):
    def taken(self, name: str, span: Span, first: Span, note: str = "", help: str = "") -> None:
        self.program.problems.append(
            Diagnostic(
                "F0202",
                f"the name `{name}` is taken",
                span,
                labels=(Label(first, "first declared here"),),
                note=note or "a name has only one meaning in its scope, so each mention is clear",
                help=help or "choose another name for one of the two",
            )
        )

    def declare(self, scope: Scope, symbol: Symbol) -> None:
        if symbol.name in RESERVED:
            self.program.problems.append(
                Diagnostic(
                    "F0202",
                    f"the name `{symbol.name}` is taken",
                    symbol.span,
                    note=RESERVED[symbol.name],
                    help="choose another name",
                )
            )
        elif first := scope.lookup(symbol.name):
            self.taken(symbol.name, symbol.span, first.span)
            return
        scope.symbols[symbol.name] = symbol

    def outside(self, params: tuple[s.Param, ...]) -> list[Mention]:
        """Resolve the default values of parameters and read their templates. They can mention no steps."""
        defaults = [param.default for param in params if param.default is not None]
        return [found for one in defaults for found in self.in_expr(one, self.program.scope, None, "head")]

    def prompt(self, decl: s.PromptDecl, string: s.String | None) -> None:
        """Resolve a prompt in a file. ``string`` is None if the file cannot be read."""
        scope = Scope(self.program.scope)
        for param in decl.params:
            self.declare(scope, Symbol(param.name.text, "param", param.name.span, scope, param=param))
        self.program.outside += self.outside(decl.params)
        if string is not None:
            self.program.outside += self.in_template(string, scope, None, "head")
            self.program.prompts.append(PromptFile(decl, string, scope))

    def test(self, decl: s.TestDecl | s.SetupDecl) -> None:
        """Read the templates of a test.

        The names in a test are those of the tested flow. Another module resolves them.
        """
        for line in decl.lines:
            for one in s.line_values(line):
                self.program.outside += self.in_expr(one, self.program.scope, None, "head")

    def flow(self, decl: s.FlowDecl) -> None:
        scope = Scope(self.program.scope)
        flow = Flow(decl, scope)
        self.program.flows.append(flow)
        for param in decl.params:
            self.declare(scope, Symbol(param.name.text, "param", param.name.span, scope, param=param))
        flow.mentions.extend(self.outside(decl.params))
        for option in decl.options:
            flow.mentions.extend(self.in_value(option.value, scope, None, "head"))
        flow.steps = self.steps(decl.body.lines, scope, None)
        for returned in decl.returns:
            flow.mentions.extend(self.in_expr(returned.value, scope, None, "head"))

    def steps(self, lines: tuple[s.Line, ...], scope: Scope, parent: Step | None) -> list[Step]:
        steps = [Step(line, scope, parent) for line in lines]
        for step in steps:
            if step.line.name:
                kind: SymbolKind = "branch" if scope.fanout else "step"
                step.symbol = Symbol(step.line.name.text, kind, step.line.name.span, scope, step)
                self.declare(scope, step.symbol)
        for step in steps:
            self.step(step)
        return steps

    def step(self, step: Step) -> None:
        line = step.line
        mentions = step.mentions
        node = line.node
        scope = step.scope
        for option in line.options:
            mentions.extend(self.in_value(option.value, scope, step, "head"))
        for word in line.after:
            mentions.append(Mention(word.text, word.span, scope.lookup(word.text), step))
        if line.when:
            mentions.extend(self.in_expr(line.when.condition, scope, step, "head"))
            if line.when.otherwise is not None:
                mentions.extend(self.in_expr(line.when.otherwise, scope, step, "head"))
        match node:
            case s.Fanout():
                self.block(step, node.body, node.reduce, fanout=True)
            case s.Map():
                mentions.extend(self.in_expr(node.source, scope, step, "head"))
                inner = Scope(scope)
                self.declare(inner, Symbol(node.element.text, "element", node.element.span, inner, step))
                if node.index is not None:
                    self.declare(inner, Symbol(node.index.text, "index", node.index.span, inner, step))
                if node.where is not None:
                    mentions.extend(self.in_expr(node.where, inner, step, "head"))
                self.block(step, node.body, node.reduce, inner=inner)
            case s.Repeat():
                seen: Scope | None = None
                if node.element is not None and node.over is not None:
                    mentions.extend(self.in_expr(node.over, scope, step, "head"))
                    seen = Scope(scope)
                    self.declare(seen, Symbol(node.element.text, "element", node.element.span, seen, step))
                self.block(step, node.body, node.reduce, inner=seen)
            case s.Chain():
                step.inner = Scope(scope)
                step.steps = self.steps(node.body.lines, step.inner, step)
            case s.Match():
                mentions.extend(self.in_expr(node.value, scope, step, "head"))
                self.branches(step, node)
            case s.Rounds():
                self.rounds(step, node)
            case s.Cascade():
                self.cascade(step, node)
            case s.Ask():
                mentions.extend(self.in_ask(node, scope, step, "head"))
            case _:
                mentions.extend(self.in_expr(node, scope, step, "head"))

    def branches(self, step: Step, node: s.Match) -> None:
        """Resolve the branches of a match. Their classes are words: they take no name, and nothing can mention them."""
        step.inner = Scope(step.scope)
        names = branch_names([line.name.text if line.name else "" for line in node.body.lines])
        facts = facts_of_branches(node)
        for line, name, known in zip(node.body.lines, names, facts, strict=True):
            branch = Step(line, Scope(step.inner, facts=known), step, branch=name)
            step.steps.append(branch)
            step.inner.branches.setdefault(branch.title, branch)
        for branch in step.steps:
            self.step(branch)

    def cascade(self, step: Step, node: s.Cascade) -> None:
        """Resolve the stages of a cascade. Nothing can mention a stage by its name: the next one sees `last`."""
        from .cascade_names import name_problems, shape_problems, stages  # few files have cascades

        step.steps = list(stages(step, node))
        for stage in step.steps:
            self.step(stage)
        self.program.problems += shape_problems(step, node)
        self.program.problems += [one for stage in step.steps for one in name_problems(stage)]

    def block(
        self, step: Step, body: s.Body, reduce: s.Reduce, *, fanout: bool = False, inner: Scope | None = None
    ) -> None:
        step.inner = inner or Scope(step.scope, fanout)
        where = step.line.node.where if isinstance(step.line.node, s.Map) else None
        told = NO_FACTS if where is None else tags_told(where)
        # The condition of `where` holds in the body, and not yet in `where` itself.
        step.steps = self.steps(body.lines, Scope(step.inner, facts=told) if told else step.inner, step)
        scope = Scope(step.scope)
        fold = reduce.rule.text == "fold" and reduce.ask is not None
        search = condition_of(reduce) is not None
        same = next((arg.name for arg in reduce.args if isinstance(arg.value, s.Ask) and is_same(arg)), None)
        words = ("so_far", "next") if fold else (RESULT,) if search else COMPARED if same is not None else ("results",)
        for name in words:
            first = None if name in RESERVED else (step.scope if search or not fanout else step.inner).lookup(name)
            if first is not None and same is not None:
                said = "a question of `same` calls the two answers `a` and `b`"
                self.taken(name, same.span, first.span, said, f"give the other `{name}` a longer name")
            elif first is not None and not search:
                self.taken(name, first.span, reduce.rule.span)
            elif first is not None and first is not step.symbol:
                self.taken(name, reduce.rule.span, first.span)
            scope.symbols[name] = Symbol(name, "results", reduce.rule.span, scope, step)
        if fanout and not search:
            # The reducer's asks get symbols of their own: their types may differ here, since a reducer may do without a
            # branch.
            own = {name: replace(one) for name, one in step.inner.symbols.items()}
            scope.symbols = {**scope.symbols, **own} if same is None else {**own, **scope.symbols}
        results = Symbol("results", "results", reduce.rule.span, scope, step)
        outside = Scope(step.scope, withheld={"results": results, **scope.symbols})
        step.reduce_scope, step.argument_scope = scope, outside
        mentions = step.mentions
        for arg in reduce.args:
            seen = scope if isinstance(arg.value, s.Ask) or arg is condition_of(reduce) else outside
            mentions.extend(self.in_value(arg.value, seen, step, "reduce"))
        for option in reduce.options:
            mentions.extend(self.in_value(option.value, scope, step, "reduce"))
        if reduce.count is not None:
            mentions.extend(self.in_expr(reduce.count, outside, step, "reduce"))
        if reduce.ask is not None:
            mentions.extend(self.in_ask(reduce.ask, scope, step, "reduce"))

    def rounds(self, step: Step, node: s.Rounds) -> None:
        """Find the names of rounds. `last` is known in the body, and not in the condition at the end of a round."""
        inner = step.inner = Scope(step.scope)
        head = Span(node.span.source, node.span.start, node.most.span.end)
        last = Symbol("last", "last", head, inner, step)
        outer = step.scope.lookup("last")
        if outer is not None and outer.kind != "last":
            self.taken("last", head, outer.span)
        inner.symbols["last"] = last
        step.steps = self.steps(node.body.lines, inner, step)
        own = {name: symbol for name, symbol in inner.symbols.items() if symbol is not last}
        step.until_scope = Scope(step.scope, symbols=own, withheld={"last": last})
        ended: list[list[Mention]] = []
        for expr in node.ends:
            found: list[Mention] = []
            for mention in self.in_expr(expr, step.until_scope, step, "head"):
                own_step = mention.symbol is not None and mention.symbol.step in step.steps
                found.append(replace(mention, part="reduce") if own_step else mention)
            ended.append(found)
            step.mentions.extend(found)
        self.program.problems += round_names(step, node, ended[0], [one for found in ended for one in found])
