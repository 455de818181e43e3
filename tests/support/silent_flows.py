"""Random flows whose requests seldom show an element: it decides about them by tests, failures, lengths and votes.

Most prompts are the same for all elements. So a request that is sent more or less often than before is the only trace
of an element. Not all of these flows are valid.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

TEXT, WORD, FLAG, NUMBER, LIST = "text", "word", "flag", "number", "list"


MOST = 60
"""About the most runs of a body in one run of a flow."""


@dataclass
class Writer:
    """A writer of flows. ``lists`` has the lists that a map may take with about their lengths, the innermost last."""

    rng: random.Random
    count: int = 0
    lists: dict[str, int] = field(default_factory=lambda: {"items": 4})

    def flow(self) -> str:
        lines = [self.line("", 1) for _ in range(self.rng.randint(2, 4))]
        text = "\n  ".join(lines)
        return f"type Word = aye | nay\nflow f(items: [text]) {{\n  {text}\n  return 1\n}}\n"

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def line(self, element: str, times: int) -> str:
        """Write a step of any kind. ``element`` is the element of the map around it, which runs about so often."""
        name = self.name()
        if self.rng.random() < (0.75 if times == 1 else 0.4) and times * 4 <= MOST:
            text, kind, length = self.block(times)
        else:
            text, kind, length = self.plain(element)
        if kind == LIST:
            self.lists[name] = length
        return f"{name} = {text}"

    def chosen(self) -> str:
        """Choose a list, the last one more often."""
        return self.rng.choice([*self.lists, list(self.lists)[-1]])

    def plain(self, element: str) -> tuple[str, str, int]:
        rng, known, other = self.rng, self.chosen(), self.chosen()
        of = element or known
        text, kind = rng.choice(
            [
                (self.ask(""), TEXT),
                (self.ask("") + f" when length({known}) > {rng.randint(1, 4)}", TEXT),
                (self.ask("", "Word"), WORD),
                (self.ask(f" {{{{ {of} }}}}", "Word"), WORD),
                (self.ask(f" {{{{ {known} | length }}}}"), TEXT),
                (f"{known} + {other}", LIST),
                (f'{known} + ["u"]', LIST),
                *(self.of_element(element) if element else []),
            ]
        )
        return text, kind, self.lists[known] + (self.lists[other] if other in text else 1)

    def of_element(self, element: str) -> list[tuple[str, str]]:
        return [
            (f"1 / (length({element}) - {self.rng.randint(0, 1)})", NUMBER),
            (self.ask("") + f' when {element} == "b"', TEXT),
            (f'{element} == "b"', FLAG),
            (f'"aye" when {element} == "b" else "nay"', TEXT),
            (f'[{element}, "b", "cc"]', LIST),
            ('["c", "d"]', LIST),
            (f"length({element})", NUMBER),
            ('"k"', TEXT),
        ]

    def ask(self, mentions: str, answer: str = "") -> str:
        arrow = f" -> {answer}" if answer else ""
        return f'ask "{self.name()}|{mentions}"{arrow}'

    def block(self, times: int) -> tuple[str, str, int]:
        rng, before = self.rng, dict(self.lists)
        options: list[str] = []
        shape, length = rng.choice(["map", "map", "map", "map", "repeat", "fanout"]), 3
        if shape == "map":
            element = f"e{self.name()}"
            known = self.chosen()
            length = self.lists[known]
            head = f"map {element} in {known}"
            head += rng.choice(["", "", f' where {element} != "b"', f" where length({element}) > 1"])
            if rng.random() < 0.4:
                options.append("errors: " + rng.choice(["skip", "none", "skip(50%)"]))
        else:
            element, head = "", f"repeat {rng.randint(2, 4)}" if shape == "repeat" else "fanout"
            if shape == "repeat" and rng.random() < 0.3:
                options.append("launch: " + rng.choice(["cost", "together"]))
        lines = [self.line(element, times * length) for _ in range(rng.randint(1, 3) + (shape == "fanout"))]
        rng.shuffle(lines)
        kinds = [rng.choice([TEXT, WORD, FLAG, LIST])]
        if shape != "fanout":
            text, kind, _ = self.plain(element)
            kinds = [kind]
            lines.append(f"{self.name()} = {text}")
        self.lists = before
        reducer, kind = self.reducer(kinds[0])
        ends = f" with {', '.join(options)}" if options else ""
        return (
            f"{head} {{ {' '.join(lines)} }} reduce {reducer}{ends}",
            kind,
            length * 3 if reducer == "flatten" else length,
        )

    def reducer(self, kind: str) -> tuple[str, str]:
        rng = self.rng
        size = rng.choice(["2", "tokens(1)", "tokens(2)"])
        tree = f'by {size} ask "tree|{self.name()}||{{{{ results | json }}}}"'
        found = [("collect", LIST), ("collect", LIST), ("count", NUMBER), ("first", TEXT), (self.ask(""), TEXT)]
        found += [
            (self.ask(" {{ results }}"), TEXT),
            (f'fold ask "{self.name()}| {{{{ so_far }}}} {{{{ next }}}}"', TEXT),
            (f'fold(from: "k") ask "{self.name()}|"', TEXT),
            (f'best(judge: ask "judge|{self.name()} ||{{{{ results }}}}")', TEXT),
            (f'rank(judge: ask "judge|{self.name()} ||{{{{ results }}}}")', LIST),
        ]
        found += [(tree, TEXT), (f'by {size} ask "{self.name()}|"', TEXT), ("concat", TEXT)] if kind == TEXT else []
        found += [("flatten", LIST)] * 6 if kind == LIST else []
        if kind in (WORD, FLAG):
            ties = rng.choice(["", f'(ties: ask "tie|{self.name()} ||{{{{ results | json }}}}")', "(ties: error)"])
            found += [(f"majority{ties}", WORD), ("quorum(2)", WORD), ("unanimous", WORD)] * 2
        return rng.choice(found)
