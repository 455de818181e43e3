"""The confusion table: which answer was given where another was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from ..vocabulary.tally import in_words

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


def confusion_of(rows: Iterable[tuple[Json, Json, bool]], words: Iterable[str] = ()) -> Confusion | None:
    """Count expected and given answers; the third part of a row tells whether it has an answer.

    ``words`` are the classes that the type declares. None if the answers have more than ``MOST`` classes.
    """
    counted = Counter((in_words(want), in_words(got) if answered else NO_ANSWER) for want, got, answered in rows)
    seen = {word for pair in counted for word in pair} - {NO_ANSWER}
    declared = list(words)
    classes = [*declared, *sorted(seen.difference(declared))]
    if not seen or len(classes) > MOST:
        return None
    lost = any(got == NO_ANSWER for _, got in counted)
    given = (*classes, NO_ANSWER) if lost else tuple(classes)
    counts = tuple(tuple(counted[want, got] for got in given) for want in classes)
    return Confusion(tuple(classes), given, counts)
