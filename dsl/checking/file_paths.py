"""The paths of other files that a flow file names. No such path leaves the folder of the file."""

from __future__ import annotations

from pathlib import PurePosixPath


def wrong_path(written: str, what: str, reach: str) -> str:
    """Return the reason why a path is refused, "" if it stays in the folder of its file.

    ``what`` is the thing whose path it is, such as "an import", and ``reach`` says what it can do there: "reach files".
    """
    path = PurePosixPath(written)
    if "\\" in written or ":" in written:
        return f"the path of {what} has `/` between folders"
    if path.is_absolute() or ".." in path.parts or written.startswith("~"):
        return f"{what} can only {reach} in this file's folder or below it"
    return "" if written.isprintable() else "this path has invisible characters"


def joined_path(file: str, written: str) -> str:
    """Return the path from the folder of the flow that is run. ``file`` is the file that names it."""
    return (PurePosixPath(file).parent / written).as_posix()
