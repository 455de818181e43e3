"""One answer, one bill: a model at an address is the same model under each name of its endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.experience.store import NAME
from support.command_line import command
from support.model_server import Served, model_server

FLOW = 'flow f(word: text) { x = ask "Say {{ word }}" -> yes | no y = ask "Then {{ x }}" return [x, y] }\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log") as served:
        yield served


class Place:
    def __init__(self, folder: Path, url: str) -> None:
        self.flow, self.journal, self.url = folder / "a.flow", folder / "journal.db", url
        self.flow.write_text(FLOW)
        self.home = folder / "home"
        settings = self.home / ".config" / "flowrun" / "settings.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[endpoints.lab]\nbase_url = "{url}/"\n[endpoints.other]\nbase_url = "{url}/other"\n')

    async def ask(self, model: str, **environ: str) -> Any:
        given = {"HOME": str(self.home), "FLOWRUN_CACHE": str(self.home / "cache"), **environ}
        options = RunOptions(model=model, environ=given, journal=self.journal)
        return await run_async(self.flow, word="x", options=options)

    async def command(self, *words: str, **environ: str) -> str:
        ran = await command(*words, folder=self.flow.parent, HOME=str(self.home), **environ)
        assert ran.code == 0, ran.err
        return ran.out


@pytest.fixture
def place(tmp_path: Path, server: Served) -> Place:
    return Place(tmp_path, server.url)


async def test_moving_to_a_named_endpoint_of_the_same_address_buys_nothing_again(place: Place, server: Served) -> None:
    first = await place.ask("openai:m", OPENAI_BASE_URL=place.url)
    assert (server.answers(), first.ok) == (2, True)
    for model, environ in (
        ("lab:m", {}),
        ("groq:m", {"GROQ_BASE_URL": f"{place.url}/"}),
        ("vllm:m", {"VLLM_BASE_URL": place.url}),
        ("ollama:m", {"OLLAMA_HOST": place.url.removesuffix("/v1")}),
        ("openai:m", {"OPENAI_BASE_URL": place.url}),
    ):
        again = await place.ask(model, **environ)
        assert (again.value, server.answers()) == (first.value, 2), model
    # Another model, another address and another API are other questions.
    await place.ask("lab:n")
    assert server.answers() == 4
    assert not (await place.ask("other:m")).ok
    assert not (await place.ask("anthropic:m", ANTHROPIC_BASE_URL=place.url)).ok


async def test_and_back_again(place: Place, server: Served) -> None:
    first = await place.ask("lab:m")
    again = await place.ask("openai:m", OPENAI_BASE_URL=place.url)
    assert (first.value, server.answers()) == (again.value, 2)


async def test_what_reads_the_journal_finds_these_answers(place: Place, server: Served) -> None:
    result = await place.ask("lab:m")
    journal = ("--journal", str(place.journal))
    planned = json.loads(await place.command("plan", "a.flow", "--word", "x", "--model", "lab:m", "--json", *journal))
    assert planned["journal"]["answers"] == 2 and planned["journal"]["calls"] == 0
    # Without the settings, the journal tells the address and the name of the model.
    shown = json.loads(await place.command("show", "last", "--json", *journal, XDG_CONFIG_HOME="/nowhere"))
    assert [call["answers"][0]["text"] for call in shown["calls"]][1] == result.value[1]
    assert not [note for note in shown.get("notes", []) if "prompt" in note]
    assert [call["answer"] for call in result.calls][1] == result.value[1]
    given = {"HOME": str(place.home)}
    resumed = await resume_async("last", place.journal, options=RunOptions(environ=given))
    assert (resumed.value, server.answers()) == (result.value, 2)
    # An answer that is forgotten under one name is asked again under the other.
    await place.command("journal", "forget", "last", "y", *journal)
    again = await place.ask("openai:m", OPENAI_BASE_URL=place.url)
    assert (again.value, server.answers()) == (result.value, 3)


async def test_an_evaluation_takes_the_answers_of_each_name(place: Place, server: Served) -> None:
    journal = ("--journal", str(place.journal))
    place.flow.write_text('flow f(word: text) { x = ask "Say {{ word }}" -> yes | no return x }\n')
    rows = place.flow.parent / "rows.csv"
    rows.write_text("word,expected\none,yes\ntwo,no\n")
    given = ("eval", "a.flow", "--rows", str(rows), "--answer", "expected", "--yes", *journal)
    await place.command(*given, "--model", "openai:m", OPENAI_BASE_URL=place.url)
    assert server.answers() == 2
    await place.command(*given, "--model", "lab:m")
    assert server.answers() == 2


async def test_what_a_run_learnt_is_kept_by_address(place: Place) -> None:
    await place.ask("lab:m")
    book = json.loads((place.home / "cache" / NAME).read_text())
    assert book["endpoints"] and all(place.url in name for name in book["endpoints"])
    assert "lab" not in json.dumps(book)
