"""Refusals of votes that can never reach the number that they ask for, because they take fewer samples.

The check refuses such a vote before anything is paid.
"""

from __future__ import annotations

from collections.abc import Callable

from flowrun.dsl import Given, Refusal, types

Result = Callable[[Given], types.Type | Refusal]
TOO_FEW = "this vote needs {needed} ballots and has at most {most}"


def beyond(needed: float | None, given: Given, arg: str, message: str) -> Refusal | None:
    """Refuse an argument that asks for more results than there can be.

    The message contains ``{needed}`` and ``{most}`` for the two numbers. Return None if the argument is possible, or if
    only a run knows one of the numbers.
    """
    if needed is None or given.most is None or needed <= given.most:
        return None
    help = f"require {given.most} ballots or fewer, or use more samples"
    return Refusal(message.format(needed=f"{needed:g}", most=given.most), help, arg)


def with_ballots(result: Result) -> Result:
    """Wrap the type function of a vote, so that it refuses an `at_least` of more ballots than the vote can have."""

    def checked(given: Given) -> types.Type | Refusal:
        return beyond(given.number("at_least"), given, "at_least", TOO_FEW) or result(given)

    return checked
