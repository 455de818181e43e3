"""Templates as functions of Python that make the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..source import Source
from ..syntax import String
from ..templates import nodes
from ..templates.guards import assigned
from ..templates.read import Template, read_template, written_places
from .output import Output, inside_quotes, literal, text_literal
from .problems import EjectError

Look = Callable[[str], str]
FILTERS = {
    "trim": "stripped", "lower": "lower", "upper": "upper", "capitalize": "capitalized", "title": "titled",
    "contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with", "replace": "replaced",
    "lines": "lines_of", "words": "words_of", "length": "length", "truncate": "truncated", "indent": "indented",
    "round": "rounded", "abs": "absolute", "sum": "total", "mean": "average", "min": "smallest", "max": "greatest",
    "first": "first_part", "last": "last_part", "reverse": "backwards", "unique": "unique", "dedupe": "deduped",
    "sort": "in_order", "rank": "rank_by", "group": "grouped",
}  # fmt: skip
_LETTERS = frozenset({"trim", "lower", "upper", "capitalize", "title"})
_ALSO = {"attribute": "by", "reverse": "descending"}
_OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_LOOP = {
    "index": "({0} + 1)", "index0": "{0}", "first": "({0} == 0)", "last": "({0} == len({1}) - 1)",
    "length": "len({1})", "revindex": "(len({1}) - {0})",
}  # fmt: skip


def text_of(out: Output, template: str, look: Look, wanted: str, line: int, fenced: tuple[int, ...] = ()) -> str:
    """Write the call that makes the text of a template. A template without values is its text.

    The values at the places of ``fenced`` are given to the function `fence`, which sets marks around them.
    """
    found = _read(template, line)
    if not found.body:
        return '""'
    parts = [part for one in found.body for part in (one.nodes if isinstance(one, nodes.Output) else (one,))]
    if all(isinstance(part, nodes.TemplateData) for part in parts):
        return text_literal("".join(part.data for part in parts if isinstance(part, nodes.TemplateData)))
    names = list(dict.fromkeys(mention.name for mention in found.mentions))
    places = written_places(template)
    writer = _Writer(out, names, line, frozenset(number for number, one in enumerate(places) if one in fenced))
    name = out.prompt(f"{wanted}_prompt" if wanted != "text" else "text_of", writer.head(), writer.function(found.body))
    given = ", ".join([*(["fence=fence"] if fenced else []), *(f"{writer.params[one]}={look(one)}" for one in names)])
    return f"{name}({given})"


def _read(template: str, line: int) -> Template:
    found = read_template(String(template, Source("").span(0, 0)))
    if not isinstance(found, Template):
        raise EjectError("this prompt has no plain form", found[0].message, line)
    return found


class _Writer:
    """The writer of one function. ``bound`` are the Python names of the names that are seen at a place."""

    def __init__(self, out: Output, names: Iterable[str], line: int, fenced: frozenset[int]) -> None:
        self.out = out
        self.line = line
        self.fenced = fenced
        self.number = 0
        self.taken = {"out", "fence"}
        self.params = {name: self._free(name) for name in names}
        self.bound = dict(self.params)
        self.loop: tuple[str, str] | None = None

    def head(self) -> str:
        said = ", ".join(f"{name}: Any" for name in [*(["fence"] if self.fenced else []), *self.params.values()])
        return f"*, {said}" if said else ""

    def _free(self, name: str) -> str:
        found, number = name, 2
        while found in self.taken or found in self.out.reserved:
            found, number = f"{name}{number}", number + 1
        self.taken.add(found)
        return found

    def function(self, body: tuple[nodes.Node, ...]) -> list[str]:
        if all(isinstance(one, nodes.Output) for one in body):
            parts = self._pieces([part for one in body if isinstance(one, nodes.Output) for part in one.nodes])
            if len(parts) == 1:
                return [f"    return {parts[0]}"]
            return ["    return (", *(f"        {part}" for part in parts), "    )"]
        lines = ["    out: list[str] = []"]
        lines += [*self._scope(body, "    ")]
        return [*lines, '    return "".join(out)']

    def _scope(self, body: tuple[nodes.Node, ...], indent: str) -> list[str]:
        """Write statements that set names of their own."""
        lines = []
        for name in dict.fromkeys(name for one in body for name in assigned(one)):
            own = self._free(name)
            lines.append(f"{indent}{own}: Any = {self.bound.get(name) or self.out.use('ABSENT')}")
            self.bound[name] = own
        return [*lines, *self._all(body, indent)]

    def _all(self, body: tuple[nodes.Node, ...], indent: str) -> list[str]:
        lines: list[str] = []
        for one in body:
            match one:
                case nodes.Output(nodes=parts):
                    pieces = self._pieces(list(parts))
                    if len(pieces) == 1:
                        lines.append(f"{indent}out.append({pieces[0]})")
                    elif pieces:
                        lines += [f"{indent}out.append(", *(f"{indent}    {part}" for part in pieces), f"{indent})"]
                case nodes.If():
                    lines += self._if(one, indent)
                case nodes.For():
                    lines += self._for(one, indent)
                case nodes.Assign(target=target, node=node):
                    lines.append(f"{indent}{self.bound[target.name]} = {self.value(node)}")
                case _:
                    raise self._error()
        return lines

    def _error(self) -> EjectError:
        return EjectError("this prompt has no plain form", "make its values in steps before it", self.line)

    def _if(self, node: nodes.If, indent: str) -> list[str]:
        lines = [f"{indent}if {self.value(node.test)}:", *self._inner(node.body, indent)]
        for one in node.elif_:
            lines += [f"{indent}elif {self.value(one.test)}:", *self._inner(one.body, indent)]
        if node.else_:
            lines += [f"{indent}else:", *self._inner(node.else_, indent)]
        return lines

    def _inner(self, body: tuple[nodes.Node, ...], indent: str) -> list[str]:
        return self._all(body, indent + "    ") or [f"{indent}    pass"]

    def _for(self, node: nodes.For, indent: str) -> list[str]:
        before, loop = dict(self.bound), self.loop
        values = self._free("items")
        element = self._free(node.target.name)
        source = f"{self.out.use('elements')}({self.value(node.iter)})"
        if node.test is not None:
            self.bound[node.target.name] = element
            test = self.value(node.test)
            source = f"[{element} for {element} in {source} if {test}]"
        self.bound = {**before, node.target.name: element}
        place = self._free("place")
        self.loop = place, values
        body = self._scope(node.body, indent + "    ") or [f"{indent}    pass"]
        self.bound, self.loop = before, loop
        lines = [f"{indent}{values} = {source}", f"{indent}for {place}, {element} in enumerate({values}):", *body]
        if not any(place in one for one in body):
            lines[1] = f"{indent}for {element} in {values}:"
        if node.else_:
            lines += [f"{indent}if not {values}:", *self._inner(node.else_, indent)]
        return lines

    def _pieces(self, parts: list[nodes.Node]) -> list[str]:
        """Write texts and values as literals, one for each line of the text."""
        lines: list[tuple[str, bool]] = []
        current, formed = "", False
        for part in parts:
            if isinstance(part, nodes.TemplateData):
                for line in part.data.splitlines(keepends=True):
                    current += inside_quotes(line).replace("{", "{{").replace("}", "}}")
                    if line.endswith("\n"):
                        lines.append((current, formed))
                        current, formed = "", False
            else:
                written = f"{self.out.use('shown')}({self.value(part)})"
                written = f"fence({written})" if self.number in self.fenced else written
                self.number += 1
                if '"' in written or "\\" in written or "{" in written:
                    # A value with quotes stands alone: f-strings of Python 3.11 take no quotes of their own kind.
                    lines += [(current, formed)] if current else []
                    lines.append((f"\0{written}", False))
                    current, formed = "", False
                else:
                    current += "{" + written + "}"
                    formed = True
        lines += [(current, formed)] if current else []
        if any(text.startswith("\0") for text, _ in lines):
            terms = [text[1:] if text.startswith("\0") else _quoted(text, formed) for text, formed in lines]
            return [f"+ {one}" if number else one for number, one in enumerate(terms)]
        return [_quoted(text, formed) for text, formed in lines]

    def value(self, node: nodes.Node) -> str:
        use = self.out.use
        match node:
            case nodes.Const(value=value):
                return literal(value)
            case nodes.Name(name=name):
                if name not in self.bound:
                    raise self._error()
                return self.bound[name]
            case nodes.Getattr(node=nodes.Name(name="loop"), attr=attr) if (
                self.loop is not None and "loop" not in self.bound
            ):
                return _LOOP[attr].format(*self.loop)
            case nodes.Getattr(node=base, attr=attr):
                return f"{use('part')}({self.value(base)}, '{attr}')"
            case nodes.List(items=items):
                return "[" + ", ".join(map(self.value, items)) + "]"
            case nodes.And(left=left, right=right):
                return f"({self.value(left)} and {self.value(right)})"
            case nodes.Or(left=left, right=right):
                return f"({self.value(left)} or {self.value(right)})"
            case nodes.Add(left=left, right=right):
                return f"({self.value(left)} + {self.value(right)})"
            case nodes.Sub(left=left, right=right):
                return f"({self.value(left)} - {self.value(right)})"
            case nodes.Not(node=inner):
                return f"(not {self.value(inner)})"
            case nodes.Neg(node=inner):
                return f"(-{self.value(inner)})"
            case nodes.Compare(expr=first, ops=ops):
                rest = "".join(f" {_OPERATORS[one.op]} {self.value(one.expr)}" for one in ops)
                return f"({self.value(first)}{rest})"
            case nodes.CondExpr(test=test, expr1=then, expr2=other) if other is not None:
                return f"({self.value(then)} if {self.value(test)} else {self.value(other)})"
            case nodes.Concat(nodes=parts):
                return "(" + " + ".join(f"{use('shown')}({self.value(one)})" for one in parts) + ")"
            case nodes.Test(node=inner, name="none"):
                return f"{use('is_none')}({self.value(inner)})"
            case nodes.Test(node=inner, name="defined"):
                return f"(not {use('is_none')}({self.value(inner)}))"
            case nodes.Filter():
                return self._filter(node)
        raise self._error()

    def _filter(self, node: nodes.Filter) -> str:
        use, value = self.out.use, self.value(node.node)
        args = [self.value(one) for one in node.args]
        named = [f"{_ALSO.get(one.key, one.key)}={self.value(one.value)}" for one in node.kwargs]
        given = ", ".join([value, *args, *named])
        match node.name:
            case "default":
                other = args[0] if args else named[0].partition("=")[2] if named else '""'
                return f"({other} if {use('is_none')}({value}) else {value})"
            case "join":
                return f"{use('pasted')}({given})"
            case "json":
                return f"{use('as_json')}({value})"
            case "sum" if args:
                raise self._error()
        if node.name not in FILTERS:
            raise self._error()
        if node.name in _LETTERS:
            value = f"{use('letters')}({value})"
        elif node.name != "last":
            value = f"{use('there')}({value})"
        if node.name in ("unique", "sort") and args:
            raise self._error()
        return f"{use(FILTERS[node.name])}({', '.join([value, *args, *named])})"


def _quoted(text: str, formed: bool) -> str:
    return f'f"{text}"' if formed else '"' + text.replace("{{", "{").replace("}}", "}") + '"'
