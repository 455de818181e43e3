"""Records of runs with limits: waits for places, pauses that a server asked for, retries, and a resume."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from flowrun.runtime.vocabulary.call_record import AttemptRecord, CallRecord
from flowrun.runtime.vocabulary.run_record import EndpointRecord, RunRecord, StretchRecord

from .page_records import call_of, plan_from, review, run_of

MAIN = "openai:gpt-4o-mini"
SIDE = "anthropic:claude-haiku"
ENDPOINTS = {
    MAIN: EndpointRecord(MAIN, "https://api.example.net/v1"),
    SIDE: EndpointRecord(SIDE, "https://eu.models.test/api"),
}
CALLED = """\
flow polish(note: text) {
  draft = ask "Polish: {{ note }}"
  final = ask "Shorter: {{ draft }}"
  return final
}
flow whole(items: [text]) {
  notes = map item in items {
    polished = polish(note: item)
    verdict = repeat 3 { ask "SPAM or NOT? {{ polished }}" -> SPAM | NOT } reduce majority
    both = { polished, verdict }
  } reduce collect
  advice = fanout {
    legal = chain {
      long = ask "Legal: {{ notes }}"
      ask "Shorter: {{ long }}"
    }
    money = ask "Money: {{ notes }}"
  } reduce ask "Weigh: {{ legal }} {{ money }}"
  return advice
}
"""


class Places:
    """The places of an endpoint: so many requests at once."""

    def __init__(self, width: int) -> None:
        self.free = [0] * width

    def taken(self, ready: int, length: int) -> int:
        """Take the first place that is free. Return the time at which its request was sent."""
        self.free.sort()
        began = max(ready, self.free[0])
        self.free[0] = began + length
        return began


def waited(elements: int = 30, width: int = 5, seed: int = 3) -> RunRecord:
    """The run of a map, with too few places at one endpoint and a pause that it asked for."""
    rng = random.Random(seed)
    main, side = Places(width), Places(3)
    calls: list[CallRecord] = []
    done = 0
    for n in range(elements):
        length = 300 + rng.randrange(900)
        began = main.taken(40, length)
        draft = _call(f"notes[{n}].draft", began, length, began - 40)
        if n % 7 == 3:
            draft = _refused(draft, rng)
            main.free[-1] += 900
        end = draft.attempts[-1].ended or 0
        calls.append(draft)
        ballots = []
        for sample in range(3):
            size = 150 + rng.randrange(300)
            sent = side.taken(end, size)
            one = _call(f"notes[{n}].grave[{sample}].line 5", sent, size, sent - end, SIDE)
            ballots.append(one if sample < 2 or n % 2 else _cancelled(one))
        calls += ballots
        settled = max(one.attempts[0].ended or 0 for one in ballots if one.state == "answered")
        size = 200 + rng.randrange(500)
        sent = main.taken(settled, size)
        calls.append(_call(f"letters[{n}].letter", sent, size, sent - settled))
        done = max(done, sent + size)
    board = _call("board", done + 2060, 1800, 0)
    attempt = replace(board.attempts[0], waited={"retry_after": 2000})
    calls.append(replace(board, attempts=(attempt,)))
    calls[0] = replace(calls[0], state="reused", attempts=(replace(calls[0].attempts[0], ended=300),))
    return run_of(calls, value="The board.", endpoints=ENDPOINTS)


def resumed() -> RunRecord:
    """A run that was killed, and resumed two hours later: times go on behind the pause."""
    first = waited(12)
    later = 7_200_000
    calls = [_later(call, later) if number > 30 else call for number, call in enumerate(first.calls)]
    ended = max(one.ended or 0 for call in calls for one in call.attempts)
    stretches = (StretchRecord(0, None), StretchRecord(later, ended))
    return replace(first, calls=tuple(calls), stretches=stretches, ended=first.began + ended / 1000)


def untimed() -> RunRecord:
    """A run of an old journal, which has no times."""
    calls = [
        replace(call, attempts=tuple(replace(one, began=None, ended=None, waited={}) for one in call.attempts))
        for call in review().calls
    ]
    return replace(review(), calls=tuple(calls), stretches=())


def running() -> RunRecord:
    """A run that goes on, with calls under way."""
    calls = list(waited(10).calls[:26])
    for place in (-1, -2, -5):
        attempt = replace(calls[place].attempts[0], end="open", ended=None)
        calls[place] = replace(calls[place], state="open", answers=(), attempts=(attempt,))
    return run_of(calls, status="running", endpoints=ENDPOINTS)


def called() -> RunRecord:
    """The run of a flow with a called flow, a chain, a fanout, and a reducer that asks."""
    calls: list[CallRecord] = []
    for n in range(4):
        calls.append(_call(f"notes[{n}].polished.draft", 10 * n, 500, 0))
        calls.append(_call(f"notes[{n}].polished.final", 500 + 10 * n, 300, 0))
        calls += [_call(f"notes[{n}].verdict[{k}].line 9", 800 + 10 * n, 150 + 50 * k, 0) for k in range(3)]
    calls.append(_call("advice.legal.long", 1100, 700, 0))
    calls.append(_call("advice.legal.line 15", 1800, 400, 0))
    calls.append(replace(_call("advice.money", 1100, 350, 0), state="failed", answers=()))
    calls.append(_call("advice.reduce", 2200, 900, 0))
    return run_of(calls, plan=plan_from(CALLED), value="Go on.", endpoints=ENDPOINTS, text=CALLED)


def _call(path: str, began: int, length: int, wait: int, model: str = MAIN) -> CallRecord:
    made = call_of(path, at=began, ms=length, model=model, step=re.sub(r"\[\d+\]", "", path))
    causes = {"width": wait} if wait > 0 else {}
    return replace(made, attempts=tuple(replace(one, waited=causes) for one in made.attempts))


def _refused(call: CallRecord, rng: random.Random) -> CallRecord:
    (only,) = call.attempts
    began = only.began or 0
    first = AttemptRecord(f"{only.request}-0", "refused", began, began + 80, "HTTP 429: too many requests", 429)
    pause = 600 + rng.randrange(300)
    length = (only.ended or 0) - began
    again = replace(only, began=began + 80 + pause, ended=began + 80 + pause + length, waited={"retry_after": pause})
    return replace(call, attempts=(replace(first, waited=only.waited), again))


def _cancelled(call: CallRecord) -> CallRecord:
    attempts: Sequence[AttemptRecord] = [replace(one, end="cancelled") for one in call.attempts]
    return replace(call, state="cancelled", answers=(), attempts=tuple(attempts))


def _later(call: CallRecord, by: int) -> CallRecord:
    moved = (replace(one, began=(one.began or 0) + by, ended=(one.ended or 0) + by) for one in call.attempts)
    return replace(call, attempts=tuple(moved))
