"""Records of runs made by hand, as the replay of a journal would make them: with votes, retries, losses and resumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowrun.dsl import plan as p
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, State, Tokens
from flowrun.runtime.vocabulary.run_record import EndpointRecord, EndRecord, LossRecord, RunRecord, StretchRecord
from flowrun.runtime.vocabulary.tally import Tally

from .harness import planned

MODEL = "openai:gpt-4o-mini"
BEGAN = 1_790_000_000.0
"""2026-09-21T13:33:20Z"""

LETTERS = """\
model fast = "openai:gpt-4o-mini"
type Letter = { id: text, body: text }

flow polish(note: text) {
  draft = ask fast "Polish: {{ note }}"
  return draft
}

flow letters(items: [Letter]) {
  notes = map letter in items {
    polished = polish(note: letter.body)
    verdict = repeat 3 {
      ask fast "SPAM or NOT?\\n{{ polished }}" -> SPAM | NOT
    } reduce majority
    both = { polished, verdict }
  } reduce collect with errors: skip
  advice = fanout {
    legal = chain {
      long = ask fast "Legal: {{ notes }}"
      ask fast "Shorter: {{ long }}"
    }
    money = ask fast "Money: {{ notes }}"
  } reduce ask fast "Weigh: {{ legal }} {{ money }}"
  return advice
}
"""
"""A flow with a map, a called flow, a vote, a fanout, a chain and a reduction."""

TREE = """\
flow tree(items: [text]) {
  notes = map item in items { ask "Note: {{ item }}" } reduce by 2 ask "Join: {{ results }}"
  return notes
}
"""
"""A flow that reduces in a tree: its merges share one path."""

CORRECTION = (Message("assistant", "???"), Message("user", "That answer cannot be used: it is no sentence."))
ONE = 'flow one(name: text) { hello = ask "Hello {{ name }}" return hello }\n'

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "right \u202eto left\u202c \u2066isolated\u2069",
    "a\rb\x00c\x08d\x7f",
    "half \ud800 a character",
    "=cmd|' /C calc'!A0",
    "one line " + "x" * 2000,
    "{{ template }} `ticks` \u2028 new line",
    "汉字 🇨🇭 e\u0301 \u200d",
)
"""Texts that attack whoever shows them: markup, terminal controls, directions of text, half characters, long lines."""


def answer(text: str, **given: Any) -> AnswerRecord:
    """An answer with tokens and a cost. ``given`` are further fields of the record."""
    fields = {"value": text, "tokens": Tokens(40, 30, 0, 5), "cost": 0.00002, **given}
    return AnswerRecord(text, **fields)


def attempt(
    request: str = "1", end: Any = "answered", began: int | None = 0, ended: int | None = 900, **given: Any
) -> AttemptRecord:
    return AttemptRecord(request, end, began, ended, **given)


def call(path: str, text: str = "fine", *, prompt: str = "Say something", **given: Any) -> CallRecord:
    """An answered call of one attempt. ``given`` are further fields of the record, also instead of these."""
    fields: dict[str, Any] = {
        "path": path,
        "place": path,
        "step": path.rpartition(".")[2],
        "model": MODEL,
        "state": "answered",
        "request": Request((Message("user", prompt),), temperature=0.7, max_tokens=200),
        "answers": (answer(text),),
        "attempts": (attempt(f"r {path}"),),
    }
    return CallRecord(**{**fields, **given})


def unanswered(path: str, state: State, *attempts: AttemptRecord, **given: Any) -> CallRecord:
    return call(path, state=state, answers=(), attempts=attempts, **given)


def tally(*ballots: tuple[Any, float], planned: int = 3, **given: Any) -> Tally:
    """The tally of a majority. The first ballot wins."""
    counted = int(sum(count for _, count in ballots))
    fields: dict[str, Any] = {
        "winner": ballots[0][0],
        "ballots": ballots,
        "planned": planned,
        "asked": counted,
        "counted": counted,
        "first": ballots[0][0],
        "of": counted,
        "values": tuple(value for value, _ in ballots),
    }
    return Tally(**{**fields, **given})


def record(calls: Sequence[CallRecord] = (), *, plan: p.Plan | None = None, **given: Any) -> RunRecord:
    """A run that is done. ``given`` are further fields of the record, also instead of these."""
    fields: dict[str, Any] = {
        "id": "swift-otter-1a2b",
        "plan": plan or planned(LETTERS),
        "began": BEGAN,
        "ended": BEGAN + 12.5,
        "status": "done",
        "calls": tuple(calls),
        "end": EndRecord("Go on.", complete=True),
        "stretches": (StretchRecord(0, 12_500),),
        "endpoints": {MODEL: EndpointRecord("openai", "https://api.openai.com/v1")},
        "account": _account(calls),
        "text": LETTERS,
    }
    return RunRecord(**{**fields, **given})


def _account(calls: Sequence[CallRecord]) -> Mapping[str, Any]:
    costs = [one.cost for one in calls]
    return {
        "requests": len(calls),
        "sent": len(calls),
        "answered": sum(one.state == "answered" for one in calls),
        "cost": None if None in costs else sum(cost for cost in costs if cost is not None),
        "unbilled": 0.0,
    }


def element(number: int, label: str = "", votes: Sequence[str] = ("SPAM", "NOT", "SPAM")) -> list[CallRecord]:
    """The calls of one letter: its polished text, and a vote of three."""
    at, labels, began = f"notes[{number}]", (label or f"letter-{number}",), number * 100
    made = [
        call(
            f"{at}.polished.draft",
            f"Polished letter {number}.",
            prompt=f"Polish: Dear bank, this is letter {number}.",
            labels=labels,
            attempts=(attempt(f"p{number}", began=began, ended=began + 800),),
        )
    ]
    for sample, vote in enumerate(votes):
        made.append(
            call(
                f"{at}.verdict[{sample}].line 13",
                vote,
                prompt=f"SPAM or NOT?\nPolished letter {number}.",
                labels=labels,
                vote=f"{at}.verdict",
                attempts=(attempt(f"v{number}", began=began + 900, ended=began + 1500),),
            )
        )
    return made


def advice() -> list[CallRecord]:
    """The calls of the fanout: two of them were retried."""
    waited = {"retry_after": 2000, "width": 15}
    return [
        call(
            "advice.legal.long",
            "The law is long.",
            prompt="Legal: the notes",
            attempts=(
                attempt("a", "refused", 2000, 2100, reason="the server is busy (HTTP 429)", status=429),
                attempt("b", began=4115, ended=6000, waited=waited),
            ),
        ),
        call(
            "advice.legal.line 20",
            "The law is short.",
            prompt="Shorter: The law is long.",
            answers=(
                answer("???", error="the answer is no sentence", value=None),
                answer("The law is short.", served="gpt-4o-mini-2026-01-01", id="req_7", cost=0.0021),
            ),
            attempts=(
                attempt("c", "spoilt", 6000, 6500, reason="the answer is no sentence", answer=0),
                attempt("d", began=6500, ended=7000, answer=1, correction=CORRECTION),
            ),
        ),
        call("advice.money", "It is cheap.", prompt="Money: the notes", state="reused", attempts=()),
        call("advice.reduce", "Go on.", prompt="Weigh: The law is short. It is cheap.", step="advice.reduce"),
    ]


def letters(count: int = 3, *, lost: int | None = 1) -> RunRecord:
    """A run over ``count`` letters with a vote each. The letter ``lost``, if any, failed and was left out."""
    calls: list[CallRecord] = []
    votes = {}
    losses: tuple[LossRecord, ...] = ()
    for number in range(count):
        if number == lost:
            reason = "the server refused the key (HTTP 401)"
            refused = attempt("x", "refused", 100, 150, reason=reason, status=401)
            path = f"notes[{number}].polished.draft"
            calls.append(unanswered(path, "failed", refused, labels=(f"letter-{number}",), reason=reason))
            losses = (LossRecord(path, reason),)
            continue
        split = number % 2 == 0
        calls += element(number, votes=("SPAM", "NOT", "SPAM") if split else ("NOT", "NOT"))
        if not split:
            # The vote was decided after two ballots.
            path = f"notes[{number}].verdict[2].line 13"
            gone = attempt(f"v{number}", "cancelled", 1200, 1250)
            calls.append(unanswered(path, "cancelled", gone, vote=f"notes[{number}].verdict"))
        votes[f"notes[{number}].verdict"] = tally(("SPAM", 2), ("NOT", 1)) if split else tally(("NOT", 2))
    calls += advice()
    end = EndRecord("Go on.", complete=True, votes=votes, losses=losses)
    return record(calls, end=end, status="partial" if losses else "done")


def one_call() -> RunRecord:
    """A run of a single call."""
    end = EndRecord("Hello Ada!", complete=True)
    return record([call("hello", "Hello Ada!", prompt="Hello Ada")], plan=planned(ONE), end=end, text=ONE)


def empty_run() -> RunRecord:
    """A run that ended before its first call."""
    return record(status="stopped", end=EndRecord())


def killed_run() -> RunRecord:
    """A run whose process died while a call was under way, and before most of its steps."""
    open_ = unanswered("notes[1].polished.draft", "open", attempt("k", "open", 120, None))
    calls = [*element(0)[:1], open_]
    return record(calls, end=EndRecord(), status="killed", ended=None, stretches=(StretchRecord(0, None),))


def resumed_run() -> RunRecord:
    """A run that was killed and resumed: times go on behind the pause, and one call was sent in each part."""
    again = call(
        "notes[1].polished.draft",
        "Polished letter 1.",
        prompt="Polish: Dear bank, this is letter 1.",
        labels=("letter-1",),
        attempts=(attempt("k", "open", 120, None), attempt("l", began=60_100, ended=60_900)),
    )
    calls = [*element(0), again, *element(1)[1:], *advice()]
    votes = {f"notes[{number}].verdict": tally(("SPAM", 2), ("NOT", 1)) for number in range(2)}
    end = EndRecord("Go on.", complete=True, votes=votes)
    stretches = (StretchRecord(0, None), StretchRecord(60_000, 72_500))
    return record(calls, end=end, stretches=stretches, ended=BEGAN + 72.5)


def hostile_run() -> RunRecord:
    """A run whose prompts, answers, labels, reasons, served models and value attack whoever shows them."""
    calls = [
        call(
            f"notes[{number}].polished.draft",
            text,
            prompt=text,
            labels=(text,),
            reason=text,
            answers=(answer(text, served=text, id=text, error=text), answer(text, served=text, id=text)),
            attempts=(
                attempt("h", "spoilt", reason=text, answer=0),
                attempt("i", answer=1, correction=(Message("assistant", text), Message("user", text))),
            ),
        )
        for number, text in enumerate(HOSTILE)
    ]
    ballots = tuple((text, 1) for text in HOSTILE)
    votes = {"notes[0].verdict": tally(*ballots, planned=len(ballots))}
    losses = tuple(LossRecord(f"notes[{number}].polished", text) for number, text in enumerate(HOSTILE))
    end = EndRecord(list(HOSTILE), complete=True, votes=votes, losses=losses)
    return record(calls, end=end, status="partial", notes=HOSTILE)


def tree_run(count: int = 4) -> RunRecord:
    """A run that reduced in a tree: all merges have the path ``notes.reduce``, and differ in their places."""
    calls = [call(f"notes[{number}].line 2", f"note {number}", prompt=f"Note: {number}") for number in range(count)]
    merges = [f"1.{place}" for place in range(count // 2)] + ["2.0"]
    for place in merges:
        one = call("notes.reduce", f"joined {place}", prompt=f"Join: {place}", step="notes.reduce")
        calls.append(replace(one, place=f"notes.reduce[{place}]"))
    return record(calls, plan=planned(TREE), text=TREE)
