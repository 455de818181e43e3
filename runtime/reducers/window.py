"""`window(w)`: samples are taken w at a time until all samples of one window agree (ESC, arXiv 2401.10480).

The value is the answer that most of all samples so far give. An answer of none breaks its window.

With `stands: f` the vote ends after f + 1 windows that agree: f changed samples break at most f of them. At the end of
every window the vote tries each answer that f changed samples could fill the window with. The samples that remain to be
changed then lie in earlier windows. If another answer could have the most votes there, the vote does not stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .adaptive import Adaptive, lowered, way_of, why_not
from .arguments import HOLDS, PARAMS, SAME, STANDS, held, plurality
from .protocol import Rule, Setting
from .reach import Args, Reach, beyond, number, that_can_stand, too_few, with_ballots

if TYPE_CHECKING:
    from fractions import Fraction


class Window(Adaptive):
    def __init__(self, setting: Setting) -> None:
        self.width = max(1, int(setting.args["width"]))
        self._keys: dict[int, str] = {}
        super().__init__(setting)
        # Only a full window decides, so the first border is the end of the first window that may decide.
        ends = first_end(setting.least, self.width) + self.against * self.width
        self._border = self._first = min(setting.most, max(ends, -(-self._border // self.width) * self.width))

    def cast(self, index: int, value: Json) -> bool:
        if not super().cast(index, value):
            return False
        self._keys[index] = self.ballots.key(value if self.by is None else value[self.by])
        return True

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        return self.place % self.width == 0 and self._agrees(self.place)

    def holds_without(self, changed: int) -> bool:
        if not changed:
            return super().holds_without(changed)
        return self.place % self.width == 0 and self._agreeing() > changed

    def _agrees(self, end: int) -> bool:
        """Tell whether all samples of the window with this end agree."""
        agreed = {self._keys.get(place) for place in range(end - self.width, end)}
        return len(agreed) == 1 and None not in agreed

    def _agreeing(self) -> int:
        """Return the number of windows so far that could have ended the vote."""
        first = first_end(self.setting.least, self.width)
        return sum(self._agrees(end) for end in range(first, self.place + 1, self.width))

    def could_end(self, key: str | None) -> bool:
        if self.place % self.width:
            return False
        window = range(self.place - self.width, self.place)
        holes = len(self.holes.intersection(window))
        inside = Counter(self._keys[place] for place in window if place in self._keys)
        outside = {other: int(self.ballots.votes(other)) - inside[other] for other in self.ballots.ranked()}
        own = 0 if key is None else outside.pop(key, 0)
        free = self.place - self.width - (self.lost - holes)
        # The window must agree on an answer, which may be another one than that with the most votes.
        for filled in {key, *outside}:
            cost = self.width - holes - (inside[filled] if filled is not None else 0)
            if cost > self.against:
                continue
            given = min(self.against - cost, free - own)
            first = own + given + self.lost - holes + (self.width if filled == key else 0)
            others = [votes + (self.width if filled == other else 0) for other, votes in outside.items()]
            if first >= lowered(others, given):
                return True
        return False

    def lacks(self) -> str:
        return f"no window of {self.width} samples agrees"

    def further(self) -> int:
        windows = max(1, self.against + 1 - self._agreeing()) if self.against else 1
        return windows * self.width - self.place % self.width


def first_end(least: int, width: int) -> int:
    """Return the end of the first window that may decide."""
    return max(1, -(-least // width)) * width


def _never_full(width: int, least: int, most: int) -> str:
    between = most if width > most else f"{least} to {most}"
    return f"a window of {width:g} samples is never full with {between} samples"


def _never(setting: Setting) -> str:
    width = int(setting.args["width"])
    if first_end(setting.least, width) > setting.most:
        return _never_full(width, setting.least, setting.most)
    return too_few(setting)


def _result(given: Given) -> types.Type | Refusal:
    if given.least is None or not given.chooses:
        help = "write the least and the greatest number of samples, `repeat 5..40`, or use `majority`"
        return Refusal("`window` chooses the number of samples, and here the number is fixed", help)
    width = given.number("width")
    if width is not None and width > 0 and given.most is not None:
        # The first window that may decide is the one in which the least number of samples is reached.
        ends = first_end(given.least, int(width))
        if refusal := beyond(ends, given, "width", _never_full(int(width), given.least, given.most)):
            return refusal
    return held(given, plurality(given))


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    width = args.get("width")
    if not isinstance(width, int) or width < 1:
        return least
    changed = number(args, "stands", 0)
    enough = first_end(number(args, "at_least", 1) + changed, width)
    return min(most, max(enough, first_end(least, width) + changed * width))


def _expected(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
    width = args.get("width")
    if not isinstance(width, int) or width < 1:
        return None
    agreed = right**width + (1 - right) ** width
    # The chances of having seen so many windows that agree.
    chances = [1.0] + [0.0] * number(args, "stands", 0)
    mean, seen = 0.0, 0
    while seen < most:
        taken = min(width, most - seen)
        mean += sum(chances) * taken
        seen += taken
        if seen >= least and taken == width:
            more = [0.0, *(agreed * chance for chance in chances[:-1])]
            chances = [chance * (1 - agreed) + one for chance, one in zip(chances, more, strict=True)]
    return mean


def _reach(least: int, most: int, args: Args) -> int:
    enough = number(args, "at_least", 1)
    top = max(0, min((most - 1) // 2, most - enough))
    width = args.get("width")
    if not isinstance(width, int) or width < 1:
        return top
    # Fewer samples than a window fill none. More must leave the others in the lead where the vote may end first.
    begins = first_end(max(least, enough), width)
    return min(top, max(width - 1, (begins - 1) // 2))


REACH = Reach(_reach, lambda wanted, least, most, args: why_not(wanted, least, most, args, _reach), way_of)


RULE = Rule(
    ReducerSpec(
        "window",
        (ParamSpec("width", types.INT, required=True, low=2), *PARAMS, HOLDS, STANDS, SAME),
        with_ballots(_result, REACH),
        "the most frequent answer, as soon as a window of samples agrees",
        votes=True,
        spares=True,
        adaptive=True,
        fewest=_fewest,
        expected=_expected,
    ),
    that_can_stand(Window, REACH),
    _never,
)
