"""The replay of a plan from a source of answers, without a journal, a clock and a network."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import flowrun.runtime
from flowrun.runtime import replay as public
from flowrun.runtime.engine.decisions import Call, LaunchExtern, Read
from flowrun.runtime.replay import UNKNOWN, AnswerSource, Replay, ReplayedCall, Replies, replay
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, PermanentError
from support.harness import planned
from support.patience import PATIENCE

Json = Any
NOTES = """flow f(rows: [{ title: text, size: int }]) {
  notes = map row in rows { draft = ask "Note on {{ row.title }}"  short = ask "Shorten {{ draft }}" } reduce collect
  return notes
}"""
VOTE = """flow f() {
  spam = repeat 5 { ask "Is it?" -> yes | no } reduce majority
  return spam
}"""
ROWS = [{"title": "Spring", "size": 3}, {"title": "Autumn", "size": 4}]


def done(text: str, source: AnswerSource, inputs: dict[str, Json] | None = None) -> tuple[Replay, list[ReplayedCall]]:
    under_way = replay(planned(text), inputs or {}, source, model="openai:m")
    return under_way, list(under_way)


def test_the_lines_of_a_script_are_a_source() -> None:
    run, calls = done(NOTES, Replies(["a", "b", "c", "d"]), {"rows": ROWS})
    assert run.finished
    assert run.outcome.value == ["c", "d"]
    assert [(one.call.path, one.request.messages[-1].text, one.labels, one.end) for one in calls] == [
        ("notes[0].draft", "Note on Spring", ("Spring",), "answered"),
        ("notes[1].draft", "Note on Autumn", ("Autumn",), "answered"),
        ("notes[0].short", "Shorten a", ("Spring",), "answered"),
        ("notes[1].short", "Shorten b", ("Autumn",), "answered"),
    ]


def test_a_script_that_ends_early_leaves_calls_that_wait() -> None:
    run, calls = done(NOTES, Replies(["a"]), {"rows": ROWS})
    assert not run.finished
    assert not run.outcome.complete
    assert {one.call.path: one.end for one in calls} == {
        "notes[0].draft": "answered",
        "notes[1].draft": "waiting",
        "notes[0].short": "waiting",
    }


def test_lines_may_belong_to_a_path() -> None:
    run, _ = done(NOTES, Replies(["x", "y", "z"], {"notes[1].draft": ["mine"]}), {"rows": ROWS})
    assert run.outcome.value == ["y", "z"]


def test_a_vote_has_its_tally_and_the_samples_that_it_did_not_need() -> None:
    run, calls = done(VOTE, Replies(["yes", "no", "yes", "yes"]))
    tally = run.outcome.tallies["spam"]
    assert (run.outcome.value, tally.counted, tally.planned) == ("yes", 4, 5)
    assert {one.vote for one in calls} == {"spam"}


def test_answers_that_do_not_fit_belong_to_their_call() -> None:
    text = 'flow f() { n = ask "How many?" -> int return n }'
    run, [call] = done(text, Replies(["many", "7"]))
    assert run.outcome.value == 7
    first, second = call.heard
    assert isinstance(first.value, AnswerError)
    assert second.value == 7
    assert len(call.request.messages) == 1, "the request is the first one, without the correction"


class Mixed(AnswerSource):
    """A source as another package writes it: it knows externs, reads and failures."""

    def answer(self, call: Call) -> Answer | CallError:
        return PermanentError("refused") if "bad" in call.request.messages[-1].text else Answer("good")

    def extern(self, launch: LaunchExtern) -> Json:
        return launch.args["n"] + 1 if launch.path == "more" else UNKNOWN

    def read(self, read: Read) -> Json:
        return f"the text of {read.args['path']}"


def test_a_source_knows_externs_reads_and_failures() -> None:
    text = """extern grow(n: int) -> int from "m:f"
flow f() {
  more = grow(1)
  read = file("a.txt")
  all = map one in [read, "bad"] { ask "{{ one }} {{ more }}" } reduce collect with errors: skip
  return { all: all, more: more }
}"""
    run, calls = done(text, Mixed())
    assert run.outcome.value == {"all": ["good"], "more": 2}
    assert [one.request.messages[-1].text for one in calls] == ["the text of a.txt 2", "bad 2"]
    assert [(one.end, one.reason) for one in calls] == [("answered", ""), ("failed", "refused")]


def test_what_a_source_does_not_know_is_named() -> None:
    text = 'flow f() { read = file("a.txt") a = ask "{{ read }}" return a }'
    run, calls = done(text, Replies(["x"]))
    assert run.unread == ["file(a.txt)"]
    assert not calls


def test_the_replay_is_public_and_its_names_load_lazily() -> None:
    assert flowrun.runtime.replay is public
    assert set(public.__all__) <= set(dir(public))
    for name in public.__all__:
        assert getattr(public, name) is not None
    with pytest.raises(AttributeError):
        getattr(public, "nothing")  # noqa: B009


@pytest.mark.parametrize("absent", ["sqlite3", "aiohttp", "asyncio", "pydantic_core"])
def test_the_core_needs_no_database_no_network_and_no_event_loop(absent: str) -> None:
    code = f"""
import sys
sys.modules[{absent!r}] = None
from flowrun.runtime.replay import Replies, replay
from flowrun.dsl import plan
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)
