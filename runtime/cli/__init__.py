"""The command `flowrun`."""

from __future__ import annotations

import os
import sys

from . import exits
from .group import flowrun


def main() -> None:
    """Run the command of this process. A mistake of ours is one line too, or a traceback under FLOWRUN_DEBUG."""
    for name in ("stdout", "stderr"):
        # A closed stream is None to Python: what would go there goes nowhere.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    try:
        sys.exit(run_command(sys.argv[1:]))
    except Exception as error:  # the last door: nothing behind it can say more
        if os.environ.get("FLOWRUN_DEBUG"):
            raise
        print(
            f"flowrun: a mistake of flowrun's own: {type(error).__name__}: {error}. "
            "Set FLOWRUN_DEBUG=1 to see where, and please report it.",
            file=sys.stderr,
        )
        sys.exit(exits.MISTAKE)


def run_command(arguments: list[str]) -> int:
    """Every failure that a user can cause is a message and an exit code."""
    import click

    from flowrun.dsl import FlowError

    from ..errors import FlowrunError
    from .show import complain, show_findings

    try:
        result = flowrun.main(arguments, prog_name="flowrun", standalone_mode=False)
    except FlowError as error:
        show_findings(error.diagnostics)
        return exits.FINDINGS
    except FlowrunError as error:
        complain(str(error))
        return exits.USAGE
    except click.exceptions.Abort:
        return exits.INTERRUPTED
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return exits.USAGE
    except OSError as error:
        complain(f"the output cannot be written: {error.strerror or error}")
        return exits.DISK
    return result if isinstance(result, int) else exits.DONE
