"""The steps that hold other steps, and the calls of flows and externs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import plan as p
from ..ballots import holds_ballots, rule_of
from .answers import reader_of
from .bodies import Bodies, defined
from .output import text_literal
from .problems import EjectError
from .reductions import VOTES, Reductions, WrittenBlock
from .scopes import Scope

_ALLOWED = frozenset({"concurrency", "errors", "launch", "retries", "corrections", "hedge", "cache", "batch", "stream"})
PLACES = "sample_places"
"""The parameter of a called flow that tells the samples and rounds around its call."""


def seeded(plan: p.Plan, steps: Sequence[p.Step]) -> bool:
    """Tell whether an ask of these steps, or of the flows that they call, has a seed."""
    for step in p.walk_steps(steps):
        node = step.node
        reduce = node.reduce if isinstance(node, p.Map | p.Repeat | p.Fanout) else None
        if "seed" in step.options or (reduce is not None and "seed" in reduce.options):
            return True
        if isinstance(node, p.FlowCall) and seeded(plan, plan.flows[node.flow].steps):
            return True
    return any("seed" in model.options for model in plan.models)


class Blocks:
    """The writer of blocks. ``flow`` gives the Python function of a called flow, ``extern`` that of an extern."""

    def __init__(
        self, bodies: Bodies, plan: p.Plan, flow: Callable[[str, Scope], str], extern: Callable[[str], str]
    ) -> None:
        self.bodies = bodies
        self.out = bodies.out
        self.plan = plan
        self.flow = flow
        self.extern = extern
        self.reductions = Reductions(bodies, plan, extern)
        bodies.blocks = self

    def write(self, step: p.Step, scope: Scope, variable: str) -> None:
        """Write the lines that give a variable the value of a block or of a call."""
        for name in step.options:
            if name == "timeout":
                raise self._error("a block with a `timeout` has no plain form", "drop the `timeout` of the block")
        match step.node:
            case p.Chain(body):
                inner = scope.inner(ballot=holds_ballots(step.node, votes=False, around=scope.ballot))
                inner.lines = scope.lines
                self.bodies.body(body.steps, inner)
                scope.lines.append(f"{variable} = {inner.look(body.result)}")
            case p.Match():
                self._match(step.node, scope, variable)
            case p.Cascade():
                raise self._error("a cascade has no plain form", "write the second stage as a step with `when`")
            case p.Rounds():
                self._rounds(step.node, scope, variable)
            case p.FlowCall(key, args):
                self._call(key, args, scope, variable)
            case p.ExternCall(key, args):
                self._extern(key, args, scope, variable)
            case p.Map():
                self._map(step, step.node, scope, variable)
            case p.Repeat():
                self._repeat(step, step.node, scope, variable)
            case p.Fanout():
                self._fanout(step, step.node, scope, variable)
            case _:
                raise self._error("this block has no plain form")

    def _error(self, what: str, help: str = "") -> EjectError:
        return self.bodies.expressions.error(what, help)

    def _expr(self, expr: p.Expr, scope: Scope) -> str:
        return self.bodies.expressions.write(expr, scope)

    def _match(self, node: p.Match, scope: Scope, variable: str) -> None:
        value = scope.flow.free(f"{variable}_class")
        scope.lines.append(f"{value} = {self._expr(node.value, scope)}")
        pairs = sorted(zip(node.classes, node.body.steps, strict=True), key=lambda pair: pair[0].rest)
        word = "if"
        for one, branch in pairs:
            inner = scope.inner(ballot=holds_ballots(node, votes=False, around=scope.ballot))
            self.bodies.tallied(branch, inner)
            for name in branch.needs:
                inner.look(name)
            self.bodies.step(branch, inner, variable)
            if one.rest:
                head = "else:"
            elif isinstance(one.value, str):
                head = f"{word} {value} == {text_literal(one.value)}:"
            else:
                head = f"{word} {value} is {one.value!r}:"
            scope.lines += defined(head if word == "elif" or not one.rest else "if True:", inner.lines)
            word = "elif"
        if not any(one.rest for one in node.classes):
            failure = self.out.use("Failure")
            scope.lines += defined("else:", [f'raise {failure}(f"the match has no branch for {{{value}!r}}")'])

    def _rounds(self, node: p.Rounds, scope: Scope, variable: str) -> None:
        function = scope.flow.free(f"{variable}_round")
        inner = scope.inner(ballot=holds_ballots(node, votes=False, around=scope.ballot))
        last = inner.values["last"] = scope.flow.own("last")
        number = scope.flow.free("number")
        inner.places = (*scope.places, f"({number}, 0)")
        self.bodies.body(node.body.steps, inner)
        value, good = inner.look(node.body.result), scope.flow.free("good")
        inner.lines.append(f"{good} = bool({self._expr(node.until, inner)})")
        rank = "None" if node.by is None else f"None if {good} else {self._expr(node.by, inner)}"
        inner.lines.append(f"return {value}, {good}, {rank}")
        tuple_ = "tuple[Any, bool, Any]"
        scope.lines += defined(f"async def {function}({number}: int, {last}: Any) -> {tuple_}:", inner.lines)
        way = text_literal(node.otherwise)
        scope.lines.append(f"{variable} = await {self.out.use('rounds')}({node.most}, {function}, {way})")

    def _call(self, key: str, args: dict[str, p.Expr], scope: Scope, variable: str) -> None:
        flow = self.plan.flows[key]
        named = [param.name for param in flow.params if param.name in args]
        given = [f"{scope.flow.own(name)}={self._expr(args[name], scope)}" for name in named]
        if seeded(self.plan, flow.steps) and scope.places:
            given.append(f"{PLACES}=({', '.join(scope.places)},)")
        scope.lines.append(f"{variable} = await {self.flow(key, scope)}({', '.join(given)})")

    def _extern(self, key: str, args: dict[str, p.Expr], scope: Scope, variable: str) -> None:
        extern = self.plan.externs[key]
        defaults = {one.name: one.default for one in extern.params if one.default is not None}
        given = [f"{name}={self._expr(one, scope)}" for name, one in {**defaults, **args}.items()]
        function, reader = self.extern(key), reader_of(self.out, extern.type)
        shown = text_literal(p.plain_name(key))
        scope.lines.append(
            f"{variable} = await {self.out.use('called')}({', '.join([shown, reader, function, *given])})"
        )

    # Blocks with many bodies

    def _policy(self, step: p.Step) -> str:
        """Write the arguments for lost bodies and for the bodies that are open at once."""
        text = ""
        for name, expr in step.options.items():
            if name not in _ALLOWED:
                raise self._error(f"the option `{name}` of a block has no plain form")
            if name == "errors" and isinstance(expr, p.Constant) and expr.value != "fail":
                text += f", errors={text_literal(str(expr.value))}"
            elif name == "errors" and isinstance(expr, p.RuleOf) and isinstance(expr.args["share"], p.Constant):
                text += f', errors="skip", share={expr.args["share"].value!r}'
            elif name == "errors" and not isinstance(expr, p.Constant):
                raise self._error("the option `errors` is worked out in the run", "write its value")
            elif name == "concurrency":
                if not isinstance(expr, p.Constant):
                    raise self._error("the option `concurrency` is worked out in the run", "write its value")
                text += f", at_once={expr.value!r}"
        return text

    def _map(self, step: p.Step, node: p.Map, scope: Scope, variable: str) -> None:
        out, flow = self.out, scope.flow
        elements, function = flow.free(f"{variable}_elements"), flow.free(f"{variable}_of")
        inner = scope.inner(ballot=rule_of(node.reduce) in VOTES)
        number, element = flow.free("number"), flow.own(node.element)
        source = f"{out.use('listed')}({self._expr(node.source, scope)})"
        index = None if node.index is None else flow.own(node.index)
        inner.values[node.element] = element
        if index is not None and node.index is not None:
            inner.values[node.index] = index
            source = f"list(enumerate({source}, 1))"
        both = element if index is None else f"({index}, {element})"
        if node.where is not None:
            chosen = scope.inner()
            chosen.values |= {name: value for name, value in inner.values.items() if name in node.names}
            condition = self._expr(node.where, chosen)
            scope.lines += chosen.lines
            source = f"[{both} for {both} in {source} if {condition}]"
        scope.lines.append(f"{elements} = {source}")
        if node.at_most is not None:
            said = f"the map allows at most {node.at_most} elements"
            scope.lines += defined(
                f"if len({elements}) > {node.at_most}:", [f"raise {out.use('Failure')}({text_literal(said)})"]
            )
        inner.lines.append(f"{both if index is None else both[1:-1]} = {elements}[{number}]")
        self.bodies.body(node.body.steps, inner)
        inner.lines.append(f"return {inner.look(node.body.result)}")
        scope.lines += defined(f"async def {function}({number}: int) -> Any:", inner.lines)
        total = f"len({elements})"
        self.reductions.write(WrittenBlock(step, node.reduce, variable, total, function, self._policy(step)), scope)

    def _repeat(self, step: p.Step, node: p.Repeat, scope: Scope, variable: str) -> None:
        flow = scope.flow
        function, number = flow.free(f"{variable}_sample"), flow.free("number")
        inner = scope.inner(ballot=rule_of(node.reduce) in VOTES)
        inner.places = (*scope.places, f"({number}, {node.most})")
        if node.over is not None and node.element is not None:
            items, element = flow.free(f"{variable}_items"), flow.own(node.element)
            inner.values[node.element] = element
            scope.lines.append(f"{items} = {self.out.use('listed')}({self._expr(node.over, scope)})")
            raised = f"raise {self.out.use('Failure')}('the panel has no items: its list is empty')"
            scope.lines += defined(f"if not {items}:", [raised])
            inner.lines.append(f"{element} = {items}[{number} % len({items})]")
        self.bodies.body(node.body.steps, inner)
        inner.lines.append(f"return {inner.look(node.body.result)}")
        scope.lines += defined(f"async def {function}({number}: int) -> Any:", inner.lines)
        sizes, policy = (node.least, node.most), self._policy(step)
        block = WrittenBlock(step, node.reduce, variable, str(node.most), function, policy, sizes)
        self.reductions.write(block, scope)

    def _fanout(self, step: p.Step, node: p.Fanout, scope: Scope, variable: str) -> None:
        flow = scope.flow
        names = [one.name for one in node.body.steps]
        if any(name in names for one in node.body.steps for name in one.needs) or self._mention(node.body.steps, names):
            raise self._error("branches that mention each other have no plain form", "make steps of them")
        functions = []
        for one in node.body.steps:
            own = self.bodies.variable(one, scope)
            function = flow.free(f"{variable}_{own}")
            inner = scope.inner(ballot=rule_of(node.reduce) in VOTES)
            self.bodies.tallied(one, inner)
            for name in one.needs:
                inner.look(name)
            self.bodies.step(one, inner, own)
            scope.lines += defined(f"async def {function}() -> Any:", [*inner.lines, f"return {own}"])
            functions.append(function)
        pick = flow.free(f"{variable}_branch")
        number = flow.free("number")
        body = [f"return await [{', '.join(functions)}][{number}]()"]
        scope.lines += defined(f"async def {pick}({number}: int) -> Any:", body)
        total, policy = str(len(functions)), self._policy(step)
        block = WrittenBlock(step, node.reduce, variable, total, pick, policy, branches=names)
        self.reductions.write(block, scope)

    def _mention(self, steps: Sequence[p.Step], names: Sequence[str]) -> bool:
        return any(name in names for one in p.walk_steps(steps) for name in one.needs)
