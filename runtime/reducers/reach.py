"""Numbers that a vote asks for and can never have, since it takes fewer samples: nothing is paid for such a vote."""

from __future__ import annotations

from collections.abc import Callable

from flowrun.dsl import Given, Refusal, types

Result = Callable[[Given], types.Type | Refusal]
TOO_FEW = "this vote needs {needed} ballots and has at most {most}"


def beyond(needed: float | None, given: Given, arg: str, message: str) -> Refusal | None:
    """Why an argument is refused that asks for more than there are results. ``{needed}`` and ``{most}`` stand in the
    message for the two numbers. None where one of them is known only when the flow runs.
    """
    if needed is None or given.most is None or needed <= given.most:
        return None
    help = f"need {given.most} or fewer, or ask more often"
    return Refusal(message.format(needed=f"{needed:g}", most=given.most), help, arg)


def with_ballots(result: Result) -> Result:
    """The result of a vote, or a refusal where its `at_least` asks for more ballots than it can have."""

    def checked(given: Given) -> types.Type | Refusal:
        return beyond(given.number("at_least"), given, "at_least", TOO_FEW) or result(given)

    return checked
