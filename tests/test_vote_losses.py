"""Whole runs whose votes lose samples: what has a value, what fails and says who led, and how a resume goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.api import Result
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.cli.vote_lines import votes_lines
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import (
    AnswerError,
    CallError,
    EndpointError,
    InDoubtError,
    PermanentError,
    RefusedError,
)
from support.harness import Run, stage

Json = Any
LAUNCHES = pytest.mark.parametrize("launch", ["cost", "latency", "together"])
LOSSES: list[CallError] = [
    EndpointError("the account is empty", status=429),
    PermanentError("no such parameter", status=400),
    RefusedError("busy", status=503),
    InDoubtError("reset", status=500),
]


def by_seed(answers: list[str | CallError]) -> Any:
    """Each sample gives its own answer, known by the seed that it asks with."""

    def script(request: Request, number: int) -> Scripted:
        return Scripted(answers[(request.seed or 1) - 1])

    return script


def vote(rule: str = "majority", samples: str = "5", options: str = "") -> str:
    return (
        f'flow f() {{ v = repeat {samples} {{ ask "?" -> "18" | "21" | "24" with seed: 1 }} '
        f"reduce {rule} {options} return v }}"
    )


def lost(ran: Run) -> str:
    assert not ran.outcome.complete
    assert ran.outcome.status == "failed"
    (failure,) = ran.outcome.failures
    return failure.reason


@LAUNCHES
@pytest.mark.parametrize("error", LOSSES, ids=lambda error: type(error).__name__)
def test_a_vote_that_could_end_otherwise_fails_and_says_who_led(launch: str, error: CallError) -> None:
    ran = stage(vote(options=f"with launch: {launch}, retries: 0"), by_seed(["21", "18", "24", error, error]))
    assert "no answer leads (21 1, 18 1, 24 1), and 2 samples of 5 gave no answer" in lost(ran)
    tally = ran.outcome.tallies["v"]
    assert (tally.settled, tally.missing, tally.discarded, tally.counted) == (False, 2, 0, 3)
    assert tally.agreement == 0.2
    (told,) = ran.of(e.VoteCounted)
    assert told.tally == tally


@LAUNCHES
@pytest.mark.parametrize("error", LOSSES[1:], ids=lambda error: type(error).__name__)
def test_a_vote_whose_lead_is_larger_than_what_is_missing_is_settled(launch: str, error: CallError) -> None:
    text = vote(options=f"with launch: {launch}, retries: 0")
    ran = stage(text, by_seed(["18", error, "18", "21", "what"]))
    assert "18 leads (18 2, 21 1), and 1 sample of 5 gave no answer" in lost(ran)
    ran = stage(text, by_seed(["18", error, "18", "18", "21"]))
    assert (ran.outcome.value, ran.outcome.status) == ("18", "done")
    assert ran.outcome.tallies["v"].settled


def test_a_malformed_answer_still_abstains() -> None:
    ran = stage(vote(), by_seed(["18", "what", "18", AnswerError("cut off"), "21"]))
    assert ran.outcome.value == "18"
    assert ran.outcome.tallies["v"].discarded == 2
    assert ran.outcome.tallies["v"].missing == 0


@pytest.mark.parametrize(
    ("rule", "samples", "answers", "value"),
    [
        ("quorum(3)", "5", ["18", "18", None, "18", "21"], "18"),
        ("quorum(4)", "5", ["18", "18", None, "18", "21"], None),
        ("unanimous", "3", ["18", None, "18"], None),
        ("ahead(2)", "2..5", ["18", None, "18", "18", "21"], "18"),
        ("ahead(2)", "2..5", ["21", None, "18", "18", "18"], None),
        ("window(2)", "2..6", ["18", None, "18", "18", "21", "21"], "18"),
        ("majority(confidence: 0.8)", "2..6", ["18", None, "18", "18", "18", "18"], "18"),
        ("majority(confidence: 0.8)", "2..6", ["21", None, "18", "18", "18", "18"], None),
    ],
)
@LAUNCHES
def test_every_rule_in_a_run(
    rule: str, samples: str, answers: list[str | None], value: str | None, launch: str
) -> None:
    script = by_seed([PermanentError("no") if one is None else one for one in answers])
    ran = stage(vote(rule, samples, f"with launch: {launch}"), script)
    assert ran.outcome.value == value
    assert ran.outcome.complete == (value is not None)


# Other blocks that vote


PANEL = 'flow f() {{ v = map x in ["1", "2", "3"] {{ ask "{{{{ x }}}}" -> a | b }} reduce majority {} return v }}'
FANOUT = (
    'flow f() { v = fanout { x = ask "1" -> a | b y = ask "2" -> a | b z = ask "3" -> a | b } '
    "reduce majority return v }"
)
MERGED = (
    'flow f() { xs = map x in ["1", "2", "3"] { ask "get {{ x }}" } reduce collect '
    'v = map x in xs { ask "{{ x }}" -> a | b } reduce majority return v }'
)


@pytest.mark.parametrize(
    "text",
    [
        PANEL.format(""),
        PANEL.format("with errors: skip"),
        PANEL.format("with errors: none"),
        PANEL.format("with errors: skip(50%)"),
        FANOUT,
        MERGED,
    ],
)
@pytest.mark.parametrize(("two", "value"), [("a", "a"), ("b", None)])
def test_a_panel_of_which_one_is_missing(text: str, two: str, value: str | None) -> None:
    """Leaving elements out is what `errors: skip` allows; it does not make the others a majority of all."""

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        if prompt.startswith("get "):
            return Scripted(prompt.removeprefix("get "))
        answer = {"2": "a", "3": two}.get(prompt)
        return Scripted(PermanentError("no") if answer is None else answer)

    ran = stage(text, script)
    assert ran.outcome.value == value
    assert ran.outcome.complete == (value is not None)
    assert ran.outcome.tallies["v"].settled == (value is not None)
    assert ran.outcome.tallies["v"].missing == 1


def test_a_share_that_may_be_skipped_still_holds() -> None:
    ran = stage(PANEL.format("with errors: skip(10%)"), lambda request, number: Scripted(PermanentError("no")))
    assert "1 of 3 elements failed, and `skip(10%)` allows 0" in lost(ran)


NESTED = 'flow f() { v = repeat 3 { repeat 3 { ask "?" -> a | b with seed: 1 } reduce %s } reduce majority return v }'


def test_an_inner_vote_that_is_not_settled_is_missing_in_the_outer_one() -> None:
    no = PermanentError("no")
    answers: list[str | CallError] = ["a", "a", "a", "a", "b", no, "b", "a", no]
    ran = stage(NESTED % "majority", by_seed(answers))
    assert "the vote is not settled" in lost(ran)
    assert ran.outcome.tallies["v"].missing == 2


def test_an_inner_vote_that_was_held_and_has_no_winner_abstains() -> None:
    answers: list[str | CallError] = ["a", "a", "a", "a", "b", "a", "a", "a", "a"]
    ran = stage(NESTED % "unanimous", by_seed(answers))
    assert ran.outcome.value == "a"
    text = (NESTED % "unanimous").replace("} reduce majority", "} reduce majority with launch: together")
    ran = stage(text, by_seed(answers))
    assert ran.outcome.tallies["v"].discarded == 1


def test_a_ballot_made_of_what_was_lost_is_missing() -> None:
    text = (
        'flow f() { v = repeat 3 { n = map x in [1, 2] { ask "{{ x }}" -> 1..9 with seed: 1 } reduce mean '
        "with errors: skip n } reduce majority return v }"
    )
    ran = stage(text, lambda request, number: Scripted("4") if request.seed == 1 else Scripted(PermanentError("no")))
    assert "the vote is not settled: 4.0 leads (4.0 1), and 2 samples of 3 gave no answer" in lost(ran)
    assert ran.outcome.tallies["v"].missing == 2


@pytest.mark.parametrize("later", ["1", "2"])
def test_of_a_bad_answer_and_a_missing_one_the_missing_one_is_to_blame(later: str) -> None:
    text = (
        'flow f() { v = repeat 1 { n = map x in ["1", "2"] { ask "{{ x }}" -> 1..9 } reduce mean '
        "with errors: skip n } reduce majority return v }"
    )

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(PermanentError("no") if prompt == "1" else "what", 9.0 if prompt == later else 1.0)

    ran = stage(text, script)
    assert ("1 sample gave no answer; the last: the list of results is empty, so it has no mean; the last: no") in lost(
        ran
    )


def test_a_body_that_runs_out_of_time_is_missing() -> None:
    text = (
        'flow f() { v = repeat 3 { c = chain { ask "?" -> a | b with seed: 1 } with timeout: 5s c } '
        "reduce majority with launch: together return v }"
    )
    slow = {1: 1.0, 2: 9.0, 3: 9.0}
    ran = stage(text, lambda request, number: Scripted("a", slow[request.seed or 1]))
    assert "a leads (a 1), and 2 samples of 3 gave no answer; the last: it did not finish within 5 s" in lost(ran)


def test_a_vote_that_runs_out_of_time_says_who_led() -> None:
    slow = {1: 1.0, 2: 9.0, 3: 9.0, 4: 1.0, 5: 9.0}
    ran = stage(
        vote(options="with launch: together, timeout: 5s"),
        lambda request, number: Scripted("18", slow[request.seed or 1]),
    )
    assert "it did not finish within 5 s; 2 of 5 were done" in lost(ran)
    tally = ran.outcome.tallies["v"]
    assert (tally.ballots, tally.missing, tally.settled, tally.agreement) == ((("18", 2),), 3, False, 0.4)


def test_a_tie_that_cannot_be_asked_about_says_who_led() -> None:
    text = vote('majority(ties: ask "Which? {{ results }}")', "2")

    def script(request: Request, number: int) -> Scripted:
        if "Which" in request.messages[-1].text:
            return Scripted(PermanentError("no"))
        return Scripted("18" if request.seed == 1 else "21")

    ran = stage(text, script)
    assert lost(ran) == "no"
    assert ran.outcome.tallies["v"].ballots == (("18", 1), ("21", 1))
    assert not ran.outcome.tallies["v"].settled


def test_answers_under_way_are_waited_for_when_the_vote_is_lost() -> None:
    """They are paid: a resume has them. But nothing more is asked."""
    answers: list[Scripted] = [*[Scripted(PermanentError("no"), 1.0)] * 3, Scripted("18", 5.0), Scripted("18", 5.0)]
    ran = stage(vote(options="with launch: latency"), lambda request, number: answers[(request.seed or 1) - 1])
    assert lost(ran)
    assert ran.outcome.tallies["v"].counted == 2
    assert not ran.of(e.RequestCancelled)


# Budgets, texts and resumes


async def run(path: Path, provider: ScriptedProvider, text: str, budget: Budget | None = None) -> Result:
    plan = make_plan(check_flow(Source(text), catalog()))
    given: dict[str, Any] = {} if budget is None else {"budget": budget}
    return await run_async(
        plan, {}, options=RunOptions(opener=lambda address, around: provider, journal=path / "journal.db", **given)
    )


ANSWERS: list[str | CallError] = ["21", "18", "24", "18", "18"]


async def test_a_budget_that_refuses_samples_settles_no_vote(tmp_path: Path) -> None:
    provider = ScriptedProvider(by_seed(ANSWERS))
    result = await run(tmp_path, provider, vote(), Budget(3, None))
    assert (result.status, result.value) == ("budget", None)
    (told,) = report(result)["votes"].values()
    assert (told["settled"], told["asked"], told["missing"], told["saved"]) == (False, 3, 1, 0)
    # The first sample that the budget refuses makes the vote hopeless, so it asks for no more.
    assert told["agreement"] == 0.25
    (line,) = votes_lines(result)
    assert line == "v: 21 (1 of 5); 18 1, 24 1; agreement 0.25, margin 0; 1 missing; not settled"
    result = await run(tmp_path, provider, vote(), Budget(5, None))
    assert result.value == "18"
    assert len(provider.calls) == 5


@pytest.mark.parametrize("error", LOSSES, ids=lambda error: type(error).__name__)
async def test_a_resume_asks_the_missing_samples_alone(tmp_path: Path, error: CallError) -> None:
    answers: list[str | CallError] = [*ANSWERS[:3], error, error]
    text = vote(options="with retries: 0")
    result = await run(tmp_path, ScriptedProvider(by_seed(answers)), text)
    assert (result.status, result.value) == ("failed", None)
    rest = ScriptedProvider(by_seed(ANSWERS))
    result = await run(tmp_path, rest, text)
    assert result.value == "18"
    assert sorted(call.seed or 0 for call in rest.calls) == [4, 5]


async def test_what_a_flow_sees_of_a_vote_that_misses_a_sample(tmp_path: Path) -> None:
    text = (
        'flow f() { v = repeat 5 { ask "?" -> a | b with seed: 1 } reduce majority '
        "return { v, seen: votes(v), share: agreement(v) } }"
    )
    provider = ScriptedProvider(by_seed(["a", "a", PermanentError("no"), "a", "a"]))
    result = await run(tmp_path, provider, text)
    assert result.value["v"] == "a"
    assert result.value["share"] == 0.8
    assert (result.value["seen"]["counted"], result.value["seen"]["planned"]) == (4, 5)
    assert votes_lines(result) == ["v: a (4 of 5); 1 missing; stands whatever any 1 ballot says"]


# Rules that do not vote


@pytest.mark.parametrize("rule", ["collect", "sum", "mean", "median", "count", 'best(judge: ask "{{ results }}")'])
def test_other_rules_give_no_whole_value_without_an_element(rule: str) -> None:
    text = f'flow f() {{ v = map x in [1, 2, 3] {{ ask "{{{{ x }}}}" -> 1..9 }} reduce {rule} %s return v }}'

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(PermanentError("no")) if prompt == "2" else Scripted("1")

    strict = stage(text % "", script)
    assert strict.outcome.status == "failed"
    # Whoever asks to leave elements out is told that some are missing: exit 5.
    assert stage(text % "with errors: skip", script).outcome.status == "partial"
