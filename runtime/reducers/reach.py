"""Refusals of votes that can never reach the number that they ask for, because they take fewer samples.

The check refuses such a vote before anything is paid. If only the run knows the numbers, the vote fails when it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowrun.dsl import Given, Refusal, dataclass, types

from ..vocabulary.amounts import count_text
from .protocol import ReduceError, Reducer, Setting

Result = Callable[[Given], types.Type | Refusal]
Args = Mapping[str, object]
TOO_FEW = "this vote needs {needed} ballots and has at most {most}"


@dataclass(frozen=True, slots=True)
class Reach:
    """The greatest number of samples against which votes of a rule can stand.

    Both functions get the least and the greatest number of samples, and the arguments. ``most`` returns that number: it
    is reached if all ballots are alike. ``why`` gets the wanted number first, and says why it is too many. ``way`` gets
    the two numbers of samples and returns another way out.
    """

    most: Callable[[int, int, Args], int]
    why: Callable[[int, int, int, Args], str]
    way: Callable[[int, int], str] = lambda least, most: "use more samples"

    def refusal(self, least: int, most: int, args: Args) -> str:
        """Say why a vote can never stand as its arguments want. "" if it can, or if they want nothing known."""
        wanted = args.get("stands")
        if not isinstance(wanted, int) or wanted <= 0 or wanted <= self.most(least, most, args):
            return ""
        return self.why(wanted, least, most, args)


def beyond(needed: float | None, given: Given, arg: str, message: str) -> Refusal | None:
    """Refuse an argument that asks for more results than there can be.

    The message contains ``{needed}`` and ``{most}`` for the two numbers. Return None if the argument is possible, or if
    only a run knows one of the numbers.
    """
    if needed is None or given.most is None or needed <= given.most:
        return None
    help = f"require {given.most} ballots or fewer, or use more samples"
    return Refusal(message.format(needed=f"{needed:g}", most=given.most), help, arg)


def too_few(setting: Setting) -> str:
    """Say that a vote needs more ballots than it has samples; "" if it has enough."""
    needed = number(setting.args, "at_least", 1)
    return TOO_FEW.format(needed=needed, most=setting.most) if needed > max(1, setting.most) else ""


def with_ballots(result: Result, reach: Reach) -> Result:
    """Wrap the type function of a vote, so that it refuses an `at_least` and a `stands` that the vote cannot reach."""

    def checked(given: Given) -> types.Type | Refusal:
        refused = beyond(given.number("at_least"), given, "at_least", TOO_FEW)
        found = refused or result(given)
        return found if isinstance(found, Refusal) else _unmet(given, reach) or found

    return checked


def _unmet(given: Given, reach: Reach) -> Refusal | None:
    """Refuse a `stands` that the vote can never meet, and an ask about ties, which do not stand."""
    wanted = given.number("stands")
    if "same" in given.args and "stands" in given.args and wanted != 0:
        # A changed answer may be the one with which others are compared.
        said = "a vote that compares its answers cannot tell what a changed answer would have been compared with"
        return Refusal(said, "delete `stands`", "stands", "F0521")
    if not wanted:
        return None
    if "ties" in given.asking:
        said = "a vote that ends in a tie does not stand, so the ask of `ties` is never made"
        return Refusal(said, "delete `ties`, or delete `stands`", "ties", "F0522")
    if given.most is None:
        return None
    least = given.most if given.least is None else given.least
    said = reach.refusal(least, given.most, given.args)
    if not said:
        return None
    possible = reach.most(least, given.most, given.args)
    help = f"{f'write `stands: {possible}`' if possible else 'delete `stands`'}, or {reach.way(least, given.most)}"
    return Refusal(
        f"this vote can never stand against {wanted:g}: {said}", help, "stands", "F0520", str(possible or "")
    )


def that_can_stand(make: Callable[[Setting], Reducer], reach: Reach) -> Callable[[Setting], Reducer]:
    """Wrap the function that makes a vote, so that it refuses a vote that can never stand as it should."""

    def checked(setting: Setting) -> Reducer:
        made = make(setting)
        if said := reach.refusal(setting.least, setting.most, setting.args):
            raise ReduceError(f"the vote can never stand against {setting.args['stands']}: {said}")
        return made

    return checked


# Votes of a fixed number


def _half(least: int, most: int, args: Args) -> int:
    return max(0, min((most - 1) // 2, most - number(args, "at_least", 1)))


def _lead(wanted: int, least: int, most: int, args: Args) -> str:
    enough = number(args, "at_least", 1)
    if 2 * wanted < most:
        return few(wanted, enough, most)
    ballots = count_text(most, "ballot")
    return f"the lead must be larger than 2 × {wanted} = {2 * wanted}, and {ballots} can give a lead of {most}"


def few(wanted: int, enough: int, most: int) -> str:
    return f"it needs {count_text(enough, 'ballot')} and {wanted} more, and has {most} at most"


def number(args: Args, name: str, otherwise: int) -> int:
    """Return an argument that is a known whole number; ``otherwise`` if it is not known, or smaller."""
    value = args.get(name)
    return max(otherwise, value) if isinstance(value, int) else otherwise


LEAD = Reach(_half, _lead)
"""The reach of a vote whose leader must keep the most votes."""
