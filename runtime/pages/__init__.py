"""The page of a run: one HTML file that shows its calls, votes, times and costs."""

from .page import report_page

__all__ = ["report_page"]
