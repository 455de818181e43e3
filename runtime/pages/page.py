"""The page of a run."""

from __future__ import annotations

from pathlib import Path

from ..vocabulary.run_record import RunRecord
from .assembly import assemble
from .data import page_data
from .graph import graph_html
from .markup import account_html, head_html, safe
from .outside import outside_html
from .packing import pack
from .quotes import quotes_html


def report_page(record: RunRecord, *, texts: bool = True, journal: Path | None = None) -> str:
    """Make the page of a run: one HTML file that loads nothing.

    Without ``texts`` it has no prompts, answers, labels, reasons and values, and no text of the flow, for readers who
    may not see them. The commands on the page name ``journal``, that of the run, unless
    it is the project's.
    """
    return assemble(
        {
            "title": safe(f"{record.plan.flow} {record.id} · flowrun"),
            "head": head_html(record),
            "account": account_html(record, texts=texts),
            "quotes": quotes_html(record, texts=texts),
            "outside": outside_html(record, texts=texts),
            "graph": graph_html(record, texts=texts),
            "data": pack(page_data(record, texts=texts, journal=journal)),
        }
    )
