"""The connection to the process that writes a journal."""

from __future__ import annotations

from pathlib import Path

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .records import encode
from .sockets import PATIENCE, VERSION, JournalLine
from .wire import WireError


class SilentError(UsageError):
    """The error for a process that writes a journal and does not answer."""


def dialled(journal: Path) -> tuple[JournalLine, int] | None:
    """Connect to the process that writes a journal. Return the line and the process; None if none is there.

    Raises: UsageError, if it does not answer, or if it is of another version.
    """
    try:
        line = JournalLine(journal)
    except TimeoutError:
        raise _silent(journal, "the process that writes") from None
    except OSError:
        return None
    process = 0
    try:
        line.send(encode({"hello": VERSION}))
        while True:
            for message in line.hear(PATIENCE):
                process = int(message.get("wait") or message.get("process"))
                if "welcome" in message:
                    return line, process
                if "refused" in message:
                    raise UsageError(
                        f"process {process}, which writes the journal {shown(str(journal))}, is of another version of "
                        "flowrun: wait for it, or use another journal with --journal FILE"
                    )
    except TimeoutError:
        line.close()
        raise _silent(journal, f"process {process} writes" if process else "the process that writes") from None
    except (OSError, WireError, ValueError, TypeError, AttributeError):
        line.close()
        return None
    except BaseException:
        line.close()
        raise


def _silent(journal: Path, who: str) -> SilentError:
    said = f"{who} the journal {shown(str(journal))}" + ("" if who.startswith("the") else ", and")
    return SilentError(f"{said} does not answer: wait for it, or use another journal with --journal FILE")
