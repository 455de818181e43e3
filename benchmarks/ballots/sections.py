"""The sections of made ballots, each with its usual number of questions, and of those that flowrun runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .budgets import budgets
from .cascades import cascades
from .grades import grades
from .haste import haste
from .passing import passing
from .sure import sure
from .tables import synthetic
from .texts import texts
from .tournaments import tournaments
from .tuning import tuning

Section = Callable[[int | None, int], list[str]]


def _sure(questions: int | None, seed: int) -> list[str]:
    return sure(40, questions or 10_000, seed)


def _panels(questions: int | None, seed: int) -> list[str]:
    print("two voters in turn; the second is right so much less often: 0.2\n")
    worst = synthetic([0.7, 0.9], [5, 12], min(questions or 200, 400), seed, [0.2])
    return [f"panels are {worst:.1f} standard errors off"] if worst >= 5 else []


def _cascades(questions: int | None, seed: int) -> list[str]:
    return cascades(questions or 20_000, min(questions or 400, 400), seed)


def _puzzles(questions: int | None, seed: int) -> list[str]:
    return passing(max(1, (questions or 2_000) // 100), 20 if questions else 100, seed)


def _grades(questions: int | None, seed: int) -> list[str]:
    return grades(max(1, (questions or 5_000) // 10), 20 if questions else 100, seed)


def _haste(questions: int | None, seed: int) -> list[str]:
    return haste(2 if questions else 10, seed)


def _texts(questions: int | None, seed: int) -> list[str]:
    return texts(questions or 4_000, 20 if questions else 60, seed)


def _tournaments(questions: int | None, seed: int) -> list[str]:
    return tournaments(questions or 300, seed)


def _budgets(questions: int | None, seed: int) -> list[str]:
    return budgets(1 if questions else 5, seed)


def _tuning(questions: int | None, seed: int) -> list[str]:
    return tuning(max(questions or 20_000, 3_000), 200, seed)


SECTIONS: Mapping[str, Section] = {
    "sure": _sure,
    "panels": _panels,
    "cascades": _cascades,
    "puzzles": _puzzles,
    "grades": _grades,
    "texts": _texts,
    "tournaments": _tournaments,
    "budgets": _budgets,
    "tuning": _tuning,
    "haste": _haste,
}
