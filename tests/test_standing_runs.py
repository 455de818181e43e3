"""Votes that stand in whole runs: what they ask, what they tell, and how they fail."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowrun.dsl import FlowError, Source, check_flow, format_file, make_plan, parse_flow
from flowrun.dsl import plan as p
from flowrun.dsl.bounds.losses import may_be_refused
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.api import Result
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.cli.plan import command as plan_command
from flowrun.runtime.cli.summary import closing_line
from flowrun.runtime.cli.test import command as run_tests
from flowrun.runtime.cli.vote_lines import votes_lines
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.reducers import REDUCERS, ReduceError, Setting
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import FlowrunError, PermanentError
from support.harness import Run, stage

Json = Any
ALL = "seen = votes(verdict).counted"
"""A line that makes a vote ask for all of its samples."""


def votes_of(counts: dict[str, int]) -> list[str]:
    return [answer for answer, count in counts.items() for _ in range(count)]


def pages(rule: str, options: str = "", seen: str = "") -> str:
    return (
        f"flow f(pages: [text]) {{ verdict = map page in pages at most 50 "
        f'{{ ask "{{{{ page }}}}" -> yes | no | silent }} reduce {rule} {options} {seen} return verdict }}'
    )


def by_page(request: Request, number: int) -> Scripted:
    """Answer as the page says."""
    return Scripted(request.messages[-1].text.split()[0])


def over(rule: str, counts: dict[str, int], options: str = "") -> Run:
    given = [f"{answer} {place}" for place, answer in enumerate(votes_of(counts))]
    return stage(pages(rule, options), by_page, {"pages": given})


# Calls


@pytest.mark.parametrize(("stands", "calls"), [(0, 26), (2, 28), (9, 35), (24, 50)])
def test_fifty_pages_that_agree_ask_the_fewest(stands: int, calls: int) -> None:
    ran = over(f"majority(stands: {stands})", {"yes": 50})
    assert ran.outcome.value == "yes"
    assert len(ran.provider.calls) == calls
    tally = ran.outcome.tallies["verdict"]
    assert (tally.stands, tally.asked, tally.saved) == (stands, calls, 50 - calls)


@pytest.mark.parametrize(("stands", "calls"), [(0, 26), (2, 28), (9, 35), (24, 50)])
def test_the_plan_counts_these_calls(stands: int, calls: int, tmp_path: Path) -> None:
    path = tmp_path / "vote.flow"
    path.write_text(
        f'flow f() {{ v = repeat 50 {{ ask "?" -> a | b | c }} reduce majority(stands: {stands}) return v }}\n'
    )
    done = CliRunner().invoke(plan_command, ["--json", str(path)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["bounds"]["calls"]
    assert (found["least"], found["most"]) == (calls, 50)


@pytest.mark.parametrize("concurrency", [1, 7, 20])
def test_a_vote_that_cannot_stand_asks_no_more_than_it_takes_to_see_that(concurrency: int) -> None:
    ran = over("majority(stands: 9)", {"yes": 20, "no": 30}, f"with concurrency: {concurrency}")
    (failure,) = ran.outcome.failures
    assert failure.reason == "the vote must stand against 9 pages, and stands against 0: yes 20, no 16 of 50"
    assert len(ran.provider.calls) == 36
    assert not ran.outcome.tallies["verdict"].settled


def test_a_vote_that_cannot_stand_cancels_the_samples_that_still_run() -> None:
    text = (
        'flow f() { v = repeat 20 { ask "?" -> a | b with seed: 1 } '
        "reduce majority(stands: 4) with launch: %s return v }"
    )

    def script(request: Request, number: int) -> Scripted:
        place = request.seed or 0
        return Scripted("ab"[place % 2], float(place))

    for launch, cancelled in (("cost", 0), ("latency", 5), ("together", 0)):
        ran = stage(text % launch, script)
        (failure,) = ran.outcome.failures
        assert "must stand against 4 ballots, and stands against 0: " in failure.reason
        assert len(ran.of(e.RequestCancelled)) == cancelled
        assert len(ran.provider.calls) == (15 if launch == "cost" else 20)


# Accounts


async def told(text: str, script: Any, inputs: dict[str, Json], path: Path | None = None) -> Result:
    plan = make_plan(check_flow(Source(text), catalog()))
    provider = ScriptedProvider(script)
    options = RunOptions(opener=lambda address, around: provider, journal=None if path is None else path / "journal.db")
    return await run_async(plan, inputs, options=options)


async def test_the_closing_line_names_the_pages() -> None:
    given = [f"{answer} {place}" for place, answer in enumerate(votes_of({"yes": 31, "no": 12, "silent": 7}))]
    result = await told(pages("majority(stands: 2)", seen=ALL), by_page, {"pages": given})
    assert closing_line(result).startswith(
        "yes (31 of 50; no 12, silent 7) · stands whatever any 9 pages say · 50 calls"
    )
    (line,) = votes_lines(result)
    assert line == (
        "verdict: yes (31 of 50); no 12, silent 7; agreement 0.62, margin 19; stands whatever any 9 pages say"
    )
    (vote,) = report(result)["votes"].values()
    assert vote["stands"] == 9


async def test_ballots_of_one_text_are_no_sources() -> None:
    text = 'flow f() { v = repeat 9 { ask "?" -> yes | no } reduce majority with launch: together return v }'
    result = await told(text, lambda request, number: "yes", {})
    assert closing_line(result).startswith("yes (9 of 9) · stands whatever any 4 ballots say · 9 calls")


async def test_a_result_that_one_page_could_change_does_not_say_that_it_stands() -> None:
    result = await told(pages("majority", seen=ALL), by_page, {"pages": ["yes", "yes 2", "no"]})
    assert "stands" not in closing_line(result)
    (line,) = votes_lines(result)
    assert line.endswith("; stands against 0 pages")


async def test_an_adaptive_vote_that_took_all_samples_says_it_too() -> None:
    text = 'flow f() { v = repeat 3..9 { ask "?" -> a | b with seed: 1 } reduce ahead(8) return v }'
    result = await told(text, lambda request, number: "ab"[request.seed in (2, 5)], {})
    (line,) = votes_lines(result)
    assert line == (
        "v: a (7 of 9, up to 9); b 2; agreement 0.78, margin 5; stands whatever any 2 ballots say; "
        "not settled after all samples"
    )


NAMES = [("entry", "entries"), ("box", "boxes"), ("day", "days"), ("address", "addresses"), ("mail", "mails")]


@pytest.mark.parametrize(("element", "plural"), NAMES)
async def test_the_word_is_the_elements_name(element: str, plural: str) -> None:
    text = (
        f'flow f(all: [text]) {{ v = map {element} in all {{ ask "{{{{ {element} }}}}" -> yes | no }} '
        "reduce majority seen = votes(v).counted return v }"
    )
    result = await told(text, by_page, {"all": [f"yes {place}" for place in range(5)]})
    assert f"· stands whatever any 2 {plural} say ·" in closing_line(result)


async def test_the_flow_and_its_tests_see_the_number(tmp_path: Path) -> None:
    text = """flow f(mail: text) {
  v = repeat 9 { ask "? {{ mail }}" -> yes | no } reduce majority
  sure = ask "Sure?" -> yes | no when votes(v).stands < 2 else v
  return { sure, stands: votes(v).stands }
}

test "firm" of f {
  mail = "x"
  reply v: yes, yes, yes, yes, yes, yes, yes, no, no
  expect votes(v).stands >= 2
  expect votes(v).stands == 2
  expect sure == yes
}

test "shaky" of f {
  mail = "x"
  reply v: yes, yes, yes, yes, yes, yes, no, no, no
  reply sure: no
  expect votes(v).stands == 1
  expect result == { sure: "no", stands: 1 }
}
"""
    path = tmp_path / "firm.flow"
    path.write_text(text)
    done = CliRunner().invoke(run_tests, [str(path)])
    assert done.exit_code == 0, done.output
    assert "2 tests passed" in done.output


def test_a_mention_of_the_number_asks_all_samples() -> None:
    text = 'flow f() { v = repeat 9 { ask "?" -> a | b } reduce majority(stands: 1) return votes(v).stands }'
    ran = stage(text, lambda request, number: "a")
    assert (ran.outcome.value, len(ran.provider.calls)) == (4, 9)


# Missing samples, resumes and keys


async def test_a_resume_goes_on_until_the_vote_stands(tmp_path: Path) -> None:
    text = (
        'flow f() { v = repeat 7 { ask "?" -> a | b with seed: 1 } '
        "reduce majority(stands: 1) with retries: 0 return v }"
    )

    def script(request: Request, number: int) -> Scripted:
        return Scripted(PermanentError("no")) if (request.seed or 0) > 4 else Scripted("a")

    result = await told(text, script, {}, tmp_path)
    assert (result.status, result.value) == ("failed", None)
    assert "3 samples of 7 gave no answer" in str(result.failures[0].reason)
    result = await told(text, lambda request, number: "a", {}, tmp_path)
    assert (result.value, result.summary.recalled) == ("a", 4)


async def test_answers_are_kept_when_a_vote_is_to_stand(tmp_path: Path) -> None:
    """The argument is no part of a call's key."""
    plain = await told(pages("majority"), by_page, {"pages": [f"yes {place}" for place in range(9)]}, tmp_path)
    assert plain.summary.whole.answered == 5
    firm = await told(pages("majority(stands: 3)"), by_page, {"pages": [f"yes {n}" for n in range(9)]}, tmp_path)
    assert (firm.value, firm.summary.recalled) == ("yes", 5)


# Numbers that only the run knows


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (
            "majority(stands: 2)",
            "the lead must be larger than 2 × 2 = 4, and 3 ballots can give a lead of 3",
        ),
        (
            "quorum(2, stands: 2)",
            "an answer needs 2 + 2 = 4 votes, and there are 3 at most",
        ),
    ],
)
def test_a_list_that_is_too_short_fails_before_it_asks(rule: str, reason: str) -> None:
    ran = over(rule, {"yes": 3})
    (failure,) = ran.outcome.failures
    assert failure.reason == f"the vote can never stand against 2: {reason}"
    assert not ran.provider.calls


def test_a_computed_number_is_checked_when_the_vote_begins() -> None:
    text = 'flow f(n: int) { v = repeat 9 { ask "?" -> a | b } reduce majority(stands: n) return v }'
    assert len(stage(text, lambda request, number: "a", {"n": 2}).provider.calls) == 7
    ran = stage(text, lambda request, number: "a", {"n": 5})
    assert "can never stand against 5" in ran.outcome.failures[0].reason
    ran = stage(text, lambda request, number: "a", {"n": -1})
    assert "`stands` takes a number of 0 or more" in ran.outcome.failures[0].reason
    assert not ran.provider.calls


@pytest.mark.parametrize(
    "rule",
    [
        "ahead(n, stands: 2)",
        "ahead(target: share, stands: 2)",
        "window(n, stands: 2)",
        "majority(confidence: share, stands: 3)",
    ],
)
def test_arguments_that_only_the_run_knows_are_not_refused_before_it(rule: str) -> None:
    text = f'flow f(n: int, share: number) {{ v = repeat 3..30 {{ ask "?" -> a | b }} reduce {rule} return v }}'
    assert stage(text, lambda request, number: "a", {"n": 3, "share": 0.99}).outcome.value == "a"


@pytest.mark.parametrize("rule", ["quorum(n, stands: 4)", "majority(at_least: n, stands: 4)", "quorum(n)"])
def test_a_plan_knows_that_such_a_vote_may_fail_at_once(rule: str) -> None:
    text = f'flow f(n: int) {{ v = repeat 9 {{ ask "?" -> a | b }} reduce {rule} return v }}'
    node = make_plan(check_flow(Source(text), catalog())).steps[0].node
    assert isinstance(node, p.Repeat)
    assert may_be_refused(REDUCERS[node.reduce.rule].spec, node.reduce, 9, 9)
    ran = stage(text, lambda request, number: "a", {"n": 10})
    assert ran.outcome.failures
    assert not ran.provider.calls


# The language around it


def test_the_argument_is_written_drawn_and_planned() -> None:
    text = (
        "flow f(xs: [text]) {\n"
        '  v = map x in xs { ask "{{ x }}" -> a | b } reduce majority(ties: error, at_least: 3, stands: 1)\n'
        "  return v\n"
        "}\n"
    )
    assert "majority(ties: error, at_least: 3, stands: 1)" in format_file(parse_flow(Source(text)))
    plan = make_plan(check_flow(Source(text), catalog()))
    verify(plan)
    node = plan.steps[0].node
    assert isinstance(node, p.Map)
    assert node.reduce.args["stands"] == p.Constant(1)


def test_an_even_vote_that_must_stand_is_not_warned_about() -> None:
    text = 'flow f() { v = repeat 4 { ask "?" -> a | b } reduce majority%s return v }'
    assert [one.code for one in check_flow(Source(text % "(stands: 1)"), catalog()).warnings] == []
    for plain in ("", "(stands: 0)"):
        assert "F0705" in [one.code for one in check_flow(Source(text % plain), catalog()).warnings]


def test_the_offered_fix_is_the_greatest_possible_number() -> None:
    text = 'flow f() { v = repeat 9 { ask "?" -> a | b } reduce majority(stands: 5) return v }'
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text), catalog())
    (found,) = [one for one in caught.value.diagnostics if one.code == "F0520"]
    assert found.fix is not None
    assert found.fix.title == "write `stands: 4`"
    (edit,) = found.fix.edits
    better = text[: edit.span.start] + edit.text + text[edit.span.end :]
    check_flow(Source(better), catalog())


def test_an_edited_plan_cannot_ask_for_more_than_there_is() -> None:
    text = 'flow f() { v = repeat 9 { ask "?" -> a | b } reduce majority(stands: 4) return v }'
    plan = make_plan(check_flow(Source(text), catalog()))
    step = plan.steps[0]
    assert isinstance(step.node, p.Repeat)
    for stands, said in ((p.Constant(5), "can never stand against 5"), (p.Constant(-1), "0 or more")):
        reduce = replace(step.node.reduce, args={"stands": stands})
        edited = replace(plan, steps=(replace(step, node=replace(step.node, reduce=reduce)),))
        with pytest.raises(FlowrunError, match=said):
            verify(edited)


def test_a_vote_over_votes_falls_only_if_enough_of_the_inner_votes_fall() -> None:
    """To change the outer winner takes more inner votes than told, and each takes more of its ballots than told."""

    def vote(ballots: list[Json]) -> tuple[str | None, int]:
        made = REDUCERS["majority"].make(Setting(len(ballots), len(ballots)))
        for place, ballot in enumerate(ballots):
            made.add(place, ballot) if ballot is not None else made.skip(place)
        tally = made.tally(len(ballots))
        try:
            return made.value(), 0 if tally is None or tally.stands is None else tally.stands
        except ReduceError:
            return None, 0

    for inner in (["aaa", "aaa", "aaa"], ["aaa", "aab", "aaa"], ["aaaa", "aaab", "bbba"]):
        votes = [vote(list(one)) for one in inner]
        winner, stands = vote([one for one, _ in votes])
        safe = sum(sorted(told + 1 for _, told in votes)[: stands + 1]) - 1
        places = [(at, place) for at, one in enumerate(inner) for place in range(len(one))]
        overturned = False
        for changed in (safe, safe + 1):
            for chosen in itertools.combinations(places, changed):
                for answers in itertools.product(["b", "c", None], repeat=changed):
                    made: list[list[Json]] = [list(one) for one in inner]
                    for (at, place), answer in zip(chosen, answers, strict=True):
                        made[at][place] = answer
                    same = vote([vote(one)[0] for one in made])[0] == winner
                    assert same or changed > safe
                    overturned |= not same
        assert overturned
