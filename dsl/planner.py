"""The planner. It makes a plan from a checked flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from . import plan as p
from . import syntax as s
from . import types as t
from .ask_planner import AskPlanner
from .checked import Checked
from .checking.block_types import FOLD, TOKENS
from .checking.callees import Callee
from .checking.matches import class_value
from .checking.people import OPTIONS
from .checking.program import Flow, Step
from .checking.reducer_arguments import comparing, is_same
from .hedges import hedges


def bare_plan(checked: Checked, flow: str | None = None, *, beside: Iterable[str] = ()) -> p.Plan:
    """Return the plan of one flow of a file: the named flow, or else the last one.

    Raises KeyError with the name of an unknown flow. Flows in ``beside`` become called flows, even if nothing calls
    them.
    """
    flows = checked.program.flows
    chosen = (flows[-1] if flows else None) if flow is None else _named(checked, flow)
    if chosen is None:
        raise KeyError(flow)
    called: dict[str, _Called] = {name: (checked.typed.own[name], ()) for name in beside}
    root = _Planner(checked, "", called)
    body = root.flow(chosen)
    planners = {"": root}
    made: dict[str, p.Flow] = {}
    externs: dict[str, p.Extern] = {}
    done = 0
    while done < len(called):
        # The calls of a flow are found while it is planned, and are added after it.
        for key, (callee, retries) in list(called.items())[done:]:
            done += 1
            planner = planners.get(callee.path)
            if planner is None:
                planner = planners[callee.path] = _Planner(checked.imports[callee.path], callee.path, called)
            if callee.kind == "extern":
                externs[key] = planner.extern(callee.name)
            elif found := _named(planner.checked, callee.name):
                made[key] = planner.flow(found, retries)
    decl = chosen.decl
    plan = p.Plan(
        decl.name.text,
        checked.file.span.source.name,
        body.params,
        tuple(model for planner in planners.values() for model in planner.models()),
        body.steps,
        body.result,
        body.type,
        body.calls_limit,
        body.money_limit,
        dict(sorted(made.items())),
        dict(sorted(externs.items())),
    )
    if any(planner.checked.file.endpoints for planner in planners.values()):
        from .endpoint_planner import with_endpoints  # few files declare endpoints

        plan = with_endpoints(plan, {path: planner.checked.file for path, planner in planners.items()})
    if not any(planner.checked.file.labelled for planner in planners.values()):
        return plan
    from .plan_labels import label_table  # most files have no labels

    return replace(plan, labels=label_table(plan))


def _named(checked: Checked, name: str) -> Flow | None:
    return next((flow for flow in checked.program.flows if flow.decl.name.text == name), None)


_Called = tuple[Callee, tuple[p.Expr, ...]]
"""A called flow or extern, and the `retries` of the innermost block around the call, if there are any."""


class _Planner(AskPlanner):
    """The planner of one file. ``called`` collects the called flows and externs."""

    def __init__(self, checked: Checked, path: str, called: dict[str, _Called]) -> None:
        super().__init__(checked, path)
        self.called = called
        self.names: dict[Step, str] = {}
        self.retries: list[p.Expr] = []
        retries = (one for decl in checked.file.defaults[:1] for one in decl.options if one.name.text == "retries")
        # The other options of `model default` are those of the asks already.
        self.unnamed = self.options(tuple(retries))

    def flow(self, flow: Flow, retries: tuple[p.Expr, ...] = ()) -> p.Flow:
        """Plan a flow. ``retries`` is the option of the call. It applies to asks without an option of their own."""
        self.retries = [*retries]
        for number, step in enumerate(flow.walk()):
            self.names[step] = step.plan_name(number)
        decl = flow.decl
        budget = decl.budget
        return p.Flow(
            self.params(decl.params),
            tuple(self.step(step) for step in flow.steps),
            self.expr(decl.returns[0].value),
            t.planned(self.typed.nodes.results[decl.number]),
            int(budget.calls.value) if budget and budget.calls else None,
            float(budget.money.value) if budget and budget.money else None,
        )

    def params(self, params: tuple[s.Param, ...]) -> tuple[p.Param, ...]:
        return tuple(
            p.Param(
                param.name.text,
                self.typed.nodes.params[param.number],
                self.expr(param.default) if param.default is not None else None,
                param.default is None and not isinstance(self.typed.nodes.params[param.number], t.Optional),
                label=_label(param.label),
            )
            for param in params
        )

    def extern(self, name: str) -> p.Extern:
        decl = next(one for one in self.checked.file.externs if one.name.text == name)
        params, result = self.params(decl.params), self.typed.own[name].result
        return p.Extern(decl.target.value, params, result, label=_label(decl.label))

    def models(self) -> tuple[p.Model, ...]:
        return tuple(
            p.Model(
                self.model(model.name.text),
                model.address.value,
                self.options(model.options),
                model.fallback.value if model.fallback is not None else None,
            )
            for model in self.checked.file.models
        )

    def callee(self, part: s.Call | s.Reduce) -> tuple[str, Callee] | None:
        """Return the callee of a call or a reducer, and its key in the plan.

        The key includes the path of the callee's file.
        """
        found = self.typed.nodes.callees.get(part.number)
        if found is None:
            return None
        found = found if found.path else replace(found, path=self.path)
        key, retries = found.key, tuple(self.retries[-1:]) if found.kind == "flow" else ()
        for value in retries:
            key += f"{p.WITH_RETRIES}{value.value if isinstance(value, p.Constant) else value}"
        self.called.setdefault(key, (found, retries))
        return key, found

    def step(self, step: Step) -> p.Step:
        line = step.line
        options = self.options(line.options)
        node = line.node
        person = isinstance(node, s.Ask) and node.number in self.typed.nodes.people
        if self.retries and isinstance(node, s.Ask) and not person:
            # The retries of a block are for the asks in it that set none themselves.
            options.setdefault("retries", self.retries[-1])
        if isinstance(node, s.Ask) and node.model is None:
            options |= {name: value for name, value in self.unnamed.items() if name not in options}
        own = [] if isinstance(node, s.Ask) or "retries" not in options else [options.pop("retries")]
        for written in [one.value for one in line.options if one.name.text == "retries"] if own else ():
            # The asks inside get the number, so that they need not wait for the step that it comes from.
            own = [p.Constant(self.typed.folding.number(written, step.scope))]
        self.retries += own
        chooses = isinstance(node, s.Repeat) and node.least.digits != node.most.digits
        if step in self.typed.tallied and isinstance(node, s.Repeat | s.Map) and not chooses:
            # The tally that a flow can read must not depend on which answer came first: all samples are asked, unless
            # the flow says otherwise. A vote that chooses its own number counts in the order of its samples.
            options.setdefault("launch", p.Constant("together"))
        if step in self.typed.tallied and isinstance(node, s.Ask):
            # The flow asks how sure the answer is.
            options["logprobs"] = p.Constant(True)
        if isinstance(node, s.Repeat) and hedges(step, node, self.checked):
            # A ballot is never sent twice, because the other samples can replace a slow one.
            options.setdefault("launch", p.Constant("latency"))
        if person:
            # Options that a flow sets for all its asks are for models.
            options = {name: value for name, value in options.items() if name in OPTIONS}
        planned = self._step(step, options)
        del self.retries[len(self.retries) - len(own) :]
        return planned

    def _step(self, step: Step, options: dict[str, p.Expr]) -> p.Step:
        line = step.line
        return p.Step(
            self.names[step],
            self.needs(step, "head"),
            self.node(step),
            t.planned(self.typed.steps[step]),
            options,
            self.expr(line.when.condition) if line.when else None,
            self.expr(line.when.otherwise) if line.when and line.when.otherwise is not None else None,
            line.span.line,
        )

    def needs(self, step: Step, part: str) -> tuple[str, ...]:
        names = []
        for mention in (*step.mentions, *self.typed.sources.get(step, ())):
            symbol = mention.symbol
            if mention.part != part or symbol is None or symbol.kind not in ("step", "branch") or symbol.step is None:
                continue
            if part == "reduce" and symbol.step.parent is mention.step:
                continue
            names.append(self.names[symbol.step])
        return tuple(dict.fromkeys(names))

    def node(self, step: Step) -> p.Node:
        node = step.line.node
        match node:
            case s.Ask():
                return self.ask(node, step)
            case s.Map():
                return p.Map(
                    node.element.text,
                    self.expr(node.source),
                    self.expr(node.where) if node.where is not None else None,
                    int(node.at_most.value) if node.at_most else None,
                    self.block(step),
                    self.reduce(step, node.reduce),
                    _whole(step, node),
                    node.index.text if node.index is not None else None,
                )
            case s.Repeat():
                panel = (node.element.text, self.expr(node.over)) if node.element and node.over else (None, None)
                least, most = int(node.least.value), int(node.most.value)
                return p.Repeat(least, most, self.block(step), self.reduce(step, node.reduce), *panel)
            case s.Fanout():
                return p.Fanout(self.block(step), self.reduce(step, node.reduce))
            case s.Chain():
                return p.Chain(self.block(step))
            case s.Match():
                classes = tuple(class_value(one) for one in node.classes)
                return p.Match(self.expr(node.value), self.block(step), classes)
            case s.Cascade():
                return p.Cascade(self.block(step))
            case s.Rounds(most, _, until, otherwise, by):
                last: p.RoundEnd = otherwise.text if otherwise is not None else "fail"  # type: ignore[assignment]
                best = self.expr(by) if by is not None else None
                return p.Rounds(int(most.value), self.block(step), self.expr(until), last, best)
            case s.Call() if found := self.callee(node):
                key, callee = found
                given = self.args(callee.params, node.args)
                return p.FlowCall(key, given) if callee.kind == "flow" else p.ExternCall(key, given)
            case _:
                return p.Value(self.expr(node))

    def block(self, step: Step) -> p.Block:
        return p.Block(steps := tuple(map(self.step, step.steps)), steps[-1].name)

    def reduce(self, step: Step, reduce: s.Reduce) -> p.Reduce:
        spec = self.catalog.reducers.get(reduce.rule.text)
        extern = self.callee(reduce)
        params = FOLD if reduce.rule.text == "fold" else spec.params if spec else ()
        if extern is not None:
            params = tuple(param for param in extern[1].params if param.name != "results")
        deciding = next((arg.value for arg in reduce.args if isinstance(arg.value, s.Ask)), None)
        passing, reduce = self.searching(reduce, spec)
        same = next(filter(is_same, reduce.args), None)
        return p.Reduce(
            reduce.rule.text,
            self.args(params, tuple(arg for arg in reduce.args if arg is not same)),
            self.ask(reduce.ask, step) if reduce.ask is not None else None,
            self._reduce_options(reduce),
            self._count(reduce.count) if reduce.count is not None else None,
            self.needs(step, "reduce"),
            extern[0] if extern else None,
            self.ask(deciding, step) if deciding else None,
            step in self.typed.tallied,
            passing,
            "" if same is None else comparing(same.value, self.typed.own, self.path, self.called),
        )

    def _count(self, count: s.Expr) -> p.Expr:
        if isinstance(count, s.Call) and count.function.text == "tokens":
            return p.RuleOf("tokens", self.args(TOKENS, count.args))
        return self.expr(count)

    def _reduce_options(self, reduce: s.Reduce) -> dict[str, p.Expr]:
        found = [one for one in (reduce.ask, *(arg.value for arg in reduce.args)) if isinstance(one, s.Ask)]
        asks = [one for one in found if one.number not in self.typed.nodes.people]
        inherited = {"retries": self.retries[-1]} if self.retries and asks else {}
        if asks and all(ask.model is None for ask in asks):
            inherited = self.unnamed | inherited
        own = self.options(reduce.options)
        if found and not asks:
            own = {name: value for name, value in own.items() if name in OPTIONS}
        return inherited | own


def _label(word: s.Word | None) -> p.Label:
    return word.text if word is not None else ""  # type: ignore[return-value]


def _whole(step: Step, node: s.Map) -> bool:
    """Return True if a map waits for its whole list, because its `after` names the step that makes the list."""
    return isinstance(node.source, s.Name) and any(word.text == node.source.word.text for word in step.line.after)
