"""The bounds of the questions of a vote that compares its answers.

A sample is compared with the classes so far, and there may be one for each earlier sample. A question may also be asked
the other way round. So N samples take N (N - 1) questions at most: two for each pair of answers. They take none if the
answers are equal in writing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import plan as p
from ..path_names import COMPARED
from .amounts import Expected
from .ask_bounds import Asked, asked
from .bound import NOTHING, Bound
from .expression_sizes import SizeScope
from .sizes import NONE, Size, field_of, items_of, one_of
from .survey import Survey
from .vote_averages import constants


def expected_comparisons(most: int, right: float, over: Callable[[int, int], bool], *, whole: bool) -> float:
    """Return the mean number of questions about the samples of a vote.

    Each sample is right with the same probability, all wrong samples say the same, no two samples have the same words,
    and the judge makes no mistake. ``over`` tells from the right and the wrong samples whether the vote is over, and a
    ``whole`` vote compares all its samples nevertheless.
    """
    # The votes for the right and for the wrong answer, whether the right one came first, and whether the vote is over.
    going = {(0, 0, False, False): 1.0}
    mean = 0.0
    for _ in range(most):
        after: dict[tuple[int, int, bool, bool], float] = {}
        for (good, bad, first, ended), chance in going.items():
            for hit, part in ((True, right), (False, 1 - right)):
                mine, other = (good, bad) if hit else (bad, good)
                a, b = good + hit, bad + (not hit)
                ends = not ended and over(a, b)
                leads = mine > other or (mine == other and first == hit)
                asked = (mine > 0 and other > 0 and not leads) + (mine + other > 0)
                if ends and mine:
                    # The other way round, and with a second text of the class.
                    asked += 1 + (mine > 1)
                mean += chance * part * asked
                if whole or not ends:
                    key = (a, b, first if good + bad else hit, ended or ends)
                    after[key] = after.get(key, 0.0) + chance * part
        going = after
    return mean


def with_comparisons(
    survey: Survey,
    step: p.Step,
    reduce: p.Reduce,
    ask: p.Ask,
    expected: Expected,
    scope: SizeScope,
    given: dict[str, Size],
) -> Expected:
    """Add the questions of an ask to the average amounts of a vote. Without a mean they stay as they are."""
    spec = survey.reducers.get(reduce.rule)
    ends = getattr(spec.expected, "ends", None) if spec is not None else None
    node = step.node
    count = items_of(given["results"])[0].most if not isinstance(node, p.Repeat) else node.most
    if ends is None or count is None:
        return expected
    most = int(count)
    least = node.least if isinstance(node, p.Repeat) else most
    over = ends(least, most, constants(reduce))
    if over is None:
        return expected
    mean = expected_comparisons(most, expected.right, over, whole=least == most and expected.samples >= most)
    # The answer of a judge is seldom malformed, so each question counts as one call.
    cost = compared_by(survey, step, reduce, ask, Bound(mean, mean), scope, given).amounts.cost
    return replace(expected, calls=expected.calls + mean, cost=expected.cost + cost, comparisons=mean)


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
