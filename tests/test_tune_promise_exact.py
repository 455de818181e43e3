"""The promise of `flowrun tune`, against limits and error rates that are worked out another way."""

from __future__ import annotations

import random
from fractions import Fraction
from math import comb

import pytest

from flowrun.runtime.eval.promise import Measured, judged, most_share, picked, rows_needed


def tail(lost: int, rows: int, share: Fraction) -> Fraction:
    return sum((comb(rows, one) * share**one * (1 - share) ** (rows - one) for one in range(lost + 1)), Fraction(0))


@pytest.mark.parametrize("rows", [1, 2, 17, 60, 115, 230])
@pytest.mark.parametrize("sure", [0.5, 0.9, 0.99])
def test_the_limit_agrees_with_exact_fractions(rows: int, sure: float) -> None:
    rare = 1 - Fraction(str(sure))
    for lost in {0, 1, rows // 3, rows - 1} & set(range(rows)):
        limit = Fraction(most_share(lost, rows, sure))
        step = Fraction(1, 10**9)
        assert tail(lost, rows, limit - step) > rare
        assert limit + step >= 1 or tail(lost, rows, limit + step) < rare


@pytest.mark.parametrize(("lose", "sure"), [("1/100", "9/10"), ("1/50", "9/10"), ("1/20", "19/20"), ("1/1000", "9/10")])
def test_the_fewest_rows_without_a_loss_agree_with_exact_powers(lose: str, sure: str) -> None:
    share, rare = Fraction(lose), 1 - Fraction(sure)
    rows = rows_needed(float(share), float(Fraction(sure)))
    assert rows is not None and (1 - share) ** rows <= rare < (1 - share) ** (rows - 1)


@pytest.mark.parametrize("rows", [114, 230, 400])
def test_a_loss_just_above_the_promise_is_promised_in_a_tenth_of_all_splits_at_most(rows: int) -> None:
    lose = Fraction(2, 100)
    shown = [lost for lost in range(rows) if most_share(lost, rows, 0.9) <= float(lose)]
    assert shown
    assert tail(max(shown), rows, lose + Fraction(1, 10**6)) <= Fraction(1, 10)


@pytest.mark.parametrize("shares", [(0.021,), (0.019, 0.022, 0.025), (0.0, 0.021, 0.021, 0.021, 0.021, 0.021)])
def test_few_of_two_thousand_picks_break_the_promise(shares: tuple[float, ...]) -> None:
    draw, broken = random.Random(24), 0
    for _ in range(2000):
        found = [Measured(100.0, [True] * 230)]
        found += [
            Measured(10.0 - one, [draw.random() >= share for _ in range(230)]) for one, share in enumerate(shares)
        ]
        place = picked(judged(found, 0.02, 0.9)).place
        broken += place > 0 and shares[place - 1] > 0.02
    assert broken / 2000 <= 0.1 + 3 * (0.09 / 2000) ** 0.5
