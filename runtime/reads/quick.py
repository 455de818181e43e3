"""The estimate whether a read is quick. A quick read takes less than about a tenth of a second."""

from __future__ import annotations

from ..files.files import Files
from ..values.functions import Args
from ..vocabulary.errors import UsageError

_QUICK = {"lines": 512 * 1024, "jsonl": 256 * 1024, "csv": 256 * 1024}
"""A file with at most this many bytes is quick to read as rows."""
_QUICK_TEXT = 64 * 1024
"""A text of at most this many characters is quick to split."""


def is_quick(function: str, args: Args, files: Files) -> bool:
    """Estimate from the sizes of the files, or of the text, whether a read is quick.

    The sizes of files come from the disk.

    A read of a missing file is quick, because it fails at once.
    """
    if function == "pages":
        return False
    if function == "split":
        return len(args["document"]) <= _QUICK_TEXT
    path = args.get("pattern" if function == "files" else "path")
    if not isinstance(path, str):
        return True
    try:
        if function in _QUICK:
            return files.size_of(path) <= _QUICK[function]
        from ..documents.reading import quick_share

        left = 1.0
        for one in files.matching(path) if function == "files" else (path,):
            left -= quick_share(one, files.size_of(one))
            if left < 0:
                return False
    except (UsageError, OSError):
        return True
    return True
