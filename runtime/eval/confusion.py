"""The confusion table: which answer was given where another was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from .equality import answer_class

MOST = 12
"""The most classes of a table. With more the table is left out, and the wrong rows are listed."""
NO_ANSWER = "(no answer)"


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts`` has a row for each expected class and a column for each given class, in the order of ``classes``.

    The last column counts rows without an answer if there are any: then ``given`` has one name more than ``classes``.
    """

    classes: tuple[str, ...]
    given: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def recall(self, at: int) -> float | None:
        """The share of the rows that expect a class and got it; None if no row expects it."""
        rows = sum(self.counts[at])
        return self.counts[at][at] / rows if rows else None

    def precision(self, at: int) -> float | None:
        """The share of the answers of a class that are right; None if the class was never answered."""
        answers = sum(row[at] for row in self.counts)
        return self.counts[at][at] / answers if answers else None


def confusion_of(rows: Iterable[tuple[Json, Json, bool, bool]], words: Iterable[str] = ()) -> Confusion | None:
    """Count expected and given answers. A row has both, and tells whether it has an answer and whether that is right.

    ``words`` are the classes that the type declares. None if the answers have more than ``MOST`` classes.
    """
    counted: Counter[tuple[str, str | None]] = Counter()
    for want, got, answered, right in rows:
        expected = answer_class(want)
        # A right answer may be written in another way: its class is that of the expected one.
        counted[expected, expected if right else answer_class(got) if answered else None] += 1
    seen = {word for pair in counted for word in pair if word is not None}
    declared = list(words)
    if len(seen.union(declared)) > MOST:
        declared = [word for word in declared if word in seen]
    classes = [*declared, *sorted(seen.difference(declared))]
    if not seen or len(classes) > MOST:
        return None
    given: list[str | None] = [*classes, *([None] if any(got is None for _, got in counted) else [])]
    counts = tuple(tuple(counted[want, got] for got in given) for want in classes)
    return Confusion(tuple(classes), tuple(NO_ANSWER if word is None else word for word in given), counts)
