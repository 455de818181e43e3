"""Exit codes. They are part of the interface: a script may rely on them."""

from __future__ import annotations

DONE = 0
"""The command did what it was asked for. A run has its answer."""
FINDINGS = 1
"""The flow file has errors (or, with --strict, warnings)."""
USAGE = 2
"""The command line or an input is wrong: no call was sent."""
FAILED = 3
"""The flow ran, but has no answer."""
OVER_LIMIT = 4
"""A budget was spent before the flow was done; or `plan` found more calls or dollars than the command allows."""
PARTIAL = 5
"""The flow has its answer, but a part of it is missing: an element was left out, or a step failed."""
OPEN = 6
"""The flow waits for a person: a question is open. The rest is done, and `flowrun resume` goes on after the answer."""
SUBMITTED = 7
"""The calls are at a batch API: `--no-wait` was given, or their answers cannot be read. `flowrun resume` goes on."""
DISK = 74
"""The output, the journal or a file could not be written, or the journal is damaged."""
MISTAKE = 70
"""A fault of flowrun itself."""
KILLED = 137
"""`flowrun attach`: the run was killed, or its machine went down. `flowrun resume` goes on."""
INTERRUPTED = 130
"""The command was ended by ^C (SIGINT); paid answers are in the journal. The same after SIGTERM is 143."""

STATUS = {
    "done": DONE,
    "partial": PARTIAL,
    "failed": FAILED,
    "budget": OVER_LIMIT,
    "open": OPEN,
    "submitted": SUBMITTED,
    "disk": DISK,
}
"""The exit code for each status of a run, except for a run that was stopped."""
