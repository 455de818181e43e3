"""Plan and inputs are in the journal once; long texts stay in their files; the places of models need no environment."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.cli import run_command
from flowrun.runtime.files.large_text import LARGE, mark_of
from flowrun.runtime.journal.given_files import kept_apart
from flowrun.runtime.journal.index import Run
from flowrun.runtime.journal.notes import files_of
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.recorded_beginning import recorded_beginning
from flowrun.runtime.journal.records import JUST_BEGUN, Kind, LogRecord, content
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.survey import read_runs
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.errors import DiskError, InputError, UsageError
from flowrun.runtime.vocabulary.run_record import EndpointRecord
from support.old_journals import lay_out

FLOW = 'flow f(x: text, y: text = "y") { a = ask "{{ x }} {{ y }}" return a }\n'
LONG = "One long line of a text.\n" * (LARGE // 20)


def options(journal: Path, asked: list[str] | None = None, **more: Any) -> RunOptions:
    def opener(model: str, around: Any) -> ScriptedProvider:
        return ScriptedProvider(lambda request, number: f"{len(request.messages[-1].text)}", model=model)

    return RunOptions(model="scripted:m", opener=opener, journal=journal, environ={}, learn=False, **more)


def kinds(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [kind for (kind,) in db.execute("SELECT kind FROM records ORDER BY number")]


def givens(path: Path, read: Any = None) -> list[tuple[Run, dict[str, Any]]]:
    with JournalReader(path, *([read] if read else [])) as reader:
        return [(run, recorded_beginning(reader, run).inputs) for run in reader.index.runs.values()]


# Contents


async def test_runs_with_the_same_beginning_write_it_once(flow: Callable[[str], Path], tmp_path: Path) -> None:
    journal, path = tmp_path / "journal.db", flow(FLOW)
    for x in ("a", "a", "b", "a"):
        await run_async(path, {"x": x}, options=options(journal))
    assert kinds(journal).count("content") == 3, "one plan, two inputs"
    for read in (None, read_runs):
        assert [inputs for _, inputs in givens(journal, read)] == [{"x": x} for x in ("a", "a", "b", "a")]
    with closing(sqlite3.connect(journal)) as db:
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM records WHERE kind = 'given'")]
    assert {body["plan"] for body in bodies} == {bodies[0]["plan"]}
    assert all(len(body["inputs"]) == 32 for body in bodies)


async def test_runs_at_once_write_one_copy(flow: Callable[[str], Path], tmp_path: Path) -> None:
    journal, path = tmp_path / "journal.db", flow(FLOW)
    results = await asyncio.gather(
        *(run_async(path, {"x": str(number % 2)}, options=options(journal)) for number in range(10))
    )
    assert kinds(journal).count("content") == 3
    assert len(givens(journal)) == 10
    for result in results:
        again = await resume_async(result.run, journal, options=RunOptions(opener=options(journal).opener, environ={}))
        assert again.value == result.value


def records(x: str) -> list[LogRecord]:
    plan, inputs = content(JUST_BEGUN, {"json": {"flow": "f"}}), content(JUST_BEGUN, {"json": {"x": x}})
    given = {"plan": plan.key.hex(), "inputs": inputs.key.hex(), "settings": {}}
    begun = LogRecord(0, Kind.RUN, {"id": x, "flow": "f", "source": "f.flow", "began": 1.0})
    return [begun, plan, inputs, LogRecord(JUST_BEGUN, Kind.GIVEN, given)]


async def test_a_beginning_that_was_not_written_is_written_by_the_next(tmp_path: Path) -> None:
    """All of a beginning is one transaction: what a failed one did not write is not taken for written."""
    path = tmp_path / "journal.db"
    with closing(Journal.open(path)) as journal:
        unwritable = LogRecord(JUST_BEGUN, Kind.END, {"account": {1, 2}})
        with pytest.raises(TypeError):
            await journal.append([*records("a"), unwritable])
        assert await journal.append(records("a")) == 1
        both = [journal.append(records("a")), journal.append([*records("b"), unwritable]), journal.append(records("b"))]
        ends = await asyncio.gather(*both, return_exceptions=True)
    assert ends[0] == 5
    assert isinstance(ends[1], TypeError)
    assert [inputs for _, inputs in givens(path)] == [{"x": "a"}, {"x": "a"}, {"x": "b"}]
    assert kinds(path).count("content") == 3


async def test_a_killed_run_between_leaves_whole_beginnings(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for x in ("a", "b", "a"):
        with closing(Journal.open(path)) as journal:
            await journal.append(records(x))
    assert [inputs["x"] for _, inputs in givens(path)] == ["a", "b", "a"]
    assert kinds(path).count("content") == 3


async def test_contents_are_part_of_what_other_runs_see(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal.open(path)) as first:
        await first.append(records("a"))
        with closing(Journal.open(path)) as second:
            (run,) = second.index.runs.values()
            assert recorded_beginning(second, run).inputs == {"x": "a"}
            await second.append(records("b"))
            with closing(Journal.open(path)) as third:
                found = [recorded_beginning(third, run).inputs for run in third.index.runs.values()]
        assert found == [{"x": "a"}, {"x": "b"}]
        assert not first.index.contents


@pytest.mark.parametrize("part", ["plan_text", "inputs"])
def test_a_missing_content_is_damage(part: str, tmp_path: Path) -> None:
    body = json.dumps({"plan": "0" * 32, "inputs": "1" * 32, "settings": {}})
    head = json.dumps({"id": "r", "flow": "f", "source": "", "began": 1.0})
    rows = [(1, 1, "run", b"", "", head), (2, 1, "given", b"", "", body)]
    path = lay_out(tmp_path / "journal.db", iter(rows), 2)
    with JournalReader(path) as reader, pytest.raises(DiskError, match=r"is damaged: the content .* is missing"):
        getattr(recorded_beginning(reader, reader.index.runs[1]), part)


def test_a_run_without_a_beginning_says_so(tmp_path: Path) -> None:
    with JournalReader(tmp_path / "none.db") as reader, pytest.raises(DiskError, match="ended before its first call"):
        recorded_beginning(reader, Run(1, "r", "f", "", 1.0))


def test_changed_content_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def written() -> None:
        with closing(Journal.open(path)) as journal:
            await journal.append(records("a"))

    asyncio.run(written())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("""UPDATE records SET body = '{"json":{"x":"other"}}' WHERE kind = 'content' AND number = 3""")
    with JournalReader(path, read_runs) as reader, pytest.raises(DiskError, match="row 3"):
        _ = recorded_beginning(reader, reader.index.runs[1]).inputs


# Long texts


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    path = tmp_path / "long.txt"
    path.write_text(LONG)
    return path


async def test_a_long_text_stays_in_its_file(flow: Callable[[str], Path], tmp_path: Path, long_file: Path) -> None:
    journal, path = tmp_path / "journal.db", flow(FLOW)
    result = await run_async(path, {"x": long_file}, options=options(journal))
    assert journal.stat().st_size < LARGE
    with JournalReader(journal) as reader:
        (run,) = reader.index.runs.values()
        given = recorded_beginning(reader, run)
        assert given.inputs == {"x": None}
        kept = given.files["x"]
        assert (kept["path"], kept["size"], kept["at"]) == (str(long_file), len(LONG), ["x"])
        assert [(one.path, one.sha256) for one in files_of(reader, run)] == [(str(long_file), kept["sha256"])]
    again = await resume_async("last", journal, options=options_of_resume())
    assert again.value == result.value == str(len(LONG) + 2)


def options_of_resume() -> RunOptions:
    def opener(model: str, around: Any) -> ScriptedProvider:
        return ScriptedProvider([], model=model)

    return RunOptions(opener=opener, environ={}, learn=False)


def spoil(file: Path, how: str) -> None:
    if how == "changed":
        file.write_text(LONG + "more")
    elif how == "same size":
        file.write_text(LONG.replace("One", "Two"))
    else:
        file.unlink()
        if how == "folder":
            file.mkdir()


@pytest.mark.parametrize("how", ["changed", "same size", "missing", "folder"])
async def test_a_resume_names_a_file_that_is_not_as_it_was(
    how: str, flow: Callable[[str], Path], tmp_path: Path, long_file: Path
) -> None:
    journal = tmp_path / "journal.db"
    await run_async(flow(FLOW), {"x": long_file}, options=options(journal))
    spoil(long_file, how)
    with pytest.raises(UsageError) as caught:
        await resume_async("last", journal, options=options_of_resume())
    assert "long.txt" in str(caught.value)
    assert "`x`" in str(caught.value)
    assert ("has changed since the run began" in str(caught.value)) is (how in ("changed", "same size"))
    assert isinstance(caught.value, InputError) is (how in ("missing", "folder"))
    assert "restore the" in str(caught.value)


async def test_long_texts_within_lists_and_records(
    flow: Callable[[str], Path], tmp_path: Path, long_file: Path
) -> None:
    text = """
    flow f(docs: [document], one: { body: document, note: text }) {
      out = map doc in docs { ask "{{ doc }}" } reduce collect
      last = ask "{{ one.body }} {{ one.note }}"
      return last
    }
    """
    journal, short = tmp_path / "journal.db", tmp_path / "short.md"
    short.write_text("short")
    values = {"docs": [short, long_file, long_file], "one": {"body": long_file, "note": "n"}}
    result = await run_async(flow(text), values, options=options(journal))
    with JournalReader(journal) as reader:
        (run,) = reader.index.runs.values()
        given = recorded_beginning(reader, run)
        assert given.inputs == {"docs": ["short", None, None], "one": {"body": None, "note": "n"}}
        assert set(given.files) == {"docs[1]", "docs[2]", "one.body"}
    again = await resume_async("last", journal, options=options_of_resume())
    assert again.value == result.value == str(len(LONG) + 2)


def test_what_stays_in_its_file(tmp_path: Path, long_file: Path, flow: Callable[[str], Path]) -> None:
    """By the command line: a long text of a file, but no short one, no pipe and no text that was typed."""
    from flowrun.runtime.inputs.inputs import read_input
    from flowrun.runtime.session.loading import load, plan_of

    plan = plan_of(load(flow('flow f(x: text, d: document) { return "{{ x }}{{ d }}" }')))
    just, page = tmp_path / "just.txt", tmp_path / "page.html"
    just.write_text("x" * LARGE)
    page.write_text(f"<p>{LONG}</p>")
    text, document = plan.params

    def kept(given: str, param: Any = text) -> bool:
        value = read_input(param, given, lambda: LONG)
        apart = kept_apart({param.name: value})
        assert (apart.inputs[param.name] is None) is bool(apart.files)
        return bool(apart.files)

    assert kept(f"@{long_file}")
    assert kept(str(long_file), document)
    assert not kept(f"@{just}")
    assert not kept("-")
    assert not kept(LONG)
    assert not kept(str(page), document), "its text depends on the reader"
    assert mark_of(LONG) is None


# The places of models


async def test_places_without_an_environment(faults: Any, flow: Callable[[str], Path], tmp_path: Path) -> None:
    faults.json({"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]})
    environ = {"OPENAI_BASE_URL": faults.url, "OPENAI_API_KEY": "sk-secret"}
    journal = tmp_path / "journal.db"
    await run_async(
        flow(FLOW), {"x": "a"}, options=RunOptions(model="openai:m", journal=journal, environ=environ, learn=False)
    )
    with JournalReader(journal) as reader:
        (run,) = reader.index.runs.values()
        models = recorded_beginning(reader, run).models
    assert models["openai:m"] == EndpointRecord(faults.url, faults.url)
    assert b"sk-secret" not in journal.read_bytes()


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ("https://api.example.com/v1", EndpointRecord("https://api.example.com/v1", "https://api.example.com/v1")),
        ("http://127.0.0.1:8080", EndpointRecord("http://127.0.0.1:8080", "http://127.0.0.1:8080")),
        ("https://u:pass@h.example/v1?key=pass#pass", EndpointRecord("https://h.example/v1", "https://h.example/v1")),
        ("https://h.example/v1?key=pass", EndpointRecord("https://h.example/v1", "https://h.example/v1")),
        ("qwen/weights.gguf", EndpointRecord("qwen/weights.gguf", "")),
        ("scripted:m", EndpointRecord("scripted:m", "")),
    ],
)
async def test_places_have_no_secret(
    endpoint: str, place: EndpointRecord, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    def opener(model: str, around: Any) -> ScriptedProvider:
        made = ScriptedProvider(lambda request, number: "x", model=model)
        made.endpoint = endpoint
        return made

    journal = tmp_path / "journal.db"
    await run_async(
        flow(FLOW), {"x": "a"}, options=RunOptions(model="m:m", opener=opener, journal=journal, environ={}, learn=False)
    )
    with JournalReader(journal, read_runs) as reader:
        (run,) = reader.index.runs.values()
        assert recorded_beginning(reader, run).models == {"m:m": place}
    assert b"pass" not in journal.read_bytes()


async def test_a_resume_writes_other_places_only(flow: Callable[[str], Path], tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"

    def at(endpoint: str) -> Callable[[str, Any], ScriptedProvider]:
        def opener(model: str, around: Any) -> ScriptedProvider:
            made = ScriptedProvider(lambda request, number: "x", model=model)
            made.endpoint = endpoint
            return made

        return opener

    await run_async(
        flow(FLOW), {"x": "a"}, options=RunOptions(model="m:m", opener=at("http://a"), journal=journal, environ={})
    )
    names = []
    for endpoint in ("http://a", "http://b", "http://b", "http://a"):
        await resume_async("last", journal, options=RunOptions(opener=at(endpoint), environ={}))
        with JournalReader(journal) as reader:
            (run,) = reader.index.runs.values()
            names.append(recorded_beginning(reader, run).models["m:m"].name)
    assert names == ["http://a", "http://b", "http://b", "http://a"]
    with closing(sqlite3.connect(journal)) as db:
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM records WHERE kind = 'resumed'")]
    assert ["models" in body for body in bodies] == [False, True, True, False]


async def test_every_model_that_the_flow_may_ask_has_its_place(flow: Callable[[str], Path], tmp_path: Path) -> None:
    text = """
    model big = "scripted:big" else "scripted:spare"
    flow f(judge: model) {
      a = ask big "a"
      b = ask judge "b"
      return "{{ a }}{{ b }}"
    }
    """
    journal = tmp_path / "journal.db"
    await run_async(flow(text), {"judge": "scripted:judge"}, options=options(journal))
    with JournalReader(journal) as reader:
        (run,) = reader.index.runs.values()
        models = recorded_beginning(reader, run).models
    assert set(models) == {"scripted:big", "scripted:judge", "scripted:spare"}


def test_the_list_of_runs_finds_the_prices_of_a_plan(
    flow: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
    model big = "scripted:big" with input_price: 1000000, output_price: 0
    flow f() { a = ask big "a b" return a }
    """
    journal = tmp_path / "journal.db"
    for _ in range(2):
        asyncio.run(run_async(flow(text), {}, options=options(journal, fresh=True)))
    with closing(sqlite3.connect(journal)) as db, db:
        db.execute("DELETE FROM records WHERE number = (SELECT max(number) FROM records)")
    (tmp_path / "journal.db.head").unlink()
    assert run_command(["runs", "--journal", str(journal), "--json"]) == 0
    done, killed = json.loads(capsys.readouterr().out)["runs"]
    assert (done["status"], killed["status"]) == ("done", "killed")
    assert killed["cost"] == done["cost"] == 2.0
