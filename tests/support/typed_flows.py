"""Random typed flows. Most parts of a line fit the types of the names that they mention, and some do not.

The writer does not know what the checker refuses; refused lines are left out before the flow runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from .typed_values import FIELDS, Kind, written

PLAIN: tuple[Kind, ...] = (
    ("text",), ("int",), ("number",), ("bool",), ("choice", ("aye", "nay")), ("choice", ("aye", "nay", "so so")),
    ("range", 1, 5), ("range", 0, 9), ("range", 0.5, 1.5), ("text", 1, 4), ("text", 0, 6),
)  # fmt: skip
PLACED = ("text", "int", "number", "choice", "range", "bool", "list", "rec")


@dataclass
class Writer:
    """A writer of flows with one step on a line. ``names`` are the names that a line may mention, with their types."""

    rng: random.Random
    names: dict[str, Kind] = field(default_factory=dict)
    params: dict[str, Kind] = field(default_factory=dict)
    helpers: dict[str, Kind] = field(default_factory=dict)
    count: int = 0

    # Types

    def kind(self, depth: int = 2) -> Kind:
        roll = self.rng.random()
        if depth and roll < 0.4:
            names = self.rng.sample(FIELDS, self.rng.randint(1, 3))
            return ("rec", {name: self.kind(depth - 1) for name in names})
        if depth and roll < 0.6:
            return ("list", self.kind(depth - 1))
        if roll < 0.75:
            inner = self.kind(depth and depth - 1)
            return inner if inner[0] == "opt" else ("opt", inner)
        return self.rng.choice(PLAIN)

    # Flows

    def lines(self, steps: int) -> Iterator[str]:
        """Yield the lines of a file: helpers first, then the flow that is run."""
        yield 'type Way2 = "aye" | "nay"'
        yield 'type Way3 = "aye" | "nay" | "so so"'
        for number in range(3):
            kind = self.kind() if number else ("rec", {name: self.kind(1) for name in self.rng.sample(FIELDS, 2)})
            yield f'extern x{number}(row: {written(kind)}) -> {written(kind)} from "m:f"'
            yield f'extern r{number}(results: [{written(kind)}]) -> [{written(kind)}] from "m:f"'
            self.helpers[f"x{number}"] = kind
            self.names = {}
            default = f" = {self.make(kind, 2)}" if self.rng.random() < 0.3 else ""
            yield f"flow h{number}(row: {written(kind)}{default}) {{"
            self.names = {"row": kind}
            made = self.kind()
            yield f"  v = {self.make(made, 2)}"
            self.names["v"] = made
            yield f"  return {self.rng.choice(['v', 'row', self.make(self.kind(), 2)])}"
            yield "}"
            self.helpers[f"h{number}"] = kind
        self.params = {f"p{number}": self.kind() for number in range(6)} | {"yes": ("bool",)}
        yield "flow main(" + ", ".join(f"{name}: {written(kind)}" for name, kind in self.params.items()) + ") {"
        self.names = dict(self.params)
        for _ in range(steps):
            yield "  " + self.step()
        yield "  return true"
        yield "}"

    def step(self) -> str:
        self.count += 1
        name = f"s{self.count}"
        node, kind = self.node(self.kind())
        if self.rng.random() < 0.2:
            other = f" else {self.make(self.other(kind), 2)}" if kind and self.rng.random() < 0.6 else ""
            node += f" when {self.make(('bool',), 1)}{other}"
            kind = kind if other or not kind or kind[0] == "opt" else ("opt", kind)
        if kind:
            self.names[name] = kind
        return f"{name} = {node}"

    def node(self, kind: Kind) -> tuple[str, Kind]:
        """Write a node; return it with the type that it has if its parts have theirs, () where that is hard to tell."""
        roll = self.rng.random()
        if roll < 0.45:
            return self.make(kind, 3), kind
        if roll < 0.57:
            helper = self.rng.choice([*self.helpers])
            result = self.helpers[helper] if helper.startswith("x") else ()
            return f"{helper}(row: {self.make(self.wider(self.helpers[helper]), 2)})", result
        if roll < 0.65:
            return f'ask "{self.template()}" -> {written(kind)}', kind
        if roll < 0.78:
            rule, kinds, made = self.rule(kind, branches=True)
            parts = " ".join(f"{word} = {self.make(one, 2)}" for word, one in zip(("one", "two"), kinds, strict=True))
            return f"fanout {{ {parts} }} reduce {rule}", made
        if roll < 0.84:
            rule, (body, _), made = self.rule(kind)
            return f"repeat {self.rng.randint(1, 2)} {{ v = {self.make(body, 2)} }} reduce {rule}", made
        before = self.names
        lists = [(path, type_[1]) for path, type_ in self.paths() if type_[0] == "list"]
        element = self.kind(1)
        source, element = self.rng.choice([*lists, (self.built(("list", element), 1), element)])
        self.names = {**before, "e": element}
        rule, (body, _), made = self.rule(kind)
        value = f"v = {self.make(body, 2)}"
        if self.rng.random() < 0.3:
            value += f" when {self.make(('bool',), 1)}"
        where = f" where {self.condition(1)}" if self.rng.random() < 0.2 else ""
        self.names = before
        return f"map e in {source}{where} {{ {value} }} reduce {rule}", made

    def rule(self, kind: Kind, *, branches: bool = False) -> tuple[str, tuple[Kind, Kind], Kind]:
        """Return a reducer for results near a type, the types of its two results, and the type of its value."""
        one, two = self.other(kind), self.other(kind)
        roll = self.rng.random()
        if roll < 0.25:
            return "collect", (one, two), ("rec", {"one": one, "two": two}) if branches else ("list", one)
        if roll < 0.35:
            return "first", (one, two), one if one == two else ()
        if roll < 0.45:
            record = ("rec", {name: self.kind(1) for name in self.rng.sample(FIELDS, 2)})
            rule = self.rng.choice(["merge", "merge", "best(by: a)", "rank(by: b)"])
            return rule, (self.other(record), self.other(record)), ()
        if roll < 0.52:
            return "flatten", (("list", one), ("list", two)), ("list", one) if one == two else ()
        if roll < 0.57:
            row = self.rng.choice(["r0", "r1", "r2"])
            near = self.helpers[f"x{row[1]}"]
            return row, (self.wider(near), self.wider(near)), ("list", near)
        if roll < 0.62:
            return self.rng.choice(["count", "sum", "mean"]), (("int",), ("int",)), ("number",)
        answer = self.rng.choice([kind, kind, self.other(kind), self.wider(kind)])
        loop = f"{{% for r in results %}}{{{{ {self.inner('r')} }}}}{{% endfor %}}"
        begin = f"fold(from: {self.make(self.wider(answer), 1)})"
        rule = self.rng.choice([
            f'ask "{loop}"', 'ask "{{ results }}"', f'by 2 ask "{loop}"', 'by 2 ask "k"', 'by tokens(3) ask "k"',
            'fold ask "k"', f'fold ask "{{{{ {self.inner("next")} }}}} {{{{ {self.inner("so_far")} }}}}"',
            f'{begin} ask "{{{{ so_far }}}}"',
        ])  # fmt: skip
        return f"{rule} -> {written(answer)}", (one, two), answer

    def inner(self, name: str) -> str:
        return self.rng.choice([name, name, f"{name}.a", f"{name}.b | default('-')", f"{name} | default('-')"])

    # Expressions

    def other(self, kind: Kind) -> Kind:
        """Return the same type in most cases, and otherwise a type near it or any other."""
        roll = self.rng.random()
        if roll < 0.75:
            return kind
        return self.wider(kind) if roll < 0.9 else self.kind(1)

    def wider(self, kind: Kind) -> Kind:
        """Return a type whose values fit this one: with additional fields, and without some optional fields."""
        match kind:
            case ("opt", item) if self.rng.random() < 0.5:
                return self.wider(item)
            case ("list", item):
                return ("list", self.wider(item))
            case ("rec", fields):
                there = {
                    name: self.wider(one) for name, one in fields.items() if one[0] != "opt" or self.rng.random() < 0.5
                }
                more = {name: self.kind(0) for name in FIELDS if name not in fields and self.rng.random() < 0.4}
                return ("rec", there | more)
        return kind

    def paths(self) -> Iterator[tuple[str, Kind]]:
        for name, kind in self.names.items():
            yield name, kind
            inner = kind[1] if kind[0] == "opt" else kind
            if inner[0] == "rec":
                for one, type_ in inner[1].items():
                    yield f"{name}.{one}", type_

    def path(self, *kinds: str) -> str:
        """Return a name or a field of one of these kinds; of another kind, or `none`, if there is none such."""
        known = [*self.paths()]
        fitting = [path for path, type_ in known if type_[0] in kinds]
        return self.rng.choice(fitting or [path for path, _ in known] or ["none"])

    def make(self, kind: Kind, depth: int) -> str:
        """Write an expression that is of this type in most cases."""
        roll = self.rng.random()
        if roll < 0.04:
            return self.path()
        known = [*self.paths()]
        if roll < 0.4 or (depth <= 0 and roll < 0.7):
            same = [path for path, type_ in known if type_ == kind or (roll < 0.08 and type_[0] == kind[0])]
            if same:
                return self.rng.choice(same)
        if roll > 0.9 and depth > 0:
            maybe = [path for path, type_ in known if type_[0] == "opt" and (type_[1] == kind or roll > 0.98)]
            if maybe:
                return f"({self.rng.choice(maybe)} ?? {self.make(self.other(kind), depth - 1)})"
        return self.built(kind, depth)

    def built(self, kind: Kind, depth: int) -> str:
        rng, deeper = self.rng, depth - 1
        match kind:
            case ("opt", item):
                return "none" if rng.random() < 0.3 else self.make(item, deeper)
            case ("list", item):
                if depth > 0 and rng.random() < 0.2:
                    return f"({self.make(kind, deeper)} + {self.make(self.other(kind), deeper)})"
                items = [self.make(self.other(item), deeper) for _ in range(rng.choice([0, 1, 2, 2]))]
                return f"[{', '.join(items)}]"
            case ("rec", fields):
                parts = [f"{name}: {self.make(one, deeper)}" for name, one in fields.items()]
                records = [path for path, type_ in self.paths() if type_[0] == "rec"]
                if records and rng.random() < 0.4:
                    parts.insert(rng.randint(0, len(parts)), f"..{rng.choice(records)}")
                return "{ " + ", ".join(parts) + " }"
            case ("bool",):
                return self.condition(deeper) if depth > 0 else rng.choice(["true", "false", self.path("bool")])
            case ("int",) | ("number",) | ("range", _, _):
                if depth > 0 and rng.random() < 0.4:
                    one = self.make(rng.choice([("int",), ("number",), kind]), deeper)
                    two = self.make(rng.choice([("int",), kind]), deeper)
                    counted = f"length({self.path('list', 'text', 'rec')})"
                    return rng.choice(
                        [
                            f"({one} + {two})",
                            f"({one} - {two})",
                            f"(-{self.path('range', 'int')})",
                            f"({one} / 4)",
                            counted,
                        ]
                    )
                return (
                    rng.choice(["0.5", "2.0"]) if kind == ("number",) and rng.random() < 0.5 else str(rng.randint(1, 5))
                )
            case ("choice", words) if rng.random() < 0.7:
                return f'"{rng.choice(words)}"'
        if depth > 0 and rng.random() < 0.7:
            text, joined = self.make(("text",), deeper), self.make(("list", ("text",)), deeper)
            template = f'text "{self.template()}"'
            return rng.choice([f"({text} + {self.make(('text',), deeper)})", template, template, f"join({joined})"])
        return f'"{rng.choice(["k", "aye", "x y"])}"'

    def condition(self, depth: int) -> str:
        kind = self.kind(1)
        sign = self.rng.choice(["==", "!=", "<", "in", "and", "or", "not", "none", "none"])
        if sign == "none":
            return f"({self.path('opt')} != none)"
        if sign == "<":
            kind = self.rng.choice([("int",), ("text",), ("number",)])
        left, right = self.make(kind, depth), self.make(self.other(kind), depth)
        if sign == "in":
            right = self.rng.choice([f"[{right}]", '"aye nay"', self.path("list")])
        if sign in ("and", "or"):
            left, right = self.make(("bool",), depth), self.make(("bool",), depth)
        return f"(not {self.make(('bool',), depth)})" if sign == "not" else f"({left} {sign} {right})"

    # Templates

    def template(self) -> str:
        return "".join(self.piece() for _ in range(self.rng.randint(1, 2))).replace('"', "'")

    def piece(self) -> str:
        roll, path = self.rng.random(), self.path(*PLACED)
        if roll < 0.15:
            return f"{{{{ {path} }}}}"
        if roll < 0.45:
            return f"{{{{ {self.value(2)} }}}}"
        maybe, test = self.path("opt"), self.test()
        if roll < 0.5:
            return f"{{{{ ({path} if {self.path('bool')}) ~ '-' }}}}"
        if roll < 0.65:
            return self.rng.choice([
                f"{{% if {maybe} %}}{{{{ {maybe} }}}}{{% endif %}}", f"{{{{ {self.value(1)} if {test} }}}}",
                f"{{% if {maybe} is none %}}-{{% else %}}{{{{ {maybe} ~ '.' }}}}{{% endif %}}",
                f"{{% if {test} %}}{{{{ {self.path()} }}}}{{% endif %}}",
            ])  # fmt: skip
        if roll < 0.85:
            where = f" if {self.inner('r')}" if self.rng.random() < 0.3 else ""
            shown = f"{{{{ {self.inner('r')} }}}}{{{{ loop.index + 1 }}}}"
            return f"{{% for r in {self.path('list')}{where} %}}{shown}{{% else %}}-{{% endfor %}}"
        again = f"{{% if {test} %}}{{% set q = {self.value(1)} %}}{{% endif %}}"
        return f"{{% set q = {self.value(1)} %}}{again}{{{{ q }}}}"

    def value(self, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.2:
            return self.rng.choice([self.path(*PLACED), self.path(*PLACED), "'k'", "2", "0.5", "none"])
        one, two, deeper = self.value(depth - 1), self.value(depth - 1), depth - 1
        roll = self.rng.random()
        if roll < 0.2:
            test = self.test()
            return self.rng.choice([
                f"({one} ~ {two})", f"({one} if {test} else {two})", f"({one} or {two})", f"({one} and {two})",
                f"({one} if {test}) ~ {two}", f"(({one} if {test}) ~ 'b')", f"({one} if {test}) | default({two})",
            ])  # fmt: skip
        if roll < 0.3:
            return f"{self.path('opt')} | default({two})"
        if roll < 0.45:
            number = self.path("int", "number", "range")
            return self.rng.choice(
                [f"({number} + {self.path('int')})", f"({number} - 2)", f"(-{number})", f"{number} | round"]
            )
        if roll < 0.6:
            filters = ["upper", "trim", "length", "title", "truncate(5)", "capitalize", f"indent({self.path('int')})",
                       "indent([1, 2] | sum(start=0.5))"]  # fmt: skip
            return f"{self.path('text', 'choice')} | {self.rng.choice(filters)}"
        if roll < 0.9:
            rows = [
                (path, type_[1][1])
                for path, type_ in self.paths()
                if type_[0] == "list" and type_[1][0] == "rec" and type_[1][1]
            ]
            if rows and roll < 0.75:
                path, fields = self.rng.choice(rows)
                rule = self.rng.choice(["sort", "sum", "unique"])
                return f"{path} | {rule}(attribute='{self.rng.choice([*fields])}')"
            listed = self.rng.choice([self.path("list"), self.path("list"), f"[{one}, {two}]"])
            filters = ["first", "last", "sort", "unique", "sum", "json", "length", "join(', ')", "first | default('-')",
                       "join | upper", "sum(start=0.5)", "unique | last | default(2)", "sort | first"]  # fmt: skip
            return f"{listed} | {self.rng.choice(filters)}"
        return f"({self.value(deeper)}) | {self.rng.choice(['json', 'upper', 'length', 'first', 'round'])}"

    def test(self) -> str:
        path, other, maybe = self.path(*PLACED), self.value(0), self.path("opt")
        return self.rng.choice([
            "yes", maybe, f"{maybe} is none", f"{maybe} is not none", f"{maybe} is defined", f"not {maybe}",
            f"{path} == {other}", f"{maybe} != {other}", f"{path} < 3", f"'a' in {self.path('text')}",
            f"{maybe} == none", f"{path} in ['aye', {other}]", f"{maybe} and {self.path('bool')}", f"{maybe} or yes",
            f"{self.path('list')} | length > 0", f"({other} if yes) is defined", f"{maybe} == 'aye'",
        ])  # fmt: skip
