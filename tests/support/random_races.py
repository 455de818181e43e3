"""The races of random flows, and the branches that ask."""

from __future__ import annotations

from abc import abstractmethod

from .random_reducers import Reducers
from .random_shapes import WORD, Named, Shape


class Races(Reducers):
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def line(self, known: list[Named], own: list[Named], depth: int, times: int) -> tuple[str, Named]: ...

    @abstractmethod
    def asking_for(
        self, shape: Shape, name: str, known: list[Named], tag: str = ""
    ) -> tuple[str, Shape, list[str]]: ...

    @abstractmethod
    def block_options(self) -> list[str]: ...

    def branch(self, shape: Shape, known: list[Named], times: int) -> tuple[str, Named]:
        self.spent += times
        name = self.name()
        text, _, options = self.asking_for(shape, name, known)
        return f"{name} = {text}" + (f" with {', '.join(options)}" if options else ""), Named(name, shape)

    def race(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        """A block that ends with its first result; whoever wins says the same."""

        def runner() -> str:
            own = self.name()
            ask, _, options = self.asking_for(WORD, own, known, "race|")
            ends = f" with {', '.join(options)}" if options else ""
            before = ""
            if self.may(0.3):
                first, named = self.line(known, [], 3, times)
                before, ends = f"{first} ", ends + f" after {named.name}"
            if not before:
                return f"{own} = {ask}{ends}"
            return f"{own} = chain {{ {before}{self.name()} = {ask}{ends} }}"

        self.spent += times * 3
        kind = self.rng.choice(["fanout", "fanout", "map", "repeat"])
        if kind == "fanout":
            inner = " ".join(runner() for _ in range(self.rng.randint(2, 3)))
            return f"fanout {{ {inner} }} reduce first", WORD, self.block_options()
        if kind == "repeat":
            return f"repeat {self.rng.randint(1, 3)} {{ {runner()} }} reduce first", WORD, self.block_options()
        return f"map e{name[1:]} in items at most 60 {{ {runner()} }} reduce first", WORD, self.block_options()
