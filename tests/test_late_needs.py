"""The rounds of blocks whose reducers mention other steps: some wait at their beginning, and some at their end."""

from __future__ import annotations

import pytest

from support.timed_runs import Server, bounds, hold, run

XS = ["a", "b"]


def flow(block: str, before: str = 's = ask "S" -> 2..3') -> str:
    return f"flow f(xs: [text]) {{ {before} r = {block} return r }}"


def lasted(text: str) -> tuple[float, int, float | None]:
    """Return the least rounds, the seconds of a run in which each call takes one, and the most rounds."""
    server = Server(lambda prompt: False)
    outcome, seconds = run(text, {"xs": XS}, server)
    found = bounds(text, xs=XS)
    assert hold(found, outcome, seconds, server), outcome.failures
    return found.rounds.least, seconds, found.rounds.most


@pytest.mark.parametrize("rule", ["best", "rank"])
def test_a_block_does_not_wait_for_what_only_its_judge_mentions(rule: str) -> None:
    text = flow(f'map x in xs {{ ask "{{{{ x }}}}" }} reduce {rule}(judge: ask "J {{{{ s }}}} {{{{ results }}}}")')
    assert lasted(text) == (2, 2, 6)
    assert lasted(text.replace("map x in xs", "map x in xs at most 9")) == (2, 2, 6)


def test_one_candidate_needs_no_judge_and_no_step_that_the_judge_mentions() -> None:
    text = flow('fanout { b = ask "B" } reduce rank(judge: ask "J {{ s }} {{ results }}")')
    assert lasted(text) == (1, 1, 3)


def test_a_vote_does_not_wait_for_what_only_its_tie_break_mentions() -> None:
    text = flow('repeat 4..5 { ask "B" -> aye | nay } reduce ahead(2, ties: ask "T {{ s }} {{ results }}")')
    least, seconds, most = lasted(text)
    assert least == 1 <= seconds
    assert most is not None


ARGUMENTS = [
    # The first value of a fold, and the number of results in a merge, are arguments.
    ('fold(from: s) ask "F {{ so_far }} {{ next }}"', (4, 4, 12)),
    ('by tokens(length(s)) ask "T {{ results }}"', (3, 3, 9)),
    ("concat(s)", (2, 2, 6)),
]


@pytest.mark.parametrize(("reduce", "rounds"), ARGUMENTS)
def test_a_block_waits_for_the_arguments_of_its_rule(reduce: str, rounds: tuple[int, int, int]) -> None:
    text = flow(f'map x in xs {{ ask "{{{{ x }}}}" }} reduce {reduce}', 's = ask "S"')
    assert lasted(text) == rounds


def test_an_extern_waits_for_its_arguments_when_the_results_are_there() -> None:
    extern = 'extern pick(results: [text], of: text) -> text from "a:b"\n'
    text = extern + flow('map x in xs { ask "{{ x }}" } reduce pick(of: s)', 's = ask "S"')
    assert (bounds(text, xs=XS).rounds.least, bounds(text, xs=XS).rounds.most) == (1, 3)
    behind = text.replace("return r", 'late = ask "L {{ r }}" return late')
    slow = behind.replace('s = ask "S"', 'q = ask "Q" p = ask "P {{ q }}" s = ask "S {{ p }}"')
    assert (bounds(slow, xs=XS).rounds.least, bounds(slow, xs=XS).rounds.most) == (4, 12)


def test_one_ballot_of_several_answers_is_a_tie() -> None:
    text = flow('repeat 1 { ask "B" -> [a | b] } reduce approval(ties: ask "T {{ results }}")', "s = 1")
    found = bounds(text)
    assert (found.calls.least, found.calls.most, found.rounds.most) == (1, 4, 4)
    ranked = text.replace("approval", "ranked")
    assert bounds(ranked).calls.most == 1
