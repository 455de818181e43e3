"""Losses on standard error: by cause, however many there are; `--json` has each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.account.causes import FIRST, MOST, Causes
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.api import Result
from flowrun.runtime.cli.progress import Teller
from flowrun.runtime.cli.summary import failures_lines, losses_lines
from flowrun.runtime.engine.decisions import Failure, Outcome
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import BudgetError
from support.command_line import chat, command

CLOSED = "openai:m: 127.0.0.1:9 answered 429: the account's credit is used up"


def ended(*, losses: list[Failure] | None = None, failures: list[Failure] | None = None) -> Result:
    return Result(None, Outcome(None, False, tuple(failures or ()), tuple(losses or ())), Summary())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`SPAM!` is none of the words", "`ham?` is none of the words"),
        ("the budget of $2.01 has $0.0123 left, and this call may cost $1", "the budget of $2 has $1.5 left, and this "
         "call may cost $0.02"),
        ("no answer within 60 s", "no answer within 59.5 s"),
        ("it is 1,203 characters long", "it is 7 characters long"),
        ("the server broke: request req_abc1", "the server broke: request req_9f-Zz"),
        ("id 0b3d7c52-1111-4222-8333-0123456789ab failed", "id ffffffff-1111-4222-8333-0123456789ab failed"),
        ("answers[1].v failed", "answers[12].v failed"),
    ],
)  # fmt: skip
def test_what_differs_from_one_to_the_next_makes_no_other_cause(one: str, other: str) -> None:
    causes = Causes()
    causes.add("a", one)
    causes.add("b", other)
    assert [cause.count for cause in causes] == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai:m answered 429: wait", "openai:m answered 503: wait"),
        ("the server answered 429 and no more", "the server answered 503 and no more"),
        ("openai:gpt-4 is closed", "openai:gpt-5 is closed"),
        ("openai:gpt-4.1 is closed", "openai:gpt-4.5 is closed"),
        ("127.0.0.1:9001 refused", "127.0.0.1:9002 refused"),
        ("a step failed", "another step failed"),
    ],
)
def test_another_cause_stays_apart(one: str, other: str) -> None:
    causes = Causes()
    causes.add("a", one)
    causes.add("b", other)
    assert [cause.count for cause in causes] == [1, 1]


def test_ten_thousand_losses_are_a_few_lines() -> None:
    teller = Teller()
    losses = [Failure(f"all[{n}]", CLOSED if n % 3 else "it will not", None, ballot=n % 3 > 0) for n in range(10_000)]
    live = [line for loss in losses if (line := teller(e.ElementLost(loss.path, loss.reason)))]
    assert live == [f"{losses[n].path}: left out: {losses[n].reason}" for n in (0, 1, 2, 3, 4, 6)]
    lines = losses_lines(ended(losses=losses))
    assert lines == [
        f"6,666 samples left out: {CLOSED} (all[1], all[2], all[4] and 6,663 more; --json lists them all)",
        "3,334 elements left out: it will not (all[0], all[3], all[6] and 3,331 more; --json lists them all)",
    ]


def test_samples_and_elements_of_one_cause_are_counted_apart() -> None:
    losses = [Failure(f"a[{n}]", CLOSED, None, ballot=n < 5) for n in range(6)]
    assert losses_lines(ended(losses=losses))[0].startswith(f"5 samples and 1 element left out: {CLOSED} (a[0], a[1]")


def test_losses_that_were_told_are_not_told_again() -> None:
    losses = [Failure(f"a[{n}]", f"it took {n} s") for n in range(FIRST)]
    assert losses_lines(ended(losses=losses)) == []


def test_a_hundred_thousand_causes_are_a_few_lines_as_well() -> None:
    def word(number: int) -> str:
        return f"{number}".translate({48 + digit: chr(97 + digit) for digit in range(10)})

    losses = [Failure(f"a[{n}]", f"the cause {word(n)}") for n in range(20_000)]
    teller = Teller()
    live = [line for loss in losses if (line := teller(e.ElementLost(loss.path, loss.reason)))]
    assert len(live) == MOST
    lines = losses_lines(ended(losses=losses))
    assert len(lines) == MOST + 1
    assert lines[-1] == f"{20_000 - 2 * MOST:,} elements left out for {20_000 - 2 * MOST:,} other reasons; " \
        "--json lists them all"  # fmt: skip


def test_failures_of_steps_are_put_together_as_well() -> None:
    few = [Failure("a", "no answer within 5 s"), Failure("b", "no answer within 6 s"), Failure("c", "it will not")]
    assert failures_lines(ended(failures=few)) == [f"{one.path}: {one.reason}" for one in few]
    many = [Failure(f"step{n}", "it will not") for n in range(1000)]
    assert failures_lines(ended(failures=[*few[:1], *many])) == [
        "a: no answer within 5 s",
        "1,000 failures: it will not (step0, step1, step2 and 997 more; --json lists them all)",
    ]


def test_retries_of_an_outage_are_told_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("flowrun.runtime.cli.progress.time.monotonic", lambda: now)
    teller = Teller()
    lines = 0
    for number in range(60_000):
        now = number / 1000
        lines += bool(teller(e.RequestRetried(number, f"a[{number}]", "503", 1.0, 1)))
    assert FIRST + 10 <= lines <= FIRST + 12


MANY = """model m = "openai:m"
flow f(xs: [int]) {
  # flowrun: ignore[F0715] the server's replies are taken in order
  out = map x in xs { ask m "{{ x }}" with retries: 0 } reduce collect with errors: skip, concurrency: 1
  return out
}
"""


async def test_a_run_tells_its_losses_by_cause(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(MANY).parent
    faults.json(chat("1"))
    faults.json({"error": {"message": "no such letter"}}, 400)
    faults.json({"error": {"message": "no such word"}}, 400)
    words = ("a.flow", "--xs", json.dumps(list(range(150))), "--json")
    ran = await command(*words, folder=folder, OPENAI_BASE_URL=faults.url)
    assert ran.code == 5
    assert len(json.loads(ran.out)["losses"]) == 149
    assert ran.err.count("\n") <= 8
    assert ran.err.count("no such letter") == 1
    assert "148 elements left out: " in ran.err
    assert "(out[2].line 4, out[3].line 4, out[4].line 4 and 145 more; --json lists them all)" in ran.err
    ran = await command(*words[:-1], "-q", folder=folder, OPENAI_BASE_URL=faults.url)
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert ran.err.startswith("149 elements left out: openai:m: ")


async def test_a_quiet_run_tells_losses_and_errors_alone(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(MANY).parent
    faults.json(chat("1"))
    faults.json(chat("2"))
    faults.json({"error": {"message": "no such word"}}, 400)
    ran = await command("a.flow", "--xs", "[1, 2, 3]", "-q", folder=folder, OPENAI_BASE_URL=faults.url)
    assert (ran.code, json.loads(ran.out)) == (5, ["1", "2"])
    assert ran.err.splitlines() == [
        f"1 element left out: openai:m: {faults.url.removeprefix('http://')} answered 400: no such word (out[2].line 4)"
    ]
    again = await command("resume", "last", "-q", folder=folder, OPENAI_BASE_URL=faults.url)
    assert (again.code, again.err.count("\n")) == (5, 1)
    faults.json({"error": {"message": "no such letter"}}, 400)
    folder.joinpath("a.flow").write_text(MANY.replace("errors: skip, ", ""))
    failed = await command("a.flow", "--xs", "[4]", "-q", folder=folder, OPENAI_BASE_URL=faults.url)
    assert failed.code == 3
    assert "no such letter" in failed.err
    assert " calls" not in failed.err


def test_the_account_of_votes_is_made_once_for_all_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Result] = []

    def told(result: Result) -> str:
        made.append(result)
        return "told"

    monkeypatch.setattr("flowrun.runtime.cli.summary.spent_line", told)
    losses = [Failure(f"a[{n}]", "no money", BudgetError("no money"), ballot=True) for n in range(100)]
    assert losses_lines(ended(losses=losses)) == []
    assert len(made) == 1
