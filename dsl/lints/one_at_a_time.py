"""The lint for `concurrency: 1` on a parallel block: its calls wait for each other and take as long as all in a row."""

from __future__ import annotations

from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import Block, blocks, option, rule_of

_WHOLE = "this saves no calls and no money: the block takes as long as all its calls one after another"
_EARLY = "each call waits for the previous call; this saves only the calls that remain when the reducer decides early"
_MANY = 9
"""The number of results for testing whether a rule may end early: such a rule needs fewer than all of them."""


def one_at_a_time(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in blocks(program):
        limit = option(step.line.options, "concurrency")
        if limit and typed.folding.number(limit.value, step.scope) == 1:
            found.append(
                Diagnostic(
                    "F0715",
                    "this block makes its calls one after another, not side by side",
                    limit.value.span,
                    labels=origins(limit.value, step.scope, typed.folding),
                    note=_EARLY if _ends_early(node, catalog) else _WHOLE,
                    help="delete `concurrency`; to limit the load of a server, set it on the model: "
                    '`model NAME = "…" with concurrency: 1`',
                )
            )
    return found


def _ends_early(node: Block, catalog: Catalog) -> bool:
    rule = rule_of(node, catalog)
    return rule is not None and (rule.votes or rule.adaptive or rule.fewest(_MANY, _MANY, {}) < _MANY)
