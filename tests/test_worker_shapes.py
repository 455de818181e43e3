"""Elements of many shapes in worker processes: unions, prompts in files, models as values, endpoints, imports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun import Result, RunOptions, load, run_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.workers import beginning
from support.model_server import Served, model_server
from support.worker_runs import MODEL, environ

HEAD = """
import "lib/parts.flow" as parts
prompt note(part: text, tone: text) from "prompts/note.md"
type Rain = { kind: "rain", town: text, mm: 0..100 }
type Mail = { kind: "mail", to: text }
type Call = Rain | Mail
model fast = "openai:fast"
model own = "lab:small" with concurrency: 3
text persona = "You are brief."
"""
SHAPES = {
    "a union": (
        'match x.kind {\n rain = ask "Rain in {{ x.town }}: {{ x.mm }}" -> 1..5\n mail = ask "To {{ x.to }}" -> 1..5 }'
    ),
    "a union behind a condition": 't = ask "Wet? {{ x.town }}" when x.kind == rain else "dry"\n { x, t }',
    "a prompt of a file": 'ask note(part: "{{ x.kind }}", tone: "dry")',
    "models as values": (
        'map m in [fast, own] {\n a = ask m "{{ persona }} Hi {{ x.kind }}" -> yes | no\n'
        " { name: m.name, a } } reduce collect"
    ),
    "a panel": 'repeat 2..6 over m in [fast, own] { ask m "Is {{ x.kind }} good?" -> yes | no } reduce ahead(2)',
    "an import": "parts.told(t: x.kind)",
    "an endpoint of the project": 'ask own "{{ x.kind }}" -> yes | no | perhaps',
    "a file": 'read = file("prompts/note.md")\n ask system "{{ persona }}" user "{{ read }} {{ x.kind }}"',
    "a search": 'repeat 1..5 { ask "Number for {{ x.kind }}" -> 1..10 } reduce first(if: result > 6)',
    "a cascade": (
        'cascade { repeat 2 { ask fast "{{ x.kind }}?" -> yes | no } reduce majority\n'
        ' else ask own "Really {{ x.kind }}?" -> yes | no when agreement < 1 }'
    ),
    "rounds": 'chain up to 3 { ok = ask "Good? {{ x.kind }}" -> yes | no\n { ok } } until ok == yes else last',
}


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with model_server(tmp_path_factory.mktemp("server") / "log", seconds=0.002) as served:
        yield served


def rows(journal: Path) -> list[tuple[str, str]]:
    with JournalReader(journal) as reader:
        (run,) = reader.index.runs
        return sorted((str(row[1]), str(row[3])) for row in reader.attempts(run))


def losses(result: Result) -> list[str]:
    return sorted(f"{one.path} {one.reason}" for one in result.outcome.losses)


async def test_all_shapes_come_to_the_same_in_workers(server: Served, tmp_path: Path) -> None:
    for name, text in {
        "lib/parts.flow": 'flow told(t: text) {\n a = ask "Told {{ t }}"\n return ask "{{ a }}?" -> yes | no\n}\n',
        "prompts/note.md": "Note in a {{ tone }} tone on {{ part }}.\n",
        "flowrun.toml": f'[endpoints.lab]\nbase_url = "{server.url}"\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".git").mkdir()
    steps = "".join(
        f" s{at} = map x in xs {{ {body} }} reduce collect with errors: skip\n"
        for at, body in enumerate(SHAPES.values())
    )
    value = ", ".join(f"s{at}" for at in range(len(SHAPES)))
    text = f"{HEAD}flow many(xs: [Call]) {{\n{steps} return {{ {value} }}\n}}\n"
    inputs: dict[str, Any] = {
        "xs": [
            {"kind": "rain", "town": f"town {n}", "mm": n} if n % 3 else {"kind": "mail", "to": f"ann {n}"}
            for n in range(8)
        ]
    }
    (tmp_path / "x.flow").write_text(text)

    async def run(name: str, workers: int) -> Result:
        options = RunOptions(
            model=MODEL,
            environ=environ(server, tmp_path),
            journal=tmp_path / name,
            workers=workers,
            allow_read=[tmp_path],
        )
        return await run_async(load(tmp_path / "x.flow"), inputs, options=options)

    one, two = await run("one.db", 0), await run("two.db", 2)
    assert two.status == one.status
    assert two.value == one.value
    assert two.tallies == one.tallies
    assert losses(two) == losses(one)
    assert rows(tmp_path / "two.db") == rows(tmp_path / "one.db")
    assert two.summary.account == one.summary.account
    assert one.summary.account.answered > 60
