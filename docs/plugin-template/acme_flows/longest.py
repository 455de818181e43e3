"""`longest`: the longest of the texts. `longest(least: 20)` fails if none has 20 characters.

    said = repeat 3 { ask "Explain it." } reduce longest

The first paragraph is what `flowrun explain longest` begins with.
"""

from flowrun.dsl import ParamSpec, ReducerSpec, Refusal, types
from flowrun.runtime.reducers import Gathering, ReduceError, Rule


class Longest(Gathering):
    """The state of one reduction. ``Gathering`` keeps the results, and calls ``value`` when all have come."""

    def value(self):
        # The results arrive in any order, and the value must not depend on it.
        found = max(self.in_order(), key=len, default="")
        if len(found) < self.setting.args.get("least", 0):
            raise ReduceError("no text is long enough")
        return found


def result(given):
    """Return the type of the value, or refuse the types of the results before anything is sent."""
    if all(types.is_text(one) for one in given.each):
        return types.TEXT
    return Refusal("`longest` takes texts", "take `reduce collect`")


RULE = Rule(ReducerSpec("longest", (ParamSpec("least", types.INT, low=1),), result, "the longest text"), Longest)
