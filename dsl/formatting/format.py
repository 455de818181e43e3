"""The formatting of whole files. It turns a tree into its canonical text.

The tree determines the text, but some choices of the author stay: empty lines, blocks and flows on one line, triple
quotes, and the places of comments.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .. import syntax as s
from .comments import Unit, joined_rows
from .layout import COMMAS, Doc, DocConcat, Group, LineBreak, render
from .phrases import label_text, number
from .tests import TestPhrases

_BLOCKS = frozenset({"ask", "fanout", "map", "repeat", "chain"})


def format_file(file: s.File) -> str:
    """Write the canonical text of a flow file. It parses to an equal tree, and formatting it again changes nothing."""
    return _Formatter(file).file(file)


class _Formatter(TestPhrases):
    # Declarations

    def file(self, file: s.File) -> str:
        units = [self.unit(item, self._declaration(item)) for item in file.items]
        self.comments.settle(units, 0)
        rest = self.comments.ending(units, 0, len(self.text))
        for (before, item), unit in zip(pairwise(file.items), units[1:], strict=True):
            if isinstance(item, (s.FlowDecl, s.TestDecl, s.SetupDecl)) or type(before) is not type(item):
                unit.part()
        rows = joined_rows(units, rest)
        return render(Group(DocConcat([*rows, LineBreak()]), hard=True)) if rows else ""

    def _declaration(self, item: s.Declaration) -> Doc:
        match item:
            case s.FlowDecl():
                return self._flow(item)
            case s.ModelDecl():
                address = self.string(item.address) if item.hole is None else self.hole(item.hole)
                parts = ["model ", item.name.text, " = ", address]
                if item.fallback is not None:
                    parts += [" else ", self.string(item.fallback)]
                end = (item.fallback or item.hole or item.address).span.end
                units = [Unit(item.span.start, end, DocConcat(parts)), *self._with(item.options)]
                return self.comments.chained(units)
            case s.EndpointDecl():
                return self._endpoint(item)
            case s.DefaultsDecl():
                end = item.span.start + len("model default")
                return self.comments.chained([Unit(item.span.start, end, "model default"), *self._with(item.options)])
            case s.TextDecl():
                return DocConcat(["text ", item.name.text, " = ", self.string(item.string)])
            case s.PromptDecl():
                head = self._params(item.params, item.name.span.end, item.path.span.start)
                return DocConcat(["prompt ", item.name.text, head, " from ", self.string(item.path)])
            case s.TypeDecl():
                return DocConcat(["type ", item.name.text, " = ", self.type_expr(item.type)])
            case s.ImportDecl():
                prefix = f" as {item.prefix.text}" if item.prefix is not None else ""
                return DocConcat(["import ", self.string(item.path), prefix])
            case s.ExternDecl():
                head = self._params(item.params, item.name.span.end, item.type.span.start)
                parts = ["extern ", item.name.text, head, " -> ", label_text(item.label), self.type_expr(item.type)]
                return DocConcat([*parts, " from ", self.string(item.target)])
            case s.TestDecl() | s.SetupDecl():
                return self.test(item)

    def _endpoint(self, decl: s.EndpointDecl) -> Doc:
        last = decl.addresses[-1].span.end
        if decl.listed:
            units = [self.comments.unit(one.span.start, one.span.end, self.string(one)) for one in decl.addresses]
            before = decl.name.span.end
            end = self._end_of_list(last)
            listed = self.comments.enclosed(units, ("[", "]"), (before, end), separators=COMMAS)
            head, last = DocConcat(["endpoint ", decl.name.text, " at ", listed]), end
        else:
            head = DocConcat(["endpoint ", decl.name.text, " = ", self.string(decl.addresses[0])])
        units = [Unit(decl.span.start, last, head)]
        if decl.key is not None:
            units.append(Unit(decl.key.span.start, decl.key.span.end, DocConcat(["key ", self.string(decl.key)])))
        return self.comments.chained([*units, *self._with(decl.options)])

    def _end_of_list(self, start: int) -> int:
        """Return the end of a list whose last text ends at ``start``. A comment may hold a bracket, too."""
        while self.text[start] != "]":
            start = self.text.find("\n", start) if self.text[start] == "#" else start + 1
        return start + 1

    def _flow(self, flow: s.FlowDecl) -> Doc:
        end = flow.options[0].span.start if flow.options else flow.body.span.start
        head = self._params(flow.params, flow.name.span.end, end)
        if flow.budget is not None:
            money, calls = flow.budget.money, flow.budget.calls
            limits = ([number(money)] if money else []) + ([f"{number(calls)} calls"] if calls else [])
            head = DocConcat([head, " budget ", ", ".join(limits)])
        if flow.options:
            head = self.comments.chained([Unit(flow.name.span.end, end, head), *self._with(flow.options)])
        early = self.comments.take(flow.name.span.end, flow.body.span.start)
        return DocConcat(["flow ", flow.name.text, head, " ", self._body(flow.body, early, returns=flow.returns)])

    def _params(self, params: Sequence[s.Param], start: int, before: int) -> Doc:
        """Write parameters in brackets. In the source the brackets are between the offsets ``start`` and ``before``."""
        units = []
        for param in params:
            default = [" = ", self.expr(param.default)] if param.default is not None else []
            doc = DocConcat([param.name.text, ": ", label_text(param.label), self.type_expr(param.type), *default])
            units.append(self.unit(param, doc))
        end = self._closing_bracket(units[-1].end if units else start, before)
        return self.comments.enclosed(units, ("(", ")"), (start, end), separators=COMMAS)

    def _closing_bracket(self, start: int, end: int) -> int:
        """Find the last `)` outside of comments. A default value may end with a `)` of its own."""
        found = start
        while start < end:
            if self.text[start] == "#":
                start = self.text.find("\n", start, end)
            elif self.text[start] == ")":
                found = start
            start += 1
        return found

    # Lines and clauses

    def _body(
        self,
        body: s.Body,
        early: Sequence[s.Comment] = (),
        late: Sequence[s.Comment] = (),
        returns: Sequence[s.Return] = (),
    ) -> Doc:
        own = [returned.step for returned in returns if returned.own]
        plain = [line for line in body.lines if all(line is not step for step in own)]
        lines: list[s.Line | s.Return] = sorted([*plain, *returns], key=lambda line: line.span.start)
        units = [self.unit(line, self._line(line)) for line in lines]
        broken = len(lines) > 1 or self.text.find("\n", body.span.start, body.span.end) >= 0
        region = (body.span.start, body.span.end)
        return self.comments.enclosed(units, ("{", "}"), region, broken=broken and bool(lines), early=early, late=late)

    def _line(self, line: s.Line | s.Return, name: Doc = "") -> Doc:
        if isinstance(line, s.Return):
            if line.step is None:
                return DocConcat(["return ", self.expr(line.value, hidden=_BLOCKS)])
            return self._step(line.step, "return ")
        return self._step(line, DocConcat([name or line.name.text, " = "]) if line.name is not None else "")

    def _step(self, line: s.Line, begin: Doc, *, stage: bool = False) -> Doc:
        check = line.node.check if isinstance(line.node, s.Ask) else None
        end = _before_check(line.node) if check is not None and isinstance(line.node, s.Ask) else line.node.span.end
        head = self._node(line.node)
        if begin:
            head = DocConcat([begin, head])
        units = [Unit(line.span.start, end, head)]
        units += [Unit(check.span.start, check.span.end, self.check(check))] if check is not None else []
        units += self._with(line.options)
        if line.after:
            names = ", ".join(name.text for name in line.after)
            units.append(Unit(line.after[0].span.start, line.after[-1].span.end, f"after {names}"))
        if line.when is not None:
            condition, otherwise = line.when.condition, line.when.otherwise
            if stage:
                from ..syntax.stage_words import as_written  # few files have cascades

                condition = as_written(condition)
            doc = DocConcat(["when ", self.expr(condition)])
            units.append(Unit(line.when.span.start, condition.span.end, doc))
            if otherwise is not None:
                doc = DocConcat(["else ", self.expr(otherwise)])
                units.append(Unit(otherwise.span.start, otherwise.span.end, doc))
        return self.comments.chained(units)

    def _with(self, options: Sequence[s.Option]) -> list[Unit]:
        """Return the `with` clause as a list with one unit, or an empty list if there are no options."""
        if not options:
            return []
        units = [
            Unit(option.span.start, option.span.end, DocConcat([option.name.text, ": ", self.argument(option.value)]))
            for option in options
        ]
        doc = DocConcat(["with ", self.comments.chained(units, separator=",", by=2)])
        return [Unit(units[0].start, units[-1].end, doc)]

    # Nodes

    def _node(self, node: s.Node) -> Doc:
        match node:
            case s.Ask():
                return self.ask(node, checked=False)
            case s.Fanout():
                return self._block("fanout", node.span.start, node.body, node.reduce)
            case s.Map():
                index = "" if node.index is None else f", {node.index.text}"
                head: list[Doc] = [f"map {node.element.text}{index} in ", self.expr(node.source)]
                end = node.source.span.end
                if node.where is not None:
                    head += [" where ", self.expr(node.where)]
                    end = node.where.span.end
                if node.at_most is not None:
                    head.append(f" at most {number(node.at_most)}")
                    end = node.at_most.span.end
                if node.bare:
                    return self._bare(head, node.reduce)
                return self._block(DocConcat(head), end, node.body, node.reduce)
            case s.Repeat():
                count = ["repeat ", self.expr(node.least)]
                if node.most is not node.least and (node.most != node.least or isinstance(node.most, s.Hole)):
                    count += ["..", self.expr(node.most)]
                end = node.most.span.end
                if node.element is not None and node.over is not None:
                    count += [f" over {node.element.text} in ", self.expr(node.over)]
                    end = node.over.span.end
                return self._block(DocConcat(count), end, node.body, node.reduce)
            case s.Chain():
                return self._block("chain", node.span.start, node.body, None)
            case s.Match():
                return self._match(node)
            case s.Rounds():
                return self._rounds(node)
            case s.Cascade():
                return self._cascade(node)
            case _:
                return self.expr(node, hidden=_BLOCKS)

    def _match(self, node: s.Match) -> Doc:
        named = zip(node.body.lines, node.classes, strict=True)
        units = [
            self.unit(line, self._line(line, name.text if isinstance(name, s.Word) else self.string(name)))
            for line, name in named
        ]
        region, start = (node.body.span.start, node.body.span.end), node.value.span.end
        broken = len(units) > 1 or self.text.find("\n", *region) >= 0
        early = self.comments.take(start, node.body.span.start)
        body = self.comments.enclosed(units, ("{", "}"), region, broken=broken and bool(units), early=early)
        return DocConcat(["match ", self.expr(node.value), " ", body])

    def _cascade(self, node: s.Cascade) -> Doc:
        begins = [f"{line.name.text} = " if line.name else "" for line in node.body.lines]
        begins[1:] = [f"else {begin}" for begin in begins[1:]]
        steps = zip(node.body.lines, begins, strict=True)
        units = [self.unit(line, self._step(line, begin, stage=True)) for line, begin in steps]
        region = (node.body.span.start, node.body.span.end)
        broken = len(units) > 1 or self.text.find("\n", *region) >= 0
        early = self.comments.take(node.span.start, node.body.span.start)
        body = self.comments.enclosed(units, ("{", "}"), region, broken=broken and bool(units), early=early)
        return DocConcat(["cascade ", body])

    def _rounds(self, node: s.Rounds) -> Doc:
        block = self._block(f"chain up to {number(node.most)}", node.most.span.end, node.body, None)
        units = [Unit(node.span.start, node.body.span.end, block)]
        units.append(Unit(node.until.span.start, node.until.span.end, DocConcat(["until ", self.expr(node.until)])))
        if node.otherwise is not None:
            best = (
                ["else best(by: ", self.expr(node.by), ")"] if node.by is not None else [f"else {node.otherwise.text}"]
            )
            end = node.by.span.end if node.by is not None else node.otherwise.span.end
            units.append(Unit(node.otherwise.span.start, end, DocConcat(best)))
        return self.comments.chained(units)

    def _bare(self, head: list[Doc], reduce: s.Reduce) -> Doc:
        """Write a map without a body."""
        return DocConcat([*head, " ", self._reduce(reduce)])

    def _block(self, head: Doc, end: int, body: s.Body, reduce: s.Reduce | None) -> Doc:
        tail = DocConcat([" ", self._reduce(reduce)]) if reduce is not None else ""
        early = self.comments.take(end, body.span.start)
        late = self.comments.take(body.span.end, reduce.span.end) if reduce is not None else ()
        return DocConcat([head, " ", self._body(body, early, late), tail])

    def _reduce(self, reduce: s.Reduce) -> Doc:
        if reduce.ask is None:
            return DocConcat(
                ["reduce ", reduce.rule.text, self.arguments(reduce.args, reduce.rule, reduce) if reduce.args else ""]
            )
        combined = self.ask(reduce.ask)
        start = reduce.ask.span.start
        if reduce.rule.text == "fold":
            args = self.arguments(reduce.args, reduce.rule, reduce) if reduce.args else ""
            combined, start = DocConcat(["fold", args, " ", combined]), reduce.rule.span.start
        elif reduce.count is not None:
            combined = DocConcat(["by ", self.expr(reduce.count), " ", combined])
            start = reduce.rule.span.start
        if reduce.options:
            units = [Unit(start, reduce.ask.span.end, combined), *self._with(reduce.options)]
            return DocConcat(["reduce (", self.comments.chained(units), ")"])
        return DocConcat(["reduce ", combined])


def _before_check(ask: s.Ask) -> int:
    """Return the end of what stands before the check of an ask."""
    parts = [*ask.messages, *(one for one in (ask.prompt, ask.answer) if one is not None)]
    return max(part.span.end for part in parts)
