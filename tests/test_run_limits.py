"""The limits of an endpoint hold over all processes that share a journal, by the server's own log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrun.runtime.journal.address import JournalAddress
from support.limited_runs import Limited
from support.model_server import Served, model_server
from support.patience import eventually
from support.postgres_journals import database
from support.postgres_server import needs_postgres
from support.written import read_journal

__all__ = ["database"]
LIMIT = "concurrency: 20"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with model_server(tmp_path_factory.mktemp("server") / "server.log", 0.1) as found:
        yield found


@pytest.fixture(params=["file", pytest.param("postgres", marks=needs_postgres)])
def journal(request: pytest.FixtureRequest) -> str:
    if request.param == "file":
        return ""
    address: JournalAddress = request.getfixturevalue("database")
    return address.url


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_processes_never_have_more_in_flight_than_the_limit(
    tmp_path: Path, served: Served, journal: str, count: int
) -> None:
    place = Limited(tmp_path, served, LIMIT, journal)
    runs = [place.start(f"r{one}", 200) for one in range(count)]
    assert [one.end() for one in runs] == [0] * count, [one.err for one in runs]
    assert 15 <= place.peak() <= 20
    assert place.asked() == 200 * count
    assert all("Traceback" not in one.err for one in runs)
    assert journal or any("runs shared" in one.err for one in runs), runs[0].err
    assert not [*tmp_path.glob("*.limits*")]


def test_a_run_that_others_leave_has_all_places(tmp_path: Path, served: Served) -> None:
    place = Limited(tmp_path, served, LIMIT)
    long, short = place.start("long", 400), place.start("short", 10)
    assert short.end() == 0
    served.hold()
    eventually(lambda: place.open() == 20)
    served.go_on()
    assert long.end() == 0
    assert place.peak() == 20


def test_a_killed_process_takes_no_place_for_ever(tmp_path: Path, served: Served, journal: str) -> None:
    place = Limited(tmp_path, served, LIMIT, journal)
    killed, other = place.start("killed", 300), place.start("other", 300)
    place.wait(100)
    killed.kill()
    killed.wait()
    # By then the requests of the killed process have their answers.
    place.wait(place.asked() + 60)
    served.hold()
    eventually(lambda: place.open() == 20)
    served.go_on()
    assert other.end() == 0, other.err
    assert place.peak() <= 20


def test_a_run_after_a_killed_one_waits_for_no_silence(tmp_path: Path, served: Served, journal: str) -> None:
    place = Limited(tmp_path, served, LIMIT, journal)
    patient = {"flowrun.runtime.limits.run_book.SILENT": 1e6}
    killed = place.start("killed", 300, others=patient)
    place.wait(60)
    killed.kill()
    killed.wait()
    other = place.start("other", 60, others=patient)
    assert other.end() == 0, other.err
    assert place.peak() <= 20


def test_a_run_goes_on_with_the_places_of_its_killed_process(tmp_path: Path, served: Served) -> None:
    place = Limited(tmp_path, served, LIMIT)
    killed, other = place.start("killed", 200), place.start("other", 200)
    place.wait(80)
    killed.kill()
    killed.wait()
    [run] = [one for one in read_journal(tmp_path / "journal.db").runs.values() if "killed" in one.source]
    again = place.resume("again", run.id)
    assert (other.end(), again.end()) == (0, 0), again.err
    assert place.peak() <= 20


def test_the_rate_of_two_processes_is_that_of_one(tmp_path: Path, served: Served, journal: str) -> None:
    place = Limited(tmp_path, served, "rpm: 1200", journal)
    runs = [place.start(f"r{one}", 60) for one in range(2)]
    assert [one.end() for one in runs] == [0, 0], [one.err for one in runs]
    # A burst of 20, and 20 in a second. The server may see those of a second late; two rates would be 84 and 120.
    assert place.most_in(1.0) <= 62
    assert place.most_in(3.0) <= 102
    levels = place.levels()
    assert levels[-1][0] - levels[0][0] < 30


def test_workers_share_the_part_of_their_run(tmp_path: Path, served: Served) -> None:
    place = Limited(tmp_path, served, LIMIT)
    runs = [place.start("several", 200, "--workers", "2", "--json"), place.start("one", 200)]
    assert [one.end() for one in runs] == [0, 0], [one.err for one in runs]
    assert place.peak() <= 20
    [waiting] = json.loads((tmp_path / "several" / "out").read_text())["waiting"].values()
    assert waiting["share"] > 0, waiting


@pytest.mark.slow
def test_detached_runs_share_the_limit(tmp_path: Path, served: Served) -> None:
    place = Limited(tmp_path, served, LIMIT)
    runs = [place.start(name, 200, "--detach") for name in ("away", "far")] + [place.start("here", 200)]
    assert [one.end() for one in runs] == [0, 0, 0], [one.err for one in runs]
    names = [run.id for run in read_journal(tmp_path / "journal.db").runs.values()]
    assert [place.attach(name).end() for name in names] == [0, 0, 0]
    assert 15 <= place.peak() <= 20
    assert place.asked() == 600


def test_the_rate_of_a_run_with_workers_is_shared(tmp_path: Path, served: Served) -> None:
    place = Limited(tmp_path, served, "rpm: 1200")
    runs = [place.start("several", 60, "--workers", "2"), place.start("one", 60)]
    assert [one.end() for one in runs] == [0, 0], [one.err for one in runs]
    assert place.most_in(1.0) <= 62
