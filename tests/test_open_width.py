"""How wide an endpoint opens by evidence: few refusals, little lost, whatever number the server takes."""

from __future__ import annotations

from math import ceil

import pytest

from flowrun.runtime.limits import FAR, NEAR, EndpointTerms, Limiter, Pacing
from support.served_width import GENEROUS, Ran, Server, always, log_normal, run

TRAVEL = {"near": 0.0005, "far": 0.025}
"""The seconds that a message takes in each direction."""
PACING = {"near": NEAR, "far": FAR}
SLOW = pytest.mark.slow


def limiter(pacing: Pacing = NEAR) -> Limiter:
    return Limiter(None, EndpointTerms(start=128 if pacing is NEAR else 64, pacing=pacing))


def against(capacity: float, host: str, count: int, *, headers: bool, queues: bool = False) -> Ran:
    rates = GENEROUS if headers else None
    server = Server(((0.0, capacity),), queues, rates, travel=TRAVEL[host])
    return run(limiter(PACING[host]), server, count)


# Walls


@pytest.mark.parametrize(("headers", "most"), [(True, 0.67), (False, 1.05)])
def test_a_thousand_calls_take_few_rounds(headers: bool, most: float) -> None:
    assert against(1e9, "near", 1000, headers=headers).seconds <= most


def test_a_width_of_an_earlier_run_is_used_at_once() -> None:
    ran = run(Limiter(None, EndpointTerms(start=1000, trusted=True, pacing=NEAR)), Server(), 1000)
    assert ran.seconds <= 0.38
    assert ran.limiter.taken >= 950


def test_two_hundred_votes_of_five_take_as_long_as_a_thousand_calls() -> None:
    """Votes whose samples share a request are 200 requests; one by one they are 1,000."""
    assert against(1e9, "near", 200, headers=True).seconds <= 0.5


@pytest.mark.parametrize("seed", range(4))
def test_with_a_known_width_the_slowest_call_is_what_a_map_takes(seed: int) -> None:
    drawn: list[float] = []
    draw = log_normal(0.2, seed)

    def seconds() -> float:
        drawn.append(draw())
        return drawn[-1]

    ran = run(Limiter(None, EndpointTerms(start=500, trusted=True, pacing=NEAR)), Server(seconds=seconds), 500)
    assert ran.seconds <= 1.08 * max(drawn)


@pytest.mark.parametrize("host", ["near", "far"])
def test_a_width_that_people_set_is_reached_soon_and_never_exceeded(host: str) -> None:
    ran = run(Limiter(1000, EndpointTerms(pacing=PACING[host])), Server(), 3000)
    assert 950 <= ran.server.peak <= 1000
    assert ran.seconds <= 0.6 + {"near": 0.06, "far": 0.6}[host]


# Refusals

CAPACITIES = [4, 8, 10, 16, 33, 50, 100, 300, 500, 1000, 5000]


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("host", ["near", "far"])
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_run_of_a_thousand_calls_is_rarely_refused(capacity: int, host: str, headers: bool) -> None:
    ran = against(capacity, host, 1000, headers=headers)
    assert ran.refused() <= 16
    if capacity <= 50:
        ideal = ceil(1000 / capacity) * (0.2 + 2 * TRAVEL[host])
        assert ran.seconds <= ideal / 0.88
        assert ran.share(2.0) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("host", ["near", "far"])
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_run_of_ten_thousand_calls_is_rarely_refused(capacity: int, host: str, headers: bool) -> None:
    ran = against(capacity, host, 10_000, headers=headers)
    assert ran.refused() <= 100
    assert ran.share(5.0) <= 0.02


@pytest.mark.parametrize("capacity", [4, 8, 10, 50])
def test_a_far_server_that_takes_long_to_refuse_refuses_few(capacity: int) -> None:
    ran = run(limiter(FAR), Server(((0.0, capacity),), slow=0.05), 1000)
    assert ran.refused() <= 16


@pytest.mark.parametrize("capacity", [10, 50, 300])
def test_refusals_of_calls_with_spread_times_stay_few(capacity: int) -> None:
    ran = run(limiter(), Server(((0.0, capacity),), seconds=log_normal(0.2, 5)), 3000)
    assert ran.refused() <= 45
    assert ran.share(5.0) <= 0.02


def test_a_width_of_an_earlier_run_that_is_wrong_costs_few_refusals() -> None:
    ran = run(Limiter(None, EndpointTerms(start=1000, trusted=True, pacing=NEAR)), Server(((0.0, 50),)), 1000)
    assert ran.refused() <= 16
    assert 45 <= ran.limiter.taken <= 51


# A server that lets wait


@pytest.mark.parametrize("capacity", [4, 16, 50])
def test_a_server_that_only_lets_wait_is_not_pushed_further(capacity: int) -> None:
    ran = against(capacity, "near", 2000, headers=False, queues=True)
    assert ran.server.peak <= 2 * 128 + 16
    assert ran.seconds <= 1.05 * ceil(2000 / capacity) * 0.2


# A capacity that changes


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("host", ["near", "far"])
@pytest.mark.parametrize(
    "steps",
    [
        ((0.0, 50), (30.0, 5), (60.0, 50)),
        ((0.0, 5), (30.0, 50), (50.0, 500)),
        pytest.param(((0.0, 5), (30.0, 50), (50.0, 1000)), marks=SLOW),
    ],
)
def test_a_server_that_grows_is_used_within_ten_seconds(
    steps: tuple[tuple[float, int], ...], host: str, headers: bool
) -> None:
    server = Server(steps, rates=GENEROUS if headers else None, travel=TRAVEL[host])
    ran = run(limiter(PACING[host]), server, 1e9, until=steps[-1][0] + 15)
    each = 0.2 + 2 * TRAVEL[host]
    for begin, capacity in steps[1:]:
        if capacity > 5:
            assert ran.served(begin + 10, begin + 15) >= 0.85 * 5 * capacity / each
    assert ran.refused() <= 0.02 * ran.served()


# What counts


def test_taken_is_what_was_in_flight_and_was_served() -> None:
    assert against(1e9, "near", 10, headers=False).limiter.taken == 10
    assert 15 <= against(16, "near", 400, headers=False).limiter.taken <= 17


def test_a_report_of_few_opens_no_more_than_it_allows() -> None:
    few = GENEROUS.__class__(requests=GENEROUS.requests.__class__(remaining=200, reset=60.0))
    server = Server(rates=few, seconds=always(1.0))
    ran = run(limiter(), server, 150)
    assert server.peak <= 150
    assert ran.seconds <= 2.6
