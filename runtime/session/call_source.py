"""The calls of a run after its end: from its journal, or from memory."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..account.figures import figures_of
from ..account.summary import Summary
from ..costs.prices import Prices
from ..engine.decisions import Outcome
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown

if TYPE_CHECKING:
    from ..plans.step_paths import PathNames
    from ..vocabulary.call_record import CallRecord
    from ..vocabulary.cascade_tally import CascadeCount
    from ..vocabulary.run_record import RunRecord


class Keeper(Protocol):
    """A listener that remembers the calls of a run."""

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return the calls. ``votes`` are the paths of the run's votes. Raises UsageError."""
        ...


@dataclass(eq=False, slots=True)
class CallSource:
    """The place where the calls of a run are found: its ``journal``, or else the ``keeper`` that heard its events.

    ``began`` is in seconds of the epoch. ``report`` is the page that was written last.
    """

    plan: p.Plan
    journal: Path | None = None
    keeper: Keeper | None = None
    environ: Mapping[str, str] | None = None
    began: float = field(default_factory=time.time)
    report: Path | None = None

    def record(self, run: str, outcome: Outcome, summary: Summary) -> RunRecord:
        """Return the record of the run. Raises UsageError, DiskError."""
        if self.journal is not None and run:
            return self._in_journal(self.journal, run)
        if self.keeper is None:
            raise UsageError("the calls of this run were not kept: give the run a journal")
        return self.remembered(self.keeper, run, outcome, summary)

    def remembered(self, keeper: Keeper, run: str, outcome: Outcome, summary: Summary) -> RunRecord:
        """Return the record of the run with the calls that a listener remembers. Raises UsageError."""
        from ..replay.flow_text import text_beside
        from ..vocabulary.run_record import EndRecord, LossRecord, RunRecord, StretchRecord

        losses = [LossRecord(one.path, one.reason) for one in outcome.losses]
        losses += [LossRecord(one.path, one.reason, fatal=True) for one in outcome.failures]
        cascades: tuple[CascadeCount, ...] = ()
        left = frozenset[str]()
        if outcome.cascades:
            from ..account.cascades import cascade_counts
            from ..vocabulary.stage_votes import overruled

            cascades = cascade_counts(outcome.cascades, summary.cost_of)
            left = overruled(outcome.tallies, outcome.cascades)
        return RunRecord(
            run,
            self.plan,
            self.began,
            self.began + summary.seconds,
            outcome.status,
            keeper.records(summary.prices, outcome.tallies),
            EndRecord(
                outcome.value, outcome.complete, outcome.tallies, tuple(losses), cascades=cascades, overruled=left
            ),
            (StretchRecord(0, round(1000 * summary.seconds)),),
            account=figures_of(summary.whole, summary.prices),
            text=text_beside(self.plan),
        )

    def _in_journal(self, journal: Path, run: str) -> RunRecord:
        from ..journal.choice import chosen_run
        from ..journal.reading import JournalReader
        from ..replay import read_run

        with JournalReader(journal) as reader:
            found = chosen_run(reader.index, run, journal)
            return read_run(reader, found, environ=self.environ)

    def write(self, path: Path, record: RunRecord) -> None:
        """Write the page of the run. Raises DiskError."""
        from ..outputs.replace import put
        from ..pages import report_page

        try:
            put(os.path.realpath(path), report_page(record, journal=self.journal).encode())
        except OSError as error:
            raise DiskError(f"the report cannot be written to {shown(str(path))}: {error.strerror or error}") from None
        self.report = path


def rows_of(record: RunRecord) -> list[dict[str, Any]]:
    """Write calls as flat rows, so that a data frame has a column for each fact that people look for first."""
    from ..plans.step_paths import PathNames

    names = PathNames(record.plan)
    return [_row(call, names) for call in record.calls]


def _row(call: CallRecord, names: PathNames) -> dict[str, Any]:
    answer, messages = call.answer, () if call.request is None else call.request.messages
    known = [one.tokens for one in call.answers if one.tokens.read is not None and one.tokens.written is not None]
    whole = bool(known) and len(known) == len(call.answers)
    read, written = sum(one.read or 0 for one in known), sum(one.written or 0 for one in known)
    from ..vocabulary.call_record import as_row

    return {
        **as_row(call),
        "path": names.of_call(call),
        "step": names.of_step(call),
        "vote": names.of(call.vote),
        "prompt": None if call.request is None else "\n\n".join(one.text for one in messages),
        "answer": None if answer is None else answer.text,
        "value": None if answer is None or answer.error else answer.value,
        "tokens": read + written if whole else None,
        "tokens_in": read if whole else None,
        "tokens_out": written if whole else None,
        "tries": len(call.attempts),
    }
