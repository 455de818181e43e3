"""The check of paths in tests."""

from __future__ import annotations

from collections.abc import Sequence

from .. import syntax as s
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..source import Span
from .test_paths import Missed, PathNode, called_step, own_asks
from .test_samples import places_of
from .tested_flow import TestedFlow


class Paths:
    """The look-up of paths in one flow, with the reports about wrong ones."""

    def __init__(self, tested: TestedFlow, problems: list[Diagnostic]) -> None:
        self.tested = tested
        self.problems = problems

    def report(self, code: str, message: str, span: Span, help: str = "", labels: tuple[Label, ...] = ()) -> None:
        self.problems.append(Diagnostic(code, message, span, labels=labels, help=help))

    def node(self, path: s.Path) -> PathNode | None:
        """Find the step of a path. Report the path and return None if it names none."""
        found = self.tested.find(path)
        if isinstance(found, Missed):
            self.missed(found)
            return None
        for node in found.chain:
            if node.word is not None and path[node.word].places:
                self.places(node, path[node.word])
        return found

    def outside(self, node: PathNode, asks: Sequence[PathNode], span: Span) -> bool:
        """Report a number of an element or a sample if the path means the ask of the reducer. Return True if so."""
        if node.reduces or not node.numbers or not any(ask.reduces and ask.step is node.step for ask in asks):
            return False
        said = f"`{node.path}` means its last ask here, `{asks[0].path}`, which is not in an element or a sample"
        inner = next((one for one in reversed(node.inside()) if not one.reduces and own_asks(one)), None)
        number = "".join(f"[{place}]" for place in node.numbers)
        name = inner.name if inner is not None else "STEP"
        head = f"{node.parent.path}." if node.parent is not None else ""
        self.report("F0411", said, span, f"name the step: `{head}{node.name}{number}.{name}`")
        return True

    def missed(self, miss: Missed) -> None:
        word = miss.step.word
        if miss.several:
            paths = " or ".join(f"`{node.path}`" for node in miss.several[:4])
            said = f"several steps have the name `{word.text}`"
            self.report("F0410", said, word.span, f"write the whole path: {paths}")
            return
        owner = f"`{miss.after.path}`" if miss.after is not None else f"the flow `{self.tested.name}`"
        listed = ", ".join(f"`{one}`" for one in miss.known[:8])
        called = called_step(self.tested.unit, self.tested.flow, word.text) if miss.after is None else ""
        near = f"write `{called}`" if called else did_you_mean(word.text, miss.known)
        help = near or (f"its steps: {listed}" if listed else "it has no steps inside")
        self.report("F0201", f"{owner} has no step `{word.text}`", word.span, help)

    def places(self, node: PathNode, word: s.PathStep) -> None:
        """Check the number behind a step of a path."""
        first = word.places[0]
        span = first.span.to(word.places[-1].span)
        most = node.most_numbers
        if not most:
            said = f"`{node.name}` has no elements and no samples, so no number can follow it"
            self.report(
                "F0411",
                said,
                span,
                "only steps of a map, a repeat or rounds have numbers, and the asks of trees, searches and tournaments",
            )
        elif len(word.places) > most or not all(isinstance(place.value, int) for place in word.places):
            two = "a match has its round" if node.plays else "a merge has its level"
            said = f"`{node.name}` takes one whole number" if most == 1 else f"{two} and its number there"
            example = "[0]" if most == 1 else "[0][1]" if node.plays else "[1][0]"
            self.report("F0411", said, span, f"write `{node.name}{example}`")
        elif (last := places_of(node)) is not None and first.value >= last:
            written = node.step.line.node
            what = {s.Repeat: "samples", s.Rounds: "rounds"}.get(type(written), "elements")
            said = f"`{node.name}` has no {what[:-1]} {first.digits}"
            has = f"its {what} have the numbers 0 to {last - 1}" if last else f"it has no {what}"
            self.report("F0411", said, span, has)
        elif node.reduces and first.value == 0 and not (node.judges_each or node.plays):
            self.report("F0411", "the first merges of a tree are level 1", span, f"write `{node.name}[1]`")
