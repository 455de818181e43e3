"""The bounds of the questions of a vote that compares its answers.

A sample is compared with the classes so far, and there may be one for each earlier sample. A question may also be asked
the other way round. So N samples take N (N - 1) questions at most: two for each pair of answers. They take none if the
answers are equal in writing.
"""

from __future__ import annotations

from dataclasses import replace

from .. import plan as p
from ..path_names import COMPARED
from .ask_bounds import Asked, asked
from .bound import NOTHING, Bound
from .expression_sizes import SizeScope
from .sizes import NONE, Size, field_of, items_of, one_of
from .survey import Survey


def compared_by(
    survey: Survey,
    step: p.Step,
    reduce: p.Reduce,
    ask: p.Ask,
    times: Bound,
    scope: SizeScope,
    given: dict[str, Size],
) -> Asked:
    """Bound the questions of an ask that compares the answers of a vote, which is made so many ``times``."""
    word = reduce.args.get("of" if reduce.rule == "weighted" else "by")
    items = items_of(given["results"])[1]
    if isinstance(word, p.Constant) and isinstance(word.value, str):
        items = [field_of(item, word.value) for item in items]
    answers = one_of(items or [NONE])
    seen = SizeScope(scope, {**given, **dict.fromkeys(COMPARED, answers)})
    found = asked(
        ask, reduce.options, survey.models, seen, survey.world,
        title=step.title, vote=False, stores=True,
    )  # fmt: skip
    # The questions come one after another.
    return replace(found, amounts=found.amounts * times, tries=found.tries * times if times.most != 0 else NOTHING)
