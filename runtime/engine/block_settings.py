"""The settings of a block's run, read from the block's options and its reducer."""

from __future__ import annotations

from typing import Any

from flowrun.dsl import ReducerSpec, types
from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..values.prompts import shown
from ..values.ranges import within_bounds
from ..values.rules import RuleValue
from ..vocabulary.errors import InputError
from ..vocabulary.tokens import estimate
from .combining import Combining, Fold, Merge, TokenMerge
from .frames import Spare
from .scopes import Scope

Json = Any


def item_of(step: p.Step) -> types.Type:
    """Return the type of a single result of a block."""
    block = step.block
    if block is None or not block.steps:
        return types.UNKNOWN
    if isinstance(step.node, p.Fanout):
        return types.join(branch.type for branch in block.steps)
    return next(one.type for one in block.steps if one.name == block.result)


def arguments_of(reduce: p.Reduce, spec: ReducerSpec, scope: Scope) -> dict[str, Json]:
    """Work out the arguments of a rule. Raises InputError if an argument is out of its bounds."""
    args = scope.options(reduce.args)
    within_bounds({param.name: param for param in spec.params}, args)
    return args


def combining_of(reduce: p.Reduce, most: int | None, scope: Scope) -> Combining | None:
    """Make the tree or fold that combines many results in several calls. Return None if a single call gets them all.

    Raises InputError for a size that is out of its bounds.
    """
    if reduce.rule == "fold":
        return Fold(most, evaluate(reduce.args["from"], scope)) if "from" in reduce.args else Fold(most)
    if reduce.count is None:
        return None
    fan_in = evaluate(reduce.count, scope)
    if isinstance(fan_in, RuleValue):
        size = fan_in.args.get("size")
        if not isinstance(size, int) or size < 1:
            raise InputError(f"`by tokens(n)` takes a whole number from 1, and this is {size!r}")
        return TokenMerge(most, size, _tokens)
    if not isinstance(fan_in, int) or fan_in < 2:
        raise InputError(f"a tree merges two or more at a time, and this is {fan_in!r}")
    return Merge(most, fan_in)


def _tokens(value: Json) -> int:
    """Estimate the number of tokens that a value takes in a prompt."""
    return estimate(shown(value))


def policy_of(errors: Json, total: int) -> tuple[str, Spare | None]:
    """Read the option ``errors``: the rule for a failed element, and how many may fail if only a share of them may.

    Raises InputError for a share that is not from 0% to 100%.
    """
    if not isinstance(errors, RuleValue):
        return str(errors), None
    share = errors.args.get("share")
    if errors.rule != "skip" or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise InputError(f"`errors: skip(share)` takes a share from 0% to 100%, and this is {share!r}")
    return errors.rule, Spare.of(share, total)
