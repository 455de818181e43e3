"""Votes whose answers a scripted judge compares, and their meaning: all samples in their order, counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run, stage

Judge = Callable[[str, str], bool]
Rule = Callable[[list[int]], bool]


def flow(rule: str, samples: str, launch: str = "cost", seen: str = "") -> str:
    """Write a flow with one vote that compares its answers."""
    judge = rule.format(same='same: ask "S[{{ a }}|{{ b }}]" -> yes | no')
    return (
        f'flow f() {{ v = repeat {samples} {{ ask "?" with seed: 1 }} '
        f"reduce {judge} with launch: {launch} return {{ v{seen} }} }}"
    )


def judged(ballots: list[str], judge: Judge, delays: list[float] | None = None, unit: float = 1.0) -> Any:
    """Make the script of a model that answers with these ballots, and compares by this judge.

    A ballot takes ``unit`` seconds unless it has its own, and a comparison half of them.
    """

    def script(request: Request, number: int) -> Scripted:
        text = request.messages[-1].text
        if text.startswith("S["):
            one, other = text[2:-1].split("|")
            return Scripted("yes" if judge(one, other) else "no", unit / 2)
        place = (request.seed or 1) - 1
        return Scripted(ballots[place], delays[place] if delays else unit)

    return script


@dataclass
class Meaning:
    """The classes of ballots that are taken one by one, up to the first place where the rule holds.

    ``classes`` has the members of each class. ``questions`` are the pairs in the order in which they are asked.
    """

    classes: list[list[str]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)
    asymmetric: int = 0
    intransitive: int = 0
    ended: int = 0


def meaning(ballots: list[str], judge: Judge, holds: Rule) -> Meaning:
    """Count ballots by hand. ``holds`` tells from the sizes of the classes and from the place whether the vote ends."""
    found = Meaning()

    def same(one: str, other: str) -> bool:
        found.questions.append((one, other))
        return judge(one, other)

    def ends(at: int) -> bool:
        sizes = [len(one) + (place == at) for place, one in enumerate(found.classes)]
        return not found.ended and holds(sizes)

    for place, text in enumerate(ballots):
        ranked = sorted(range(len(found.classes)), key=lambda at: (-len(found.classes[at]), at))
        taker = next((at for at in ranked if text in found.classes[at]), None)
        for at in [] if taker is not None else ranked:
            first = found.classes[at][0]
            if not same(first, text):
                continue
            if ends(at):
                if not same(text, first):
                    found.asymmetric += 1
                    continue
                others = [one for one in dict.fromkeys(found.classes[at]) if one != first]
                if others and not same(text, others[0]):
                    found.intransitive += 1
                    continue
            taker = at
            break
        if taker is None:
            found.classes.append([text])
        else:
            found.classes[taker].append(text)
        if not found.ended and holds([len(one) for one in found.classes]):
            found.ended = place + 1
    return found


def run(text: str, ballots: list[str], judge: Judge, delays: list[float] | None = None) -> Run:
    return stage(text, judged(ballots, judge, delays))


def asked(ran: Run) -> list[tuple[str, str]]:
    """Return the pairs that the judge was asked about, in order."""
    texts = [request.messages[-1].text for request in ran.provider.calls]
    return [tuple(text[2:-1].split("|")) for text in texts if text.startswith("S[")]


def samples(ran: Run) -> int:
    return len(ran.provider.calls) - len(asked(ran))
