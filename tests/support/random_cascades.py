"""The cascades of random flows."""

from __future__ import annotations

import random

from .random_races import Races
from .random_shapes import NOTE, SCORE, TEXT, WORD, Named, Shape


class Cascades(Races):
    def cascaded(self, kind: str, name: str) -> str:
        """Return the kind of a line: some that would be a match are a cascade, by dice of their own."""
        dice = random.Random(f"cascade {name} {self.rng.getstate()[1][0]}")
        return "cascade" if kind == "match" and dice.random() < 0.5 else kind

    def cascade(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        """Two or three stages of one type, each an ask, a vote, a chain, or at the end a value."""
        shape = self.rng.choice([WORD, WORD, SCORE, SCORE, NOTE, TEXT])
        number = self.rng.randint(2, 3)
        inner, stages, vote = known, list[str](), False
        for place in range(number):
            text, is_vote = self.stage(shape, inner, times, last=place == number - 1)
            title = f"{self.name()} = " if self.may(0.3) else ""
            when = ""
            if place and self.may(0.85):
                when = f" when {self.going_on(shape, vote, known)}"
            stages.append(f"{title}{text}{when}")
            seen = [one for one in known if one.name != "last"]
            inner, vote = [*seen, Named("last", shape.maybe, step=False)], is_vote
        return f"cascade {{ {' else '.join(stages)} }}", shape, self.block_options()

    def stage(self, shape: Shape, known: list[Named], times: int, *, last: bool) -> tuple[str, bool]:
        """Return a stage, and whether it is a vote."""
        constant = self.literal(shape) if last and shape in (SCORE, TEXT) else None
        if constant is not None and self.may(0.3):
            return constant, False
        self.spent += times
        ask, _, options = self.asking_for(shape, f"{self.name()}m", known)
        ends = f" with {', '.join(options)}" if options else ""
        if shape in (WORD, SCORE) and self.may(0.5):
            most = self.rng.randint(2, 3)
            self.spent += times * (most - 1)
            rule = self.rng.choice(["majority", "majority", "majority(ties: error)", f"quorum({most})", "unanimous"])
            return f"repeat {most} {{ {ask}{ends} }} reduce {rule}", True
        if self.may(0.3):
            self.spent += times
            first = self.name()
            before, _, more = self.asking_for(WORD, f"{first}m", known)
            text = f"{first} = {before}" + (f" with {', '.join(more)}" if more else "")
            return f"chain {{ {text} {self.name()} = {ask}{ends} after {first} }}", False
        return f"{ask}{ends}", False

    def going_on(self, shape: Shape, vote: bool, known: list[Named]) -> str:
        tests = {
            WORD: ['last == "nay"', 'last != "aye"'],
            SCORE: [f"last > {self.number(1, 4)}", "last != 3"],
            NOTE: ["last.score > 2", 'last.label != "aye"'],
            TEXT: ['last != "w1"', "length(last) < 7"],
        }[shape]
        if vote:
            tests = [*tests, "agreement < 1", "agreement < 0.6", "margin < 2", "margin < 1"]
        test = self.rng.choice(tests)
        seen = [one for one in known if one.name != "last"]
        return f"{test} {self.rng.choice(['and', 'or'])} {self.condition(seen)}" if self.may(0.3) else test
