"""Answers that are forgotten are asked again, and a run that was copied is the same run in another journal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.cli import run_command
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.replay import read_run
from support.written import read_journal

FLOW = """
flow notes(items: [text]) {
  notes = map item in items {
    kind = repeat 3 { ask "Which kind is {{ item }}?" -> A | B } reduce majority
    draft = ask "Draft {{ item }}, {{ kind }}"
    { kind, draft }
  } reduce collect
  return notes
}
"""
RUN = '{"kind": "run", "version": 1, "body": {"id": "a", "flow": "f", "source": "", "began": 1}}\n'
GIVEN = '{"kind": "given", "key": "", "place": "", "body": {"plan": "aa", "inputs": "bb", %s}}\n'
ITEMS = {"items": ["one", "two", "three"]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWRUN_JOURNAL", raising=False)
    (tmp_path / "f.flow").write_text(FLOW)
    return tmp_path


def options(asked: list[str], journal: Path) -> RunOptions:
    def reply(request: Any, number: int) -> str:
        prompt = request.messages[-1].text
        asked.append(prompt)
        return "A" if request.choices else f"<{prompt}>"

    return RunOptions(
        model="scripted:m",
        journal=journal,
        opener=lambda name, around: ScriptedProvider(reply, model=f"scripted:{name}"),
    )


@pytest.fixture
def journal(here: Path) -> Path:
    path = here / ".flowrun" / "journal.db"
    result = asyncio.run(run_async(here / "f.flow", ITEMS, options=options([], path)))
    assert result.status == "done"
    return path


def again(journal: Path) -> tuple[list[str], Any]:
    asked: list[str] = []
    kept = options(asked, journal)
    result = asyncio.run(resume_async("last", options=RunOptions(journal=journal, opener=kept.opener)))
    return asked, result.value


@pytest.mark.parametrize(
    ("path", "prompts"),
    [
        ("notes[1].draft", ["Draft two, A"]),
        ("notes.0.draft", ["Draft one, A"]),
        ("notes.2", ["Draft three, A", "Which kind is three?"]),
        ("notes", None),
    ],
)
def test_a_forgotten_call_alone_is_asked_again(
    path: str, prompts: list[str] | None, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_journal(journal).paid.count
    assert again(journal) == ([], [{"kind": "A", "draft": f"<Draft {one}, A>"} for one in ITEMS["items"]])
    assert run_command(["journal", "forget", "last", path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    asked, value = again(journal)
    # a vote that two answers decide sends the third or not
    assert set(asked) == set(prompts) if prompts is not None else len(asked) > 5
    assert told["answers"] >= len(asked)
    assert [one["draft"] for one in value] == [f"<Draft {one}, A>" for one in ITEMS["items"]]
    assert read_journal(journal).paid.count == before + len(asked)
    # and they are paid again, so the next resume asks for nothing
    assert again(journal)[0] == []


def test_a_later_run_asks_a_forgotten_call_too(here: Path, journal: Path) -> None:
    assert run_command(["journal", "forget", "last", "notes.1.draft"]) == 0
    asked: list[str] = []
    asyncio.run(run_async(here / "f.flow", ITEMS, options=options(asked, journal)))
    assert asked == ["Draft two, A"]
    assert run_command(["plan", "f.flow", "--items", '["one"]', "--model", "openai:m"]) == 0


def test_a_path_that_no_call_has(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["last", "notes.9.draft"], ["last", "nothing"], ["nobody", "notes"]):
        assert run_command(["journal", "forget", *words]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_copy_is_the_run_itself(here: Path, journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["journal", "export", "-o", "run.jsonl"]) == 0
    other = here / "other.db"
    assert run_command(["journal", "import", "run.jsonl", "--journal", str(other)]) == 0
    assert " answers is in" in capsys.readouterr().out
    with JournalReader(journal) as one, JournalReader(other) as two:
        first, second = next(iter(one.index.runs.values())), next(iter(two.index.runs.values()))
        left, right = read_run(one, first), read_run(two, second)
        assert (left.id, left.status, left.end, left.account) == (right.id, right.status, right.end, right.account)
        assert [call.answers for call in left.calls] == [call.answers for call in right.calls]
        assert [call.request for call in left.calls] == [call.request for call in right.calls]
    assert again(other)[0] == []
    lines = [json.loads(line) for line in (here / "run.jsonl").read_text().splitlines()]
    calls = [one for one in lines if one["kind"] == "call"]
    assert len(calls) == len(left.calls)
    assert {one["messages"][0]["text"] for one in calls} >= {"Draft one, A", "Draft two, A"}
    # the same run cannot come in twice
    assert run_command(["journal", "import", "run.jsonl", "--journal", str(other)]) == 2
    assert "erase" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (RUN.replace('"version"', '"rows": 2, "version"'), "it ends after 0 of the 2 rows"),
        ("hello\n", "line 1"),
        ("[]\n", "line 1"),
        ('{"kind": "run", "version": 9, "body": {}}\n', "version 9"),
        ('{"kind": "run", "version": 1, "body": {"id": 3}}\n', "line 1"),
        (RUN + '{"kind": "x"}\n', "line 2"),
        (RUN + '{"kind": "answer", "key": "00", "place": "p", "body": {"text": 3}}\n', "line 2"),
        (RUN + '{"kind": "intent", "key": "00", "place": "p", "body": true}\n', "line 2"),
        (RUN + '{"kind": "intent", "key": "00", "place": "p", "body": null}\n', "line 2"),
        (RUN + '{"kind": "intent", "key": "00", "place": "p", "body": {"model": ["m"]}}\n', "line 2"),
        (RUN + '{"kind": "answer", "key": "00", "place": "p", "body": {"text": "a", "in": "3"}}\n', "line 2"),
        (RUN + '{"kind": "extern", "key": "", "place": "p", "body": {"function": "f", "to": true}}\n', "line 2"),
        (RUN + GIVEN % '"settings": {"allow_read": 1.5}', "line 2"),
        ("[" * 100_000 + "\n", "line 1"),
    ],
)
def test_a_file_that_is_no_copy_changes_nothing(
    text: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.jsonl").write_text(text)
    assert run_command(["journal", "import", "bad.jsonl", "--journal", "new.db"]) == 2
    assert said in capsys.readouterr().err
    assert not (here / "new.db").exists()


def test_a_copy_without_a_content_that_its_rows_name_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.jsonl").write_text(RUN + GIVEN % '"settings": {}')
    assert run_command(["journal", "import", "bad.jsonl", "--journal", "new.db"]) == 2
    assert "it lacks the content `aa`" in capsys.readouterr().err
    assert [one.name for one in here.iterdir() if one.name.startswith("new.db")] == []


def test_a_forgotten_answer_keeps_its_own_value(here: Path) -> None:
    (here / "g.flow").write_text('flow g() {\n  kind = ask "Which?" -> A | B\n  return kind\n}\n')
    path = here / "g.db"

    def opened(text: str, model: str | None = None) -> RunOptions:
        return RunOptions(model=model, journal=path, opener=lambda name, around: ScriptedProvider([text] * 9))

    assert asyncio.run(run_async(here / "g.flow", options=opened("no idea", "scripted:m"))).status == "failed"
    assert run_command(["journal", "forget", "last", "kind", "--journal", str(path)]) == 0
    assert asyncio.run(resume_async("last", options=opened("A"))).value == "A"
    with JournalReader(path) as reader:
        [call] = read_run(reader, [*reader.index.runs.values()][-1]).calls
    assert [(one.text, one.value, bool(one.error)) for one in call.answers[::3]] == [
        ("no idea", None, True),
        ("A", "A", False),
    ]
    assert [one.end for one in call.attempts] == ["spoilt"] * 3 + ["answered"]


def test_the_spoilt_answers_of_all_losses_are_forgotten_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "g.flow").write_text(
        "flow g(items: [text]) {\n  kinds = map item in items {\n"
        '    ask "Which is {{ item }}?" -> A | B\n'
        "  } reduce collect with errors: skip\n  return kinds\n}\n"
    )
    path = here / "g.db"
    asked: list[str] = []

    def answering(good: str, **given: Any) -> RunOptions:
        def reply(request: Any, number: int) -> str:
            asked.append(request.messages[0].text)
            return "A" if good in asked[-1] else "no idea"

        return RunOptions(journal=path, opener=lambda name, around: ScriptedProvider(reply), **given)

    items = {"items": [f"{n}" for n in range(6)]}
    assert asyncio.run(run_async(here / "g.flow", items, options=answering("is 0", model="scripted:m"))).value == ["A"]
    assert run_command(["journal", "forget", "last", "--journal", str(path)]) == 2
    assert run_command(["journal", "forget", "last", "kinds", "--failed", "--journal", str(path)]) == 2
    assert "--failed" in capsys.readouterr().err
    assert run_command(["journal", "forget", "last", "--failed", "--journal", str(path)]) == 0
    assert "5 calls of" in capsys.readouterr().out
    asked.clear()
    assert asyncio.run(resume_async("last", options=answering("Which"))).value == ["A"] * 6
    assert sorted(asked) == [f"Which is {n}?" for n in range(1, 6)]
