"""Random flows of the whole language: what they mean, what they come to, in which order, and what was planned.

A flow that fails is shown with its seed and, made small, as a program: put it among the cases of `random_cases`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowrun.dsl import FlowError, Source, check_flow, parse_flow
from flowrun.dsl import syntax as s
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.plan import command as plan_command
from support.few_cases import few
from support.meaning import Meaning
from support.meaning_votes import Lost
from support.oracle import Oracle
from support.random_cases import CASES, EMPTY, ITEMS, REFUSED, flow
from support.random_checks import Trial, agree, in_order, small
from support.random_runs import Servers, Span, one_each
from support.soak import share

CHUNK = 100
FEWEST = 100 // CHUNK
MOST = share(20_000) // CHUNK


def hold(seeds: range, check: str) -> None:
    """Each flow is as it should be, or is refused for what it says itself."""
    refused: Counter[str] = Counter()
    for seed in seeds:
        trial = Trial.drawn(seed)
        try:
            assert trial.checked
        except FlowError as error:
            refused[error.diagnostics[0].code] += 1
            continue
        try:
            getattr(trial, check)()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{small(trial, check)}\n{dict(trial.inputs)}") from error
    assert refused.total() <= len(seeds) // 10, f"the generator writes what is refused: {refused}"


@pytest.mark.parametrize("chunk", range(FEWEST))
def test_random_flows(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK), "hold")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FEWEST, FEWEST + MOST))
def test_many_random_flows(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK), "everything")


@pytest.mark.parametrize("seeds", [pytest.param([0], id="0"), pytest.param([1, 2], id="more", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("text", "inputs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_cases(text: str, inputs: dict[str, object], seeds: list[int]) -> None:
    for seed in seeds:
        Trial(text, inputs, seed).everything()


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refused_cases(text: str) -> None:
    with pytest.raises(FlowError):
        check_flow(Source(text), catalog())


@pytest.mark.parametrize("seed", few(range(0, 60, 3), 0, 15, 30, 45))
def test_a_limit_below_what_a_run_makes_is_refused(seed: int, tmp_path: Path) -> None:
    refuse_less(Trial.drawn(seed), tmp_path)


BILLED = [case for case in CASES if case[0].startswith("2")]


@pytest.mark.parametrize(("text", "inputs"), few({name: tuple(rest) for name, *rest in BILLED}, BILLED[0][0]))
def test_a_limit_below_what_a_case_makes_is_refused(text: str, inputs: dict[str, object], tmp_path: Path) -> None:
    refuse_less(Trial(text, inputs), tmp_path)


def refuse_less(trial: Trial, folder: Path) -> None:
    """`plan --max-calls` refuses what is below the calls of a run, `--max-attempts` what is below its attempts."""
    oracle = Oracle(trial.seed, spoilt=0.4)
    made = trial.run(Servers(oracle, trial.dice, one_each)).servers.calls
    billed = trial.run(Servers(oracle, trial.dice, one_each, faults=0.3)).servers.attempts
    path = folder / "f.flow"
    path.write_text(trial.text, encoding="utf-8")
    given = [f"--param-{name}={json.dumps(value)}" for name, value in trial.inputs.items()]
    for gate, real in (("--max-calls", made), ("--max-attempts", billed)):
        for limit in {0, real // 2, real - 1} - {-1, real}:
            for inputs in ([], given):
                done = CliRunner().invoke(plan_command, [str(path), gate, str(limit), *inputs])
                assert f"{gate} {limit}: " in done.output, done.output


# The generator and the reader themselves


SHAPES = (
    *(rf"reduce {rule}\b" for rule in ("collect", "concat", "flatten", "merge", "first", "majority", "quorum")),
    *(rf"reduce {rule}\b" for rule in ("unanimous", "weighted", "ahead", "window", "approval", "ranked", "count")),
    *(
        rf"reduce {rule}\b"
        for rule in ("sum", "mean", "median", "best", "rank", r"\(?ask", r"\(?by \d", r"\(?fold ask")
    ),
    r"by tokens\(",
    r"fold\(from:",
    r"best\(judge:",
    r"rank\(judge:",
    "ties: first",
    "ties: error",
    "ties: ask",
    "at_least:",
    r"by: label",
    "confidence:",
    "risk: 0.5, undecided: (first|none|fail)",
    r"match \w+ \{",
    r"match \w+ == ",
    r"none = ",
    r"else = ",
    " where ",
    " at most ",
    "concurrency:",
    "errors: skip",
    "errors: none",
    r"errors: skip\(",
    r"repeat \d\.\.\d",
    "launch: cost",
    "launch: latency",
    "launch: together",
    "model quick = .* with .*concurrency",
    "model spare = .* else ",
    r"agreement\(",
    r"votes\(",
    r"votes\(\w+\)\.stands",
    "stands: [1-9]",
    r"= part\(",
    r"flow part.* budget ",
    r'score: "hidden"',
    r"\.\.note",
    r"\?\? ",
    r"\{% if ",
    r"\{% for ",
    r"\| default",
    " ~ ",
    r"seed: \d+ \+",
    "temperature: warm",
    " after ",
    " when ",
    " else ",
    *(f"retries: {number}" for number in range(4)),
    "hedge: ",
    " system ",
    r"chain up to \d",
    "until .* else last",
    r"until .* else best\(by: ",
    r"chain up to [^}]*\{\{ last ",
    r"cascade \{",
    r"else [^}]* when (agreement|margin) < ",
    r"else [^}]* when last",
    r"cascade \{.* else s\d+ = ",
    "text motto = ",
    r"\{\{ motto",
    "model default with ",
    r"flow f\(.* with ",
    r"flow part\(.* with ",
)


@pytest.mark.parametrize(("seeds", "rare"), few([(200, 8), (4_000, 0)], (200, 8)))
def test_the_generator_writes_every_shape(seeds: int, rare: int) -> None:
    missing = set(SHAPES)
    for seed in range(seeds):
        text = Trial.drawn(seed).text
        missing = {shape for shape in missing if not re.search(shape, text)}
        if not missing:
            break
    assert len(missing) <= rare, missing


@pytest.mark.parametrize(("seeds", "rare"), few([(300, 4), (3_000, 0)], (300, 4)))
def test_the_asks_of_a_fan_out_mention_its_branches(seeds: int, rare: int) -> None:
    missing = {"ask", "by", "fold", "best", "rank", "majority"}
    for seed in range(seeds):
        missing.difference_update(_mentioning(Trial.drawn(seed).text))
        if not missing:
            break
    assert len(missing) <= rare, missing


def _mentioning(text: str) -> Iterator[str]:
    """The rules of fan-outs whose asks mention a branch."""
    todo: list[Any] = [parse_flow(Source(text))] if "fanout" in text else []
    while todo:
        one = todo.pop()
        if isinstance(one, s.Fanout):
            names = {line.name.text for line in one.body.lines if line.name is not None}
            asks = [one.reduce.ask, *(arg.value for arg in one.reduce.args)]
            said = " ".join(
                message.template.value for ask in asks if isinstance(ask, s.Ask) for message in ask.messages
            )
            if names & set(re.findall(r"\w+", said)):
                yield one.reduce.rule.text
        if isinstance(one, tuple):
            todo += one
        elif isinstance(one, s.File | s.FlowDecl | s.Body | s.Line | s.Fanout | s.Map | s.Repeat | s.Chain | s.Rounds):
            todo += [getattr(one, field.name) for field in fields(one)]


def test_flows_are_mostly_whole() -> None:
    """Most random flows come to a value, and few to what nobody can foretell."""
    found = Counter[str]()
    for seed in range(150):
        meaning = Trial.drawn(seed).meaning(Oracle(seed))
        found["undecided" if meaning.undecided else "lost" if isinstance(meaning.value, Lost) else "whole"] += 1
    assert found["whole"] > 120
    assert found["undecided"] < 8


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("x = [1 + 2 * 3, 7 / 2]", [7, 3.5]),
        ('x = { ..{ a: 1, b: 2 }, b: "z" }', {"a": 1, "b": "z"}),
        ('y = "z" when p1 x = y ?? "none"', "none"),
        ('x = map e in items where e != "b" { e } reduce concat("+")', "a+c"),
        ("x = map e in [3, 1, 2] { e } reduce sum", 6),
        ("x = map e in [3, 1, 2] { e } reduce median", 2.0),
        ('x = map e in ["b", "a", "b"] { e } reduce majority', "b"),
        ('x = map e in ["b", "a", "b"] { e } reduce count(of: "b")', 2),
        ("x = map e in [{ n: 1 }, { n: 3 }] { e } reduce best(by: n, order: low)", {"n": 1}),
        ('x = map e in [["a"], ["b", "c"]] { e } reduce flatten', ["a", "b", "c"]),
        ('x = map e in [["a", "b"], ["b"], ["c", "b"]] { e } reduce ranked(method: borda)', "b"),
        ('x = text "{% for e in items %}{{ loop.index }}{{ e }}{% endfor %}{{ items | length }}"', "1a2b3c3"),
        ('x = fanout { a = 1 b = "z" } reduce collect', {"a": 1, "b": "z"}),
    ],
)
def test_the_reader_knows_the_language(line: str, value: object) -> None:
    assert Trial(flow(line), ITEMS).meaning(Oracle()).value == value


def test_the_reader_says_when_there_is_no_value() -> None:
    for line in ("x = map e in items { n = length(e) } reduce mean", "x = map e in items { e } reduce majority"):
        assert isinstance(Trial(flow(line), EMPTY).meaning(Oracle()).value, Lost)


TWO = flow('y = ask "one|" -> Word', 'x = ask "two| {{ y }}"')


def test_a_wrong_value_is_caught() -> None:
    trial = Trial(TWO, ITEMS)
    ran = trial.run(Servers(Oracle(0), trial.dice, one_each))
    agree(trial.meaning(Oracle(0)), ran)
    with pytest.raises(AssertionError):
        agree(Meaning(value="another"), ran)
    with pytest.raises(AssertionError, match="should have failed"):
        agree(Meaning(value=Lost("no")), ran)


def test_a_call_that_leaves_too_early_is_caught() -> None:
    trial = Trial(TWO, ITEMS)
    ran = trial.run(Servers(Oracle(0), trial.dice, one_each))
    meaning = trial.meaning(Oracle(0))
    in_order(meaning, ran)
    first, second = ran.servers.spans
    ran.servers.spans[1] = Span(second.key, first.began, second.ended)
    with pytest.raises(AssertionError, match="before"):
        in_order(meaning, ran)
    ran.servers.spans[1] = Span((((("user", "three|"),)), None), second.began, second.ended)
    with pytest.raises(AssertionError, match="nothing in the flow asks"):
        in_order(meaning, ran)


def test_more_calls_than_planned_are_caught() -> None:
    trial = Trial(TWO, ITEMS)
    ran = trial.run(Servers(Oracle(0), trial.dice, one_each))
    trial.within(ran, least=True)
    ran.servers.calls = 7
    with pytest.raises(AssertionError, match="calls: 7, planned 2 to 6"):
        trial.within(ran, least=True)
    ran.servers.calls = 1
    with pytest.raises(AssertionError, match="calls: 1, planned 2 to 6"):
        trial.within(ran, least=True)


def test_a_failing_flow_is_made_small() -> None:
    text = flow(
        'y = map e in items where e != "b" { a = ask "a|{{ e }}" b = ask "b|{{ a }}" } reduce collect',
        'z = ask "z|" when p0 else "none"',
        value="[y, [z]]",
    )

    def fails(smaller: str) -> bool:
        return "map" in smaller and "|{{ a }}" in smaller

    from support.random_checks import shrunk

    found = shrunk(text, lambda one: _checks(one) and fails(one))
    assert "z|" not in found
    assert "where" not in found
    assert len(found) < 140


def _checks(text: str) -> bool:
    try:
        check_flow(Source(text), catalog())
    except FlowError:
        return False
    return True


def test_a_reading_that_stopped_says_nothing_of_the_order() -> None:
    """The elements share a request. The reading stops at the first, so it does not know who else may send it."""
    vote = """repeat 4..5 {
      a = ask "a| {{ e }}" -> Word
      ask "b|v {{ 'so' if a == 'aye' else 'not' }}" -> Word after a
    } reduce majority"""
    text = flow(f"x = map e in items {{ {vote} }} reduce count() with errors: skip")
    cut = 0
    for seed in range(20):
        trial = Trial(text, ITEMS, seed)
        trial.refused()
        cut += trial.meaning(Oracle(seed, refused=trial.dice.choice([0.05, 0.2, 0.4]))).cut
    assert cut
