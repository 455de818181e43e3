"""`window(w)`: samples are taken w at a time until all samples of one window agree (ESC, arXiv 2401.10480).

The value is the answer that most of all samples so far give. An answer of none breaks its window.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .adaptive import Adaptive
from .protocol import Rule, Setting
from .reach import beyond, with_ballots
from .voting import PARAMS, plurality


class Window(Adaptive):
    def __init__(self, setting: Setting) -> None:
        self.width = max(1, int(setting.args["width"]))
        self._keys: dict[int, str] = {}
        super().__init__(setting)
        # Only a full window decides, so the first border is the end of the first window that may decide.
        self._border = min(setting.most, -(-self._border // self.width) * self.width)

    def cast(self, index: int, value: Json) -> bool:
        if not super().cast(index, value):
            return False
        self._keys[index] = self.ballots.key(value if self.by is None else value[self.by])
        return True

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        agreed = {self._keys.get(place) for place in self._window()}
        return self.place % self.width == 0 and len(agreed) == 1 and None not in agreed

    def could_hold(self, key: str | None, first: Fraction | int, second: Fraction | int) -> bool:
        holes = len(self.holes.intersection(self._window()))
        agreed = {self._keys.get(place) for place in self._window() if place not in self.holes}
        if self.place % self.width or len(agreed) > 1 or None in agreed:
            return False
        for other in agreed - {key}:
            # The lost samples of this window would have to agree with it.
            first, second = first - holes, max(second, self.ballots.votes(other) + holes)
        return first >= second

    def _window(self) -> range:
        return range(self.place - self.width, self.place)

    def further(self) -> int:
        return self.width - self.place % self.width


def _result(given: Given) -> types.Type | Refusal:
    if given.least is None or not given.chooses:
        help = "write the least and the greatest number of samples, `repeat 5..40`, or use `majority`"
        return Refusal("`window` chooses the number of samples, and here the number is fixed", help)
    width = given.number("width")
    if width is not None and width > 0 and given.most is not None:
        # The first window that may decide is the one in which the least number of samples is reached.
        ends = -(-given.least // width) * width
        between = given.most if width > given.most else f"{given.least} to {given.most}"
        if refusal := beyond(
            ends, given, "width", f"a window of {width:g} samples is never full with {between} samples"
        ):
            return refusal
    return plurality(given)


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    width = args.get("width")
    return min(most, -(-least // width) * width) if isinstance(width, int) and width > 0 else least


def _expected(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
    width = args.get("width")
    if not isinstance(width, int) or width < 1:
        return None
    agreed = right**width + (1 - right) ** width
    mean, going, seen = 0.0, 1.0, 0
    while seen < most:
        taken = min(width, most - seen)
        mean += going * taken
        seen += taken
        if seen >= least and taken == width:
            going *= 1 - agreed
    return mean


RULE = Rule(
    ReducerSpec(
        "window",
        (ParamSpec("width", types.INT, required=True, low=2), *PARAMS),
        with_ballots(_result),
        "the most frequent answer, as soon as a window of samples agrees",
        votes=True,
        spares=True,
        adaptive=True,
        fewest=_fewest,
        expected=_expected,
    ),
    Window,
)
