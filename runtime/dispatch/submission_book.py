"""The submissions to batch APIs in a journal. A row comes before each submission, and one when its id is known.

A line is an attempt whose row of intent has ``batch``. Its key is the custom id, so a line is found again by the row
alone. A line is *held* if its submission has an id: its answer can be read there. A line that is in no submission was
never sent. A line of a submission without an id is in doubt, until the list of the server shows the submission.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from flowrun.dsl import dataclass

from ..journal.index import OpenAttempt
from ..journal.records import Kind, LogRecord
from ..journal.row_access import RowAccess
from ..journal.store import Journal
from ..vocabulary.json_value import Json

FORGOTTEN_AFTER = 29 * 24 * 3600.0
"""The seconds for which results stay at a server at the least (Anthropic: 29 days; OpenAI: 30)."""


@dataclass(eq=False, slots=True)
class Submission:
    """A submission. ``at`` is its time in seconds of the epoch; ``id`` is "" as long as the server has not named it.

    ``looked`` is True when this run has asked for its state, and it goes on.

    ``keys`` are those of its lines in order. ``lacks`` has, by key, the parts of a request that a line goes without.
    """

    tag: str
    model: str
    endpoint: str
    keys: Sequence[str]
    at: float
    lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    id: str = ""
    read: bool = False
    looked: bool = False


class SubmissionBook:
    """The submissions that one run makes, or finds in its journal. Without a journal they are not kept."""

    def __init__(self, journal: Journal | None = None, run: int = 0) -> None:
        self._journal = journal
        self._rows: RowAccess | None = journal
        self.run = run
        self._found: list[tuple[str, str]] = []
        self._by_tag: dict[str, Submission] = {}
        self._by_key: dict[str, Submission] = {}
        for number in () if journal is None else journal.index.submissions:
            assert journal is not None
            self._take(journal.body(number))

    @classmethod
    def of(cls, rows: RowAccess, run: int) -> SubmissionBook:
        """Read the submissions of one run, from a journal that is only read."""
        book = cls()
        book._rows = rows
        for _, body in rows.notes_of(run, Kind.SUBMISSION):
            book._take(body)
        return book

    @property
    def lost(self) -> list[Submission]:
        """The submissions that were sent, or about to be sent, and have no id."""
        return [one for one in self._by_tag.values() if not one.id]

    @property
    def ids(self) -> set[str]:
        return {one.id for one in self._by_tag.values() if one.id}

    def __iter__(self) -> Iterator[Submission]:
        return iter(self._by_tag.values())

    def holding(self, key: str) -> Submission | None:
        """Return the submission in which the answer to a line can be read. None if there is none."""
        found = self._by_key.get(key)
        if found is None or not found.id or time.time() - found.at > FORGOTTEN_AFTER:
            return None
        return found

    def key_of(self, attempt: OpenAttempt) -> str | None:
        """Return the key of a line that is held, "" for a line that was never sent. None for any other attempt."""
        body = None if self._rows is None else self._rows.body(attempt.number)
        if not isinstance(body, dict) or body.get("batch") is not True:
            return None
        key = str(body.get("key"))
        if key not in self._by_key:
            return ""
        return key if self.holding(key) is not None else None

    async def begin(self, submission: Submission) -> None:
        """Write a submission before it is sent. Raises DiskError."""
        if self._journal is not None:
            body: dict[str, Json] = {
                "tag": submission.tag,
                "model": submission.model,
                "endpoint": submission.endpoint,
                "at": submission.at,
                "keys": list(submission.keys),
            }
            if submission.lacks:
                body["lacks"] = {key: list(parts) for key, parts in submission.lacks.items()}
            await self._journal.append([LogRecord(self.run, Kind.SUBMISSION, body)])
        self._add(submission)

    def find(self, submission: Submission, id_: str) -> None:
        """Take the id of a submission of an earlier run. It is written when this run has a number."""
        submission.id = id_
        self._found.append((submission.tag, id_))

    def keep(self, run: int) -> None:
        """Write for the run with this number from here on, and the ids first that were found."""
        self.run = run
        found, self._found = self._found, []
        if self._journal is not None and found:
            self._journal.note([LogRecord(run, Kind.SUBMISSION, {"tag": tag, "id": id_}) for tag, id_ in found])

    async def name(self, submission: Submission, id_: str) -> None:
        """Write the id of a submission. Raises DiskError."""
        submission.id = id_
        if self._journal is not None:
            body: dict[str, Json] = {"tag": submission.tag, "id": id_}
            await self._journal.append([LogRecord(self.run, Kind.SUBMISSION, body)])

    def close(self, submission: Submission) -> None:
        """Note that all results of a submission were read."""
        if not submission.read and self._journal is not None:
            self._journal.note([LogRecord(self.run, Kind.SUBMISSION, {"tag": submission.tag, "read": True})])
        submission.read = True

    def drop(self, submission: Submission) -> None:
        """Note that the server refused a submission, or that it was not sent. Its lines cost nothing."""
        if self._journal is not None:
            self._journal.note([LogRecord(self.run, Kind.SUBMISSION, {"tag": submission.tag, "refused": True})])
        self._forget(submission)

    def release(self, submission: Submission) -> None:
        """Look for no line in a submission any more, because what became of it is in doubt."""
        for key in submission.keys:
            if self._by_key.get(key) is submission:
                del self._by_key[key]

    def _forget(self, submission: Submission) -> None:
        self._by_tag.pop(submission.tag, None)
        self.release(submission)

    def _add(self, submission: Submission) -> None:
        self._by_tag[submission.tag] = submission
        self._by_key.update(dict.fromkeys(submission.keys, submission))

    def _take(self, body: Json) -> None:
        """Take a row. A row of another form is left out: its lines then count as never sent, or as in doubt."""
        if not isinstance(body, dict):
            return
        tag = str(body.get("tag"))
        known = self._by_tag.get(tag)
        if known is None:
            keys, lacks = body.get("keys"), body.get("lacks")
            self._add(
                Submission(
                    tag,
                    str(body.get("model")),
                    str(body.get("endpoint")),
                    tuple(map(str, keys)) if isinstance(keys, list) else (),
                    float(body.get("at") or 0.0),
                    lacks if isinstance(lacks, dict) else {},
                )
            )
        elif isinstance(body.get("id"), str):
            known.id = body["id"]
        elif body.get("refused") is True:
            self._forget(known)
        elif body.get("read") is True:
            known.read = True
