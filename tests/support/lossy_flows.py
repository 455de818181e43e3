"""Random flows that lose, skip and race for results and pass them on one by one, with windows and budgets."""

from __future__ import annotations

import random
from dataclasses import dataclass

VOTE = " -> aye | nay"


@dataclass
class Writer:
    """A writer of flows. Not all of them are valid: a reducer may follow results that it does not take."""

    rng: random.Random
    count: int = 0

    def flow(self) -> str:
        rng = self.rng
        lines, lists = [], ["items"]
        for _ in range(rng.randint(1, 3)):
            name, text, kind = self.block(lists, 0)
            lines.append(f"{name} = {text}")
            if kind == "list":
                lists.append(name)
        if rng.random() < 0.3:
            name = self.name()
            lines.append(f'{name} = ask "{name} {{{{ {lists[-1]} }}}}"')
            lists.append(name)
        names = [line.partition(" ")[0] for line in lines]
        rng.shuffle(lines)
        body = "\n  ".join(lines)
        budget = rng.choice(["", "", f" budget {rng.randint(1, 3)} calls"])
        return (
            f'model one = "openai:one" with concurrency: {rng.randint(1, 3)}, retries: {rng.randint(0, 1)}\n'
            f'model two = "gemini:two" with concurrency: {rng.randint(1, 3)}\n'
            f"flow part(x: text){budget} {{ {self.part()} }}\n"
            f"flow listing(x: text) {{ {self.listing()} }}\n"
            f"flow f(items: [text]) {{\n  {body}\n  return [{', '.join(f'[{name}]' for name in names)}]\n}}\n"
        )

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def part(self) -> str:
        lines = [f"a{n} = {self.ask(['x'])}" for n in range(self.rng.randint(1, 3))]
        return " ".join(lines) + " return a0"

    def listing(self) -> str:
        return f"out = map y in [x, x] {{ {self.ask(['y'])} }} reduce collect return out"

    def ask(self, names: list[str], typed: bool | None = None) -> str:
        rng = self.rng
        model = rng.choice(["", "", "", "one ", "two "])
        mentions = " ".join(f"{{{{ {one} }}}}" for one in rng.sample(names, min(len(names), rng.randint(0, 2))))
        arrow = VOTE if typed or (typed is None and rng.random() < 0.6) else ""
        retries = f" with retries: {rng.randint(0, 2)}" if rng.random() < 0.6 else ""
        return f'ask {model}"{self.name()} {mentions}"{arrow}{retries}'

    def body(self, names: list[str], depth: int, typed: bool | None) -> str:
        """Write the lines of a body, whose last line is a choice if ``typed``."""
        rng, lines, known = self.rng, [], list(names)
        for _ in range(rng.choice([0, 0, 1, 2])):
            name = self.name()
            kind = rng.choice(["ask", "ask", "call", "chain", "block"] if depth < 2 else ["ask"])
            if kind == "block":
                name, text, _ = self.block(["items"], depth + 1)
            elif kind == "call":
                text = f"part({rng.choice(known)})"
            elif kind == "chain":
                text = f"chain {{ {self.ask(known)} {self.ask(known)} }}"
                text += rng.choice(["", " with timeout: 1500ms"])
            else:
                text = self.ask(known)
            lines.append(f"{name} = {text}")
            known += [name] if kind in ("ask", "call") else []
        when = f" when length({known[-1]}) > {rng.randint(0, 3)}" if rng.random() < 0.25 else ""
        last = self.name()
        lines.append(f"{last} = {self.ask(known, typed)}{when}")
        rng.shuffle(lines[:-1])
        return " ".join([*lines, last])

    def block(self, lists: list[str], depth: int) -> tuple[str, str, str]:
        rng, name = self.rng, self.name()
        shape = rng.choice(["map", "map", "map", "repeat", "fanout"])
        reduce, typed, kind = self.reducer(shape)
        options = []
        if shape == "fanout":
            branches = [f"{self.name()} = {self.branch(depth, typed)}" for _ in range(rng.randint(2, 3))]
            return name, f"fanout {{ {' '.join(branches)} }} reduce {reduce}", kind
        if rng.random() < 0.4:
            options.append(f"concurrency: {rng.randint(1, 3)}")
        if shape == "map":
            element = f"e{self.name()}"
            if rng.random() < 0.5:
                options.append("errors: " + rng.choice(["skip", "none", "skip(50%)"]))
            where = f" where length({element}) > 1" if rng.random() < 0.15 else ""
            body = self.body([element], depth, typed)
            if reduce == "flatten":
                body = rng.choice([f"v{element} = listing({element}) v{element}", f"chain {{ {body} }} [{element}]"])
            head = f"map {element} in {rng.choice([lists[-1], lists[-1], 'items'])}{where}"
        else:
            if rng.random() < 0.3:
                options.append("launch: " + rng.choice(["cost", "latency", "together"]))
            low = rng.randint(2, 5)
            number = f"{low}..{low + 3}" if reduce == "majority" and rng.random() < 0.3 else str(low)
            body, head = self.body(["items"], depth, typed), f"repeat {number}"
        ends = f" with {', '.join(options)}" if options else ""
        return name, f"{head} {{ {body} }} reduce {reduce}{ends}", kind

    def branch(self, depth: int, typed: bool | None) -> str:
        if self.rng.random() < 0.3:
            return f"chain {{ {self.body(['items'], depth + 1, typed)} }}"
        return self.ask(["items"], typed)

    def reducer(self, shape: str) -> tuple[str, bool | None, str]:
        """Return a reducer, whether it wants choices, and the kind of its value."""
        asked = f'ask "{self.name()} {{{{ results }}}}"'
        found = [
            ("collect", None, "list"),
            ("collect", None, "list"),
            ("flatten", None, "list"),
            ("first", None, "text"),
            ("count", None, "other"),
            ('concat("; ")', None, "text"),
            (asked, None, "text"),
            (f"best(judge: {asked})", None, "text"),
            (f"rank(judge: {asked})", None, "list"),
            (f"by {self.rng.randint(2, 3)} {asked}{VOTE}", True, "text"),
            (f"by tokens({self.rng.randint(1, 3)}) {asked}{VOTE}", True, "text"),
            (f'fold ask "{self.name()} {{{{ so_far }}}} {{{{ next }}}}"', None, "text"),
            (f'fold(from: "") ask "{self.name()} {{{{ so_far }}}} {{{{ next }}}}"', None, "text"),
            ("majority", True, "text"),
            ("majority(at_least: 2)", True, "text"),
            ("quorum(2)", True, "text"),
            ("unanimous", True, "text"),
        ]
        if shape != "map":
            found = [one for one in found if one[0] != "flatten"]
        if shape == "fanout":
            found = [one for one in found if one[0] != "collect"] + [("collect", None, "other")]
        return self.rng.choice(found)
