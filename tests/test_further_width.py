"""A run goes on where the last one ended: with twice as many requests if that one still widened."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from flowrun.runtime.dispatch.leases import Leases
from flowrun.runtime.limits import NEAR, EndpointTerms, Limiter
from flowrun.runtime.limits.width import Width
from flowrun.runtime.vocabulary.pace import WIDEST, Pace
from support.experience import begin, learn, recall
from support.served_width import GENEROUS, Ran, Server, run

USUAL = 128
UNKNOWN = Pace()


@pytest.fixture(autouse=True)
def afresh() -> None:
    begin()


def runs(server: Callable[[], Server], counts: list[int], pace: Pace = UNKNOWN) -> list[tuple[Ran, Pace]]:
    """Let one run after another begin with what those before it left."""
    found = []
    for count in counts:
        start = pace.start(USUAL, None)
        limiter = Limiter(
            None,
            EndpointTerms(
                start=start,
                trusted=start > USUAL,
                refused_at=pace.refused_at(start),
                further=pace.further(start),
                pacing=NEAR,
            ),
        )
        ran = run(limiter, server(), count)
        pace = pace.after(limiter.pace)
        found.append((ran, pace))
    return found


@pytest.mark.parametrize(
    ("pace", "start", "further"),
    [
        (Pace(500, rising=True), 500, 1000),
        (Pace(500), 500, 500),
        (Pace(500, refused=True, rising=True), 500, 500),
        (Pace(500, rising=True, weeks=1), 250, 250),
        (Pace(500, requests=700, rising=True), 500, 700),
        (Pace(500, requests=300, rising=True), 300, 300),
        (Pace(WIDEST, rising=True), WIDEST, WIDEST),
        (Pace(20, rising=True), USUAL, USUAL),
        (Pace(USUAL, rising=True), USUAL, 2 * USUAL),
        (Pace(USUAL, rising=True, weeks=1), USUAL, USUAL),
        (Pace(), USUAL, USUAL),
    ],
)
def test_only_a_fresh_width_that_was_still_growing_is_passed(pace: Pace, start: int, further: int) -> None:
    assert (pace.start(USUAL, None), pace.further(start)) == (start, further)


def test_a_second_run_passes_the_width_of_the_first_before_an_answer_comes() -> None:
    [(_, first), (second, _), (third, _)] = runs(Server, [1000, 1000, 1000])
    assert first.rising
    before = second.server.served[0]
    assert second.seconds < 0.46
    assert max(width for time, width in second.widths if time <= before + 0.01) >= 2 * first.width
    # All of them are in flight at once.
    assert third.server.peak == 1000
    assert third.seconds < 0.4


@pytest.mark.parametrize("capacity", [50, 500])
@pytest.mark.parametrize("headers", [False, True])
@pytest.mark.parametrize("slow", [0.0, 0.002, 0.01, 0.02])
def test_requests_that_were_refused_are_no_part_of_the_width_that_a_run_leaves(
    slow: float, headers: bool, capacity: int
) -> None:
    """Requests that are refused late are still in flight when others leave, which the server takes afterwards."""

    def server() -> Server:
        return Server(((0.0, capacity),), rates=GENEROUS if headers else None, slow=slow)

    [(_, first), (second, _), (third, _)] = runs(server, [1000] * 3)
    assert capacity <= first.width <= capacity + 1
    # The limiter tries a further request from time to time.
    assert second.refused() <= 5
    assert third.refused() <= 5
    assert second.seconds <= 1.3 * third.seconds


def test_a_run_that_was_refused_leaves_nothing_to_pass() -> None:
    for ran, pace in runs(lambda: Server(((0.0, 300),)), [1000] * 3):
        assert not pace.rising
        assert ran.refused() <= 2


def test_a_server_that_takes_less_than_twice_as_many_refuses_few() -> None:
    found = runs(lambda: Server(((0.0, 700),)), [1000] * 4)
    assert found[0][1].rising
    assert [ran.refused() for ran, _ in found] == [0, 3, 0, 0]
    assert found[-1][1] == Pace(700, refused=True)


@pytest.mark.parametrize(("slow", "most"), [(0.0, 16), (0.002, 30)])
@pytest.mark.parametrize("capacity", [4, 64, 300, 600, 900])
def test_a_server_that_has_become_smaller_refuses_few(capacity: int, slow: float, most: int) -> None:
    server = Server(((0.0, capacity),), slow=slow)
    limiter = Limiter(None, EndpointTerms(start=500, further=1000, trusted=True, pacing=NEAR))
    assert run(limiter, server, 1000).refused() <= most


def test_long_runs_at_a_server_that_lets_requests_wait_do_not_widen_from_run_to_run() -> None:
    found = runs(lambda: Server(((0.0, 64),), queues=True), [10_000] * 4)
    assert [pace.rising for _, pace in found] == [False] * 4
    assert all(pace.width < 1.1 * USUAL for _, pace in found)


def test_a_run_of_as_many_calls_as_the_last_leaves_nothing_to_pass() -> None:
    """A run of that kind proves no more than was known."""
    [_, (_, pace)] = runs(Server, [300, 128])
    assert pace.width >= 128
    assert not runs(Server, [500], Pace(500))[0][1].rising


def test_after_an_outage_a_run_comes_back_to_what_was_proved() -> None:
    width = Width(inf, 500, further=1000)
    assert width.width == 1000
    width.restart(0.0)
    for _ in range(2000):
        width.good(0.1, full=False)
    assert width.width == 500


def test_the_file_of_the_user_keeps_it(tmp_path: Path) -> None:
    learn(tmp_path, pace=Pace(512, rising=True))
    assert recall(tmp_path).pace == Pace(512, rising=True)
    learn(tmp_path, pace=Pace(512))
    assert recall(tmp_path).pace == Pace(512)
    learn(tmp_path, pace=Pace(512, rising=True))
    learn(tmp_path, pace=Pace(8))
    assert recall(tmp_path).pace == Pace(512, rising=True)
    learn(tmp_path, pace=Pace(300, refused=True))
    assert recall(tmp_path).pace == Pace(300, refused=True)


@pytest.mark.looptime
@pytest.mark.parametrize(("holders", "start", "width"), [(1, 500, 1000), (2, 250, 500), (600, 1, 1)])
async def test_the_holders_of_leases_share_it(holders: int, start: int, width: int) -> None:
    limiter = Leases(lambda message: None, holders).limiter(
        "x", None, EndpointTerms(start=500, further=1000, trusted=True, refused_at=None, pacing=NEAR)
    )
    assert (limiter.start, limiter.width) == (start, width)
    limiter.close()
