"""The conformance suites for things that other packages add to flowrun: call one from a test of yours.

    from flowrun.testing import check_reducer

    def test_reducer() -> None:
        check_reducer(RULE)

Each function raises NonconformityError, an AssertionError, with one sentence for each rule that is violated. Everything
is drawn from fixed seeds, so that a suite says the same each time.
"""

from __future__ import annotations

from .faults import NonconformityError
from .providers import check_provider
from .readers import check_reader
from .reducers import check_reducer
from .splitters import check_splitter

__all__ = ["NonconformityError", "check_provider", "check_reader", "check_reducer", "check_splitter"]
