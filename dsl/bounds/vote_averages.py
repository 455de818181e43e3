"""The average amounts of a vote."""

from __future__ import annotations

from collections.abc import Mapping

from .. import plan as p
from ..catalog import ReducerSpec
from .amounts import Amounts, Expected
from .bound import Bound
from .survey import Survey


def expected_of(
    survey: Survey,
    spec: ReducerSpec | None,
    samples: tuple[int, int],
    args: Mapping[str, object],
    body: Amounts,
    *,
    cheap: bool,
) -> Expected | None:
    """Return the average amounts of a vote; None if they are not known.

    A vote that launches all samples at once pays for all of them.
    """
    if spec is None or not spec.votes:
        return None
    mean = float(samples[1]) if not cheap else spec.expected(*samples, args, survey.right) if spec.expected else None
    calls = body.calls.most
    if mean is None or not calls:
        return None
    return Expected(survey.right, mean, mean * calls, body.sampled(Bound(mean, mean)).cost)


def expected_search(
    survey: Survey, spec: ReducerSpec | None, samples: tuple[int, int], launch: str, body: Amounts
) -> Expected | None:
    """Return the average amounts of the samples of a search, if each passes with the probability; None if not known.

    An answer of a search is seldom malformed, so each call of a sample counts once.
    """
    mean = spec.expected(*samples, {"launch": launch}, survey.right) if spec is not None and spec.expected else None
    calls = body.calls.least or body.calls.most
    if mean is None or not calls:
        return None
    return Expected(survey.right, mean, mean * calls, body.sampled(Bound(mean, mean)).cost)


def constants(reduce: p.Reduce) -> dict[str, object]:
    """Return the values of a reducer's constant arguments, and None for the other arguments."""
    return {name: one.value if isinstance(one, p.Constant) else None for name, one in reduce.args.items()}
