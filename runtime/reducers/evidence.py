"""`majority(risk: 0.05)`: a vote that stops when the evidence for its leader is strong enough, whenever it looks.

The evidence for an answer with a votes over one with b votes is a mixture of likelihood ratios at three points p:

    e(a, b) = Σ w (2p)^a (2 (1 − p))^b        w = .81, .13, .06 at p = .95, .8, .65

Suppose that a sample gives the first answer no more often than the second. Then e never grows on average, and it begins
at 1. So the chance that it ever reaches 1 / risk is at most the risk (Ville's inequality), however often the vote looks
and whenever it stops. A vote ends when its leader has this evidence over every other answer. The runner-up has the most
votes of them, and e falls with b, so the vote compares the leader with the runner-up alone. An answer that no sample
gave counts as one with 0 votes. (Martingale Majority Certificate, arXiv 2510.17472; CITE, arXiv 2605.05873.)

The bound: each answer that is not the most frequent one in the long run is named with a probability of at most the
risk. It needs the evidence over that most frequent answer too. With two answers this is the whole error. With more
answers the bound is for each wrong answer by itself. It says nothing about whether the most frequent answer is true.
Samples that are no ballots are left out. The bound needs samples that are independent and alike.

The evidence is computed by its logarithm. Its error is below ``1e-14 · (1 + a + b)``, and the vote stops only if the
evidence is sure to be enough. So rounding never weakens the bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import exp, log
from typing import TYPE_CHECKING

from flowrun.dsl import Given, Refusal

from ..vocabulary.amounts import count_text
from ..vocabulary.json_value import Json
from .adaptive import Adaptive
from .arguments import LARGEST
from .expected import Over
from .protocol import ReduceError, Setting
from .reach import Args, number

if TYPE_CHECKING:
    from fractions import Fraction

POINTS = ((0.95, 0.81), (0.8, 0.13), (0.65, 0.06))
"""The points of the mixture, with their weights."""
_TERMS = tuple((log(weight), log(2 * point), log(2 - 2 * point)) for point, weight in POINTS)
_ERROR = 1e-14


class Certain(Adaptive):
    """A majority that ends when the evidence for its leader is strong enough."""

    def __init__(self, setting: Setting) -> None:
        self.risk = float(setting.args["risk"])
        if said := too_few(self.risk, setting.most):
            raise ReduceError(f"the vote can never be decided: {said}")
        super().__init__(setting)

    @property
    def undecided(self) -> Json:
        return self.setting.args.get("undecided", "fail")

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        return proved(self.risk, int(first), int(second))

    def lacks(self) -> str:
        found = exp(min(log_evidence(*map(int, self.ballots.leaders)), 700))
        return f"a risk of {self.risk:g} needs an evidence of {1 / self.risk:,.0f}, and the leader has {found:.4g}"


def log_evidence(first: int, second: int) -> float:
    """Return the logarithm of the evidence for an answer with ``first`` votes over one with ``second`` votes."""
    terms = [weight + first * up + second * down for weight, up, down in _TERMS]
    top = max(terms)
    return top + log(sum(exp(term - top) for term in terms))


def proved(risk: float, first: int, second: int) -> bool:
    """Tell whether the evidence reaches 1 / risk, also after the greatest error of its computation."""
    return log_evidence(first, second) - _ERROR * (1 + abs(first) + abs(second)) >= -log(risk)


def needed(risk: float) -> int:
    """Return the fewest votes that are enough if all of them are for one answer."""
    # Every such vote multiplies the evidence by 1.3 or more.
    return bisect_left(range(int(-log(risk) / log(1.3)) + 2), True, key=lambda votes: proved(risk, votes, 0))


def too_few(risk: float, most: int) -> str:
    """Say why a vote of so many samples can never be decided. "" if it can."""
    wanted = needed(risk)
    if wanted <= most:
        return ""
    return (
        f"{count_text(most, 'sample')} that all agree give an evidence of {exp(log_evidence(most, 0)):.4g}, and a risk "
        f"of {risk:g} needs 1 / {risk:g} = {1 / risk:,.0f}: {wanted} samples that agree"
    )


def refusal(given: Given) -> Refusal | None:
    """Refuse a risk, or arguments that have no sense beside it. None if the arguments fit."""
    args = given.args
    if "confidence" in args:
        said = "`risk` and `confidence` both say when the vote ends"
        return Refusal(said, "delete `confidence`, or delete `risk` and `undecided`", "confidence")
    if not given.chooses:
        help = "write the least and the greatest number of samples, `repeat 3..40`, or delete `risk`"
        return Refusal("a vote with a risk chooses the number of samples, and here the number is fixed", help, "risk")
    if ("ties" in args or "ties" in given.asking) and args.get("undecided") != "first":
        said = "a vote with a risk that is decided has no tie"
        return Refusal(said, "delete `ties`, or write `undecided: first`", "ties")
    risk = given.number("risk")
    if risk is None or given.most is None or not (said := too_few(risk, given.most)):
        return None
    return Refusal(
        f"this vote can never be decided: {said}", _help(risk, given.most), "risk", instead=_least_risk(given.most)
    )


def _help(risk: float, most: int) -> str:
    possible = _least_risk(most)
    return f"take {needed(risk)} samples or more" + (f", or write `risk: {possible}`" if possible else "")


def _least_risk(most: int) -> str:
    """Write a risk that so many samples can reach, rounded up. "" if there is none."""
    for digits in range(2, 10):
        risk = round(exp(-log_evidence(most, 0)) + 0.5 * 10**-digits, digits)
        if risk <= LARGEST and proved(risk, most, 0):
            return f"{risk:.{digits}f}".rstrip("0")
    return ""


def fewest_of(least: int, most: int, args: Args) -> int:
    changed, low = number(args, "stands", 0), max(least, number(args, "at_least", 1) + number(args, "stands", 0))
    risk = args.get("risk")
    if not isinstance(risk, (int, float)):
        return min(most, low)
    return bisect_left(range(most), True, lo=min(low, most), key=lambda every: proved(risk, every - changed, changed))


def ends_by(least: int, most: int, args: Mapping[str, object]) -> Over | None:
    risk, changed = args.get("risk"), number(args, "stands", 0)
    if not isinstance(risk, (int, float)):
        return None
    low = max(least, number(args, "at_least", 1) + changed)

    def over(a: int, b: int) -> bool:
        return a + b >= low and proved(risk, max(a, b) - changed, min(a, b) + changed)

    return over
