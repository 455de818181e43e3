"""The conformance suites for extensions that other packages add to flowrun. Call one from a test of yours.

    from flowrun.testing import check_reducer

    def test_reducer() -> None:
        check_reducer(RULE)

Each function raises NonconformityError, an AssertionError, with one sentence for each broken rule. All random data
comes from fixed seeds, so a suite gives the same result each time.
"""

from __future__ import annotations

from .faults import NonconformityError
from .providers import check_provider
from .readers import check_reader
from .reducers import check_reducer
from .splitters import check_splitter

__all__ = ["NonconformityError", "check_provider", "check_reader", "check_reducer", "check_splitter"]
