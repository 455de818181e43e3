"""The result of a run."""

from __future__ import annotations

import os
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from flowrun.dsl import dataclass

from ..account.summary import Summary
from ..engine.decisions import Outcome
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import sentence
from ..vocabulary.usage import Usage, detail_of
from .run_end import Ended

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from .call_source import CallSource

    T = TypeVar("T", default=Json)
else:
    from typing import TypeVar

    # A default of a type variable needs Python 3.13, and only type checkers look at it.
    T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result(Ended, Generic[T]):
    """The result of a run. ``value`` is plain JSON data, None if the flow could not make a value.

    Its type is ``T``, as stubs of flows say it; any JSON data without one.

    ``outcome`` has the end of the flow, ``summary`` the account of the run. ``run`` is the run's name in the journal,
    "" without a journal. ``spent`` is the cost of the whole run in dollars, as a budget in money counts it: a call
    without a known bill counts at its highest cost. If ``handed`` is True, the caller took the results one by one, and
    ``value`` is their number. ``source`` is where its calls are found.
    """

    value: T
    outcome: Outcome
    summary: Summary
    run: str = ""
    spent: float = 0.0
    handed: bool = False
    source: CallSource | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        parts = [f"status={self.status!r}", f"value={sentence(repr(self.value), 200)}", f"calls={self.summary.calls}"]
        parts += [f"cost={self.cost:.6g}"] if self.cost is not None else []
        parts += [f"failures={len(self.failures)}"] if self.failures else []
        parts += [f"losses={len(self.losses)}"] if self.losses else []
        parts += [f"run={self.run!r}"] if self.run else []
        return f"Result({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Return the result for a cell of a notebook. It has no script, and all foreign text in it is inert."""
        from .result_html import result_html

        report = None if self.source is None else self.source.report
        return result_html(self.value, self.outcome, self.summary, self.run, report)

    @property
    def usage(self) -> Usage:
        """The tokens of the whole run that servers reported. ``detail`` has the special ones, if there are any."""
        whole = self.summary.whole
        return Usage(whole.input_tokens, whole.output_tokens, detail_of(whole.amounts))

    @property
    def cost(self) -> float | None:
        """The dollars for the tokens that servers reported; None if a price is not known."""
        return self.summary.prices.of(self.summary.whole)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of the whole run as rows for a data frame: ``pandas.DataFrame(result.calls)``.

        They are read from the journal. Without a journal the run keeps up to 20,000 calls and 16 MiB of their texts.

        Raises: UsageError, if there is no journal and the run had more calls or text; DiskError.
        """
        from .call_source import rows_of

        return rows_of(self._source().record(self.run, self.outcome, self.summary))

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the page of the run: one HTML file that needs no network. Return its path.

        Raises: UsageError and DiskError, as ``calls`` does; DiskError, if the file cannot be written.
        """
        source, target = self._source(), Path(path)
        source.write(target, source.record(self.run, self.outcome, self.summary))
        return target

    def _source(self) -> CallSource:
        if self.source is None:
            raise UsageError("the calls of this run were not kept: run the flow by `run`, `run_async` or `resume`")
        return self.source
