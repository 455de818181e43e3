"""The outcome of a test: whether it passed, and what was not as it should be."""

from __future__ import annotations

from typing import Literal

from flowrun.dsl import dataclass, test_plan
from flowrun.runtime.vocabulary.json_value import Json

Status = Literal["passed", "failed", "error"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a test or of its flow. ``place`` is None for the test as a whole.

    ``differs`` says where two texts differ.
    """

    place: test_plan.Place | None
    message: str
    help: str = ""
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestedCall:
    """A call of a test, by its place, with the answer that the test gave, and its line in the file."""

    __test__ = False

    path: str
    answer: str
    line: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An expectation that does not hold, or another fault.

    ``left`` and ``right`` are the two values as text, "" without them. ``differs`` says where long values differ.
    ``names`` are further values that explain the failure, and ``calls`` tells which call gave which answer.
    """

    place: test_plan.Place
    message: str
    help: str = ""
    left: str = ""
    right: str = ""
    differs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    calls: tuple[TestedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The outcome of a test. "failed": an expectation does not hold. "error": the test could not be carried out.

    ``ms`` are the milliseconds that it took. ``calls`` are all calls with their answers.
    ``unused`` are the lines that a row of a table did not use: another row may use them.
    """

    __test__ = False

    title: str
    file: str
    line: int
    flow: str
    status: Status
    failures: tuple[Failed, ...] = ()
    calls: tuple[TestedCall, ...] = ()
    figures: tuple[tuple[str, Json], ...] = ()
    ms: float = 0.0
    unused: tuple[Failed, ...] = ()


def times_text(number: int) -> str:
    """Write how often something happened."""
    return "once" if number == 1 else f"{number} times"
