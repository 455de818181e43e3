"""A number out of range that only a run knows fails its step, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.vocabulary.errors import FlowrunError
from support.harness import scripted

ANSWER = 'ask "{{ mail }}" -> YES | NO'
VOTE = f"repeat 3 {{ {ANSWER} }} reduce"
LONG_VOTE = f"repeat 3..9 {{ {ANSWER} }} reduce"
COMPUTED = {
    "temperature": ('ask "{{ mail }}" with temperature: n', 99, "`temperature` takes a number from 0 to 2"),
    "max_tokens": ('ask "{{ mail }}" with max_tokens: n', 0, "`max_tokens` takes a number of 1 or more"),
    "retries": ('ask "{{ mail }}" with retries: n', -1, "`retries` takes a number from 0 to 20"),
    "concurrency": (
        'map m in [mail] { ask "{{ m }}" } reduce collect with concurrency: n',
        0,
        "`concurrency` is 1 or more",
    ),
    "chars": ("split(mail, by: chars(n))", 0, "`n` must be a whole number of characters, at least 1"),
    "overlap": ("split(mail, by: chars(9), overlap: n)", 9, "the overlap of 9 characters must be less"),
    "overlap below 0": ("split(mail, by: paragraph, overlap: n)", -1, "`overlap` must be a whole number"),
    "quorum": (f"{VOTE} quorum(n)", 5, "an answer cannot have 5 votes in a vote of 3"),
    "quorum of none": (f"{VOTE} quorum(n)", 0, "`votes` takes a number of 1 or more"),
    "at_least": (f"{VOTE} majority(at_least: n)", 0, "`at_least` takes a number of 1 or more"),
    "at_least of more": (f"{VOTE} majority(at_least: n)", 4, "this vote needs 4 ballots and has at most 3"),
    "at_least of a map": (
        f"map m in [mail] {{ {ANSWER} }} reduce majority(at_least: n)",
        2,
        "this vote needs 2 ballots and has at most 1",
    ),
    "window of more": (f"{LONG_VOTE} window(n)", 10, "a window of 10 samples is never full with 9 samples"),
    "window between": (f"repeat 5..6 {{ {ANSWER} }} reduce window(n)", 4, "is never full with 5 to 6 samples"),
    "lead of more": (f"{LONG_VOTE} ahead(n)", 10, "an answer cannot be 10 votes ahead in a vote of 9"),
    "window": (f"{LONG_VOTE} window(n)", 1, "`width` takes a number of 2 or more"),
    "lead": (f"{LONG_VOTE} ahead(n)", -2, "`lead` takes a number of 1 or more"),
    "confidence": (f"{LONG_VOTE} majority(confidence: n)", 7, "`confidence` takes a number from 0.5 to 1"),
    "target": (f"{LONG_VOTE} ahead(target: n)", 1, "`target` takes a number from 0.5 to 0.999999999"),
    "steps": (f"{LONG_VOTE} ahead(target: 0.9, steps: n)", 0, "`steps` takes a number of 1 or more"),
    "right": (f"{LONG_VOTE} ahead(target: 0.9, right: n)", 0, "`right` takes a number from 0.51 to 0.999"),
    "tree": ('repeat 3 { ask "{{ mail }}" } reduce by tokens(n) ask "{{ results }}"', 0, "takes a whole number from 1"),
    "divisor": ("1 / n", 0, "this is a division by zero"),
    "too large": ("n * n", 10**2000, "the result of `*` is too large"),
    "too large a fraction": ("n * 1.5 * n", 10**200, "the result of `*` is too large"),
}


@pytest.mark.parametrize(("node", "number", "says"), COMPUTED.values(), ids=COMPUTED)
async def test_a_computed_number_out_of_range_fails_its_step(tmp_path: Path, node: str, number: int, says: str) -> None:
    asked = []

    def answer(request: object, _: int) -> str:
        asked.append(request)
        return "YES"

    path = tmp_path / "f.flow"
    path.write_text(f"flow f(mail: text, n: int) {{ x = {node} return x }}")
    result = await run_async(path, {"mail": "hello there", "n": number}, options=RunOptions(opener=scripted(answer)))
    (failure,) = result.failures
    assert failure.path == "x"
    assert says in failure.reason
    assert isinstance(failure.error, FlowrunError)
    assert asked == []
