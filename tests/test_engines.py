"""The names of engines, what goes to the nodes of a cluster, and the reasons of Ray in plain words."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from flowrun import RunOptions, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.session import engines
from flowrun.runtime.session.far_worker import _FarWorker
from flowrun.runtime.session.ray_workers import Noting
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.workers import cluster
from flowrun.runtime.workers.placer_words import plain_reason

FLOW = 'flow many(xs: [text]) {\n  return map x in xs { ask "Say {{ x }}" } reduce collect\n}\n'
ADDRESS = "10.0.0.5:6379"


@pytest.mark.parametrize(("engine", "address"), [("ray", ""), (f"ray={ADDRESS}", ADDRESS), ("ray=[::1]:1", "[::1]:1")])
def test_an_engine_is_ray_here_or_at_an_address(engine: str, address: str) -> None:
    assert engines.address_of(engine) == address
    assert RunOptions(engine=engine).engine == engine


@pytest.mark.parametrize("engine", "dask|ray=|ray=host|ray=:6379|ray=host:|ray=host:0|ray=host:70000|ray:x".split("|"))
def test_another_engine_is_refused(engine: str) -> None:
    with pytest.raises(UsageError, match="write `ray`, or `ray=HOST:6379`"):
        RunOptions(engine=engine)


def test_options_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="engine"):
        RunOptions(engine=7)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="send_keys"):
        RunOptions(engine="ray", send_keys="yes")  # type: ignore[arg-type]


async def refused(folder: Path, **options: Any) -> str:
    given = RunOptions(**{"model": "openai:test", "environ": {"HOME": str(folder), "OPENAI_API_KEY": "x"}, **options})
    with pytest.raises(UsageError) as error:
        await run_async(load(Source(FLOW, str(folder / "x.flow"))), {"xs": ["a"]}, options=given)
    return str(error.value)


async def test_a_run_at_an_address_without_a_cluster_ends_at_once_with_a_sentence(tmp_path: Path) -> None:
    began = time.monotonic()
    assert await refused(tmp_path, engine="ray=127.0.0.1:1") == (
        "there is no Ray cluster at 127.0.0.1:1 (connection refused)"
    )
    assert time.monotonic() - began < 60


async def test_an_address_where_something_else_listens_is_told_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "FIND_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = await refused(tmp_path, engine=f"ray=127.0.0.1:{server.getsockname()[1]}")
    # Without Ray, the process that speaks to it says so within that second.
    assert "no Ray cluster has answered" in said or "pip install 'flowrun-dsl[ray]'" in said


async def test_options_that_cannot_go_elsewhere_are_refused_before_a_cluster_is_opened(tmp_path: Path) -> None:
    said = await refused(tmp_path, engine="ray=127.0.0.1:1", opener=lambda address, surroundings: None)
    assert said.startswith("an `opener` is a function of this process")
    said = await refused(tmp_path, send_keys=True)
    assert said.startswith("`send_keys` is for the nodes of a cluster")


def test_what_a_run_looks_up_goes_to_the_nodes_and_nothing_else() -> None:
    environ = {
        "OPENAI_API_KEY": "sk-1",
        "OTHER_KEY": "sk-2",
        "AWS_REGION": "eu-1",
        "AWS_SECRET_ACCESS_KEY": "s",
        "GOOGLE_API_KEY": "g",
        "HOME": "/place/of/ann",
    }
    noting = Noting(environ)
    assert dict(noting.items()) == environ
    assert list(noting.values()) == list(environ.values())
    assert noting.get("OPENAI_API_KEY") == "sk-1"
    assert noting.get("OPENAI_BASE_URL") is None
    assert noting.get("HOME") == "/place/of/ann"
    assert noting.used() == {"OPENAI_API_KEY": "sk-1"}
    assert "AWS_REGION" in noting
    # A library of the provider reads others of the same kind by itself.
    assert noting.used() == {"OPENAI_API_KEY": "sk-1", "AWS_REGION": "eu-1", "AWS_SECRET_ACCESS_KEY": "s"}


VERSIONS = """Version mismatch: The cluster was started with:
    Ray: 2.50.0
    Python: 3.12.1
This process on node 10.0.0.9 was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError(VERSIONS), "runs Ray 2.50.0 with Python 3.12.1, and here is Ray 2.60.0 with Python 3.11.7"),
        (ModuleNotFoundError("No module named 'ray'"), "pip install 'flowrun-dsl[ray]'"),
        (
            ConnectionError(f"Failed to connect to Ray cluster at {ADDRESS}"),
            "if it asks for a token, set RAY",
        ),
        (RuntimeError("Unauthenticated: bad token"), f"the cluster at {ADDRESS} asks for a token: set RAY_AUTH_MODE"),
        (ConnectionError("found raylets, but none of these match this node's IP"), "is no node of the cluster"),
        (ValueError("x\n" * 500), "ValueError: x x x"),
    ],
)
def test_reasons_of_ray_are_one_plain_line(error: Exception, said: str) -> None:
    line = plain_reason(error, ADDRESS)
    assert said in line
    assert "\n" not in line
    assert len(line) < 300


async def test_the_time_of_a_run_goes_on_at_a_machine_with_another_clock() -> None:
    ends = [socket.socket() for _ in range(3)]
    worker = _FarWorker(*ends)
    clock = worker.clock({"ships": True, "now": 12.5, "zero": -1e6})
    assert 12.5 <= clock.now() < 13
    here = worker.clock({"ships": False, "now": 12.5, "zero": asyncio.get_running_loop().time() - 3})
    assert 3 <= here.now() < 4
    for end in ends:
        end.close()
