"""Random flows that are valid by construction."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

WORDS = ("aye", "nay", "abstain")
MANY = int(os.environ.get("FLOWRUN_RANDOM_FLOWS", "20000")) // 5
"""How many of them each of the five properties of the scheduler is held against in the slow tests."""


@dataclass
class Named:
    name: str
    type: str
    optional: bool = False


@dataclass
class Writer:
    """Writes a flow. ``votes`` allows votes that may stop early and windows, whose time is not the critical path."""

    rng: random.Random
    size: int
    votes: bool
    count: int = 0
    spent: int = 0

    def flow(self) -> str:
        outer = [Named("p0", "flag"), Named("p1", "flag"), Named("items", "texts")]
        body, known = self.lines(outer, 0, max(1, self.size), 1)
        self.rng.shuffle(body)
        fields = " ".join(f"{one.name}," for one in known)
        return (
            "flow f(items: [text], p0: bool, p1: bool) {\n  " + "\n  ".join(body) + f"\n  return {{ {fields} }}\n}}\n"
        )

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def lines(self, outer: list[Named], depth: int, most: int, times: int) -> tuple[list[str], list[Named]]:
        body, own = [], []
        for _ in range(self.rng.randint(1, most)):
            text, named = self.line([*outer, *own], own, depth, times)
            body.append(text)
            own.append(named)
        return body, own

    def line(self, known: list[Named], own: list[Named], depth: int, times: int) -> tuple[str, Named]:
        name = self.name()
        kinds = ["ask"] * 4 + ["value"]
        if depth < 3 and times <= 40 and self.spent < 120:
            kinds += ["map", "map", "repeat", "repeat", "fanout", "chain"]
        kind = self.rng.choice(kinds)
        node, type_, options = getattr(self, kind)(name, known, depth, times)
        text = f"{name} = {node}"
        if options:
            text += " with " + ", ".join(options)
        steps = [one for one in own if one.type not in ("flag", "element")]
        if steps and self.rng.random() < 0.15:
            text += f" after {self.rng.choice(steps).name}"
        optional = type_.endswith("?")
        type_ = type_.removesuffix("?")
        if self.rng.random() < 0.2:
            text += f" when {self.condition(known)}"
            if type_ == "text" and not optional and self.rng.random() < 0.6:
                text += f' else "instead of {name}"'
            else:
                optional = True
        return text, Named(name, type_, optional)

    # Nodes: each gives its text, its type and its options

    def ask(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        self.spent += times
        type_ = self.rng.choice(["text", "text", "choice", "texts", "number"])
        arrow = {"text": "", "choice": " -> " + " | ".join(WORDS), "texts": " -> [text]", "number": " -> 1..5"}[type_]
        return f'ask "{name}| {self.mentions(known)}"{arrow}', type_, self.seed()

    def value(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        firm = [one for one in known if not one.optional]
        texts = [one.name for one in firm if one.type in ("text", "element")]
        loose = [one.name for one in known if one.optional and one.type == "text"]
        choices = [(f'text "{name} {self.mentions(known)}"', "text")]
        if texts:
            picked = ", ".join(self.rng.choice(texts) for _ in range(self.rng.randint(1, 3)))
            choices.append((f"[{picked}]", "texts"))
        if loose:
            choices.append((f'{self.rng.choice(loose)} ?? "none of it"', "text"))
        if firm:
            choices.append(("{ " + ", ".join(f"f{n}: {one.name}" for n, one in enumerate(firm[-2:])) + " }", "record"))
        text, type_ = self.rng.choice(choices)
        return text, type_, []

    def chain(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        body, last = self.body(known, depth, times)
        return f"chain {{ {body} }}", last.type + "?" * last.optional, []

    def map(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        lists = [one.name for one in known if one.type == "texts" and not one.optional]
        source = self.rng.choice([*lists, *lists, "items"])
        promise = " at most 60" if source == "items" or self.rng.random() < 0.3 else ""
        element = f"e{name[1:]}"
        where = f' where {element} != "b"' if self.rng.random() < 0.2 else ""
        inner = [*known, Named(element, "element")]
        body, last = self.body(inner, depth, times * 4)
        reduce, type_ = self.reduce(name, known, [last], times, tree=True, empty=True)
        options = []
        if self.votes and self.rng.random() < 0.3:
            options.append(f"concurrency: {self.rng.randint(1, 3)}")
        if self.rng.random() < 0.2:
            options.append("errors: " + self.rng.choice(["fail", "skip"]))
        return f"map {element} in {source}{where}{promise} {{ {body} }} reduce {reduce}", type_, options

    def repeat(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        most = self.rng.randint(1, 5)
        if self.rng.random() < 0.6:
            body, _ = self.lines(known, depth + 1, 2, times * most) if self.rng.random() < 0.5 else ([], [])
            self.rng.shuffle(body)
            self.spent += times * most
            ballot = f'{self.name()} = ask "{name}v| {self.mentions(known)}" -> ' + " | ".join(WORDS)
            body.append(ballot + f" with seed: {self.rng.randint(0, 99)}")
            if not self.votes:
                return f"repeat {most} {{ {' '.join(body)} }} reduce majority", "choice", ["launch: together"]
            number, options = str(most), []
            if self.rng.random() < 0.3:
                number = f"{most}..{most + self.rng.randint(1, 4)}"
            elif self.rng.random() < 0.6:
                options.append("launch: " + self.rng.choice(["cost", "latency", "together"]))
            if self.rng.random() < 0.2:
                options.append(f"concurrency: {self.rng.randint(1, 3)}")
            return f"repeat {number} {{ {' '.join(body)} }} reduce majority", "choice", options
        body, last = self.body(known, depth, times * most)
        reduce, type_ = self.reduce(name, known, [last], times, tree=True)
        return f"repeat {most} {{ {body} }} reduce {reduce}", type_, []

    def fanout(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        branches = [self.line(known, [], depth + 1, times) for _ in range(self.rng.randint(2, 3))]
        named = [branch[1] for branch in branches]
        reduce, type_ = self.reduce(name, known, named, times, tree=False)
        return f"fanout {{ {' '.join(branch[0] for branch in branches)} }} reduce {reduce}", type_, []

    # Parts

    def body(self, known: list[Named], depth: int, times: int) -> tuple[str, Named]:
        body, own = self.lines(known, depth + 1, 3, times)
        pairs = list(zip(body, own, strict=True))
        self.rng.shuffle(pairs)
        return " ".join(text for text, _ in pairs), pairs[-1][1]

    def reduce(
        self, name: str, known: list[Named], of: list[Named], times: int, *, tree: bool, empty: bool = False
    ) -> tuple[str, str]:
        self.spent += times * 3
        texts = all(one.type in ("text", "element") and not one.optional for one in of)
        rules = [("collect", "texts" if texts and tree else "record")]
        if texts:
            rules.append(("concat", "text"))
            if tree:
                rules.append((f'by {self.rng.randint(2, 3)} ask "{name}t| {{{{ results }}}}"', "text"))
        if all(one.type == "texts" and not one.optional for one in of):
            rules.append(("flatten", "texts"))
        if self.votes and not empty and all(one.type == "choice" and not one.optional for one in of):
            rules.append(("majority", "record"))
        rules.append((f'ask "{name}r| {{{{ results }}}} {self.mentions(known)}"', "text"))
        return self.rng.choice(rules)

    def mentions(self, known: list[Named]) -> str:
        picked = self.rng.sample(known, min(len(known), self.rng.choice([0, 1, 1, 2, 3])))
        return " ".join(
            f"{{{{ {one.name} | default('-') }}}}" if one.optional else f"{{{{ {one.name} }}}}" for one in picked
        )

    def seed(self) -> list[str]:
        return [f"seed: {self.rng.randint(0, 99)}"] if self.rng.random() < 0.5 else []

    def condition(self, known: list[Named]) -> str:
        firm = [one for one in known if not one.optional]
        texts = [one.name for one in firm if one.type == "texts"]
        choices = [one.name for one in firm if one.type == "choice"]
        conditions = ["p0", "not p1"]
        if texts:
            conditions.append(f"length({self.rng.choice(texts)}) > 1")
        if choices:
            conditions.append(f'{self.rng.choice(choices)} == "aye"')
        return self.rng.choice(conditions)
