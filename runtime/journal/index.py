"""The content of a journal, collected from its rows: the runs, the answers by their calls, and the open attempts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field, replace
from typing import TYPE_CHECKING, NamedTuple

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from .answers import Answers
from .records import Kind

if TYPE_CHECKING:
    from .bought import Purchases


class OpenAttempt(NamedTuple):
    """An attempt that may have been paid: the number of its intent's row, its run, and its place in the flow.

    If ``ended`` is True, its run saw it end without an answer. Otherwise nobody saw its end. If ``unwanted`` is True,
    the run cancelled it, because nothing needed its answer. ``attempts`` counts it and the earlier ones at this place.
    """

    number: int
    run: int
    place: str
    ended: bool = False
    unwanted: bool = False
    attempts: int = 1


@dataclass(slots=True)
class Run:
    """A run in the journal.

    ``id`` is its name for people. ``began`` and ``ended`` are in seconds of the epoch; ``ended`` and ``status`` are
    None where the run was killed or still goes on. ``answers`` counts the answers that it bought. ``given`` is the row
    of its plan and inputs; ``stretch`` is the row of its beginning or of its last resume. ``user`` is known in a
    journal of several users.
    """

    number: int
    id: str
    flow: str
    source: str
    began: float
    given: int = 0
    stretch: int = 0
    status: str | None = None
    ended: float | None = None
    account: Json = None
    answers: int = 0
    user: str = ""


@dataclass(slots=True)
class Index:
    """The content of a journal.

    ``paid`` holds the answers and ``open`` the attempts without an end, both by the key of the call. ``unanswered``
    holds, by key and then by run and place, the attempts that ended without an answer and may have been paid. They stay
    there until their call has its answer. ``latest`` is the run of the last row. ``contents`` has the rows of contents
    by their keys, and ``submissions`` those about submissions to batch APIs. ``bought`` is there if the past of a
    run is wanted.
    """

    runs: dict[int, Run] = field(default_factory=dict)
    paid: Answers = field(default_factory=Answers)
    open: dict[bytes, list[OpenAttempt]] = field(default_factory=dict)
    unanswered: dict[bytes, dict[tuple[int, str], OpenAttempt]] = field(default_factory=dict)
    latest: int = 0
    contents: dict[bytes, int] = field(default_factory=dict)
    submissions: list[int] = field(default_factory=list)
    bought: Purchases | None = None

    @classmethod
    def empty(cls, *, past: bool) -> Index:
        """Make an index for rows. ``past`` says that the past of a run is wanted."""
        if not past:
            return cls()
        from .bought import Purchases  # few commands go on with a run

        return cls(bought=Purchases())

    def grown(self) -> Index:
        """Return a copy that can take more rows. This index stays unchanged."""
        return Index(
            {number: replace(run) for number, run in self.runs.items()},
            self.paid.copy(),
            {key: found.copy() for key, found in self.open.items()},
            {key: found.copy() for key, found in self.unanswered.items()},
            self.latest,
            self.contents.copy(),
            self.submissions.copy(),
        )

    def without(self, live: Collection[int]) -> Index:
        """Return this index without the attempts of the ``live`` runs, which are under way and not in doubt."""
        return replace(
            self,
            open={
                key: kept for key, found in self.open.items() if (kept := [one for one in found if one.run not in live])
            },
            unanswered={
                key: {owner: one for owner, one in found.items() if one.run not in live}
                for key, found in self.unanswered.items()
            },
        )

    def take(self, number: int, run: int, kind: str, key: bytes, place: str, body: Json) -> None:
        """Add one row to the index. ``body`` is needed only for rows that begin or end a run.

        Raises: KeyError, TypeError, ValueError.
        """
        self.latest = run
        match kind:
            case Kind.INTENT:
                self.open.setdefault(key, []).append(OpenAttempt(number, run, place))
            case Kind.ANSWER:
                self.settle(run, key, place)
                self.runs[run].answers += 1
                self.paid.add(key, number, run, place.encode())
            case Kind.REFUSED:
                self._over(run, key, place)
            case Kind.DOUBT | Kind.CANCELLED:
                attempt = self._over(run, key, place)
                if attempt is not None:
                    known = self.unanswered.setdefault(key, {})
                    attempts = 1 + (known[run, place].attempts if (run, place) in known else 0)
                    unwanted = kind == Kind.CANCELLED
                    known[run, place] = attempt._replace(ended=True, unwanted=unwanted, attempts=attempts)
            case Kind.RUN:
                named, flow, source = (str(body[name]) for name in ("id", "flow", "source"))
                user, began = str(body.get("user", "")), float(body["began"])
                self.runs[number] = Run(number, named, flow, source, began, stretch=number, user=user)
            case Kind.GIVEN:
                self.runs[run].given = number
            case Kind.RESUMED:
                one = self.runs[run]
                one.status = one.ended = None
                one.stretch = number
            case Kind.END:
                one = self.runs[run]
                one.status, one.ended, one.account = str(body["status"]), float(body["ended"]), body.get("account")
            case Kind.CONTENT:
                self.contents.setdefault(key, number)
            case Kind.FORGOTTEN:
                self.paid.forget(key, number)
            case Kind.SUBMISSION:
                self.submissions.append(number)
            case Kind.EXTERN | Kind.READ | Kind.FAILED:
                pass
            case _:
                raise ValueError(f"rows of the kind {kind!r} are not known")

    def settle(self, run: int, key: bytes, place: str) -> None:
        """Remove the attempts of this run at this place, because they have their answer."""
        self._over(run, key, place)
        if key in self.unanswered:
            self.unanswered[key].pop((run, place), None)

    def _over(self, run: int, key: bytes, place: str) -> OpenAttempt | None:
        """Remove the open attempt of this run at this place, and return it. None if there is none."""
        attempts = self.open.get(key)
        if attempts is None:
            return None
        for at, one in enumerate(attempts):
            if one.run == run and one.place == place:
                del attempts[at]
                if not attempts:
                    del self.open[key]
                return one
        return None

    def in_doubt(self, run: int) -> list[OpenAttempt]:
        """Return the calls of a run that are in doubt, as attempts: they may be paid, and have no answer."""
        return self.doubts().get(run, [])

    def doubts(self) -> dict[int, list[OpenAttempt]]:
        """Return the calls in doubt of each run that has any."""
        attempts: dict[int, dict[tuple[bytes, str], OpenAttempt]] = {}
        for key, found in self.open.items():
            for one in found:
                attempts.setdefault(one.run, {})[key, one.place] = one
        for key, ended in self.unanswered.items():
            if key not in self.paid:
                for (run, place), one in ended.items():
                    calls = attempts.setdefault(run, {})
                    if (last := calls.get((key, place))) is not None:
                        calls[key, place] = last._replace(attempts=last.attempts + one.attempts)
                    elif not one.unwanted:
                        calls[key, place] = one
        return {run: list(calls.values()) for run, calls in attempts.items() if calls}

    def named(self, name: str) -> list[Run]:
        """Return the run with this id, or else all runs whose ids begin with it. ``last`` names the latest run."""
        if name == "last":
            return list(self.runs.values())[-1:]
        found = [run for run in self.runs.values() if run.id.startswith(name)]
        return [run for run in found if run.id == name] or found
