"""What a journal spares: a run again, an edited flow, a changed input, a vote; and what is said of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, Stop, resume_async, run_async
from flowrun.runtime.cli.journals import journal_path
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.dispatch import scheduler
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import chat, command

REVIEW = """flow review(parts: [text], tone: text) {
  notes = map part in parts { ask "Note on {{ part }}" } reduce collect
  letter = ask "In a {{ tone }} tone: {{ notes }}"
  return letter
}
"""
VOTE = """flow vote(x: text) {
  v = repeat 5 { ask "{{ x }}" -> A | B | C with temperature: 1 } reduce majority with launch: together
  return votes(v)
}
"""


class Model:
    """Answers by the prompt and, for a choice, by turns: A, B, C, A, B …"""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def reply(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        prompt = body["messages"][0]["content"]
        texts = []
        for _ in range(body.get("n", 1)):
            self.asked.append(prompt)
            if "response_format" in body:
                texts.append(json.dumps({"answer": "ABC"[(len(self.asked) - 1) % 3]}))
            else:
                texts.append(f"<{prompt}>")
        return web.json_response(chat(*texts))


@pytest.fixture
def model(faults: Any) -> Model:
    made = Model()
    faults.replies.append(made.reply)
    return made


@pytest.fixture
def go(faults: Any, tmp_path: Path) -> Callable[..., Any]:
    async def run(path: Path, **more: Any) -> Any:
        inputs = more.pop("inputs", {"parts": ["one", "two", "three"], "tone": "warm"})
        environ = {"OPENAI_BASE_URL": faults.url, "HOME": str(tmp_path)}
        given = {"model": "openai:m", "environ": environ, "journal": tmp_path / "journal.db", **more}
        return await run_async(path, inputs, options=RunOptions(**given))

    return run


async def test_a_run_again_buys_nothing(model: Model, flow: Any, go: Any) -> None:
    path = flow(REVIEW)
    first = await go(path)
    assert len(model.asked) == 4
    again = await go(path)
    assert len(model.asked) == 4
    assert again.value == first.value
    assert (again.summary.calls, again.summary.recalled) == (0, 4)
    assert again.run != first.run


async def test_fresh_asks_everything_again_and_is_recalled_itself(model: Model, flow: Any, go: Any) -> None:
    path = flow(REVIEW)
    await go(path)
    await go(path, fresh=True)
    assert len(model.asked) == 8
    await go(path)
    assert len(model.asked) == 8


async def test_an_edited_prompt_pays_for_itself_and_what_follows(model: Model, flow: Any, go: Any) -> None:
    await go(flow(REVIEW))
    await go(flow(REVIEW.replace("In a {{ tone }} tone", "With {{ tone }} words")))
    assert len(model.asked) == 5
    # Names, places and layout are no part of a question.
    renamed = REVIEW.replace("notes", "remarks").replace("review(", "reviewed(").replace("part in", "piece in")
    await go(flow("\n\n# A comment.\n" + renamed.replace("{{ part }}", "{{ piece }}")))
    assert len(model.asked) == 5


@pytest.mark.parametrize(
    ("inputs", "calls"),
    [
        ({"parts": ["one", "two", "three"], "tone": "cold"}, 1),
        ({"parts": ["zero", "one", "two", "three"], "tone": "warm"}, 2),
        ({"parts": ["three", "two", "one"], "tone": "warm"}, 1),
        ({"parts": ["one"], "tone": "warm"}, 1),
        ({"parts": ["one", "one", "two", "three"], "tone": "warm"}, 2),
    ],
)
async def test_a_changed_input_pays_for_what_it_changes(
    inputs: dict[str, Any], calls: int, model: Model, flow: Any, go: Any
) -> None:
    await go(flow(REVIEW))
    del model.asked[:]
    await go(flow(REVIEW), inputs=inputs)
    assert len(model.asked) == calls


@pytest.mark.parametrize("change", ["model", "temperature", "max_tokens", "seed", "system", "type"])
async def test_whatever_changes_an_answer_is_part_of_its_key(change: str, model: Model, flow: Any, go: Any) -> None:
    plain = 'flow f() { a = ask "hi" with temperature: 0.5 return a }\n'
    other = {
        "temperature": plain.replace("0.5", "0.6"),
        "max_tokens": plain.replace("0.5", "0.5, max_tokens: 9"),
        "seed": plain.replace("0.5", "0.5, seed: 1"),
        "system": plain.replace('ask "hi"', 'ask system "be brief" user "hi"'),
        "type": plain.replace('"hi"', '"hi" -> A | B'),
    }.get(change, plain)
    await go(flow(plain), inputs={})
    await go(flow(other), inputs={}, model="openai:n" if change == "model" else "openai:m")
    assert len(model.asked) == 2


async def test_the_samples_of_a_vote_are_different_answers(model: Model, flow: Any, go: Any) -> None:
    first = await go(flow(VOTE), inputs={"x": "?"})
    assert len(model.asked) == 5
    assert first.value["counted"] == 5
    assert [one["answer"] for one in first.value["counts"]] == ["A", "B", "C"]
    again = await go(flow(VOTE), inputs={"x": "?"})
    assert len(model.asked) == 5
    assert again.value == first.value
    # Two more samples are two more calls, and no answer is counted twice.
    seven = await go(flow(VOTE.replace("repeat 5", "repeat 7")), inputs={"x": "?"})
    assert len(model.asked) == 7
    assert seven.value["counted"] == 7
    three = await go(flow(VOTE.replace("repeat 5", "repeat 3")), inputs={"x": "?"})
    assert len(model.asked) == 7
    assert three.value["counted"] == 3


async def test_equal_elements_of_a_map_are_answered_one_by_one(model: Model, flow: Any, go: Any) -> None:
    """Two rows that ask the same are two calls, as they would be by hand, and both are recalled."""
    path = flow('flow f(xs: [text]) { a = map x in xs { ask "{{ x }}" } reduce collect return a }\n')
    await go(path, inputs={"xs": ["same", "same", "other"]})
    assert len(model.asked) == 3
    again = await go(path, inputs={"xs": ["same", "other", "same"]})
    assert len(model.asked) == 3
    assert again.value == ["<same>", "<other>", "<same>"]


async def test_a_run_that_is_done_is_told_again(model: Model, flow: Any, go: Any, tmp_path: Path, faults: Any) -> None:
    first = await go(flow(REVIEW))
    again = await resume_async(
        "last", tmp_path / "journal.db", options=RunOptions(environ={"OPENAI_BASE_URL": faults.url})
    )
    assert again.value == first.value
    assert again.run == first.run
    assert len(model.asked) == 4


async def test_going_on_needs_a_run(model: Model, flow: Any, go: Any, tmp_path: Path) -> None:
    await go(flow(REVIEW))
    with pytest.raises(UsageError, match="has no run `nothing`"):
        await resume_async("nothing", tmp_path / "journal.db", options=RunOptions(environ={}))
    with pytest.raises(UsageError, match="there is no journal at"):
        await resume_async("last", tmp_path / "other.db", options=RunOptions(environ={}))


async def test_a_flow_that_changed_meanwhile_goes_on_as_it_was(
    model: Model, flow: Any, go: Any, tmp_path: Path, faults: Any
) -> None:
    path = flow(REVIEW.replace("tone: text)", "tone: text) budget 2 calls"))
    assert (await go(path)).status == "budget"
    path.write_text("flow other() { return 1 }\n")
    environ = {"OPENAI_BASE_URL": faults.url}
    done = await resume_async("last", tmp_path / "journal.db", options=RunOptions(environ=environ, budget=Budget(9)))
    assert done.ok
    assert len(model.asked) == 4


async def test_the_command_tells_what_the_journal_gave(model: Model, flow: Any, faults: Any) -> None:
    path = flow(REVIEW)
    given = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "journal.db"}
    words = ("a.flow", "--parts", '["one", "two"]', "--tone", "warm", "--model", "openai:m")
    planned = await command("plan", *words, folder=path.parent, **given)
    assert "journal" not in planned.out
    first = await command(*words, folder=path.parent, **given)
    assert first.code == 0
    planned = await command("plan", *words, folder=path.parent, **given)
    assert planned.out.endswith("the journal has 3 answers for this flow: a run makes no calls\n")
    again = await command(*words, folder=path.parent, **given)
    assert again.out == first.out
    assert "3 answers from the journal" in again.err
    path.write_text(REVIEW.replace("Note on", "Remark on"))
    planned = await command("plan", *words, "--json", folder=path.parent, **given)
    assert json.loads(planned.out)["journal"] is None or json.loads(planned.out)["journal"]["answers"] == 0
    path.write_text(REVIEW.replace("In a", "In one"))
    planned = await command("plan", *words, "--json", folder=path.parent, **given)
    assert json.loads(planned.out)["journal"] == {"answers": 2, "calls": 1, "questions": 0}
    runs = await command("runs", "--json", folder=path.parent, **given)
    assert [run["status"] for run in json.loads(runs.out)["runs"]] == ["done", "done"]
    listed = await command("runs", folder=path.parent, **given)
    assert len(listed.out.splitlines()) == 3
    kept = await command(*words, "--json", "--no-journal", folder=path.parent, **given)
    assert json.loads(kept.out)["run"] is None
    assert json.loads(kept.out)["recalled"] == 0


async def test_a_journal_of_somebody_else_is_refused(flow: Any, go: Any, tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"SQLite format 3\x00" + b"\x80\x04pickle" * 99)
    with pytest.raises(DiskError):
        await go(flow(REVIEW))


def test_the_journal_is_that_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "home" / "project" / "flows"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    environ = {"HOME": str(tmp_path / "home")}
    assert journal_path(None, environ) == deep / ".flowrun" / "journal.db"
    (tmp_path / "home" / ".flowrun").mkdir()
    (tmp_path / "home" / ".flowrun" / "journal.db").touch()
    assert journal_path(None, environ) == deep / ".flowrun" / "journal.db"
    (deep.parent / ".git").mkdir()
    assert journal_path(None, environ) == deep.parent / ".flowrun" / "journal.db"
    (deep / ".flowrun").mkdir()
    (deep / ".flowrun" / "journal.db").touch()
    assert journal_path(None, environ) == deep / ".flowrun" / "journal.db"
    assert journal_path(None, {**environ, "FLOWRUN_JOURNAL": "/a/b.db"}) == Path("/a/b.db")
    assert journal_path("c.db", {**environ, "FLOWRUN_JOURNAL": "/a/b.db"}) == Path("c.db")
    with pytest.raises(UsageError, match="--no-journal"):
        journal_path(" ", environ)


async def test_a_call_that_was_cut_off_by_the_end_of_its_run_is_told_of(
    faults: Any, flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """^C waits only so long: what is under way then may be paid, whatever the run says of itself."""
    monkeypatch.setattr(scheduler, "GRACE", 0.1)
    faults.hang()
    faults.json(chat("fine"))
    path, journal = flow('flow f() { a = ask "hi" return a }\n'), tmp_path / "journal.db"
    environ = {"OPENAI_BASE_URL": faults.url}
    stop = Stop()
    running = asyncio.ensure_future(
        run_async(path, options=RunOptions(model="openai:m", environ=environ, journal=journal, stop=stop))
    )
    await faults.arrived.wait()
    stop()
    assert (await running).status == "stopped"
    told: list[e.Event] = []
    failed = await resume_async("last", journal, options=RunOptions(environ=environ, ask_doubtful=False))
    assert failed.status == "failed"
    again = await resume_async("last", journal, options=RunOptions(environ=environ, on_event=[told.append]))
    assert again.value == "fine"
    notices = [event.text for event in told if isinstance(event, e.Notice)]
    assert sum("1 call was open" in notice for notice in notices) == 1
    assert again.summary.in_doubt == 1
    keys = [headers["Idempotency-Key"] for headers in faults.headers]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("way", ["resume", "run"])
async def test_what_failed_in_doubt_is_told_of_before_it_is_sent_again(
    way: str, faults: Any, flow: Any, tmp_path: Path
) -> None:
    faults.json({"error": {"message": "boom"}}, 500)
    faults.json(chat("fine"))
    path, journal = flow('flow f() { a = ask "hi" with retries: 0 return a }\n'), tmp_path / "journal.db"
    environ = {"OPENAI_BASE_URL": faults.url}
    assert (
        await run_async(path, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    ).status == "failed"
    told: list[e.Event] = []
    if way == "resume":
        again = await resume_async("last", journal, options=RunOptions(environ=environ, on_event=[told.append]))
    else:
        again = await run_async(
            path, options=RunOptions(model="openai:m", environ=environ, journal=journal, on_event=[told.append])
        )
    assert again.value == "fine"
    assert again.summary.in_doubt == 1
    assert any("may have been paid" in event.text for event in told if isinstance(event, e.Notice))
    assert len({headers["Idempotency-Key"] for headers in faults.headers}) == 1
    # Answered, it is in doubt no more.
    told.clear()
    await run_async(
        path, options=RunOptions(model="openai:m", environ=environ, journal=journal, on_event=[told.append])
    )
    assert not [event for event in told if isinstance(event, e.Notice)]


async def test_what_is_in_doubt_is_told_of_once(faults: Any, flow: Any, tmp_path: Path) -> None:
    faults.json({"error": {"message": "boom"}}, 500)
    faults.json(chat("fine"))
    journal, environ = tmp_path / "journal.db", {"OPENAI_BASE_URL": faults.url}
    told: list[e.Event] = []

    async def run(prompt: str) -> list[str]:
        told.clear()
        path = flow(f'flow f() {{ a = ask "{prompt}" with retries: 0 return a }}\n')
        await run_async(
            path, options=RunOptions(model="openai:m", environ=environ, journal=journal, on_event=[told.append])
        )
        return [event.text for event in told if isinstance(event, e.Notice)]

    assert await run("hi") == []
    assert len(await run("something else")) == 1
    assert await run("something else") == []
