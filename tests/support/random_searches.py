"""The searches, the tournaments and the panels of random flows. Some results pass a condition, and others do not."""

from __future__ import annotations

import random
import re

from .random_races import Races
from .random_shapes import NOTE, SCORE, TEXT, WORD, WORD_LIST, Named, Shape, list_of


class Searches(Races):
    models: tuple[str, ...]

    def over(self, name: str, known: list[Named]) -> tuple[str, list[Named]]:
        """Return the list of a panel, with the name of its item, by dice of its own. Most repeats are none.

        The item of a panel over models is a model for the asks inside. Prompts do not mention it.
        """
        dice = random.Random(f"panel {name} {self.rng.getstate()[1][0]}")
        if not self.wide or dice.random() > 0.3:
            return "", []
        element = f"o{name[1:]}"
        declared = [one for one in self.models if not one.startswith("o")]
        if declared and dice.random() < 0.6:
            self.models = (element,) * 3
            return f" over {element} in [{', '.join(dice.choices(declared, k=dice.randint(1, 3)))}]", []
        lists = (one.name for one in self.of(known, "list", item="text"))
        source = dice.choice([*lists, '["one", "two"]', '["one", "two", "three"]', '["one"]'])
        return f" over {element} in {source}", [Named(element, TEXT, step=False)]

    def searched(self, name: str) -> bool:
        """Tell by dice of their own whether a line is a search or a tournament, as one of ten is."""
        return random.Random(f"search {name} {self.rng.getstate()[1][0]}").random() < 0.1

    def search(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        """A block that ends with the first result that passes, or a tournament between all its results."""
        if self.may(0.3):
            return self.contest(name, known, times)
        shape = self.rng.choice([WORD, SCORE, NOTE, NOTE, WORD_LIST])
        block, options, steps = self.sources(name, known, shape, times)
        if shape == NOTE and steps and self.may(0.5):
            low = self.may(0.3)
            enough = self.rng.choice(["2", "3", "2.5"]) if low else self.rng.choice(["3", "4", "4.5"])
            order = ", order: low" if low else ""
            return f"{block} reduce best(by: score, enough: {enough}{order})", NOTE, options
        return f"{block} reduce first(if: {self.passes(name, shape, known)})", shape, options

    def sources(self, name: str, known: list[Named], shape: Shape, times: int) -> tuple[str, list[str], bool]:
        """Return a block of samples, elements or branches, its options, and whether the samples have a range."""
        kind = self.rng.choice(["repeat", "repeat", "repeat", "map", "fanout"])
        options = self.block_options()
        if kind == "fanout":
            self.spent += times * 3
            branches = [self.branch(shape, known, times)[0] for _ in range(self.rng.randint(2, 3))]
            return f"fanout {{ {' '.join(branches)} }}", options, False
        if self.may(0.5):
            options.append("launch: " + self.rng.choice(["cost", "latency", "together"]))
        if self.may(0.2):
            options.append(f"concurrency: {self.rng.randint(1, 3)}")
        most = self.rng.randint(2, 4)
        self.spent += times * most
        if kind == "map":
            inner = [*known, Named(f"e{name[1:]}", TEXT, step=False)]
            ask, _, own = self.asking_for(shape, f"{name}v", inner)
            options = [one for one in options if "launch" not in one]
            return f"map e{name[1:]} in items at most 60 {{ {ask}{_with(own)} }}", options, False
        least = self.rng.randint(1, most)
        sample = self.name()
        ask, _, own = self.asking_for(shape, sample, known)
        # The samples of a repeat differ by their seeds.
        own = [one for one in own if "seed" not in one] + [f"seed: {self.rng.randint(0, 99)}"]
        before = ""
        if self.may(0.3):
            before = f"{self.line(known, [], 3, times * most)[0]} "
        samples = str(most) if least == most else f"{least}..{most}"
        return f"repeat {samples} {{ {before}{sample} = {ask}{_with(own)} }}", options, least < most

    def passes(self, name: str, shape: Shape, known: list[Named]) -> str:
        if self.may(0.3):
            self.spent += 4
            return f'ask "{name}j| {{{{ result }}}} {self.mentions(known)}" -> yes | no'
        tests = {
            "word": ["result == aye", "result != aye", "result in [nay, abstain]"],
            "score": [f"result > {self.rng.randint(2, 4)}", "result <= 2"],
            "list": ["length(result) > 1", "length(result) < 2"],
            "record": ["result.score > 3", "result.label != aye and result.score > 2", "length(result.tags) > 1"],
        }
        test = self.rng.choice(tests[shape.kind])
        flags = [one.name for one in self.of(known, "flag")]
        return f"({test}) or not {self.rng.choice(flags)}" if flags and self.may(0.2) else test

    def contest(self, name: str, known: list[Named], times: int) -> tuple[str, Shape, list[str]]:
        """A tournament. The scripted judge prefers the same candidates in each match."""
        shape = self.rng.choice([TEXT, WORD, NOTE, SCORE])
        block, options, _ = self.sources(name, known, shape, times)
        options = [one for one in options if "launch" not in one]
        # All candidates must be there.
        block = re.sub(r"^repeat \d+\.\.", "repeat ", block)
        self.spent += times * 8
        judge = f'judge: ask "judge|{name}j {self.mentions(known)}||{{{{ results }}}}"'
        if self.may(0.5):
            return f"{block} reduce best({judge}, method: {self.rng.choice(['knockout', 'pairs'])})", shape, options
        top = ", top: 2" if self.may(0.3) else ""
        return f"{block} reduce rank({judge}, method: pairs{top})", list_of(shape), options


def _with(options: list[str]) -> str:
    return f" with {', '.join(options)}" if options else ""
