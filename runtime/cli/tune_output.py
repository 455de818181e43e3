"""The file of `flowrun tune -o`: a page or JSON. It is opened before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..eval.tuned import Tuned
from ..outputs.target import Target
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .eval_sides import Evaluation
from .journals import journal_files
from .paths import to_file

_FORMS = {".html": "html", ".htm": "html", ".json": "json"}


def tune_target(path: Path, given: Mapping[str, Any], evaluation: Evaluation) -> Target | None:
    """Open the file that -o names, None without one. Raises UsageError, DiskError."""
    file = to_file(given["out"])
    if file is None:
        if given["out"] is not None:
            raise UsageError("-o names a file; the result is printed anyway, with --json as JSON")
        return None
    if file.suffix.lower() not in _FORMS:
        raise UsageError(
            f"the name {shown(str(file))} does not tell the form of the result; end it in .html (a page) or .json"
        )
    rows = [] if given["rows"] == "-" or "\n" in given["rows"] else [Path(given["rows"].removeprefix("@"))]
    return Target(file, [path, *rows, *journal_files(evaluation.journal)])


def tune_text(target: Target, flow: str, found: Tuned, lines: Sequence[tuple[int, str]], *, written: bool) -> str:
    """Write the result in the form that the name of the file tells."""
    if _FORMS[target.path.suffix.lower()] == "json":
        from ..eval.tuned_json import tuned_json

        return tuned_json(found, list(lines), written=written)
    from ..eval.tuned_page import tuned_page

    return tuned_page(flow, found, lines)
