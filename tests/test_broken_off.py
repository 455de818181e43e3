"""Calls that nobody waits for any more: they are not sent, or are broken off at once, or kept where they are paid."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from support.bank import MODEL, PRICE, Bank, charged, history, keys, stretch
from support.written import read_journal

M = f'model m = "openai:m" {MODEL}\n'


def planned(text: str, models: str = M) -> p.Plan:
    return make_plan(check_flow(Source(models + text), catalog()))


def bank(times: dict[str, float], faults: dict[str, str] | None = None, speak: Any = None, **more: Any) -> Bank:
    """``times`` and ``faults`` are by the first word of a prompt."""

    def word(prompt: str) -> str:
        return prompt.split(maxsplit=1)[0]

    def seconds(request: Request) -> float:
        return times[word(request.messages[-1].text)]

    def say(request: Request) -> str:
        return "<" + word(request.messages[-1].text) + ">"

    return Bank(
        random.Random(1),
        rate=0.0,
        seconds=seconds,
        speak=speak or say,
        fault_of=lambda prompt: (faults or {}).get(word(prompt), ""),
        **more,
    )


def test_a_call_that_is_decided_away_in_the_turn_of_its_launch_is_not_sent(tmp_path: Path) -> None:
    """The answers to `x` and `b` come in one turn: the one would ask `y`, and the other ends the race."""
    text = """flow f() {
      a = fanout {
        long = chain { x = ask m "x" y = ask m "y {{ x }}" }
        short = chain { w = ask m "b" w2 = text "{{ w }}" }
      } reduce first
      z = ask m "z {{ a }}"
      return z
    }"""
    at = bank({"x": 1.0, "b": 1.0, "y": 1.0, "z": 1.0})
    ran = stretch(tmp_path / "j.db", at, plan=planned(text))
    assert ran.result is not None
    assert ran.result.value == "<z>"
    # Were it the other way round nothing would be launched.
    assert [prompt for prompt, _ in at.asked] == ["x", "b", "z <b>"]
    assert history(tmp_path / "j.db").account.sent == 3


def test_a_call_that_is_decided_away_while_its_intent_is_written_is_not_sent(tmp_path: Path) -> None:
    text = """flow f() {
      a = fanout { long = chain { x = ask m "x" y = ask m "y {{ x }}" } short = ask m "b" } reduce first
      z = ask m "z {{ a }}"
      return z
    }"""
    at = bank({"x": 1.0, "b": 1.5, "y": 9.0, "z": 1.0})
    ran = stretch(tmp_path / "j.db", at, plan=planned(text), disk=1.0)
    assert ran.result is not None
    assert [prompt for prompt, _ in at.asked] == ["b", "x", "z <b>"]
    account = history(tmp_path / "j.db").account
    assert (account.sent, account.requests, account.refused) == (3, 3, 0)
    assert keys(tmp_path / "j.db", "intent").total() == 4


def test_what_a_race_broke_off_takes_its_worst_from_the_budget(tmp_path: Path) -> None:
    text = """flow f() {
      race = fanout { a = ask m "one" b = ask m "two" c = ask m "six" } reduce first
      z = ask m "end" after race
      return z
    }"""
    at = bank({"one": 1.0, "two": 2.0, "six": 2.0, "end": 1.0})
    worst = PRICE.worst(3 + 32, 40)
    assert worst is not None
    ran = stretch(tmp_path / "j.db", at, Budget(None, 3.0001 * worst), plan=planned(text))
    assert ran.result is not None
    assert (ran.result.status, at.requests) == ("budget", 3)
    assert stretch(tmp_path / "k.db", at, Budget(None, 4 * worst), plan=planned(text)).result.ok  # type: ignore[union-attr]


def test_a_doubt_takes_its_worst_once_where_the_next_attempt_is_refused(tmp_path: Path) -> None:
    text = """flow f() {
      a = map x in ["one"] { ask m "{{ x }}" } reduce collect with errors: skip
      z = ask m "end {{ a }}"
      return z
    }"""
    fates = iter(["late doubt", "overloaded", ""])
    at = bank({"one": 0.1, "end": 1.0}, attempts=2)
    at.fault_of = lambda prompt: next(fates)
    both = (PRICE.worst(3 + 32, 40) or 0.0) + (PRICE.worst(6 + 32, 40) or 0.0)
    ran = stretch(tmp_path / "j.db", at, Budget(None, 1.0001 * both), plan=planned(text))
    assert ran.result is not None
    assert (ran.result.value, at.requests) == ("<end>", 3)


MERGES = """flow f(items: [text]) {
  out = map x in items { ask m "{{ x }}" } reduce by 2 ask m "merge {{ results }}"
  return out
}"""
NESTED = """flow f(items: [text]) {
  out = fanout {
    a = map x in items { ask m "{{ x }}" } reduce by 2 ask m "merge {{ results }}"
    b = ask m "bad"
  } reduce collect
  return out
}"""


@pytest.mark.parametrize(
    ("text", "items"), [(MERGES, ["one", "two", "bad", "slow"]), (NESTED, ["one", "two", "slow", "slow"])]
)
def test_a_block_that_fails_keeps_what_is_under_way_and_paid(text: str, items: list[str], tmp_path: Path) -> None:
    """Its elements' calls, and those of its reducer: each has its answer in the journal, and is not asked again."""
    journal = tmp_path / "j.db"
    times = {"one": 1.0, "two": 1.0, "bad": 2.0, "slow": 3.0, "merge": 4.0}
    at = bank(times, {"bad": "permanent"})
    ran = stretch(journal, at, plan=planned(text), values={"items": items})
    assert ran.result is not None
    assert ran.result.status == "failed"
    assert at.left == []
    account = history(journal).account
    slow = items.count("slow")
    assert (account.sent, account.refused, account.answered) == (4 + slow, 1, 3 + slow)
    at.fault_of = lambda prompt: ""
    again = stretch(journal, at)
    assert again.result is not None
    assert again.result.value is not None
    assert sum(again.recalled.values()) == 3 + slow
    assert account.calls + len(again.of(e.RequestStarted)) == at.calls


def test_a_race_that_is_over_breaks_off_the_calls_of_a_reducer_inside_it(tmp_path: Path) -> None:
    """At once, not when the run ends."""
    text = """flow f(items: [text]) {
      out = fanout {
        a = map x in items { ask m "{{ x }}" } reduce by 2 ask m "merge {{ results }}"
        b = ask m "short"
      } reduce first
      last = ask m "last {{ out }}"
      return last
    }"""
    at = bank({"one": 1.0, "two": 1.0, "short": 2.0, "slow": 9.0, "merge": 9.0, "last": 20.0})
    ran = stretch(tmp_path / "j.db", at, plan=planned(text), values={"items": ["one", "two", "slow"]})
    assert ran.result is not None
    assert ran.result.value == "<last>"
    assert sorted((prompt.split()[0], when) for prompt, when in at.left) == [("merge", 2.0), ("slow", 2.0)]
    # They may be paid: each is on the bill at its worst.
    account = history(tmp_path / "j.db").account
    assert (account.sent, account.answered, account.broken_off) == (6, 4, 2)
    assert at.dollars <= charged(account)


def test_a_key_without_credit_closes_the_endpoint_and_not_one_model(tmp_path: Path) -> None:
    models = M.replace("\n", ", concurrency: 1\n") + M.replace("model m", "model k").replace("openai:m", "openai:k")
    text = """flow f(items: [text]) {
      a = map x in items { ask m "{{ x }}" } reduce collect with errors: skip
      b = map x in items { ask k "{{ x }}" } reduce collect with errors: skip
      return { a, b }
    }"""
    at = bank({"one": 1.0, "bad": 1.0}, {"bad": "closes"})
    ran = stretch(tmp_path / "j.db", at, plan=planned(text, models), values={"items": ["bad"] + ["one"] * 30})
    assert ran.result is not None
    assert at.closed_at == 1.0
    assert at.asked_when_closed == 0
    assert {when for _, when in at.asked} == {0.0}
    assert len(at.asked) == 8
    assert ran.result.value == {"a": ["<one>"] * 7, "b": []}


@pytest.mark.parametrize("fault", ["late doubt", "stream"])
def test_a_doubt_is_on_the_bill_at_its_worst_whichever_attempt_it_was(fault: str, tmp_path: Path) -> None:
    text = 'flow f() { a = ask m "doubtful" return a }'
    for attempts in (1, 2, 3):
        journal = tmp_path / f"{attempts}.db"
        at = bank({"doubtful": 0.1}, {"doubtful": fault}, attempts=attempts)
        ran = stretch(journal, at, Budget(None, 1.0), plan=planned(text))
        assert ran.result is not None
        account = history(journal).account
        assert account.broken_off == attempts
        assert ran.result.spent == pytest.approx(charged(account))
        worst = ran.result.spent / attempts
        assert worst > 40 * PRICE.output
        # The ledger says so too: there is room for one more, and not for two.
        again = stretch(journal, at, Budget(None, (attempts + 0.5) * worst))
        assert again.result is not None
        assert (again.result.status, at.requests) == ("budget", attempts)


def test_equal_questions_keep_their_own_answers_over_a_resume(tmp_path: Path) -> None:
    """Each answer that is paid is used once, where it was given."""
    spoken = iter(range(100))
    at = bank({"same": 1.0}, speak=lambda request: f"answer {next(spoken)}")
    text = 'flow f(items: [text]) { out = map x in items { ask m "{{ x }}" } reduce collect return out }'
    journal = tmp_path / "j.db"
    first = stretch(journal, at, plan=planned(text), values={"items": ["same"] * 6})
    again = stretch(journal, at)
    assert first.result is not None and again.result is not None
    assert len(set(first.result.value)) == 6
    assert again.result.value == first.result.value
    assert at.calls == 6
    # And so it is where another run takes them.
    other = stretch(journal, at, plan=planned(text), values={"items": ["same"] * 7})
    assert other.result is not None
    assert sorted(other.result.value[:6]) == sorted(first.result.value)
    assert at.calls == 7


@pytest.mark.parametrize("faults", ["few", "silent", "boasts", "spoilt", "spoilt unbilled"])
def test_the_samples_of_one_request_share_its_bill(faults: str, tmp_path: Path) -> None:
    """Whatever the server says of it: the budget counts no less than was paid."""
    text = """flow f() {
      v = repeat 8 { ask m "which" -> A | B | C } reduce majority with launch: together
      return v
    }"""
    for seed in range(6):
        journal = tmp_path / f"{seed}.db"
        at = bank({"which": 1.0}, {"which": faults}, speak=lambda request: "A", samples=4)
        at.dice = random.Random(seed)
        ran = stretch(journal, at, Budget(None, 1.0), plan=planned(text))
        assert ran.result is not None
        account = history(journal).account
        assert at.dollars <= charged(account) + 1e-12
        assert ran.result.spent == pytest.approx(charged(account))
        assert at.calls <= account.calls


@pytest.mark.parametrize("limit", ["calls", "money"])
def test_a_hedge_is_a_call_and_takes_its_worst_from_the_budget(limit: str, tmp_path: Path) -> None:
    """Seven quick calls and a slow one, which is sent twice: there is room for that, and none for one more."""
    text = """flow f(items: [text]) {
      out = map x in items { ask m "{{ x }}" with hedge: p75 } reduce collect
      z = ask m "end" after out
      return z
    }"""
    # No reply tells its tokens, so that each call counts at its worst.
    at = bank({"one": 1.0, "bad": 40.0, "end": 1.0}, {"one": "mute", "bad": "mute"})
    worst = PRICE.worst(3 + 32, 40) or 0.0
    for most, done in ((9, False), (10, True)):
        budget = Budget(most) if limit == "calls" else Budget(None, (most + 0.5) * worst)
        before = at.calls
        journal = tmp_path / f"{most}.db"
        ran = stretch(journal, at, budget, plan=planned(text), values={"items": ["one"] * 7 + ["bad"]})
        assert ran.result is not None
        assert ran.result.ok is done
        assert len(ran.of(e.CallHedged)) == 1
        assert at.calls - before == history(journal).account.calls == most


def test_the_second_of_two_that_ask_the_same_is_kept_where_the_first_fails(tmp_path: Path) -> None:
    text = (
        'flow f(items: [text]) { out = map x in items { ask m "{{ x }}" with hedge: p75 } reduce collect return out }'
    )
    at = bank({"one": 1.0})
    takes, fates = iter([40.0, 50.0]), iter(["permanent", ""])
    at.seconds = lambda request: next(takes) if request.messages[-1].text == "bad" else 1.0
    at.fault_of = lambda prompt: next(fates) if prompt == "bad" else ""
    journal = tmp_path / "j.db"
    ran = stretch(journal, at, plan=planned(text), values={"items": ["one"] * 7 + ["bad"]})
    assert ran.result is not None
    assert ran.result.status == "failed"
    assert at.left == []
    account = history(journal).account
    assert (account.sent, account.answered, account.refused) == (9, 8, 1)
    again = stretch(journal, at)
    assert again.result is not None and again.result.ok
    assert at.requests == 9


def test_what_was_under_way_at_a_kill_is_in_doubt_until_it_has_an_answer(tmp_path: Path) -> None:
    at = bank({"one": 1.0, "two": 1.0})
    text = 'flow f() { a = ask m "one" b = ask m "two" return [a, b] }'
    journal = tmp_path / "j.db"
    assert stretch(journal, at, plan=planned(text), kill_at=0.5).result is None
    [run] = read_journal(journal).runs
    assert len(read_journal(journal).in_doubt(run)) == 2
    again = stretch(journal, at)
    assert again.result is not None and again.result.ok
    assert again.result.summary.in_doubt == 2
    assert read_journal(journal).in_doubt(run) == []
    account = history(journal).account
    assert (account.sent, account.answered, account.broken_off) == (4, 2, 2)
