"""The picture of a plan: its boxes, the frames around them, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .. import plan as p
from .. import types as t
from ..checking.matches import class_text
from .drawn_flows import Called
from .drawn_names import Names
from .free_names import Functions, names_in, names_in_ask
from .picture import BlockKind, Cluster, Edge, Kind, Node, Part, Picture, Style
from .words import ExpressionWriter, plain, short, wrapped

_TITLE = 34
_LINE = 38
_TIP = 600
BlockNode = p.Map | p.Repeat | p.Fanout | p.Chain | p.Match | p.Rounds | p.Cascade


def picture_of(plan: p.Plan, functions: Functions) -> Picture:
    """Make the picture of a checked plan.

    ``functions`` are the built-in functions. They tell which steps an expression mentions.
    """
    return _Drawer(plan, functions).picture()


class _Drawer:
    def __init__(self, plan: p.Plan, functions: Functions) -> None:
        self.plan = plan
        self.functions = functions
        self.words = ExpressionWriter(functions)
        self.called = Called(plan)
        self.nodes = 0
        self.clusters = 0
        self.edges: dict[tuple[str, str], Style] = {}
        # A name may be mentioned before the step that it names is drawn.
        self.waiting: list[tuple[tuple[str, ...], str, Style, Names]] = []

    def picture(self) -> Picture:
        scope = Names()
        parts = self.flow(self.plan, scope, "")
        for names, end, style, known in self.waiting:
            for name in names:
                start = known.find(name)
                if start is not None and start != end:
                    self.edges.setdefault((start, end), style)
        edges = tuple(Edge(start, end, style) for (start, end), style in self.edges.items())
        return Picture(f"flow {plain(self.plan.flow)}", parts, edges)

    def flow(self, flow: p.Plan | p.Flow, scope: Names, prefix: str) -> tuple[Part, ...]:
        """Draw a whole flow. Return its parts; the last one is the returned value.

        ``prefix`` is the part of its steps' paths before their names.
        """
        parts: list[Part] = [self.param(param, scope) for param in flow.params]
        parts += [self.step(step, scope, prefix)[0] for step in flow.steps]
        # A returned node is a step of its own, so its name says nothing.
        text = t.show(flow.type) if flow.result == p.Ref("return") else self.words.expr(flow.result)
        end = self.node("return", "return", wrapped(text, _LINE, 3), [text, f"a value of type {t.show(flow.type)}"])
        self.mention(names_in([flow.result], self.functions), end.id, scope)
        return (*parts, end)

    def param(self, param: p.Param, scope: Names) -> Node:
        default = "" if param.default is None else f" = {self.words.expr(param.default)}"
        text = t.show(param.type) + default
        node = self.node("param", param.name, wrapped(text, _LINE, 2), [f"a parameter: {param.name}: {text}"])
        scope.values[param.name] = node.id
        return node

    def step(self, step: p.Step, scope: Names, prefix: str) -> tuple[Part, str]:
        """Draw a step. Return its part and the id of the node that has its value."""
        node, path = step.node, prefix + step.title
        match node:
            case p.Ask() | p.Value() | p.ExternCall():
                part: Part = self.leaf(step, node, path)
                head = value = part.id
            case p.FlowCall():
                part, head, value = self.call(step, node, scope, path)
            case _:
                part, head, value = self.block(step, node, scope, path)
        uses = self.uses(node)
        if not isinstance(part, Cluster) or part.kind != "flow":
            self.mention(uses, head, scope)
        clauses = names_in([step.when, step.otherwise, *step.options.values()], self.functions)
        self.mention(clauses, head, scope)
        # The flow asked for all other edges with `after`.
        explained = {*uses, *clauses}
        self.mention((need for need in step.needs if need not in explained), head, scope, "after")
        scope.values[step.name] = value
        return part, value

    def uses(self, node: p.Node) -> tuple[str, ...]:
        """Return the names that the head of a node mentions.

        If a called flow is drawn in full, ``call`` connects its arguments to the flow's parameters instead.
        """
        match node:
            case p.Ask():
                return names_in_ask(node, self.functions)
            case p.Value(expr) | p.Match(expr):
                return names_in([expr], self.functions)
            case p.Map(_, source, where):
                return names_in([source, where], self.functions)
            case p.Repeat(over=over) if over is not None:
                return names_in([over], self.functions)
            case p.Rounds():
                return names_in(node.ends, self.functions)
            case p.ExternCall(_, args) | p.FlowCall(_, args):
                return names_in(args.values(), self.functions)
        return ()

    def leaf(self, step: p.Step, node: p.Ask | p.Value | p.ExternCall, path: str) -> Node:
        named = bool(step.shown)
        match node:
            case p.Ask():
                kind: Kind = "ask"
                text, tip = self.ask_words(node), [self.ask_words(node), *_prompts(node)]
            case p.Value(expr):
                kind, text = "value", self.words.expr(expr)
                tip = [text]
            case p.ExternCall(extern, args):
                kind, text = "extern", f"extern {extern}({self.words.named(args)})"
                target = self.plan.externs[extern].target if extern in self.plan.externs else ""
                tip = [text, f"calls {target}"] if target else [text]
        lines = (*wrapped(text, _LINE, 2), *self.clauses(step))
        made = self.node(kind, step.shown if named else "", lines, [*tip, *self.about(step)])
        return replace(made, path=path, calls=kind == "ask")

    def block(self, step: p.Step, node: BlockNode, scope: Names, path: str) -> tuple[Cluster, str, str]:
        """Draw a block.

        Return its cluster, the id of the part that waits for the steps that the block needs, and the node of its value.
        """
        id_ = head = self.cluster_id()
        inner = Names(scope)
        parts: list[Part] = []
        if (listed := p.listed(node)) is not None:
            parts.append(self.element(node, *listed, inner))
            head = parts[0].id
        values: dict[str, str] = {}
        drawn = len(self.waiting)
        for place, one in enumerate(node.body.steps):
            ahead = next(reversed(values.values()), "") if isinstance(node, p.Cascade) else ""
            seen = Names(inner, values={"last": ahead}) if ahead else inner
            part, values[one.name] = self.step(one, seen, f"{path}.")
            if ahead:
                self.edges.setdefault((ahead, values[one.name]), "after")
            if isinstance(node, p.Match):
                title = short(class_text(node.classes[place]), _TITLE)
                part = replace(part, name=title) if isinstance(part, Cluster) else replace(part, title=title)
            parts.append(part)
        value = values.get(node.body.result, id_)
        if isinstance(node, p.Match | p.Cascade):
            parts.append(self.one_of(node, values.values()))
            value = parts[-1].id
        elif isinstance(node, p.Rounds):
            if any("last" in names and known.find("last") is None for names, _, _, known in self.waiting[drawn:]):
                before = self.node("element", "last", ["of the round before"], ["the value of the round before"])
                parts.insert(0, before)
                inner.values["last"] = before.id
            end = self.round_end(node)
            own = {one.name for one in node.body.steps}
            self.mention((name for name in names_in(node.ends, self.functions) if name in own), end.id, inner)
            self.edges[value, end.id] = "reduce"
            parts.append(end)
            value = end.id
        elif not isinstance(node, p.Chain):
            fanout = isinstance(node, p.Fanout)
            reducer = self.reducer(node.reduce, inner if fanout else scope, f"{path}.reduce")
            for start in values.values() if fanout else [value]:
                self.edges[start, reducer.id] = "reduce"
            parts.append(reducer)
            value = reducer.id
        return replace(self.cluster(id_, step, node.kind, self._heading(node), parts), path=path), head, value

    def _heading(self, node: BlockNode) -> str:
        match node:
            case p.Map():
                return f"map {', '.join(node.names)}" + ("" if node.at_most is None else f" at most {node.at_most}")
            case p.Repeat():
                many = f"repeat {node.least}" + ("" if node.least == node.most else f"..{node.most}")
                return many + (f" over {node.element}" if node.element is not None else "")
            case p.Match():
                return f"match {self.words.expr(node.value)}"
            case p.Rounds():
                return f"chain up to {node.most}"
        return node.kind

    def one_of(self, node: p.Match | p.Cascade, values: Iterable[str]) -> Node:
        """Return the node for the value of a match or a cascade, with the edges from those that may give it."""
        said, tip = "the last that ran", "the value of the stage at which the cascade ended"
        if isinstance(node, p.Match):
            said, tip = "one of them", "the value of the one branch that runs"
        made = self.node("reduce", "", (said,), [tip])
        for start in values:
            self.edges[start, made.id] = "mention"
        return made

    def round_end(self, node: p.Rounds) -> Node:
        until = self.words.expr(node.until)
        other = "" if node.otherwise == "fail" else f"else {node.otherwise}"
        if node.by is not None:
            other += f"(by: {self.words.expr(node.by)})"
        lines = (*wrapped(until, _LINE, 2), *(wrapped(other, _LINE, 2) if other else ()))
        return self.node("reduce", "until", lines, [f"until {until} {other}".rstrip()])

    def call(self, step: p.Step, node: p.FlowCall, scope: Names, path: str) -> tuple[Part, str, str]:
        what = f"flow {node.flow}"
        with self.called.entered(node.flow) as flow:
            if flow is None:
                title = step.shown
                count = len(self.called.steps.get(node.flow, ()))
                lines = [short(what, _LINE), f"{count:,} step{'s' if count != 1 else ''}", *self.clauses(step)]
                text = f"{what}({self.words.named(node.args)})"
                made = replace(self.node("flow", title, lines, [text, *self.about(step)]), path=path, calls=True)
                return made, made.id, made.id
            id_ = self.cluster_id()
            inner = Names()
            parts = self.flow(flow, inner, f"{path}.")
        for name, argument in node.args.items():
            self.mention(names_in([argument], self.functions), inner.values.get(name, id_), scope)
        return replace(self.cluster(id_, step, "flow", what, parts), path=path), id_, parts[-1].id

    def element(self, node: p.Node, name: str, source: p.Expr, inner: Names) -> Node:
        names, where = (node.names, node.where) if isinstance(node, p.Map) else ((name,), None)
        text, kept = f"in {self.words.expr(source)}", "" if where is None else f"where {self.words.expr(where)}"
        lines = (*wrapped(text, _LINE, 2), *(wrapped(kept, _LINE, 2) if kept else ()))
        made = self.node("element", ", ".join(names), lines, [f"each {name} {text} {kept}"])
        inner.values.update(dict.fromkeys(names, made.id))
        return made

    def reducer(self, reduce: p.Reduce, scope: Names, path: str) -> Node:
        rule = self.words.reducer(reduce)
        passing = () if reduce.passing is None else reduce.passing.exprs
        exprs = [*reduce.args.values(), *reduce.options.values(), reduce.count, *passing]
        names = tuple(one for one in names_in(exprs, self.functions) if not passing or one != p.RESULT)
        tip, lines = [rule], wrapped(rule, _LINE, 2)
        name = "ask" if reduce.count is not None and reduce.ask is not None else reduce.rule
        for ask in reduce.asks:
            asked = self.ask_words(ask)
            lines = (*lines, *wrapped(asked.removeprefix("ask ") if name == "ask" else asked, _LINE, 2))
            tip += [asked, *_prompts(ask)]
            names = (*names, *names_in_ask(ask, self.functions))
        if reduce.extern is not None:
            lines = (*lines, "extern")
        tip += [f"with {self.words.named(reduce.options)}"] if reduce.options else []
        made = replace(self.node("reduce", "", lines, tip), path=path, calls=bool(reduce.asks))
        self.mention(names, made.id, scope)
        self.mention((need for need in reduce.needs if need not in names), made.id, scope, "after")
        return made

    def ask_words(self, ask: p.Ask) -> str:
        model = "human " if ask.person else "" if ask.model is None else f"{self.words.expr(ask.model)} "
        check = "" if ask.check is None else f" check {self.words.expr(ask.check.condition)}"
        return f"ask {model}→ {t.show(ask.answer)}{check}"

    def clauses(self, step: p.Step) -> tuple[str, ...]:
        if step.when is None:
            return ()
        text = f"when {self.words.condition(step)}"
        return wrapped(text + (f" else {self.words.expr(step.otherwise)}" if step.otherwise else ""), _LINE, 2)

    def about(self, step: p.Step) -> list[str]:
        found = [] if step.when is None else [f"when {self.words.condition(step)}"]
        found += [] if step.otherwise is None else [f"else {self.words.expr(step.otherwise)}"]
        found += [f"with {self.words.named(step.options)}"] if step.options else []
        return [*found, *([f"line {step.line}"] if step.line else [])]

    def mention(self, names: Iterable[str], end: str, scope: Names, style: Style = "mention") -> None:
        self.waiting.append((tuple(names), end, style, scope))

    def node(self, kind: Kind, title: str, lines: Iterable[str], tip: Iterable[str]) -> Node:
        self.nodes += 1
        texts = [line for line in (plain(title), *(short(line, _TIP) for line in tip)) if line]
        return Node(f"n{self.nodes}", kind, short(title, _TITLE), tuple(lines), "\n".join(dict.fromkeys(texts)))

    def cluster_id(self) -> str:
        self.clusters += 1
        return f"c{self.clusters}"

    def cluster(self, id_: str, step: p.Step, kind: BlockKind, what: str, parts: Iterable[Part]) -> Cluster:
        name = step.shown
        tip = [plain(f"{name} {what}"), *(short(line, _TIP) for line in self.about(step))]
        lines = " ".join([short(what, _LINE), *self.clauses(step)])
        return Cluster(id_, kind, short(name, _TITLE), lines, tuple(parts), "\n".join(tip))


def _prompts(ask: p.Ask) -> list[str]:
    one = len(ask.messages) == 1
    return [message.template if one else f"{message.role}: {message.template}" for message in ask.messages]
