"""Runs with worker processes, whatever is killed when: by the server's log nothing is lost, or paid twice in silence.

A soak kills 50 processes in each of these tests. The faults are drawn by a seed, which a failure names.
"""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.fault_audit import most_above_rate, most_in_flight
from support.fault_scene import CONCURRENCY, KINDS, Scene, Torment, drawn
from support.model_server import model_server
from support.postgres_server import PostgresServer, needs_postgres, server
from support.processes import PATIENT, DiskAt
from support.soak import share

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc"),
]
KILLS = 50
DEAR = """
model m = "openai:x" with concurrency: 12, max_tokens: 5, input_price: 1000, output_price: 2000
flow dear(items: [text]) {
  said = map item in items { first = ask m "Say {{ item }}"
    ask m "More of {{ first }}" } reduce collect with errors: skip
  return said
}
"""
SLOW = """
model m = "openai:x" with concurrency: 6, rpm: 1200
flow slow(items: [text]) {
  return map item in items { ask m "Say {{ item }}" } reduce collect
}
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One run with two workers."""
    yield from scene(tmp_path_factory.mktemp("one"), 0.08, items=80)


def scene(folder: Path, seconds: float, count: int = 1, **given: Any) -> Iterator[Scene]:
    with model_server(folder / "server.log", seconds) as served:
        made = Scene(folder, served, count, **given)
        made.learn()
        yield made


def torment(
    at: Scene,
    seed: int,
    kinds: Sequence[str],
    *,
    kills: int = 0,
    journal: Callable[[str], str] = lambda name: "",
    others: Mapping[str, Callable[[], None]] | None = None,
) -> list[Torment]:
    """Let faults befall one run after another, until so many processes are killed. Return what happened."""
    chains: list[Torment] = []
    while sum(one.kills for one in chains) < (kills or share(KILLS, least=2)) and len(chains) < KILLS:
        seed += 1
        chain = Torment(at, f"s{seed}", random.Random(seed), journal(f"s{seed}"), dict(others or {}))
        chain.happened.append(f"seed {seed}")
        chains.append(chain)
        try:
            chain.begin()
            chain.befall(drawn(chain.dice, 6, at.seconds * 0.6, kinds))
            chain.finish()
        finally:
            chain.stop()
    return chains


def test_a_run_with_workers_is_killed_at_any_moment(one: Scene) -> None:
    for chain in torment(one, 1000, KINDS):
        assert most_in_flight(chain.log()) <= CONCURRENCY


def test_runs_that_share_a_journal_are_killed_at_any_moment(tmp_path: Path) -> None:
    for at in scene(tmp_path, 0.08, 3, items=30):
        for chain in torment(at, 2000, (*KINDS, "writer", "still-writer")):
            assert most_in_flight(chain.log()) <= 3 * CONCURRENCY


def test_faults_befall_processes_that_have_just_started(one: Scene) -> None:
    """Workers load modules, take leases, or are about to replace others."""
    seed = 3000
    for _ in range(share(KILLS) // 6 + 1):
        seed += 1
        chain = Torment(one, f"e{seed}", random.Random(seed))
        chain.happened.append(f"seed {seed}")
        try:
            chain.begin()
            chain.befall(drawn(chain.dice, 6, 0.5, ("worker", "workers", "driver", "term", "int", "pair")))
            chain.finish()
        finally:
            chain.stop()


def test_eight_workers_of_a_run_are_killed(one: Scene) -> None:
    one.workers = 8
    try:
        torment(one, 4000, ("worker", "workers", "still", "driver"))
    finally:
        one.workers = 2


@needs_postgres
def test_the_database_of_a_run_is_killed_too(tmp_path: Path) -> None:
    def other(started: PostgresServer, at: Scene) -> None:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> %s"
        others = {
            "server": lambda: started.restart(signal.SIGKILL),
            "server-ends": started.restart,
            "connections": lambda: print(started.sql(end, "postgres")),
        }
        kinds = ("worker", "driver", "pair", *others)
        for chain in torment(at, 5000, kinds, journal=started.make_database, others=others):
            assert most_in_flight(chain.log()) <= CONCURRENCY * at.count

    with server(durable=True) as started:
        for at in scene(tmp_path, 0.08, 2, items=30):
            other(started, at)


@pytest.mark.parametrize(("budget", "most"), [("$2.01", 100), ("90 calls", 90)])
def test_a_budget_holds_while_processes_are_killed(budget: str, most: int, tmp_path: Path) -> None:
    """Every answer costs $0.02."""
    with model_server(tmp_path / "server.log", 0.1) as served:
        at = Scene(tmp_path, served, items=100, text=DEAR, options=("--budget", budget))
        for seed in range(6000, 6000 + share(KILLS) // 4 + 1):
            chain = Torment(at, f"b{seed}", random.Random(seed), end=4)
            chain.happened.append(f"seed {seed}")
            try:
                chain.begin()
                chain.befall(drawn(chain.dice, 4, 1.5, ("worker", "worker", "driver", "workers")))
                chain.finish()
            finally:
                chain.stop()
            paid = sum(line["answers"] for line in chain.log())
            assert 0 < paid <= most, chain.told(f"{paid} answers")


def test_limits_hold_while_drivers_are_killed_and_runs_go_on(tmp_path: Path) -> None:
    """The server takes longer for an answer than a driver for its start, and works on for those that are killed."""
    for at in scene(tmp_path, 1.2, items=24, text=SLOW, others=PATIENT):
        for chain in torment(at, 7000, ("driver", "worker"), kills=max(2, share(KILLS) // 4)):
            assert most_in_flight(chain.log()) <= 6
            assert most_above_rate(chain.log(), 1200) == 0


@pytest.mark.parametrize("disk", [DiskAt(8, "fails"), DiskAt(25, "behind"), DiskAt(1, "slow")])
def test_the_disk_of_the_driver_fails_or_is_slow(disk: DiskAt, one: Scene) -> None:
    chain = Torment(one, f"{disk.what}{disk.commit}", random.Random(1), disk=disk)
    try:
        chain.begin()
        chain.finish()
    finally:
        chain.stop()
    assert len(chain.runs[0].commands) == (1 if disk.what == "slow" else 2)
    assert most_in_flight(chain.log()) <= CONCURRENCY
