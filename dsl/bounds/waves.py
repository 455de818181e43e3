"""Waves: if only some bodies of a block may be open at once, the bodies run one group after another."""

from __future__ import annotations

from dataclasses import replace

from .. import plan as p
from ..records import dataclass
from .bound import NOTHING, Bound
from .expression_sizes import SizeScope
from .sizes import Known
from .survey import Survey, spec_of, votes_in
from .vote_averages import constants


@dataclass(frozen=True, slots=True)
class LaunchMode:
    """The way in which a block launches its bodies: all at once (``eager``), or when they are needed.

    ``together`` says that it needs all of them. ``cheap`` says that a vote launches no more than it needs.
    """

    eager: bool
    together: bool
    cheap: bool

    @property
    def word(self) -> str:
        """The word of the option `launch`. It is not known if the run works it out: then it stands for `latency`."""
        return "together" if self.together else "cost" if self.cheap else "latency"


def launch_of(survey: Survey, step: p.Step, scope: SizeScope, *, votes: bool, exact: bool) -> LaunchMode:
    """Return the way in which a block launches its bodies. ``exact`` says that their number is fixed.

    A block without a vote launches all of them at once.
    """
    launch = survey.size(step.options["launch"], scope) if "launch" in step.options else Known("cost")
    together = votes and launch == Known("together")
    eager = not votes or together or (exact and launch == Known("latency"))
    return LaunchMode(eager, together, launch == Known("cost"))


def waves_of(survey: Survey, step: p.Step, scope: SizeScope, bodies: Bound, first: float | None) -> Bound:
    """Return the number of waves if only some bodies may be open at once.

    ``first`` is the number of bodies that a vote launches at the beginning. Each later body may wait for an earlier
    one. ``first`` is None if all bodies are launched at once.
    """
    window: float | None = None
    if "concurrency" in step.options:
        option = survey.size(step.options["concurrency"], scope)
        window = option.value if isinstance(option, Known) and isinstance(option.value, int) else None
        if window is None:
            # At worst the bodies run one at a time, and at best all at once.
            return Bound(1 if bodies.least else 0, bodies.most, bodies.why)
    if bodies.most == 0:
        return NOTHING
    least = 1 if bodies.least else 0
    if first is None and window is None:
        return Bound(least, 1)
    if window is not None and window >= 1:
        least = max(least, -int(-bodies.least // window))
    if bodies.most is None:
        return Bound(least, None, bodies.why)
    if first is None:
        return Bound(least, -int(-bodies.most // max(1, window or 1)))
    return Bound(least, max(least, bodies.most - max(1, min(first, window or first)) + 1))


def sampling(survey: Survey, step: p.Step, node: p.Repeat, scope: SizeScope) -> tuple[LaunchMode, Bound, Bound]:
    """Return the way in which a repeat launches its samples, their number, and the number of their waves."""
    spec, searches = spec_of(survey, node.reduce), node.reduce.searches
    votes = votes_in(survey, node) or searches
    launch = launch_of(survey, step, scope, votes=votes, exact=node.least == node.most and not searches)
    fewest = node.most if spec is None else spec.fewest(node.least, node.most, constants(node.reduce))
    samples = Bound(node.most if launch.together else fewest, node.most)
    waves = waves_of(survey, step, scope, samples, None if launch.eager else fewest)
    if searches and launch.word == "latency" and "concurrency" not in step.options and waves.most is not None:
        # Each wave is as large as all waves before it.
        waves = replace(waves, most=min(waves.most, 1 + (-(-node.most // max(1, fewest)) - 1).bit_length()))
    return launch, samples, waves
