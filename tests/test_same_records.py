"""`votes(x).stands` of a vote that compares its answers: nobody knows it, so it is none and not 0."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

JUDGE = 'same: ask "same {{ a }} {{ b }}" -> yes | no'


def flow(rule: str, result: str) -> str:
    return f'flow f() {{ v = repeat 3 {{ ask "?" }} reduce {rule} return {result} }}'


def answered(request: Request, number: int) -> str:
    return "yes" if "same" in str(request.messages) else f"text {number}"


def test_a_vote_that_compares_has_no_number_and_its_account_agrees() -> None:
    outcome = Run(flow(f"majority({JUDGE})", "{ s: votes(v).stands, w: votes(v).classes.wordings }"), answered).go()
    assert outcome.value["s"] is None
    assert sum(outcome.value["w"]) == 3
    assert outcome.tallies["v"].stands is None


def test_any_other_vote_has_one() -> None:
    assert Run(flow("majority", "votes(v).stands"), lambda request, number: "one text").go().value == 1


def test_a_comparison_with_it_is_refused_before_the_run() -> None:
    with pytest.raises(FlowError, match="missing"):
        check_flow(Source(flow(f"majority({JUDGE})", "votes(v).stands > 1")), catalog())
    check_flow(Source(flow("majority", "votes(v).stands > 1")), catalog())
