"""The tree of a flow that would have this plan."""

from __future__ import annotations

from collections.abc import Mapping

from .. import plan as p
from .. import syntax as s
from .. import types as t
from ..catalog import Catalog, ParamSpec
from ..checking.block_types import FOLD
from ..checking.matches import class_text
from ..checking.people import PLANNED
from ..checking.reducer_arguments import IF
from ..path_names import BY_ASK, SAME
from ..source import Source, Span
from .blocks import cascade, check_condition, declared
from .errors import UnfitError
from .exprs import Exprs
from .values import label_word, number_expr, type_expr

ANY = "#any"
"""The name of a type that every value fits."""


def extern_word(key: str) -> str:
    """Return a name for an extern in the tree that no flow, function or reducer can have."""
    return f"extern {key}"


def flow_word(key: str, catalog: Catalog) -> str:
    """Return a name for a flow in the tree that no function has."""
    return f"flow {key}" if key in catalog.functions else key


class Tree:
    """The builder of one flow's tree. Each part's place is the name of its step, in a text that lists the names."""

    def __init__(self, plan: p.Plan, flow: p.Flow | p.Plan, title: str, catalog: Catalog) -> None:
        self.plan, self.flow, self.title, self.catalog = plan, flow, title, catalog
        self.steps = {step.name: step for step in p.walk_steps(flow.steps)}
        params = (*flow.params, *(param for extern in plan.externs.values() for param in extern.params))
        names = [title, *self.steps, *(one.name for one in params), *plan.externs, *(one.name for one in plan.models)]
        names += [one.name for one in plan.endpoints]
        self._places: dict[str, tuple[int, int]] = {}
        size = 0
        for name in dict.fromkeys(names):
            self._places[name] = size, size + len(name)
            size += len(name) + 1
        self._source = Source("\n".join(self._places), title)
        self.exprs = Exprs(catalog, self._type_of, self._no_tally)
        self._lines: list[tuple[s.Line, p.Step]] = []
        self.planned: dict[int, p.Step] = {}
        """The step of each line, by the line's number."""

    def at(self, name: str) -> Span:
        return self._source.span(*self._places[name])

    def _type_of(self, name: str) -> t.Type | None:
        return self.steps[name].type if name in self.steps else None

    def _no_tally(self, name: str) -> bool:
        """Return True if an extern reduces the block. The flow may look for its tally, but there is none."""
        node = self.steps[name].node if name in self.steps else None
        return isinstance(node, p.Map | p.Repeat | p.Fanout) and node.reduce.extern is not None

    def file(self) -> s.File:
        """Make the tree of the file. Raises UnfitError if no flow could have a part of the plan."""
        at = self.at(self.title)
        # A flow of another file does not see the models of this one, and may use their names for its own.
        own = self.flow.names if isinstance(self.flow, p.Flow) else set()
        models = [self._model(model) for model in self.plan.models if model.name not in own]
        externs = [self._extern(key, extern) for key, extern in self.plan.externs.items()]
        params = [self._param(param) for param in self.flow.params]
        body = s.Body(tuple(self._line(step) for step in self.flow.steps), at)
        returned = s.Return(self.exprs.expr(self.flow.result, at, self.flow.type), at)
        word = s.Word(flow_word(self.title, self.catalog), at)
        decl = s.FlowDecl(word, (*params, *self.exprs.holes), None, body, (returned,), at)
        endpoints = [self._endpoint(one) for one in self.plan.endpoints]
        file = s.File((*self.exprs.types, *endpoints, *models, *externs, decl), (), at)
        s.number_nodes(file)
        self.planned = {line.number: step for line, step in self._lines}
        return file

    def _param(self, param: p.Param, type_: str = "") -> s.Param:
        at = self.at(param.name)
        if not param.required and param.default is None and not isinstance(param.type, t.Optional):
            raise UnfitError(param.name, f"a call may omit it, and a missing value is not {t.show(param.type)}")
        default = None if param.default is None else self.exprs.expr(param.default, at, param.type)
        written: s.TypeExpr = s.TypeName(s.Word(type_, at), at) if type_ else type_expr(param.type, at)
        if type_ and isinstance(param.type, t.Optional):
            written = s.TypeOptional(written, at)
        return s.Param(s.Word(param.name, at), written, default, at, label_word(param.label, at))

    def _model(self, model: p.Model) -> s.ModelDecl:
        at = self.at(model.name)
        # The addresses are checked when they are opened, before the first call.
        address = s.String(f"{min(self.catalog.providers)}:{model.name}", at)
        return s.ModelDecl(s.Word(model.name, at), address, None, self.exprs.options(model.options, at), at)

    def _endpoint(self, endpoint: p.Endpoint) -> s.EndpointDecl:
        at = self.at(endpoint.name)
        options = [s.Option(s.Word("kind", at), s.Name(s.Word(endpoint.kind, at), at), at)]
        if endpoint.lacks:
            words: tuple[s.Expr, ...] = tuple(s.Name(s.Word(one, at), at) for one in endpoint.lacks)
            options.append(s.Option(s.Word("lacks", at), s.ListExpr(words, at), at))
        addresses = tuple(s.String(one, at) for one in endpoint.addresses)
        key = s.String(endpoint.key, at) if endpoint.key else None
        if not addresses or not endpoint.name.isidentifier():
            raise UnfitError(endpoint.name, "an endpoint has a name and an address")
        return s.EndpointDecl(s.Word(endpoint.name, at), addresses, key, tuple(options), at)

    def _extern(self, key: str, extern: p.Extern) -> s.ExternDecl:
        at = self.at(key)
        # The results that an extern combines, and its JSON arguments, are passed as plain data: the call itself checks
        # them.
        free = {param.name for param in extern.params if param.name == "results" or param.type == t.JSON}
        params = tuple(self._param(param, ANY if param.name in free else "") for param in extern.params)
        word = s.Word(extern_word(key), at)
        label = label_word(extern.label, at)
        return s.ExternDecl(word, params, type_expr(extern.type, at), s.String(extern.target, at), at, label)

    # Steps

    def _line(self, step: p.Step, branch: s.Word | None = None) -> s.Line:
        at = self.at(step.name)
        options = dict(step.options)
        node = step.node
        if isinstance(node, p.Map) and node.reduce.tallied and options.get("launch") == p.Constant("together"):
            # The planner sets this option on a map whose tally is read. A flow cannot write it.
            del options["launch"]
        if isinstance(node, p.Map | p.Repeat | p.Fanout) and node.reduce.deciding is not None:
            # The retries of the asks in a rule are those of its block.
            options |= {name: value for name, value in node.reduce.options.items() if name == "retries"}
        when = None
        if step.when is not None:
            other = None if step.otherwise is None else self.exprs.expr(step.otherwise, at, t.unwrapped(step.type))
            when = s.When(self.exprs.expr(step.when, at), other, at)
        elif step.otherwise is not None:
            raise UnfitError(step.name, "it has a value for the case that it is skipped, and no condition to skip it")
        if branch is None and step.branch:
            raise UnfitError(step.name, "it has the name of a branch, and stands in no match")
        word = None if step.name.startswith("#") and not isinstance(node, p.Fanout) else s.Word(step.name, at)
        word = branch or word
        line = s.Line(word, self._node(step, at), self.exprs.options(options, at), (), when, at)
        self._lines.append((line, step))
        return line

    def _node(self, step: p.Step, at: Span) -> s.Node:
        node = step.node
        match node:
            case p.Ask():
                return self._ask(node, at)
            case p.Value(expr):
                return self.exprs.expr(expr, at, step.type)
            case p.FlowCall(key, args):
                return self._call(flow_word(key, self.catalog), self.plan.flows[key].params, args, at)
            case p.ExternCall(key, args):
                return self._call(extern_word(key), self.plan.externs[key].params, args, at)
            case p.Chain(block):
                return s.Chain(self._body(block, at), at)
            case p.Match():
                return self._match(step.name, node, at)
            case p.Cascade(block):
                return cascade(step.name, block, at, lambda one: self._line(one, s.Word(one.branch, self.at(one.name))))
            case p.Rounds(most, block, until, otherwise, by):
                word = s.Word(otherwise, at)
                ends = [None if one is None else self.exprs.expr(one, at) for one in (until, by)]
                if ends[0] is None or (otherwise == "best") != (by is not None):
                    raise UnfitError(step.name, "only `best` rounds have an expression `by`")
                return s.Rounds(s.Number(str(most), "", at), self._body(block, at), ends[0], word, ends[1], at)
            case p.Fanout(block, reduce):
                return s.Fanout(self._body(block, at), self._reduce(step, reduce, at), at)
            case p.Repeat(least, most, block, reduce, element, over):
                numbers = (s.Number(str(least), "", at), s.Number(str(most), "", at))
                if (element is None) != (over is None):
                    raise UnfitError(step.name, "a panel has both a list and a name for its items")
                panel = (s.Word(element, at), self.exprs.expr(over, at)) if element and over else (None, None)
                return s.Repeat(*numbers, self._body(block, at), self._reduce(step, reduce, at), at, *panel)
            case p.Map():
                at_most = None if node.at_most is None else number_expr(node.at_most, "", at)
                if at_most is not None and not isinstance(at_most, s.Number):
                    raise UnfitError(step.name, "`at most` takes a whole number from 1")
                return s.Map(
                    s.Word(node.element, at),
                    self.exprs.expr(node.source, at),
                    None if node.where is None else self.exprs.expr(node.where, at),
                    at_most,
                    self._body(node.body, at),
                    self._reduce(step, node.reduce, at),
                    at,
                    None if node.index is None else s.Word(node.index, at),
                )

    def _match(self, name: str, node: p.Match, at: Span) -> s.Match:
        if len(node.classes) != len(node.body.steps):
            raise UnfitError(name, "a match has one class for each of its branches")
        if node.body.result not in [one.name for one in node.body.steps]:
            raise UnfitError(name, "its value comes from no branch of its own")
        lines: list[s.Line] = []
        classes: list[s.Word | s.String] = []
        for branch, one in zip(node.body.steps, node.classes, strict=True):
            place, bare = self.at(branch.name), one.rest or not isinstance(one.value, str)
            if one.rest and one.value is not None:
                raise UnfitError(branch.name, "a branch for all other classes has no class of its own")
            if not branch.branch:
                raise UnfitError(branch.name, "a branch of a match has no name that a step could mention")
            written = s.Word(class_text(one), place) if bare else s.String(str(one.value), place)
            line = self._line(branch, s.Word(written.text if isinstance(written, s.Word) else written.value, place))
            lines.append(line)
            classes.append(written)
        return s.Match(self.exprs.expr(node.value, at), s.Body(tuple(lines), at), tuple(classes), at)

    def _call(self, key: str, params: tuple[p.Param, ...], args: Mapping[str, p.Expr], at: Span) -> s.Call:
        specs = tuple(ParamSpec(param.name, param.type, param.required) for param in params)
        return s.Call(s.Word(key, at), self.exprs.args(specs, args, at), at)

    def _body(self, block: p.Block, at: Span) -> s.Body:
        # The last line of a block is its value.
        steps = sorted(block.steps, key=lambda step: step.name == block.result)
        return s.Body(tuple(self._line(step) for step in steps), at)

    def _ask(self, ask: p.Ask, at: Span, *, typed: bool = True) -> s.Ask:
        if not ask.messages:
            raise UnfitError(at.text, "its ask has no message: a prompt needs one or more")
        messages = tuple(
            s.Message(s.Word(message.role, at), s.String(message.template, at), at) for message in ask.messages
        )
        model: s.Expr | None = None if ask.model is None else self.exprs.expr(ask.model, at)
        check = None
        if ask.check is not None:
            message = s.String(ask.check.message, at) if ask.check.message else None
            check = s.Check(self.exprs.expr(ask.check.condition, at, t.BOOL), message, at)
        use = None
        if ask.given:
            args = tuple(
                s.Arg(s.Word(name, at), self.exprs.expr(one.value, at, one.type), at) for name, one in ask.given.items()
            )
            types = tuple(type_expr(one.type, at) for one in ask.given.values())
            use = s.PromptUse(s.Word("", at), args, at, types=types)
        if ask.person:
            if model is not None:
                raise UnfitError(at.text, "a person answers it, and it names a model")
            model = s.Name(s.Word(PLANNED, at), at)
            if len(messages) == 1 and ask.messages[0].role == "user":
                messages = (s.Message(None, messages[0].template, at),)
        return s.Ask(model, messages, type_expr(ask.answer, at) if typed else None, at, check, use)

    def _reduce(self, step: p.Step, reduce: p.Reduce, at: Span) -> s.Reduce:
        if reduce.ask is not None:
            return self._asking(step, reduce, reduce.ask, at)
        if reduce.extern is not None:
            params = tuple(ParamSpec(one.name, one.type) for one in self.plan.externs[reduce.extern].params)
            args = self.exprs.args(params, reduce.args, at)
            return s.Reduce(s.Word(extern_word(reduce.extern), at), args, None, None, (), at)
        spec = self.catalog.reducers[reduce.rule]
        args = self.exprs.args(spec.params, reduce.args, at)
        if reduce.deciding is not None:
            compares = reduce.same == BY_ASK
            taking = [one.name for one in spec.params if one.asks is not None and one.asks.compares is compares]
            if not taking:
                raise UnfitError(step.name, f"`{reduce.rule}` makes no call, and the plan has an ask for it")
            ask = self._ask(reduce.deciding, at, typed=compares)
            args = (*args, s.Arg(s.Word(taking[0], at), ask, at))
        elif reduce.comparing:
            word = s.Word(extern_word(declared(step, reduce.comparing, "compares answers", self.plan)), at)
            args = (*args, s.Arg(s.Word(SAME, at), s.Name(word, at), at))
        if reduce.passing is not None:
            args = (*args, self._condition(step, reduce, reduce.passing, at))
        options = {name: value for name, value in reduce.options.items() if name != "retries"}
        return s.Reduce(s.Word(reduce.rule, at), args, None, None, self.exprs.options(options, at), at)

    def _condition(self, step: p.Step, reduce: p.Reduce, passing: p.Passing, at: Span) -> s.Arg:
        check_condition(step, reduce, passing, self.catalog)
        if passing.condition is not None:
            return s.Arg(s.Word(IF, at), self.exprs.expr(passing.condition, at, t.BOOL), at)
        key = declared(step, passing.extern or "", "judges results", self.plan)
        call = self._call(extern_word(key), self.plan.externs[key].params, passing.args, at)
        return s.Arg(s.Word(IF, at), call, at)

    def _asking(self, step: p.Step, reduce: p.Reduce, ask: p.Ask, at: Span) -> s.Reduce:
        rule = "fold" if reduce.rule == "fold" else "ask" if reduce.count is None else "by"
        if reduce.rule != rule:
            raise UnfitError(
                step.name,
                f"it combines its results by an ask, as `{rule}`, and the plan names the reducer `{reduce.rule}`",
            )
        if rule == "fold" and reduce.count is not None:
            raise UnfitError(step.name, "a fold takes its results one by one, and this one has a count for a tree")
        if rule != "fold" and reduce.args:
            raise UnfitError(step.name, "an ask as a reducer takes no arguments")
        return s.Reduce(
            s.Word(rule, at),
            self.exprs.args((ParamSpec(FOLD[0].name, ask.answer),), reduce.args, at),
            self._ask(ask, at),
            None if reduce.count is None else self.exprs.tokens(reduce.count, at),
            self.exprs.options(reduce.options, at),
            at,
        )
