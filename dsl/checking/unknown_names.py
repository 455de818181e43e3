"""Unknown names, and suggestions for them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..parsing.build_values import LABEL_WORDS
from ..parsing.tables import KEYWORDS
from ..path_names import COMPARED, RESULT
from ..records import dataclass
from ..source import Span
from ..spelling import MOST_GUESSED
from .arguments import CallTypes
from .label_places import LABEL_WAY
from .people import HUMAN
from .program import Flow, Scope, Step

CONSTANTS: dict[str, t.Type] = {"true": t.BOOL, "false": t.BOOL, "none": t.NONE}

_PEOPLE = frozenset({"person", "people", "me", "someone", "operator", "reviewer", "approver"})
"""The words that a user may try in the place of `human`."""
_FUNCTIONS = {"agreement": "`agreement(NAME)`", "margin": "`votes(NAME).margin`", "sure": "`sure(NAME)`"}
_OF_REDUCERS = ("results", "so_far", "next")
_WITHOUT_BRANCH = "make `{}` a step before the fanout; or write `reduce collect`, and use the record in the next step"
_WITHOUT_RESULTS = "write a value from before the block; or write `reduce collect`, and use its value in the next step"


def hidden_names(flows: Iterable[Flow]) -> dict[str, Step]:
    """Return the steps that are inside of blocks, by their names. An element leads to the first step of its body."""
    hidden: dict[str, Step] = {}
    for step in (step for flow in flows for step in flow.walk()):
        if step.parent and step.symbol:
            hidden.setdefault(step.symbol.name, step)
        node = step.line.node
        if isinstance(node, s.Map | s.Repeat) and node.element is not None and step.steps:
            hidden.setdefault(node.element.text, step.steps[0])
    return hidden


@dataclass(eq=False, slots=True)
class UnknownNames(CallTypes):
    """The part of the type checker that reports unknown names."""

    def withheld(self, name: str, span: Span, scope: Scope) -> bool:
        """Report an argument of a reducer that mentions a name which only its asks see. Return True if it does."""
        symbol = scope.withheld.get(name)
        if symbol is None:
            return False
        if symbol.kind == "last":
            return True  # reported with the names of the rounds
        what, label, help = f"`{name}`", "the reducer", _WITHOUT_RESULTS
        if symbol.kind == "branch":
            what, label, help = f"the branch {what}", f"{what} is a branch of the fanout", _WITHOUT_BRANCH.format(name)
        self.problems.append(
            Diagnostic(
                "F0211",
                f"an argument of a reducer cannot mention {what}",
                span,
                labels=(Label(symbol.span, label),),
                note="an argument takes values from outside the block; only the asks of a reducer see the results",
                help=help,
            )
        )
        return True

    def other_branch(self, name: str, span: Span, branch: Step) -> None:
        """Report a branch of a match that mentions a branch, which is not known there."""
        if branch.parent is not None and isinstance(branch.parent.line.node, s.Cascade):
            self.report(
                "F0627",
                f"`{name}` is a stage of this cascade, and no step can mention it",
                span,
                help="in the stage behind it write `last`; outside mention the name of the cascade",
                note="the value of a cascade is that of the stage at which it ended",
            )
            return
        own = branch.span.start <= span.start < branch.line.span.end
        why = "itself" if own else f"the branch `{name}`"
        self.problems.append(
            Diagnostic(
                "F0606",
                f"a branch of a match mentions {why}",
                span,
                labels=(Label(branch.span, f"`{name}` is a class of the match"),),
                note="only one branch runs, and nothing can mention it: its value is the value of the match",
                help=(
                    "for the word write it in quotes; in a check mention the `answer`"
                    if own
                    else "put what both branches need in a step before the match; for the word write it in quotes"
                ),
            )
        )

    def unknown_name(self, name: str, span: Span, scope: Scope, wanted: t.Type | None = None) -> None:
        if self.withheld(name, span, scope):
            return
        if (branch := branch_named(name, scope)) is not None:
            self.other_branch(name, span, branch)
            return
        if name == "last":
            help = did_you_mean(name, scope.known()) or "mention a step by its name"
            where = "inside of `chain up to N { … }`, and behind the first stage of a cascade"
            self.report("F0623", f"`last` is known only {where}", span, help=help)
            return
        if name in _OF_REDUCERS:
            near = did_you_mean(name, scope.known()) or _of_reducer(name, scope)
            self.report("F0201", f"the name `{name}` is unknown", span, help=near)
            return
        if (hidden := self.hidden.get(name)) and (block := visible_block(hidden, scope)):
            self._known_inside(name, span, scope, hidden, block)
            return
        if self._no_value(name, span):
            return
        help = _hint(name, scope)
        if not help and len(self.problems) < MOST_GUESSED:
            if wanted == t.MODEL:
                self._unknown_model(name, span, scope)
                return
            help = self._near(name, span, scope)
        self.report("F0201", f"the name `{name}` is unknown", span, help=help)

    def _known_inside(self, name: str, span: Span, scope: Scope, hidden: Step, block: Step) -> None:
        """Report a name that only a block knows."""
        inside = f"`{block.title}`" if block.symbol else f"the block of {block.title}"
        out = f"mention `{block.title}`" if block.symbol else "give the block a name and mention that name"
        seen = (*scope.symbols.values(), *scope.withheld.values())
        if any(one.kind == "results" and one.step is block for one in seen):
            out = "to use the body's value, mention `results` in an ask of the reducer, or `next` in a fold"
        move = ", or move the step out of the block"
        if hidden.symbol is None or hidden.symbol.name != name:  # an element, or the item of a panel
            out, move = f"end the body with a record that has it, `{{ {name}, … }}`", ""
        self.report(
            "F0205",
            f"`{name}` is known only inside {inside}",
            span,
            note="names inside a block are not known outside: other steps see only the block's value",
            help=out + move,
        )

    def _no_value(self, name: str, span: Span) -> bool:
        """Tell whether a name is that of a prompt or of an import, and report it."""
        if name in self.typed.prompts or ("", name) in self.imported.prompts:
            self.report("F0201", f"`{name}` is a prompt, not a value", span, help=f"use it in a step: `ask {name}(…)`")
            return True
        if name in self.imported.broken:
            return True
        if path := self.imported.paths.get(name):
            self.report(
                "F0201",
                f"`{name}` is the prefix of the file `{path}`, not a value",
                span,
                help=f"call a flow of this file on a line of its own: `x = {name}.FLOW(…)`",
            )
            return True
        return False

    def _near(self, name: str, span: Span, scope: Scope) -> str:
        """Return the help that names what is known where an unknown name stands."""
        if span.source is not self.program.file.span.source:
            near = did_you_mean(name, scope.known())
            return (
                near or f"a prompt sees its parameters and the texts of its flow file: add a parameter `{name}: text`"
            )
        words = [*scope.known(), *CONSTANTS]
        types = [known for known, type_ in self.typed.declared.items() if isinstance(type_, t.Choice)]
        guess = did_you_mean(name, [*words, *types, *(_FUNCTIONS if _in_stage(scope) else ())])
        if guess or scope.parent is None:
            return (
                guess
                or "a default and an option of a model can mention only models and texts, no parameters and no steps"
            )
        known = dict.fromkeys(islice((word for word in words if word not in CONSTANTS), 8))
        return "the names known here: " + ", ".join(f"`{word}`" for word in known) if known else ""

    def _unknown_model(self, name: str, span: Span, scope: Scope) -> None:
        if name.lower() in _PEOPLE:
            help = f"to ask a person write `ask {HUMAN}`"
            self.report("F0201", f"the name `{name}` is unknown: the file declares no such model", span, help=help)
            return
        models = self._models(scope)
        declare = f'declare the model at the top of the file, `model {name} = "provider:name"`'
        there = ", ".join(f"`{word}`" for word in models[:8])
        self.report(
            "F0201",
            f"the name `{name}` is unknown: the file declares no such model",
            span,
            help=did_you_mean(name, models) or declare + (f"; the models here are {there}" if there else ""),
        )

    def _models(self, scope: Scope) -> list[str]:
        """Return the names of models that are in scope."""
        found = ((word, scope.lookup(word)) for word in scope.known())
        return [word for word, one in found if one and one.kind in ("model", "param") and self.type_of(one) == t.MODEL]


def _hint(name: str, scope: Scope) -> str:
    """Return the help for a name that has a meaning of its own elsewhere, "" if it has none."""
    if name in ("null", "nil", "undefined", "None"):
        return "write `none` for a missing value"
    if name in LABEL_WORDS:
        return LABEL_WAY
    return _of_unnamed_round(name, scope) or _elsewhere(name, scope)


def _of_unnamed_round(name: str, scope: Scope) -> str:
    """Return the help for a condition of rounds that might mean their last line without a name; "" for any other."""
    last = scope.withheld.get("last")
    block = last.step if last is not None and last.kind == "last" else None
    if block is None or not block.steps or block.steps[-1].line.name is not None:
        return ""
    if did_you_mean(name, scope.known()):
        return ""
    line = block.steps[-1].line
    return (
        f"the last line of this round has no name: write `verdict = …` in line {line.span.line}, and mention `verdict`"
    )


def _elsewhere(name: str, scope: Scope) -> str:
    """Return the help for a word that the language knows in other places; "" for any other name."""
    if name == RESULT:
        if near := did_you_mean(name, scope.known()):
            return near
        if (seen := scope.lookup("answer")) is not None and seen.kind == "answer":
            return "in a check the answer is called `answer`"
        return "only the condition of a search sees it: `reduce first(if: result.score > 0.8)`"
    if name in _FUNCTIONS:
        told = f"in the condition of a stage of a cascade `{name}` tells of the stage before"
        return f"{told}; elsewhere write {_FUNCTIONS[name]}"
    if name == "reduce":
        return "`reduce` ends a `fanout`, a `map` or a `repeat`; any other block has the value of its last step"
    return "this is a word of the language: a part is missing before it" if name in KEYWORDS else ""


def _in_stage(scope: Scope) -> bool:
    from .cascade_names import is_stage  # few names are unknown

    seen = scope.lookup("last")
    return seen is not None and seen.step is not None and is_stage(seen.step)


def _of_reducer(name: str, scope: Scope) -> str:
    """Return the help for a name that only reducers define, if it is used elsewhere."""
    if name != "results":
        return f'`{name}` is known only in the ask of a fold: `reduce fold ask "… {{{{ so_far }}}} … {{{{ next }}}} …"`'
    if (seen := scope.lookup(COMPARED[0])) is not None and seen.kind == "results":
        return "an ask of `same` compares two answers: mention `a` and `b`"
    if (seen := scope.lookup("so_far")) is not None and seen.kind == "results":
        return (
            "a fold takes its results one by one: `so_far` is the value of the earlier results, `next` is "
            "the next result"
        )
    return "`results` is known only in an ask after `reduce`; elsewhere mention the block by its name"


def branch_named(name: str, scope: Scope) -> Step | None:
    """Return the branch of this name of a match around a scope."""
    outer: Scope | None = scope
    while outer is not None:
        if name in outer.branches:
            return outer.branches[name]
        outer = outer.parent
    return None


def visible_block(hidden: Step, scope: Scope) -> Step | None:
    """Return the block around a hidden step, if this scope can mention it. None if the step is in another flow."""
    known: list[Scope] = []
    outer: Scope | None = scope
    while outer is not None:
        known.append(outer)
        outer = outer.parent
    block = hidden.parent
    while block is not None and block.scope not in known:
        # A reducer sees the branches of its fan-out, but not the steps inside them.
        if block.symbol is not None and (seen := scope.lookup(block.title)) is not None and seen.step is block:
            return block
        block = block.parent
    return block
