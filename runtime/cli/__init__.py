"""The command `flowrun`."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from ..vocabulary.errors import DiskError, FlowrunError, StoppedError, mistake_in
from . import exits
from .help_page import HELP_OPTIONS, help_page, page_width
from .process_end import Ending

if TYPE_CHECKING:
    from flowrun.dsl import FlowError


GARBAGE = (100_000, 20, 10)
"""The thresholds of Python's garbage collector: a large tree has many objects, all in use, so it need run rarely."""


def main() -> None:
    """Run the command of this process. Report a fault of flowrun itself in one line; under FLOWRUN_DEBUG, raise it."""
    gc.set_threshold(*GARBAGE)
    ending = Ending()
    atexit.register(ending)
    for name in ("stdout", "stderr"):
        # Python has None in place of a closed stream. Output to it is discarded.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        else:
            setattr(sys, name, _unhurried(getattr(sys, name)))
    try:
        ending.code = run_command(sys.argv[1:])
    except Exception as error:  # the last door: nothing behind it can say more
        if os.environ.get("FLOWRUN_DEBUG"):
            raise
        print(
            f"flowrun: this is a bug in flowrun: {mistake_in(error)}. "
            "Please report it; set FLOWRUN_DEBUG=1 to see the full traceback.",
            file=sys.stderr,
        )
        ending.code = exits.MISTAKE
    sys.exit(ending.code)


class _Unhurried(io.FileIO):
    """A stream whose reader may disappear. The command still ends normally, with its own exit code.

    If ``dispensable`` is True, the stream only reports on the work, so a failure to write there does not matter.
    """

    failed = False
    dispensable = False

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:
                # Another program has made the stream non-blocking, and its reader is slower than this writer.
                from ..outputs.pipe import wait_to_write

                wait_to_write(self.fileno())
            return written
        except OSError as error:
            # The failure is reported once. Otherwise Python would try to write the rest at its end, and fail again.
            if not self.failed and not self.dispensable and not isinstance(error, BrokenPipeError):
                self.failed = True
                raise
            return len(data)


def _unhurried(stream: TextIO) -> TextIO:
    """Wrap a stream so that writing never fails because of a character or a lost reader: a paid answer must be printed.

    Standard output is UTF-8 in a file or a pipe, whatever the environment says. A terminal and standard error keep
    their own encodings; characters that an encoding lacks are written as escapes.
    """
    try:
        raw = _Unhurried(stream.fileno(), "w", closefd=False)
    except OSError:  # the caller has put a stream of their own there
        return stream
    if sys.platform == "win32" and raw.isatty():
        # The bytes of a console of Windows are in its code page, and Python's own stream writes characters.
        return stream
    raw.dispensable = stream is sys.stderr
    live = getattr(stream, "line_buffering", False)
    at_once = getattr(stream, "write_through", False)
    utf8 = stream is sys.stdout and not raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        "utf-8" if utf8 else stream.encoding,
        "backslashreplace",
        line_buffering=live or at_once,
        write_through=at_once,
    )


_BEYOND_THE_CHECKER = ("aiohttp", "pydantic", "pydantic_core", "rich", "markdown_it")
"""The modules of the packages that the commands of the checker can do without."""


def run_command(arguments: list[str]) -> int:
    """Run a command and return its exit code. Every failure that a user can cause becomes a message and a code."""
    try:
        return _answered(arguments)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except FlowrunError as error:
        if isinstance(error, StoppedError) and error.signal:
            return 128 + error.signal  # the signal is told when it comes
        _complain(str(error))
        return exits.DISK if isinstance(error, DiskError) else exits.USAGE
    except OSError as error:
        _complain(f"the output cannot be written: {error.strerror or error}")
        return exits.DISK
    except _flow_error() as error:
        from .console import show_findings

        show_findings(error.diagnostics)
        return exits.FINDINGS
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _BEYOND_THE_CHECKER:
            raise
        _complain(
            f"this command needs the package {package}, which is not here, because only the checker is installed: "
            "pip install flowrun-dsl"
        )
        return exits.USAGE


def _answered(arguments: list[str]) -> int:
    """Run a command and return its exit code. Help about all commands needs no click."""
    if len(arguments) == 1 and arguments[0] in HELP_OPTIONS:
        print(help_page(page_width()), flush=True)
        return exits.DONE
    import click

    from .group import flowrun

    try:
        result = flowrun.main(arguments, prog_name="flowrun", standalone_mode=False)
    except click.exceptions.Abort:
        return exits.INTERRUPTED
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        from ..vocabulary.quoting import inert

        print(inert(told.getvalue()), end="", file=sys.stderr)
        return exits.USAGE
    return result if isinstance(result, int) else exits.DONE


def _flow_error() -> type[FlowError]:
    """Return the class FlowError. Python calls this only after an error, so other commands need not load the class."""
    from flowrun.dsl import FlowError

    return FlowError


def _complain(message: str) -> None:
    from .console import complain

    complain(message)
