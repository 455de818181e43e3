"""The text of the flow file of a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from flowrun.dsl import FlowError, Source, check_flow, make_plan, parse_flow
from flowrun.dsl import plan as p

from ..catalog import open_catalog
from ..files.files import Files, read_plain
from ..vocabulary.errors import FlowrunError


def flow_text(plan: p.Plan, path: str) -> str:
    """Return the text of a plan's flow file; "" if the file is missing, or makes another plan."""
    if not path:
        return ""
    folder = Path(path).parent
    files = Files(folder)
    name = plan.source

    def imported(other: str) -> Source | str:
        try:
            return Source(files.read_flow(other), (Path(name).parent / other).as_posix())
        except FlowrunError as error:
            return str(error)

    try:
        text = read_plain(Path(path))
        if "?" in text and parse_flow(Source(text, name)).holes:
            # No run takes such a file, and the check of all its settings takes long.
            return ""
        # The endpoints that the run's user and project had declared may not be known here.
        same = make_plan(check_flow(Source(text, name), open_catalog(), imported), plan.flow) == plan
    except (FlowrunError, FlowError, KeyError):
        return ""
    return text if same else ""


def text_beside(plan: p.Plan) -> str:
    """Return the text of the flow file of a run that goes on or has just ended; "" if it cannot be read."""
    with suppress(OSError, UnicodeDecodeError):
        return Path(plan.source).read_text(encoding="utf-8") if plan.source else ""
    return ""
