"""Records of runs for the tests of the page: small ones of every kind, and large ones of random words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flowrun.dsl import Source, check_flow
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.session.loading import plan_of
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, State, Tokens
from flowrun.runtime.vocabulary.run_record import (
    EndpointRecord,
    EndRecord,
    LossRecord,
    RunRecord,
    StretchRecord,
)
from flowrun.runtime.vocabulary.tally import Tally

FLOW = """\
flow review(sections: [text]) budget $2.50, 40000 calls {
  notes = map section in sections {
    draft = ask "Name the worst problem of this section. {{ section }}"
    grave = repeat 3 {
      ask "Is this problem grave? {{ draft }}" -> yes | no
    } reduce majority
  } reduce collect
  letters = map note in notes {
    letter = ask "Write a letter about {{ note }}"
  } reduce collect
  board = ask "One page for the board: {{ letters }}"
  return board
}
"""
BEGAN = 1_780_000_000.0
URL = "https://api.example.net/v1"


def plan_from(text: str = FLOW) -> p.Plan:
    """The plan of a flow's text."""
    return plan_of(check_flow(Source(text, "review.flow"), catalog()), None)


def call_of(
    path: str,
    prompt: str = "Say something.",
    answer: str | None = "Something.",
    *,
    state: State = "answered",
    at: int = 0,
    ms: int = 700,
    **given: Any,
) -> CallRecord:
    """One call with one attempt, and one answer if it has any."""
    answers = () if answer is None else (answer_of(answer, given.pop("value", None)),)
    ends: dict[State, End] = {"failed": "refused", "cancelled": "cancelled", "open": "open", "unsent": "unsent"}
    attempt = AttemptRecord(f"r-{path}", ends.get(state, "answered"), at, None if state == "open" else at + ms)
    row: dict[str, Any] = {
        "place": path,
        "step": "".join(part.partition("[")[0] for part in path.split(".")[:1]),
        "model": "openai:gpt-4o-mini",
        "request": Request(
            (Message("system", "You are terse."), Message("user", prompt)), temperature=0.2, max_tokens=400
        ),
        "answers": answers,
        "attempts": () if state == "reused" else (attempt,),
    }
    return CallRecord(path, state=state, **(row | given))


def answer_of(text: str, value: Any = None, cost: float | None = 0.000214) -> AnswerRecord:
    """One answer with its tokens."""
    tokens = Tokens(read=40 + len(text) // 4, cached=8, written=max(1, len(text) // 4))
    return AnswerRecord(text, value=text if value is None else value, tokens=tokens, cost=cost, id="req-1")


def vote_of(yes: int, no: int, planned: int = 3) -> Tally:
    """The tally of a vote between yes and no."""
    ballots = sorted((("yes", yes), ("no", no)), key=lambda one: -one[1])
    counted = tuple((answer, count) for answer, count in ballots if count)
    return Tally(
        winner=counted[0][0],
        ballots=counted,
        planned=planned,
        asked=yes + no,
        counted=yes + no,
        first=counted[0][0],
        of=yes + no,
        values=tuple(answer for answer, _ in counted),
    )


def run_of(
    calls: Sequence[CallRecord] = (),
    *,
    status: str = "done",
    value: Any = None,
    losses: Sequence[LossRecord] = (),
    plan: p.Plan | None = None,
    **given: Any,
) -> RunRecord:
    """A run of these calls."""
    plan = plan or plan_from()
    last = max((one.ended or 0 for call in calls for one in call.attempts), default=0)
    open_end = status in ("running", "killed")
    votes = given.pop("votes", {})
    row: dict[str, Any] = {
        "id": "7f3a91",
        "plan": plan,
        "began": BEGAN,
        "ended": None if open_end else BEGAN + last / 1000,
        "status": status,
        "calls": tuple(calls),
        "end": EndRecord(value=value, complete=not open_end, votes=votes, losses=tuple(losses)),
        "stretches": (StretchRecord(0, None if open_end else last),),
        "endpoints": {"openai:gpt-4o-mini": EndpointRecord("openai:gpt-4o-mini", URL)},
        "text": FLOW,
    }
    return RunRecord(**(row | given))


def review(elements: int = 12, seed: int = 7) -> RunRecord:
    """A run of the flow above with votes, retries, a reused answer, a cancelled call and a loss."""
    rng = random.Random(seed)
    calls: list[CallRecord] = []
    votes: dict[str, Tally] = {}
    for n in range(elements):
        at = rng.randrange(900)
        label = (f"§{n + 1} of the handbook",)
        draft = call_of(
            f"notes[{n}].draft",
            f"Name the worst problem of this section.\n\n{words(rng, 500)}",
            f"No owner is named for {words(rng, 80)}",
            at=at,
            ms=400 + rng.randrange(1500),
            labels=label,
            step="notes.draft",
        )
        if n % 5 == 2:
            draft = _retried(draft)
        if n % 6 == 4:
            draft = replace(draft, state="reused", attempts=())
        yes = rng.choice([2, 3, 3, 1])
        path = f"notes[{n}].grave"
        asked = 2 if yes == 3 else 3
        votes[path] = vote_of(min(yes, asked), asked - min(yes, asked))
        ballots = ["yes"] * votes[path].counted
        for no in range(asked - min(yes, asked)):
            ballots[-1 - no] = "no"
        calls.append(draft)
        for sample in range(3):
            one = call_of(
                f"{path}[{sample}].line 5",
                "Is this problem grave?",
                ballots[sample] if sample < asked else None,
                state="answered" if sample < asked else "cancelled",
                at=at + 2000,
                ms=200 + rng.randrange(400),
                vote=path,
                labels=label,
                step="notes.grave.line 5",
                model="anthropic:claude-haiku" if sample == 2 else "openai:gpt-4o-mini",
            )
            calls.append(one)
    reason = "the server answered 400: this section is longer than the context of the model"
    letters = [
        call_of(f"letters[{n}].letter", "Write a letter.", words(rng, 100), at=3500, step="letters.letter")
        for n in range(elements)
    ]
    letters[1] = replace(letters[1], state="failed", answers=(), reason=reason)
    calls += letters
    calls.append(
        call_of("board", "One page for the board.", "# The board\n\n" + words(rng, 900), at=5200, ms=3100, step="board")
    )
    return run_of(
        calls,
        status="partial",
        value=calls[-1].answers[0].text,
        votes=votes,
        losses=[LossRecord("letters[1]", reason)],
        notes=("The prompt of notes[3].draft differs from the one that was sent.",),
    )


def _retried(call: CallRecord) -> CallRecord:
    first = AttemptRecord("r-0", "refused", 10, 120, "the server answered 429 Too Many Requests", 429)
    then = replace(call.attempts[0], began=1500, ended=2100, waited={"retry_after": 1000, "width": 380})
    return replace(call, attempts=(first, then))


VOCABULARY = [
    "".join(
        random.Random(n).choices(
            ["ba", "ne", "lo", "tri", "su", "mer", "kan", "do", "fi", "ou", "st", "ra"], k=2 + n % 3
        )
    )
    for n in range(5000)
]
"""Five thousand words, as many as a large text has."""


def words(rng: random.Random, size: int) -> str:
    """Random words of this many characters."""
    return " ".join(rng.choices(VOCABULARY, k=size // 3))[:size]


def large(calls: int = 20_000, read: int = 500, written: int = 100, seed: int = 11) -> RunRecord:
    """A run of many calls with random words, so that nothing repeats but the words."""
    rng = random.Random(seed)
    made = [
        call_of(
            f"notes[{n}].draft",
            words(rng, read),
            words(rng, written),
            at=n * 3 + rng.randrange(50),
            ms=300 + rng.randrange(2500),
            labels=(f"row {n}",),
            step="notes.draft",
        )
        for n in range(calls)
    ]
    return run_of(made, value=[])
