"""Runs that ask a batch API and are killed or stopped: no line is paid twice without a word, by the server's log."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowrun.runtime.vocabulary.submission import GatheringTimes
from support.batch_server import Served, batch_server
from support.kills import has_begun
from support.place import announced
from support.processes import Command, DiskAt

FLOW = """
model cheap = "{model}" with batch: true
flow sorts(rows: [text]) {{
  out = map row in rows {{ a = ask cheap "Is it good? {{{{ row }}}}" -> yes | no }} reduce collect
  return out
}}
"""
ROWS = [f"row {number}" for number in range(6)]
FAST = {"flowrun.runtime.session.batches.PACE": GatheringTimes(quiet=0.1, first=0.1, most=0.1, patience=2)}
"""The pace of a batch API that has its answers in half a second."""
MODELS = ("openai:m", "anthropic:m", "gemini:gemini-2.5-flash")


@dataclass
class Bench:
    """A folder with a flow, and a server with batch APIs."""

    folder: Path
    served: Served
    others: Mapping[str, object] = field(default_factory=lambda: FAST)

    @property
    def environ(self) -> dict[str, str]:
        url = self.served.url
        return {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_BASE_URL": url,
            "GOOGLE_GEMINI_BASE_URL": url,
        }

    def start(self, *options: str, model: str = MODELS[0], disk: DiskAt | None = None, name: str = "run") -> Command:
        flow = self.folder / "a.flow"
        flow.write_text(FLOW.format(model=model))
        given = (str(flow), "--rows", json.dumps(ROWS), "--journal", "j.db", *options)
        return Command(given, self.folder / name, self.environ, disk, others=self.others)

    def resume(self, *options: str, name: str = "run") -> Command:
        return Command(
            ("resume", "last", "--journal", "j.db", *options), self.folder / name, self.environ, others=self.others
        )

    @property
    def submitted(self) -> int:
        """The lines of all submissions: each of them may be paid."""
        return sum(line["lines"] for line in self.served.lines() if line["at"] == "submitted")

    def expected(self, model: str = MODELS[0]) -> str:
        """Return the answer of a run that nothing disturbs, and forget what it paid."""
        whole = self.start(name="whole", model=model)
        assert whole.end() == 0, whole.err
        self.served.log.write_text("")
        return whole.out


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with batch_server(tmp_path / "log", "--seconds", "0.5") as served:
        yield Bench(tmp_path, served)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "what"), [(MODELS[0], "before"), (MODELS[0], "behind"), (MODELS[1], "before"), (MODELS[2], "behind")]
)
def test_a_kill_at_any_commit_pays_each_line_once_or_tells(tmp_path: Path, model: str, what: str) -> None:
    # The commits of such a run: its beginning, its intents, the submission, its id, and answers.
    with batch_server(tmp_path / "log", "--seconds", "0.3") as served:
        bench = Bench(tmp_path, served)
        expected = bench.expected(model)
        killed = 0
        for commit in range(1, 12):
            before, name = bench.submitted, f"{what}{commit}"
            first = bench.start(model=model, disk=DiskAt(commit, "before" if what == "before" else "behind"), name=name)
            if first.end() == 0:
                break
            killed += 1
            again = bench.resume(name=name)
            if (again.end() == 2 and "ended before its first call" in again.err) or "no run" in again.err:
                again = bench.start(model=model, name=name)
                assert again.end() == 0, again.err
            assert again.out == expected, again.err
            assert bench.submitted - before - announced(again.err) <= len(ROWS), (commit, again.err)
            assert served.count("live") == 0
        assert killed >= 4


@pytest.mark.parametrize("model", MODELS)
def test_a_kill_between_the_submission_and_its_id_is_found_in_the_list(tmp_path: Path, model: str) -> None:
    with batch_server(tmp_path / "log", "--seconds", "0.3", "--hold", "60") as served:
        bench = Bench(tmp_path, served)
        first = bench.start(model=model)
        served.until("submitted")
        first.kill()
        first.end()
        again = bench.resume()
        assert again.end() == 0, again.err
        assert "found the submission of 6 lines in the batch API's list" in again.err
        assert announced(again.err) == 0
        assert bench.submitted == len(ROWS)
        assert len(served.paid()) == len(ROWS) and set(served.paid().values()) == {1}
        # The id that was found belongs to the run that found it.
        listed = Command(("runs", "--journal", "j.db"), tmp_path / "run", bench.environ)
        assert listed.end() == 0, listed.err
        with closing(sqlite3.connect(tmp_path / "run" / "j.db")) as journal:
            assert journal.execute("SELECT DISTINCT run FROM records").fetchall() == [(1,)]


def test_a_submission_that_is_not_listed_is_in_doubt(tmp_path: Path) -> None:
    with batch_server(tmp_path / "log", "--seconds", "0.3", "--hold", "2", "--hide") as served:
        bench = Bench(tmp_path, served)
        first = bench.start()
        served.until("submitted")
        first.kill()
        first.end()
        failed = bench.resume("--in-doubt", "fail")
        assert failed.end() == 3, failed.err
        assert announced(failed.err) == len(ROWS)
        again = bench.resume()
        assert again.end() == 0, again.err
        assert "is not in the batch API's list: its calls are in doubt" in again.err
        assert announced(again.err) == len(ROWS)
        assert bench.submitted == 2 * len(ROWS)


def test_no_wait_ends_after_the_submission_and_resume_reads_the_answers(bench: Bench) -> None:
    expected = bench.expected()
    left = bench.start("--no-wait")
    assert left.end() == 7, left.err
    assert left.out == ""
    assert "(6 at a batch API" in left.err
    assert "6 lines submitted to a batch API; this run does not wait for the answers" in left.err
    assert "resume the run with: flowrun resume " in left.err
    assert bench.served.count("line") == 0
    listed = Command(("runs", "--json", "--journal", "j.db"), bench.folder / "run", bench.environ)
    assert listed.end() == 0, listed.err
    assert [(one["status"], one["in_doubt"]) for one in json.loads(listed.out)["runs"]] == [("submitted", 0)]
    again = bench.resume()
    assert again.end() == 0, again.err
    assert again.out == expected
    assert announced(again.err) == 0
    assert bench.submitted == len(ROWS)


def test_no_wait_may_be_given_again(tmp_path: Path) -> None:
    with batch_server(tmp_path / "log", "--seconds", "3600") as served:
        bench = Bench(tmp_path, served)
        assert bench.start("--no-wait").end() == 7
        again = bench.resume("--no-wait")
        assert again.end() == 7, again.err
        assert "(6 at a batch API)" in again.err
        assert bench.submitted == len(ROWS)


def test_no_wait_takes_the_answers_that_are_there(bench: Bench) -> None:
    expected = bench.expected()
    assert bench.start("--no-wait").end() == 7
    time.sleep(0.6)
    again = bench.resume("--no-wait")
    assert again.end() == 0, again.err
    assert again.out == expected
    assert bench.submitted == len(ROWS)


def test_no_wait_needs_a_journal(bench: Bench) -> None:
    flow = bench.folder / "a.flow"
    flow.write_text(FLOW.format(model=MODELS[0]))
    given = (str(flow), "--rows", json.dumps(ROWS), "--no-journal", "--no-wait")
    ran = Command(given, bench.folder / "none", bench.environ)
    assert ran.end() == 2
    assert "a run that does not wait for batch APIs needs a journal" in ran.err


def test_a_signal_ends_the_waiting_at_once_and_says_how_to_go_on(tmp_path: Path) -> None:
    with batch_server(tmp_path / "log", "--seconds", "3600") as served:
        bench = Bench(tmp_path, served)
        first = bench.start()
        served.until("submitted")
        while "submitted 6 lines" not in first.err:
            assert first.wait(0.05) is None
        first.send(signal.SIGINT)
        assert first.wait() == 130
        assert "resume the run with: flowrun resume " in first.err
        assert "6 calls stay at the batch API; a resumed run reads the answers there" in first.err
        again = bench.resume("--no-wait")
        assert again.end() == 7, again.err
        assert bench.submitted == len(ROWS)


def test_a_signal_before_the_submission_sends_nothing(bench: Bench) -> None:
    bench.others = {}
    first = bench.start()
    while not (bench.folder / "run" / "j.db").exists() or not has_begun(bench.folder / "run", "j.db"):
        assert first.wait(0.05) is None
    first.send(signal.SIGTERM)
    assert first.wait() == 143
    assert bench.submitted == 0
    bench.others = FAST
    again = bench.resume()
    assert again.end() == 0, again.err
    assert announced(again.err) == 0
    assert bench.submitted == len(ROWS)


@pytest.mark.slow
def test_a_kill_while_lines_go_live_pays_each_live_call_once_or_tells(tmp_path: Path) -> None:
    with batch_server(tmp_path / "log", "--seconds", "0.3", "--fail", "0.5") as served:
        bench = Bench(tmp_path, served)
        whole = bench.start(name="first")
        assert whole.end() == 0, whole.err
        expected = whole.out
        assert 0 < served.count("live") < len(ROWS)
        killed = 0
        for commit in range(4, 12):
            before, name = served.count("line") + served.count("live"), f"live{commit}"
            first = bench.start(disk=DiskAt(commit, "behind"), name=name)
            if first.end() == 0:
                break
            killed += 1
            again = bench.resume(name=name)
            assert again.end() == 0, again.err
            assert again.out == expected
            told = announced(again.err)
            # A failed line is not paid, so it may be submitted again.
            assert served.count("line") + served.count("live") - before <= len(ROWS) + told
        assert killed >= 3
