"""Batch APIs that answer wrongly: damaged results, forgotten submissions, refused keys. No answer is paid twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from aiohttp import web
from test_batch_apis import ROWS, Place, at, flow

from flowrun.runtime.api import resume_async
from flowrun.runtime.dispatch import submission_book
from flowrun.runtime.session import batches
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.submission import GatheringTimes
from support.batch_routes import rows_of
from support.batch_server import Batch
from support.few_cases import some

__all__ = ["at"]
READS = {"openai:m": "/content", "anthropic:m": "/results", "gemini:gemini-2.5-flash": "/v1beta/batches/batch-1"}
LOOKS = {"openai:m": "/v1/batches/batch-2", "anthropic:m": "/v1/messages/batches/batch-1"}
PAGE = "<html><body>Sign in</body></html>"


def few(path: str, times: int, answer: Callable[[], web.Response]) -> Callable[[web.Request], web.Response | None]:
    """Answer the first requests to a path in another way."""
    left = [None] * times

    def answers(request: web.Request) -> web.Response | None:
        if not request.path.endswith(path) or not left:
            return None
        left.pop()
        return answer()

    return answers


def split(at: Place) -> tuple[list[Batch], list[Batch]]:
    """Return the first submission and the others."""
    found = [*at.server.batches.values()]
    return found[:1], found[1:]


def page() -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


def must_be_paid_once(at: Place, found: Result) -> None:
    assert found.status == "done", found.failures
    assert len(at.server.batches) == 1
    assert at.count("line") + at.count("live") == len(ROWS)
    assert found.cost == pytest.approx(0.001 * at.count("line") + 0.002 * at.count("live"))
    assert found.spent == pytest.approx(found.cost)
    assert not found.summary.whole.in_doubt


@pytest.mark.parametrize(
    ("model", "expire", "what"),
    some(product(["openai:m", "anthropic:m"], [0.0, 0.3], ["page", "empty", "cut", "busy", "lost"]), 3),
)
async def test_damaged_results_are_read_again(at: Place, model: str, expire: float, what: str) -> None:
    at.does.expire = expire

    def answer() -> web.Response:
        (batch,) = at.server.batches.values()
        match what:
            case "page":
                return page()
            case "empty":
                return web.Response(text="")
            case "busy":
                return web.Response(status=503)
            case "lost":
                return web.Response(status=404, text=PAGE)
        text = rows_of(batch).decode()
        if model.startswith("anthropic"):
            text = json.dumps({"custom_id": batch.lines[0][0], "result": {"type": "succeeded"}})
        return web.Response(text=text[: len(text) // 2])

    at.does.answers = few(READS[model], 3, answer)
    found = await at.run(flow(model), journal=at.folder / "j.db", budget="$1")
    must_be_paid_once(at, found)
    assert sum("the results are read again" in one for one in found.summary.notices) == 1


@pytest.mark.parametrize(("model", "status"), some(product(LOOKS, [200, 404, 500, 502]), 3))
async def test_a_look_that_fails_is_made_again(at: Place, model: str, status: int) -> None:
    def answer() -> web.Response:
        return page() if status == 200 else web.Response(status=status, text=PAGE)

    at.does.answers = few(LOOKS[model], 3, answer)
    found = await at.run(flow(model), journal=at.folder / "j.db", budget="$1")
    must_be_paid_once(at, found)
    assert sum("its state is asked for again" in one for one in found.summary.notices) == 1


@pytest.mark.parametrize(("status", "place", "model"), some(product([401, 403, 302], [READS, LOOKS], LOOKS), 3))
async def test_a_refused_look_ends_the_run_and_a_resumed_one_reads_the_answers(
    at: Place, model: str, place: dict[str, str], status: int
) -> None:
    at.does.answers = few(place[model], 1000, lambda: web.Response(status=status, headers={"Location": "http://a.b/"}))
    left = await at.run(flow(model), journal=at.folder / "j.db", budget="$1")
    assert left.status == "submitted"
    assert "40 lines submitted to a batch API cannot be read" in str(left.outcome.stopped)
    assert any("40 calls stay at the batch API" in one for one in left.summary.notices)
    at.does.answers = few("", 0, page)
    must_be_paid_once(at, await resume_async("last", at.folder / "j.db", options=at.options()))


async def test_results_that_stay_damaged_leave_a_doubt_and_what_was_read_is_used(at: Place) -> None:
    def answer() -> web.Response:
        batch = at.server.batches["batch-2"]
        return web.Response(body=b"\n".join(rows_of(batch).splitlines()[:30]) + b"\nno JSON\n")

    at.does.answers = few("files/out-batch-2/content", 1000, answer)
    found = await at.run(flow("openai:m"), journal=at.folder / "j.db", budget="$1")
    assert found.status == "done"
    assert [sum(len(one.lines) for one in found) for found in split(at)] == [40, 10]
    assert sum("it may have been paid" in str(one) for one in at.events) >= 10
    # The doubt counts at half the worst price.
    assert 0.05 < found.spent < 0.07 and found.cost == pytest.approx(0.04)


async def test_a_forgotten_submission_is_in_doubt_and_sent_again(at: Place) -> None:
    at.does.answers = few("/v1/batches/batch-2", 1000, lambda: web.Response(status=404, text=PAGE))
    found = await at.run(flow("openai:m"), journal=at.folder / "j.db", budget="$1")
    assert found.status == "done"
    assert [sum(len(one.lines) for one in found) for found in split(at)] == [40, 40]
    assert any("it does not know the submission" in str(one) for one in at.events)
    assert 0.08 < found.spent < 0.12 and found.cost == pytest.approx(0.04)


async def test_doubles_and_foreign_ids_change_nothing(at: Place) -> None:
    at.does.fail = 0.3

    def answer() -> web.Response:
        (batch,) = at.server.batches.values()
        rows = rows_of(batch).splitlines()
        foreign = json.dumps({"custom_id": "another", "response": {"status_code": 200, "body": {}}}).encode()
        # A failed result comes before the answer to the same line.
        broken = [json.dumps({"custom_id": key, "error": {"message": "no"}}).encode() for key, _ in batch.lines[:9]]
        return web.Response(body=b"\r\n".join([*broken, foreign, b"", *rows, *rows, foreign]))

    at.does.answers = few("/content", 1, answer)
    must_be_paid_once(at, await at.run(flow("openai:m"), journal=at.folder / "j.db", budget="$1"))
    assert at.count("live") > 0


async def test_an_old_submission_is_looked_at_again_after_a_failure(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is resumed after days waits for a server that is busy for a moment."""
    at.does.seconds = 3600
    left = await at.run(flow("openai:m"), journal=at.folder / "j.db", wait=False)
    assert left.status == "submitted"
    at.does.seconds = 0
    kept: Any = submission_book.Submission

    def older(*fields: Any) -> Any:
        return kept(*fields[:4], fields[4] - 5 * 24 * 3600, *fields[5:])

    monkeypatch.setattr(submission_book, "Submission", older)
    at.does.answers = few("batch-2", 2, lambda: web.Response(status=503))
    found = await resume_async("last", at.folder / "j.db", options=at.options(budget="$1"))
    must_be_paid_once(at, found)
    with closing(sqlite3.connect(at.folder / "j.db")) as rows:
        assert rows.execute("SELECT count(*) FROM records WHERE kind = 'doubt'").fetchone() == (0,)


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
async def test_a_page_in_place_of_a_submission_costs_nothing_twice(at: Place, path: str) -> None:
    """The upload of a file is made again; a submission is looked for in the list."""
    left = [None]

    def answers(request: web.Request) -> web.Response | None:
        if request.path != path or not left:
            return None
        left.pop()
        return page()

    at.does.posts = answers
    found = await at.run(flow("openai:m"), journal=at.folder / "j.db", budget="$1")
    if path == "/v1/files":
        must_be_paid_once(at, found)
    else:
        assert found.status == "done"
        assert any("it may have been paid" in str(one) for one in at.events)


async def test_a_resumed_run_has_saved_as_much_as_before(at: Place) -> None:
    vote = """
model cheap = "openai:m" with batch: true, input_price: 10, output_price: 100, max_tokens: 20
flow sorts(rows: [text]) {
  out = map row in rows { v = repeat 3 { ask cheap "Good? {{ row }}" -> yes | no } reduce majority } reduce collect
  return out
}
"""
    found = await at.run(vote, journal=at.folder / "j.db")
    again = await resume_async("last", at.folder / "j.db", options=at.options())
    # Two samples share a line of 100 tokens in and 20 out at half the price, and spare the third one.
    assert found.summary.saved == pytest.approx(len(ROWS) * 0.0015 / 2)
    assert again.summary.saved == pytest.approx(found.summary.saved)


async def test_a_line_that_is_cancelled_before_it_is_submitted_costs_nothing(
    at: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    race = """
model cheap = "openai:m" with batch: true, input_price: 10, output_price: 100, max_tokens: 20
model quick = "openai:n" with input_price: 10, output_price: 100, max_tokens: 20
flow sorts(rows: [text]) {
  out = fanout { a = ask cheap "One {{ rows }}"
                 b = ask quick "Two {{ rows }}" } reduce first
  return out
}
"""
    # The submission waits for a minute of quiet, and the other answer comes before.
    monkeypatch.setattr(batches, "PACE", GatheringTimes(quiet=60, first=0.01, most=0.03, patience=60))
    journal = at.folder / "j.db"
    found = await at.run(race, journal=journal, budget="$1")
    assert found.status == "done" and at.count("live") == 1 and not at.server.batches
    again = await resume_async("last", journal, options=at.options())
    for one in (found, again):
        assert one.summary.whole.cancelled == 0 and one.summary.whole.refused == 1
        assert one.spent == one.cost == pytest.approx(0.002)


async def test_the_batch_api_of_several_addresses_is_that_of_the_first(at: Place) -> None:
    """The second address is a server that answers nobody. Lines that fail go to any address that answers."""
    at.does.expire = 0.3
    several = f'''
endpoint pair at ["{at.url}/v1", "http://127.0.0.1:9/v1"]
''' + flow("pair:m")
    journal = at.folder / "j.db"
    found = await at.run(several, journal=journal, budget="$1")
    must_be_paid_once(at, found)
    at.does.seconds = 3600
    left = await at.run(several, [*ROWS, "another"], journal=journal, wait=False)
    assert left.status == "submitted"
    at.does.seconds = 0
    assert (await resume_async("last", journal, options=at.options())).status == "done"
    assert [len(one.lines) for one in at.server.batches.values()] == [40, 1]
