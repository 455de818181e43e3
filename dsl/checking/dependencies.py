"""The order of steps: each step comes after the steps that it needs.

The checker refuses steps or branches that wait for each other.
"""

from __future__ import annotations

from dataclasses import field
from itertools import pairwise

from .. import syntax as s
from ..diagnostics import Diagnostic, Label
from ..graph import cycles, topological
from ..records import dataclass
from .long_lists import MOST_NAMED, few, shortened
from .program import Flow, Mention, Program, Scope, Step


@dataclass(eq=False, repr=False, slots=True)
class Dependencies:
    """The order of the flows in a file, and of the steps in each flow.

    ``order`` has every flow after the flows that it calls, and every step after the steps that it needs. ``tangled``
    has the steps that are in a circle, or wait for a step in one. They come last in their flow.
    """

    problems: list[Diagnostic] = field(default_factory=list)
    order: dict[Flow, list[Step]] = field(default_factory=dict)
    tangled: set[Step] = field(default_factory=set)


def depend(program: Program) -> Dependencies:
    result = Dependencies()
    for flow in _in_call_order(program, result):
        _flow(flow, result)
    return result


def _in_call_order(program: Program, result: Dependencies) -> list[Flow]:
    """Return the flows, each after the flows that it calls. Report flows that call themselves; they come last."""
    named = {flow.decl.name.text: flow for flow in reversed(program.flows)}
    calls: dict[Flow, dict[Flow, s.Call]] = {flow: {} for flow in program.flows}
    for flow in program.flows:
        for step in flow.walk():
            node = step.line.node
            if isinstance(node, s.Call) and node.prefix is None and (called := named.get(node.function.text)):
                calls[flow].setdefault(called, node)
    for circle in cycles(calls):
        result.problems.append(_endless(circle, calls))
    order, tangled = topological(calls)
    return [*order, *(flow for flow in program.flows if flow in tangled)]


def _endless(circle: list[Flow], calls: dict[Flow, dict[Flow, s.Call]]) -> Diagnostic:
    closed = [*circle, circle[0]]
    names = [flow.decl.name.text for flow in closed]
    found = [calls[caller][called] for caller, called in pairwise(closed)]
    labels = [
        Label(call.function.span, f"calls `{shortened(name)}`") for call, name in zip(found[1:], names[2:], strict=True)
    ]
    return Diagnostic(
        "F0204",
        f"the flow `{shortened(names[0])}` calls itself",
        found[0].function.span,
        label=f"calls `{shortened(names[1])}`",
        labels=tuple(_ends(labels)),
        note=f"{' → '.join(few(names))}: the flow would call itself forever, and each round costs money",
        help="write each round as a step; for a tree of merges write `reduce by N ask …`",
    )


def _ends(labels: list[Label]) -> list[Label]:
    """Shorten a long circle to its first and last labels."""
    return labels if len(labels) <= MOST_NAMED else [*labels[: MOST_NAMED - 1], labels[-1]]


def _flow(flow: Flow, result: Dependencies) -> None:
    # The edges inside each body: a step needs another step of the body if it, or any step inside it, mentions that
    # step.
    edges: dict[Step, dict[Step, tuple[Mention, tuple[Step, ...]]]] = {step: {} for step in flow.walk()}
    for step in flow.walk():
        for mention in step.mentions:
            target = mention.symbol.step if mention.symbol and mention.symbol.kind in ("step", "branch") else None
            if mention.symbol is None or target is None:
                continue
            inner: list[Step] = []
            inside: Step | None = step
            while inside is not None and inside.scope is not target.scope:
                inner.append(inside)
                inside = inside.parent
            if inside is not None:
                edges[inside].setdefault(target, (mention, (inside, *reversed(inner))))
    bodies: dict[Scope, list[Step]] = {}
    for step in edges:
        bodies.setdefault(step.scope, []).append(step)
    for steps in bodies.values():
        if steps[0].scope.fanout:
            # Branches that need each other are reported once, with the whole circle.
            circles = [circle for circle in cycles({step: edges[step] for step in steps}) if len(circle) > 1]
            told = {pair for circle in circles for pair in pairwise([*circle, circle[0]])}
            for step in steps:
                for target, (mention, way) in edges[step].items():
                    if (step, target) not in told:
                        result.problems.append(_branch(step, target, mention, way))
            result.problems.extend(_circle(circle, edges, "branches") for circle in circles)
        else:
            needs = {step: edges[step] for step in steps}
            result.problems.extend(_circle(circle, edges) for circle in cycles(needs))
    # The beginning of a block is a node of its own, `(block,)`, so that its needs are not repeated for each inner step.
    waits: dict[Step | tuple[Step], list[Step | tuple[Step]]] = {}
    for step in edges:
        begun: list[tuple[Step]] = [(step.parent,)] if step.parent else []
        heads = [mention for mention in step.mentions if mention.part == "head"]
        waits[step] = [*_needed(step, step.mentions), *step.steps, *begun]
        waits[step,] = [*_needed(step, heads), *begun]
        if isinstance(step.line.node, s.Rounds):
            # The type of `last` is known only when the whole body can be read.
            inner = [one for one in step.walk() if one is not step]
            needed = [need for one in inner for need in _needed(one, one.mentions)]
            waits[step,] += [need for need in needed if need not in inner and need is not step]
    order, tangled = ([node for node in found if isinstance(node, Step)] for found in topological(waits))
    result.order[flow] = [*order, *sorted(tangled, key=lambda step: step.line.span.start)]
    result.tangled |= set(tangled)


def _needed(step: Step, mentions: list[Mention]) -> list[Step]:
    """Return the steps that a step mentions, without the step itself and the blocks around it."""
    hidden = {step, *_around(step)}
    steps = [mention.symbol.step for mention in mentions if mention.symbol]
    return [need for need in steps if need is not None and need not in hidden]


def _around(step: Step) -> list[Step]:
    blocks = []
    outer = step.parent
    while outer is not None:
        blocks.append(outer)
        outer = outer.parent
    return blocks


def _branch(step: Step, target: Step, mention: Mention, way: tuple[Step, ...]) -> Diagnostic:
    names = [step.title, *(part.title for part in way[1:]), target.title]
    chain = " → ".join(few(list(dict.fromkeys(names))))
    title, needed = shortened(step.title), shortened(target.title)
    if step is target:
        return Diagnostic(
            "F0204",
            f"`{title}` needs itself",
            mention.span,
            label="mentioned here, inside itself",
            labels=(Label(target.span, f"`{title}` begins here"),),
            note=f"{chain} → {title}: the branch could never start",
            help=_without_itself(step, mention),
        )
    return Diagnostic(
        "F0203",
        f"the branch `{title}` needs the branch `{needed}`: they cannot run side by side",
        mention.span,
        label=f"needs `{needed}`",
        labels=(Label(target.span, f"`{needed}` is a branch of the same fanout"),),
        note=f"{chain}: all branches of a fanout start at the same time, so no branch can wait for another",
        help=f"move `{title}` after the fanout, or join the two in one branch: `{title} = chain {{ {needed} = …  … }}`",
    )


def _without_itself(step: Step, mention: Mention) -> str:
    """Return the help for a step that mentions itself."""
    node = step.line.node
    if isinstance(node, (s.Map, s.Repeat, s.Fanout, s.Chain, s.Match, s.Rounds, s.Cascade)):
        return "a block has its value only when it ends: mention a step before the block, or a step inside it"
    if isinstance(node, s.Ask) and node.span.start <= mention.span.start < node.span.end:
        return "mention a step before it, or give the two steps different names"
    return "delete the mention, or mention an earlier step"


def _circle(
    circle: list[Step], edges: dict[Step, dict[Step, tuple[Mention, tuple[Step, ...]]]], what: str = "steps"
) -> Diagnostic:
    closed = [*circle, circle[0]]
    titles: list[str] = [closed[0].title]
    labels = []
    for step, target in pairwise(closed):
        mention, way = edges[step][target]
        titles.extend(part.title for part in way[1:])
        titles.append(target.title)
        labels.append(Label(mention.span, f"`{shortened(way[-1].title)}` needs `{shortened(target.title)}`"))
    chain = " → ".join(few([title for at, title in enumerate(titles) if at == 0 or titles[at - 1] != title]))
    if len(circle) == 1 and len(titles) == 2:
        chain = f"{shortened(titles[0])} → {shortened(titles[0])}"
    mention, way = edges[closed[0]][closed[1]]
    listed = few([f"`{shortened(step.title)}`" for step in circle])
    if len(circle) == 1:
        message, help = f"{listed[0]} needs itself", _without_itself(circle[0], mention)
    else:
        message = f"these {what} wait for each other: " + ", ".join(listed)
        help = (
            "delete one of these mentions, or split a step in two: a step that the others need, and a step "
            "that needs the others"
        )
    return Diagnostic(
        "F0204",
        message,
        mention.span,
        label=f"`{shortened(way[-1].title)}` needs `{shortened(closed[1].title)}`",
        labels=tuple(_ends(labels[1:])),
        note=f"{chain}: the step could never start"
        if len(circle) == 1
        else f"{chain}: none of these steps could ever start",
        help=help,
    )
