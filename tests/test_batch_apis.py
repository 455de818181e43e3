"""The batch APIs of four services: the same bodies as live, answers at half the price, failed lines sent live."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.account.progress import state_line
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.api import resume_async
from flowrun.runtime.session import batches
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.submission import GatheringTimes
from support.batch_routes import application
from support.batch_server import BatchServer, Behaviour
from support.loopback import served

MODELS = ("openai:m", "anthropic:m", "gemini:gemini-2.5-flash", "mistral:small")
FLOW = """
model cheap = "{model}" with batch: true, input_price: 10, output_price: 100, max_tokens: 20{more}
flow sorts(rows: [text]) {{
  out = map row in rows {{ a = ask cheap "Is it good? {{{{ row }}}}" -> yes | no }} reduce collect
  return out
}}
"""
ROWS = [f"row {number}" for number in range(40)]


@dataclass
class Place:
    folder: Path
    does: Behaviour
    server: BatchServer
    url: str
    log: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[e.Event] = field(default_factory=list)

    def count(self, at: str) -> int:
        return sum(name == at for name, _ in self.log)

    def options(self, **options: Any) -> RunOptions:
        environ = {
            "HOME": str(self.folder),
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "ANTHROPIC_BASE_URL": self.url,
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "MISTRAL_BASE_URL": f"{self.url}/v1",
        }
        return RunOptions(
            **{"journal": None, "environ": environ, "on_event": self.events.append, **options},
            learn=False,
        )

    async def run(self, flow: str, rows: list[str] = ROWS, **options: Any) -> Result:
        path = self.folder / "a.flow"
        path.write_text(flow)
        return await run_async(path, {"rows": rows}, options=self.options(**options))


@pytest.fixture
async def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(batches, "PACE", GatheringTimes(quiet=0.03, first=0.01, most=0.03, patience=0.2))
    log: list[tuple[str, dict[str, Any]]] = []
    does = Behaviour()
    server = BatchServer(does, lambda name, **more: log.append((name, more)))
    async with served(application(server)) as url:
        yield Place(tmp_path, does, server, url, log)


def flow(model: str, more: str = "") -> str:
    return FLOW.format(model=model, more=more)


def live(text: str) -> str:
    return text.replace("batch: true", "batch: false")


@pytest.mark.parametrize("model", MODELS)
async def test_the_bodies_and_the_answers_are_those_of_the_live_api(at: Place, model: str) -> None:
    if not model.startswith("mistral"):
        expected = await at.run(live(flow(model)))
        assert at.count("live") == len(ROWS)
    found = await at.run(flow(model))
    assert found.status == "done", found.failures
    if not model.startswith("mistral"):
        assert found.value == expected.value
    (batch,) = at.server.batches.values()
    assert len(batch.lines) == len(ROWS) == at.count("line")
    assert len({key for key, _ in batch.lines}) == len(ROWS)
    assert not any("stream" in body for _, body in batch.lines)


@pytest.mark.parametrize("model", MODELS)
async def test_failed_and_expired_lines_go_to_the_live_api(at: Place, model: str) -> None:
    at.does.fail = at.does.expire = 0.3
    found = await at.run(flow(model))
    assert found.status == "done", found.failures
    assert 0 < at.count("live") < len(ROWS)
    assert at.count("live") + at.count("line") == len(ROWS)
    told = [one for one in at.events if isinstance(one, e.RequestRetried)]
    assert len(told) == at.count("live")
    assert all("it goes to the live API at the full price" in one.reason for one in told)
    assert any(f"has no answer to {len(told)} lines, which go to the live API" in one for one in found.summary.notices)
    # 100 tokens in at $10, 10 out at $100 a million: $0.002 live, half of it for a line.
    assert found.summary.cost == pytest.approx(0.002 * at.count("live") + 0.001 * at.count("line"))


async def test_a_bill_of_a_batch_api_is_half_of_the_live_one_in_a_budget(at: Place) -> None:
    found = await at.run(flow("openai:m"), budget="$1")
    assert found.spent == pytest.approx(0.001 * len(ROWS))


async def test_a_budget_holds_back_half_the_price_and_then_the_whole(at: Place) -> None:
    # The worst of a call is about $0.0033 live: ten of them are $0.033, and half of that is held back for lines.
    rows = ROWS[:10]
    done = await at.run(flow("openai:m"), rows, budget="$0.025")
    assert done.status == "done"
    assert len(at.server.batches) == 1
    at.does.fail = 1.0
    spent = await at.run(flow("openai:m"), rows, budget="$0.0022")
    assert spent.status == "budget"
    assert at.count("live") == 0


async def test_samples_share_a_line(at: Place) -> None:
    text = (
        flow("openai:m").replace("a = ask", "a = repeat 3 { ask").replace("yes | no }", "yes | no } reduce majority }")
    )
    found = await at.run(text, ROWS[:4])
    assert found.status == "done"
    (batch,) = at.server.batches.values()
    assert [body["n"] for _, body in batch.lines] == [3] * 4 or sum(body.get("n", 1) for _, body in batch.lines) >= 8


async def test_the_waves_of_a_chain_are_submissions(at: Place) -> None:
    text = flow("openai:m").replace(
        "-> yes | no }", '-> yes | no b = ask cheap "Sure? {{ row }} {{ a }}" -> yes | no }'
    )
    found = await at.run(text)
    assert found.status == "done"
    assert [len(one.lines) for one in at.server.batches.values()] == [len(ROWS), len(ROWS)]


async def test_a_live_model_goes_on_beside_a_batch_model(at: Place) -> None:
    text = 'model quick = "openai:m"\n' + flow("openai:m").replace(
        "-> yes | no }", '-> yes | no b = ask quick "Sure? {{ row }}" -> yes | no }'
    )
    found = await at.run(text)
    assert found.status == "done"
    assert at.count("live") == at.count("line") == len(ROWS)


async def test_all_models_are_asked_so_by_an_option(at: Place) -> None:
    text = live(flow("openai:m")).replace("batch: false, ", "")
    assert (await at.run(text, batch=True)).status == "done"
    assert at.count("live") == 0 and at.count("line") == len(ROWS)
    assert (await at.run(live(flow("openai:m")), ["one more"], batch=False)).status == "done"
    assert at.count("live") == 1


async def test_asks_and_the_default_model_take_the_option_too(at: Place) -> None:
    text = 'model default with batch: true\nmodel quick = "openai:m"\nflow sorts(rows: [text], way: bool) {{ {} }}'
    a, b = 'a = ask "One? {{ row }}" -> yes | no', 'b = ask quick "Two? {{ row }}" -> yes | no with batch: way'
    c = 'c = ask quick "Three? {{ row }}" -> yes | no with batch: false'
    body = f"out = map row in rows {{ {a} {b} {c} {{ a, b, c }} }} reduce collect return out"
    path = at.folder / "a.flow"
    path.write_text(text.format(body))
    found = await run_async(path, {"rows": ROWS, "way": True}, options=at.options(model="openai:m"))
    assert found.status == "done", found.failures
    assert at.count("line") == 2 * len(ROWS) and at.count("live") == len(ROWS)


@pytest.mark.parametrize("model", ["openai:m", "mistral:small", "gemini:gemini-2.5-flash"])
async def test_a_refused_submission_fails_in_a_sentence_and_nothing_is_sent_live(at: Place, model: str) -> None:
    at.does.refuse = "the model is not for batches"
    found = await at.run(flow(model), ROWS[:2])
    assert found.status == "failed"
    assert "the batch API refused the submission: the model is not for batches" in found.failures[0].reason
    assert at.count("live") == at.count("line") == 0


async def test_a_server_without_a_batch_api_is_told(at: Place) -> None:
    at.does.status = 404
    found = await at.run(flow("openai:m"), ROWS[:2])
    assert found.status == "failed"
    assert "has no batch API (404): take `batch: true` away" in found.failures[0].reason
    assert at.count("live") == 0


async def test_a_server_that_is_busy_is_tried_again_and_then_given_up(at: Place) -> None:
    at.does.status = 503
    found = await at.run(flow("openai:m"), ROWS[:2])
    assert found.status == "failed"
    assert "the batch API did not take the submission" in found.failures[0].reason
    assert any("the batch API is tried again in" in line for line in found.summary.notices)


async def test_a_model_without_a_batch_api_is_refused_before_anything_is_sent(at: Place) -> None:
    with pytest.raises(UsageError, match="embedded has no batch API: take `batch: true` away from its model"):
        path = at.folder / "a.flow"
        path.write_text(flow("embedded"))
        await run_async(path, {"rows": ["a"]}, options=RunOptions(learn=False))
    with pytest.raises(UsageError, match="no model of this run has a batch API: leave --batch out"):
        path.write_text(live(flow("embedded")))
        await run_async(path, {"rows": ["a"]}, options=RunOptions(learn=False, batch=True))


async def test_an_endpoint_that_lacks_batches_gets_none(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text(
        'endpoint lab = "http://127.0.0.1:9/v1" with lacks: [batch]\n'
        'model m = "lab:x" with batch: true\n'
        'flow f(x: text) { a = ask m "{{ x }}" return a }\n'
    )
    with pytest.raises(UsageError, match="lab:x has no batch API: take `batch: true` away from its model"):
        await run_async(path, {"x": "a"}, options=RunOptions(learn=False, environ={}))


async def test_a_run_that_does_not_wait_ends_and_is_resumed_after_the_end_of_the_submission(at: Place) -> None:
    at.does.seconds, at.does.expire = 3600, 0.3
    journal = at.folder / "j.db"
    left = await at.run(flow("anthropic:m"), journal=journal, wait=False)
    assert left.status == "submitted" and not left.ok
    at.does.seconds = 0
    found = await resume_async("last", journal, options=at.options())
    assert found.status == "done", found.failures
    assert len(at.server.batches) == 1
    assert at.count("live") + at.count("line") == len(ROWS)
    # What was in flight counts once, in both parts together.
    assert found.summary.whole.sent - found.summary.whole.refused == len(ROWS)
    assert found.summary.whole.in_doubt == 0
    with closing(sqlite3.connect(journal)) as rows:
        kinds = dict(rows.execute("SELECT kind, count(*) FROM records GROUP BY kind"))
    assert "doubt" not in kinds and kinds["intent"] == 2 * len(ROWS) + at.count("live")
    again = await resume_async("last", journal, options=at.options())
    assert again.summary.whole.sent - again.summary.whole.refused == len(ROWS)
    assert again.cost == pytest.approx(found.cost)
    assert found.cost == pytest.approx(0.002 * at.count("live") + 0.001 * at.count("line"))


async def test_answers_of_a_batch_api_are_those_of_the_live_one_in_the_journal(at: Place) -> None:
    journal = at.folder / "j.db"
    await at.run(flow("openai:m"), journal=journal)
    before = len(at.log)
    again = await at.run(live(flow("openai:m")), journal=journal)
    assert again.status == "done"
    assert len(at.log) == before


async def test_the_display_of_a_run_tells_the_state_of_submissions(at: Place) -> None:
    shown: list[str] = []
    summary = Summary()

    def show(event: e.Event) -> None:
        summary(event)
        shown.append(state_line(summary, 1.0))

    found = await at.run(flow("openai:m"), on_event=[at.events.append, show])
    assert not found.summary.submissions
    assert any("batch API: submitted 0/40" in line for line in shown)
    assert any("batch API: completed 40/40" in line for line in shown)
    assert "batch API" not in shown[-1]


async def test_a_key_in_the_words_of_the_server_is_not_told(at: Place) -> None:
    at.does.refuse = "bad key sk-verysecretkey1234"
    environ = {**at.options().surroundings, "OPENAI_API_KEY": "sk-verysecretkey1234"}
    found = await at.run(flow("openai:m"), ROWS[:1], journal=at.folder / "j.db", environ=environ)
    assert "the batch API refused the submission: bad key" in found.failures[0].reason
    assert "verysecret" not in str(found.failures) + str(at.events)
    assert b"verysecret" not in b"".join(one.read_bytes() for one in at.folder.glob("j.db*"))


async def test_the_file_of_lines_is_deleted_at_the_end(at: Place) -> None:
    await at.run(flow("openai:m"))
    assert at.count("deleted") == 1 and not at.server.files
