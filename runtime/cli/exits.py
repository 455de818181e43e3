"""Exit codes. They are part of the interface: a script may rely on them."""

from __future__ import annotations

DONE = 0
FINDINGS = 1
"""The flow file has errors (or, with --strict, warnings)."""
USAGE = 2
"""The command line or an input is wrong: nothing was asked."""
FAILED = 3
"""The flow ran and has no answer."""
OVER_LIMIT = 4
"""A budget was spent before the flow was done; or `plan` found more calls, or more dollars, than were allowed."""
PARTIAL = 5
"""The flow has its answer, and something is missing in it: an element was left out, or a step failed."""
DISK = 74
"""The output, the journal or a file could not be written, or the journal is damaged."""
MISTAKE = 70
"""A mistake in flowrun itself."""
INTERRUPTED = 130
"""Ended by ^C (SIGINT); what is paid is in the journal. Ended by SIGTERM it is 143, likewise."""

STATUS = {"done": DONE, "partial": PARTIAL, "failed": FAILED, "budget": OVER_LIMIT, "disk": DISK}
"""The codes of how a run may end, but for one that was stopped."""
